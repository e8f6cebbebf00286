// Which versions of ONNX Runtime and of Qualcomm's libraries are installed: what a record of
// measurements belongs to, what a package names, what a cache of results must not outlive.
//
//   LAP_ASSIGN_OR_RETURN(const htp::InstalledStack stack, htp::installed_stack(libraries));
//   print(stack.versions.qnn);   // "2.51.0"
//   print(stack.is_recorded());  // false: nothing was measured with these libraries
//
// The provider library itself says version 0.1.0 whatever the wheel's, so it is known by its hash,
// or, where that is new, by the wheel's own folder of metadata beside it.
#pragma once

#include <string>

#include "base/result.h"
#include "base/work.h"
#include "htp/libraries.h"
#include "target/record.h"

namespace lapidary::htp {

struct InstalledStack {
  target::Stack versions;     // onnxruntime_qnn and qnn may be "": they do not say
  std::string provider_hash;  // XXH3-128 of the provider library, hex

  // Whether it is the stack that the records were measured with.
  bool is_recorded() const;
  // "onnxruntime 1.31.1, onnxruntime-qnn 2.7.0, QNN 2.51.0"
  std::string describe() const;
};

// Errors: kIo for a library that cannot be read.
Result<InstalledStack> installed_stack(const Libraries& libraries);

// Of ONNX Runtime's version and of the contents of the libraries that compile: what results of the
// compiler and the emulator depend on beside their inputs and options. 215 MB are read, once a
// process. Errors: kIo for a library that cannot be read; kCancelled.
Result<std::string> stack_hash(const Libraries& libraries, const Work& work = {});

}  // namespace lapidary::htp
