// Where Qualcomm's QNN libraries are: ONNX Runtime's execution provider, the HTP's compiler and its
// x86 emulator, as the onnxruntime-qnn wheel holds them (scripts/bootstrap --qnn).
//
//   LAP_ASSIGN_OR_RETURN(const htp::Libraries qnn, htp::find_libraries(flags.qnn_libs));
//   qnn.provider();   // .../libonnxruntime_providers_qnn.so
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace lapidary::htp {

struct Libraries {
  std::filesystem::path folder;  // absolute

  std::filesystem::path provider() const;  // what ONNX Runtime loads
  std::filesystem::path backend() const;   // what the provider loads: its option `backend_path`
};

// Looks in `folder` unless that is empty, else in the environment's LAPIDARY_QNN_LIBS, else in the
// source tree's .deps/qnn/lib. The first of these that is given must hold everything.
// Errors: kBadInput naming the folder, the first file that it lacks, and what to do.
Result<Libraries> find_libraries(const std::string& folder = "");

}  // namespace lapidary::htp
