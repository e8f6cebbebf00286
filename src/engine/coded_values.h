// The values of ports between what the host computes with and what a graph of fixed shapes holds:
// float32, float16 or integers with an encoding.
//
//   LAP_ASSIGN_OR_RETURN(auto inputs, coded_inputs(*component, std::move(floats)));
//   LAP_ASSIGN_OR_RETURN(const auto outputs, session.run(inputs));
//   LAP_ASSIGN_OR_RETURN(std::vector<float> y, decoded_output(*component, outputs, "features"));
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ort/session.h"
#include "package/manifest.h"

namespace lapidary::engine {

// Tensors of float32 become what the port of their name holds; others stay. Errors: those of
// PortCodec::create; kInternal for a tensor without a port.
Result<std::vector<ort::HostTensor>> coded_inputs(const package::GraphRecord& component,
                                                  std::vector<ort::HostTensor> values);

// All values of the output `name` as floats. Errors: those of PortCodec::create; kInternal when
// there is none of that name, or when it is not what the manifest says.
Result<std::vector<float>> decoded_output(const package::GraphRecord& component,
                                          const std::vector<ort::HostTensor>& outputs,
                                          const std::string& name);

}  // namespace lapidary::engine
