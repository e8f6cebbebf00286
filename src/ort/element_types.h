// Element types and values, ours and ONNX Runtime's. Inside this room only.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <string>

#include "ort/session.h"

namespace lapidary::ort {

// "float32", ...; "type N" for a type that we have no name for.
std::string port_dtype(ONNXTensorElementDataType type);

// A value over the caller's memory. Throws std::runtime_error for a dtype that is_element_type
// excludes.
Ort::Value value_of(const TensorView& tensor);
TensorView input_view(const HostTensor& tensor);
// A copy. Throws std::runtime_error for a dtype that is_element_type excludes.
HostTensor host_tensor(const std::string& name, const Ort::Value& value);

}  // namespace lapidary::ort
