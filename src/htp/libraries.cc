#include "htp/libraries.h"

#include <array>
#include <cstdlib>

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProvider = "libonnxruntime_providers_qnn.so";
constexpr const char* kBackend = "libQnnHtp.so";
// libHtpPrepare.so and libQnnSystem.so are opened by the backend, by name, when it needs them. The
// C++ runtime they were built with lies in a folder beside theirs.
constexpr std::array kNeeded = {kProvider, kBackend, "libHtpPrepare.so", "libQnnSystem.so",
                                "../onnxruntime_qnn.libs"};

struct Choice {
  fs::path folder;
  std::string source;  // who named it, "" for the source tree's own
};

Choice choose(const std::string& folder) {
  if (!folder.empty()) return {folder, "--qnn-libs"};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment
  const char* variable = std::getenv("LAPIDARY_QNN_LIBS");
  if (variable != nullptr && *variable != '\0') return {variable, "LAPIDARY_QNN_LIBS"};
  return {LAPIDARY_QNN_FOLDER, ""};
}

}  // namespace

fs::path Libraries::provider() const { return folder / kProvider; }
fs::path Libraries::backend() const { return folder / kBackend; }

Result<Libraries> find_libraries(const std::string& folder) {
  const Choice choice = choose(folder);
  const std::string remedy =
      "run scripts/bootstrap --qnn, or name the folder `onnxruntime_qnn` of an unpacked "
      "onnxruntime-qnn wheel with --qnn-libs or LAPIDARY_QNN_LIBS";
  const std::string named = choice.source.empty() ? "" : " (given by " + choice.source + ")";
  std::error_code error;
  if (!fs::is_directory(choice.folder, error)) {
    return bad_input(choice.folder.string(),
                     "the folder of the QNN libraries does not exist" + named, remedy);
  }
  for (const char* file : kNeeded) {
    if (fs::exists(choice.folder / file, error)) continue;
    return bad_input(choice.folder.string(),
                     "lacks " + std::string(file) + " of the QNN libraries" + named, remedy);
  }
  const fs::path absolute = fs::canonical(choice.folder, error);
  if (error) return io_error(choice.folder.string(), error.message());
  return Libraries{absolute};
}

}  // namespace lapidary::htp
