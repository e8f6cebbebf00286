// A package with only what one device needs: a build holds a static decoder three times, in plain
// ONNX and as context binaries for the device and for its emulator.
//
//   LAP_ASSIGN_OR_RETURN(const ExportSummary made,
//                        export_package("built", "slim", {.device = engine::Device::kHtp}));
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "base/work.h"
#include "engine/device.h"
#include "package/package.h"

namespace lapidary::build {

struct ExportOptions {
  engine::Device device = engine::Device::kCpu;
  bool force = false;  // replace the package that is there
  Work work = {};      // stages counted in bytes
};

struct ExportSummary {
  uint64_t files = 0;  // besides the manifest
  uint64_t bytes = 0;  // of these files
  uint64_t left_out = 0;
};

// The manifest without what `device` does not run: contexts for others, on the HTP also the plain
// graphs that are contexts there (with their data), and everywhere the records of the build
// (claims.json, calibration.json). Errors: those of engine::check_device.
Result<package::Manifest> manifest_for(const package::Package& package, engine::Device device);

// Writes the package for a device to `output`, in one step: hard links where the file system
// allows, else copies. What is kept is verified first, and the new package opened. Errors: those of
// Package::open for what is kept (a file that the device does not need may be missing), of
// Package::check_references, of manifest_for and of Staging::open; kBadInput when `output` is
// `package`; kIo when a build replaced the package meanwhile; kCancelled. After an error there is no `output`, or the one that was there.
Result<ExportSummary> export_package(const std::filesystem::path& package,
                                     const std::filesystem::path& output,
                                     const ExportOptions& options);

}  // namespace lapidary::build
