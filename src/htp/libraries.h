// Where Qualcomm's QNN libraries are. To compile and to emulate on x86: ONNX Runtime's execution
// provider, the HTP's compiler and its emulator, as the onnxruntime-qnn wheel holds them
// (scripts/bootstrap --qnn). To run on a device: the provider, the backend, and the two sides of
// the connection to the DSP, for its arch.
//
//   LAP_ASSIGN_OR_RETURN(const htp::Libraries qnn, htp::find_libraries(flags.qnn_libs));
//   print(qnn.provider());  // .../libonnxruntime_providers_qnn.so
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

// Looks in `folder` unless that is empty, else in the environment's LAPIDARY_QNN_LIBS, else in the
// source tree's .deps/qnn/lib. The first of these that is given must hold everything that compiling
// and emulating take.
// Errors: kBadInput naming the folder, the first file that it lacks, and what to do.
Result<Libraries> find_libraries(const std::string& folder = "");

// The same for running context binaries on a device of `arch`, e.g. libQnnHtpV81Stub.so but nothing
// to compile with. The Skel, which the DSP loads, may lie in a folder of the environment's
// ADSP_LIBRARY_PATH instead (semicolons between them).
Result<Libraries> find_device_libraries(const std::string& folder, target::Arch arch);

}  // namespace lapidary::htp
