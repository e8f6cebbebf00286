// Holds a loaded graph's inputs and outputs against what the caller is going to bind, so that a
// wrong package fails when it is opened, with the port's name, and not in the middle of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::engine {

enum class Presence { kRequired, kMayBeAbsent };

// A dtype of rules: numbers in any form that a PortCodec knows (float32, float16, integers of 8 or
// 16 bits), whichever the graph has.
inline constexpr const char* kAnyNumbers = "numbers";

struct PortRule {
  std::string name;
  std::string dtype;          // or kAnyNumbers
  std::vector<int64_t> dims;  // -1: anything
  Presence presence = Presence::kRequired;
};

// nullptr: there is none of that name.
const ort::Port* find_port(const std::vector<ort::Port>& ports, const std::string& name);

// Every rule has its port, with that dtype and dims (a symbolic dim of the graph suits any number),
// and no input without a default is left over. Errors: kBadInput naming file and port.
Status check_ports(const ort::Session& session, const std::vector<PortRule>& inputs,
                   const std::vector<PortRule>& outputs);

// The graph has exactly the ports that the manifest lists, with the same dtypes and shapes.
Status check_against_manifest(const ort::Session& session, const package::GraphRecord& component);

}  // namespace lapidary::engine
