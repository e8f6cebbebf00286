#include "htp/installed_stack.h"

#include <fmt/core.h>

#include <array>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "htp/compile_cache.h"
#include "htp/file_memo.h"
#include "ort/session.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

struct KnownProvider {
  const char* hash;
  const char* version;
};
// libonnxruntime_providers_qnn.so of the wheels for Linux x86_64.
constexpr std::array kKnown = {KnownProvider{"fcde7236f0dc0866e6d83a5c9a32bedd", "2.7.0"}};

constexpr std::string_view kVersionMark = "AISW_VERSION: ";  // in the backend's text
constexpr size_t kLongestVersion = 32;
constexpr size_t kPiece = 4 << 20;
constexpr std::string_view kWheel = "onnxruntime_qnn-";
constexpr std::string_view kMetadata = ".dist-info";

// Of a mark that begins in the first kPiece bytes, so that the version behind it is there whole.
std::string version_in(std::string_view bytes) {
  const size_t mark = bytes.find(kVersionMark);
  if (mark >= kPiece) return "";
  const std::string_view rest = bytes.substr(mark + kVersionMark.size(), kLongestVersion);
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789.")));
}

// .../onnxruntime_qnn and .../onnxruntime_qnn-2.7.0.dist-info, as a wheel is unpacked.
std::string version_beside(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kWheel) || !name.ends_with(kMetadata)) continue;
    return name.substr(kWheel.size(), name.size() - kWheel.size() - kMetadata.size());
  }
  return "";
}

std::string_view view_of(const MappedFile& file) {
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::string> read_hash(const fs::path& library) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(library));
  std::string hash = content_hash(view_of(*file));
  LAP_RETURN_IF_ERROR(file->intact());
  return hash;
}

// Piece by piece: the backend has 100 MB, which would all count as memory of the build.
Result<std::string> read_version(const fs::path& library) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(library));
  const std::string_view all = view_of(*file);
  for (size_t at = 0; at < all.size(); at += kPiece) {
    const std::string_view piece = all.substr(at, kPiece + kVersionMark.size() + kLongestVersion);
    std::string version = version_in(piece);
    file->release(at, piece.size());
    LAP_RETURN_IF_ERROR(file->intact());
    if (!version.empty()) return version;
  }
  return std::string();
}

}  // namespace

bool InstalledStack::is_recorded() const {
  const auto record = target::record_of(target::Arch::kV81, versions.onnxruntime_qnn);
  return record.ok() && record->stack.qnn == versions.qnn &&
         record->stack.onnxruntime == versions.onnxruntime;
}

std::string InstalledStack::describe() const {
  const auto named = [](const std::string& version) {
    return version.empty() ? "of unknown version" : version;
  };
  return fmt::format("onnxruntime {}, onnxruntime-qnn {}, QNN {}", versions.onnxruntime,
                     named(versions.onnxruntime_qnn), named(versions.qnn));
}

Result<InstalledStack> installed_stack(const Libraries& libraries) {
  InstalledStack stack;
  stack.versions.onnxruntime = ort::version();
  static FileMemo hashes;
  static FileMemo versions;
  LAP_ASSIGN_OR_RETURN(stack.provider_hash, hashes.get(libraries.provider(), read_hash));
  LAP_ASSIGN_OR_RETURN(stack.versions.qnn, versions.get(libraries.backend(), read_version));
  for (const KnownProvider& known : kKnown) {
    if (stack.provider_hash == known.hash) stack.versions.onnxruntime_qnn = known.version;
  }
  if (stack.versions.onnxruntime_qnn.empty()) {
    stack.versions.onnxruntime_qnn = version_beside(libraries.folder);
  }
  return stack;
}

Result<std::string> stack_hash(const Libraries& libraries, const Work& work) {
  static FileMemo hashes;
  const auto hash = [&work](const fs::path& file) { return file_hash(file, work.silent()); };
  std::vector<std::string> parts = {ort::version()};
  for (const fs::path& file :
       {libraries.provider(), libraries.backend(), libraries.folder / "libHtpPrepare.so",
        libraries.folder / "libQnnSystem.so"}) {
    LAP_ASSIGN_OR_RETURN(parts.emplace_back(), hashes.get(file, hash));
  }
  return cache_key(parts, {});
}

}  // namespace lapidary::htp
