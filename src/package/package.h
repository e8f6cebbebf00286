// A package directory, opened and verified.
//
//   LAP_ASSIGN_OR_RETURN(Package package, Package::open("tiny-int4"));
//   LAP_ASSIGN_OR_RETURN(const GraphRecord* decoder, package.component("decoder"));
//   LAP_ASSIGN_OR_RETURN(graph::Graph graph, graph::load(package.path(decoder->file)));
//   LAP_RETURN_IF_ERROR(package.unchanged());  // what was loaded is what was verified
//
// A build replaces a package by exchanging its whole folder, at any moment, and ONNX Runtime opens
// graphs and their data by path. So a package holds its folder open, knows what it verified, and
// whoever has loaded the last file of it asks unchanged(). while_unchanged() does that for a whole
// piece of work, and does it once more when the package was replaced.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/work.h"
#include "package/held_folder.h"
#include "package/manifest.h"

namespace lapidary::package {

enum class VerifyMode {
  kSizes,      // every file is there and has its size: milliseconds
  kChecksums,  // and its content is what was built: reads every byte once, on all cores
};

struct Package {
  std::filesystem::path dir;
  Manifest manifest;
  // The folder that was opened. Null for what its builder puts together, file by file: nobody
  // replaces that, and it is always unchanged.
  std::shared_ptr<const HeldFolder> folder = nullptr;
  std::map<std::string, FileIdentity> verified = {};  // by path in the package

  // hold() and verify(). Errors: those of both.
  static Result<Package> open(const std::filesystem::path& dir,
                              VerifyMode mode = VerifyMode::kChecksums, const Work& work = {});
  // Opens the folder and reads its manifest; no other file is looked at. Errors name the file: no
  // such folder; no manifest, one that a link leads out to, a damaged one or one of another
  // version.
  static Result<Package> hold(const std::filesystem::path& dir);

  // Whether every file that the manifest lists is there and what it should be. Checksums are a
  // stage counted in bytes. Only for a package that was opened. Errors name the file: it is
  // missing, a link leads out of the package to it, it has another size, or (kChecksums) other
  // content; kCancelled.
  Status verify(VerifyMode mode, const Work& work = {});

  // The same for one file, for a reader of no other. Errors: those of listed() and verify().
  Status verify_file(const std::string& relative, VerifyMode mode, const Work& work = {});

  // Whether `dir` still names the folder that was opened, and its verified files are still those
  // that were verified: same file, size and time of change. Error: kIo, with a remedy, naming the
  // folder or the file.
  Status unchanged() const;
  // Why something went wrong with the package: unchanged()'s error when there is one, else `error`.
  Error explained(Error error) const;

  // Where a file of the package lies; `relative` as the manifest writes it.
  std::filesystem::path path(const std::string& relative) const { return dir / relative; }
  // The same for a file that is needed. Error: kBadInput when the manifest does not list it, so
  // that nobody has verified it.
  Result<std::filesystem::path> listed(const std::string& relative) const;
  // Whether the package has a file that it may lack. Error: kBadInput when it lies in the folder,
  // but the manifest does not list it.
  Result<bool> has(const std::string& relative) const;
  // Whether the manifest lists every file that a graph of the package makes its reader open: the
  // data of its tensors, the binary of its context. Errors: kBadInput naming graph and file; those
  // of graph::referenced_files.
  Status check_references(const std::string& graph) const;
  // Error: the package has no such component.
  Result<const GraphRecord*> component(const std::string& name) const;
};

// Hands the package at `dir`, held but not verified, to `use`, which verifies and loads what it
// needs, and asks unchanged() afterwards. When the package was changed or replaced meanwhile,
// whatever `use` returned, everything is done once more; then that is the error. Errors: those of
// Package::hold, `use` and unchanged().
Status while_unchanged(const std::filesystem::path& dir,
                       const std::function<Status(Package& package)>& use);

}  // namespace lapidary::package
