#include "htp/libraries.h"

#include <fmt/core.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "htp/child.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProvider = "libonnxruntime_providers_qnn.so";
constexpr const char* kBackend = "libQnnHtp.so";
constexpr const char* kSystem = "libQnnSystem.so";
// libHtpPrepare.so and libQnnSystem.so are opened by the backend, by name, when it needs them. The
// C++ runtime they were built with lies in a folder beside theirs.
constexpr std::array kToCompile = {kProvider, kBackend, "libHtpPrepare.so", kSystem,
                                   "../onnxruntime_qnn.libs"};
constexpr const char* kCompilerRemedy =
    "run scripts/bootstrap --qnn, or name the folder `onnxruntime_qnn` of an unpacked "
    "onnxruntime-qnn wheel with --qnn-libs or LAPIDARY_QNN_LIBS";
constexpr const char* kDeviceRemedy =
    "put the libraries of one onnxruntime-qnn or QAIRT release for this machine into a folder, and "
    "name it with --qnn-libs or LAPIDARY_QNN_LIBS";

struct Choice {
  fs::path folder;
  std::string source;  // who named it, "" for the program's own

  std::string named() const { return source.empty() ? "" : fmt::format(" (given by {})", source); }
};

Choice choose(const std::string& folder) {
  if (!folder.empty()) return {folder, "--qnn-libs"};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* variable = std::getenv("LAPIDARY_QNN_LIBS");
  if (variable != nullptr && *variable != '\0') return {variable, "LAPIDARY_QNN_LIBS"};
  return {own_libraries(own_program().parent_path()), ""};
}

// The folder, absolute, when it is there.
Result<fs::path> existing(const Choice& choice, const std::string& remedy) {
  std::error_code error;
  if (!fs::is_directory(choice.folder, error)) {
    return bad_input(choice.folder.string(),
                     "the folder of the QNN libraries does not exist" + choice.named(), remedy);
  }
  fs::path absolute = fs::canonical(choice.folder, error);
  if (error) return io_error(choice.folder.string(), error.message());
  return absolute;
}

bool holds(const fs::path& folder, const std::string& file) {
  std::error_code ignored;
  return fs::exists(folder / file, ignored);
}

Error lacking(const Choice& choice, const std::string& file, const std::string& remedy) {
  return bad_input(choice.folder.string(),
                   fmt::format("lacks {} of the QNN libraries{}", file, choice.named()), remedy);
}

bool on_adsp_path(const std::string& file) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* variable = std::getenv("ADSP_LIBRARY_PATH");
  std::istringstream folders(variable == nullptr ? "" : variable);
  for (std::string folder; std::getline(folders, folder, ';');) {
    if (!folder.empty() && holds(folder, file)) return true;
  }
  return false;
}

}  // namespace

fs::path Libraries::provider() const { return folder / kProvider; }
fs::path Libraries::backend() const { return folder / kBackend; }

fs::path own_libraries(const fs::path& folder) {
  if (!folder.is_absolute()) return {};  // no /proc: nothing is better than a place below anywhere
  std::error_code ignored;
  const bool build_tree = fs::exists(folder / "CMakeCache.txt", ignored);
  return (folder / (build_tree ? LAPIDARY_QNN_FOLDER : "../lib/lapidary/qnn")).lexically_normal();
}

Result<Libraries> find_libraries(const std::string& folder) {
  const Choice choice = choose(folder);
  LAP_ASSIGN_OR_RETURN(fs::path absolute, existing(choice, kCompilerRemedy));
  for (const char* file : kToCompile) {
    if (!holds(absolute, file)) return lacking(choice, file, kCompilerRemedy);
  }
  return Libraries{std::move(absolute)};
}

Result<Libraries> find_device_libraries(const std::string& folder, target::Arch arch) {
  const Choice choice = choose(folder);
  LAP_ASSIGN_OR_RETURN(fs::path absolute, existing(choice, kDeviceRemedy));
  const std::string of_arch = fmt::format("libQnnHtpV{}", static_cast<int>(arch));
  for (const std::string& file :
       {std::string(kProvider), std::string(kBackend), std::string(kSystem), of_arch + "Stub.so"}) {
    if (!holds(absolute, file)) return lacking(choice, file, kDeviceRemedy);
  }
  const std::string skel = of_arch + "Skel.so";
  if (holds(absolute, skel) || on_adsp_path(skel)) return Libraries{std::move(absolute)};
  return bad_input(choice.folder.string(),
                   fmt::format("lacks {} of the QNN libraries{}, and so does every folder of "
                               "ADSP_LIBRARY_PATH",
                               skel, choice.named()),
                   kDeviceRemedy);
}

}  // namespace lapidary::htp
