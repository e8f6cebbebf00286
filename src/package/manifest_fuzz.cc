// libFuzzer target: any bytes as a package's manifest. What is accepted is the same when it is
// written and read again, as `eval --record` and exports do, and names no file outside the package.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/testing/fuzz.h"
#include "package/manifest.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace package = lapidary::package;

void check_path(const std::string& path) {
  const std::filesystem::path named(path);
  fuzzing::require(!named.empty() && named.is_relative(), "a path is not relative");
  for (const auto& part : named) fuzzing::require(part != "..", "a path leads out by '..'");
}

void check_paths(const package::Manifest& manifest) {
  for (const auto& file : manifest.files) check_path(file.path);
  for (const auto& graph : manifest.components) check_path(graph.file);
  if (!manifest.htp) return;
  for (const auto* contexts : {&manifest.htp->device, &manifest.htp->emulated}) {
    for (const auto& context : *contexts) {
      check_path(context.file);
      check_path(context.binary);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzzing::Folder folder;
  folder.write(package::kManifestFile, fuzzing::text_of(data, size));
  const fuzzing::MemoryBound bound(size);
  auto manifest = package::read_manifest(folder.path());
  if (!fuzzing::accepted(manifest)) return 0;
  check_paths(*manifest);
  manifest->format_version = package::kFormatVersion;  // as record_quality writes older ones
  const std::string written = package::to_json(*manifest).dump(2);
  folder.write(package::kManifestFile, written);
  const auto again = package::read_manifest(folder.path());
  fuzzing::require(again.ok(), "a manifest that was written is not read");
  fuzzing::require(package::to_json(*again).dump(2) == written,
                   "a manifest changed when it was written and read");
  return 0;
}
