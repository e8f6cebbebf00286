// What `lapidary inspect` prints of each kind of thing; cmd_inspect.cc chooses.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/adapter.h"

namespace lapidary::report {

struct InspectFlags {
  std::string path;
  std::vector<checkpoint::AdapterSource> adapters = {};  // of a checkpoint
  std::string component;                                 // of a package; empty: all
  bool json = false;
  bool tensors = false;  // list every weight
  bool graph = false;    // print every node (packages and ONNX models)
  bool verify = false;   // compare checksums (packages)
  bool claims = false;   // what the HTP's compiler made of each node (packages)
};

// Each returns the whole text to print; JSON when asked for.
Result<std::string> inspect_package(const InspectFlags& flags);
Result<std::string> inspect_checkpoint(const InspectFlags& flags);
Result<std::string> inspect_onnx(const InspectFlags& flags);

// "Add 12, MatMul 40": operators by count, most frequent first.
std::string ops_text(const std::map<std::string, int64_t>& ops);

}  // namespace lapidary::report
