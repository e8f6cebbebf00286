// Where Qualcomm's QNN libraries are. To compile and to emulate on x86: ONNX Runtime's execution
// provider, the HTP's compiler and its emulator, as the onnxruntime-qnn wheel holds them
// (scripts/bootstrap --qnn). To run on a device: the provider, the backend, and the two sides of
// the connection to the DSP, for its arch.
//
//   LAP_ASSIGN_OR_RETURN(const htp::Libraries qnn, htp::find_libraries(flags.qnn_libs));
//   print(qnn.provider());  // .../libonnxruntime_providers_qnn.so
//
// Nothing else is loaded while the program runs, and nothing out of the current folder: ONNX Runtime
// gets the provider's absolute path (ort/environment.h refuses another), the provider the backend's.
// Backend and provider open libHtpPrepare.so, libQnnSystem.so and a device's Stub by name; their own
// run paths lead to this folder, and to ../onnxruntime_qnn.libs for the C++ runtime. As with every
// program, LD_LIBRARY_PATH goes first. A library that an option names (provider_options.h) must be
// absolute too, and a package cannot name one.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "target/soc.h"

namespace lapidary::htp {

struct Libraries {
  std::filesystem::path folder;  // absolute

  std::filesystem::path provider() const;  // what ONNX Runtime loads
  std::filesystem::path backend() const;   // what the provider loads: its option `backend_path`
};

// Looks in `folder` unless that is empty, else in the environment's LAPIDARY_QNN_LIBS, else in
// own_libraries() of the program that runs. The first of these that is given must hold everything
// that compiling and emulating take.
// Errors: kBadInput naming the folder, the first file that it lacks, and what to do.
Result<Libraries> find_libraries(const std::string& folder = "");

// The same for running context binaries on a device of `arch`, e.g. libQnnHtpV81Stub.so but nothing
// to compile with. The Skel, which the DSP loads, may lie in a folder of the environment's
// ADSP_LIBRARY_PATH instead (semicolons between them).
Result<Libraries> find_device_libraries(const std::string& folder, target::Arch arch);

// Where a program in `folder` (absolute) looks when it is told nothing: in a build tree, which has
// CMakeCache.txt beside its programs, the source tree's .deps/qnn/lib; installed as bin/lapidary,
// lib/lapidary/qnn beside bin. Installed trees can be moved.
std::filesystem::path own_libraries(const std::filesystem::path& folder);

}  // namespace lapidary::htp
