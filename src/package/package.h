// A package directory, opened and verified.
//
//   LAP_ASSIGN_OR_RETURN(Package package, Package::open("tiny-int4"));
//   LAP_ASSIGN_OR_RETURN(const GraphRecord* decoder, package.component("decoder"));
//   LAP_ASSIGN_OR_RETURN(graph::Graph graph, graph::load(package.path(decoder->file)));
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/work.h"
#include "package/manifest.h"

namespace lapidary::package {

enum class VerifyMode {
  kSizes,      // every file is there and has its size: milliseconds
  kChecksums,  // and its content is what was built: reads every byte once, on all cores
};

struct Package {
  std::filesystem::path dir;
  Manifest manifest;

  // Errors name the file: no such folder; no manifest, a damaged one or one of another version; a
  // file that is missing, has another size, or (kChecksums) other content.
  static Result<Package> open(const std::filesystem::path& dir,
                              VerifyMode mode = VerifyMode::kChecksums, const Work& work = {});

  // Whether every file that the manifest lists is there and what it should be. Checksums are a
  // stage counted in bytes. Errors as of open; kCancelled.
  Status verify(VerifyMode mode, const Work& work = {}) const;

  // Where a file of the package lies; `relative` as the manifest writes it.
  std::filesystem::path path(const std::string& relative) const { return dir / relative; }
  // Error: the package has no such component.
  Result<const GraphRecord*> component(const std::string& name) const;
};

}  // namespace lapidary::package
