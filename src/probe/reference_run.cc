#include "probe/reference_run.h"

#include <cstring>

#include "base/float_types.h"
#include "graph/onnx_writer.h"

namespace lapidary::probe {
namespace {

using ort::ElementType;

constexpr int64_t kMostElements = int64_t{1} << 30;

template <typename T>
void put(ort::HostTensor& tensor, size_t index, T value) {
  std::memcpy(tensor.data.data() + index * sizeof(T), &value, sizeof(T));
}

void fill(ort::HostTensor& tensor, size_t i, std::mt19937& random) {
  switch (tensor.type) {
    case ElementType::kFloat32:
      return put(tensor, i, gaussian(random));
    case ElementType::kFloat16:
      return put(tensor, i, float_to_float16(gaussian(random)));
    case ElementType::kInt64:
      return put(tensor, i, static_cast<int64_t>(random() & 1u));
    case ElementType::kInt32:
      return put(tensor, i, static_cast<int32_t>(random() & 1u));
    case ElementType::kUint16:
      return put(tensor, i, static_cast<uint16_t>(0x6000u + random() % 0x4000u));
    case ElementType::kInt16:
      return put(tensor, i, static_cast<int16_t>(static_cast<int>(random() % 0x4000u) - 0x2000));
    case ElementType::kUint8:
      return put(tensor, i, static_cast<uint8_t>(0x60u + random() % 0x40u));
    case ElementType::kInt8:
      return put(tensor, i, static_cast<int8_t>(static_cast<int>(random() % 0x40u) - 0x20));
    case ElementType::kBool:
      break;
  }
  put(tensor, i, static_cast<uint8_t>(random() & 1u));
}

Result<ort::HostTensor> seeded(const graph::ValueInfo& input, std::mt19937& random) {
  const std::string where = "input '" + input.name + "'";
  const auto type = ort::element_type(tensor::name_of(input.dtype));
  if (!type) {
    return unsupported(where, "has dtype " + std::string(tensor::name_of(input.dtype)) +
                                  ", which cannot be made up");
  }
  ort::HostTensor out{input.name, *type, {}, {}};
  int64_t elements = 1;
  for (const graph::Dim& dim : input.shape) {
    const auto* number = std::get_if<int64_t>(&dim);
    if (number == nullptr || *number < 0) {
      return bad_input(where,
                       "has the shape " + graph::to_string(input.shape) + ", which is not fixed",
                       "the HTP takes fixed shapes only: give every dim a number");
    }
    if (*number > 0 && elements > kMostElements / *number) {
      return bad_input(where, "is too large to be made up: " + graph::to_string(input.shape));
    }
    elements *= *number;
    out.shape.push_back(*number);
  }
  out.data.resize(static_cast<size_t>(elements) * ort::size_of(*type));
  for (size_t i = 0; i < static_cast<size_t>(elements); ++i) fill(out, i, random);
  return out;
}

}  // namespace

float gaussian(std::mt19937& random) {
  float sum = -6.0f;
  for (int i = 0; i < 12; ++i) sum += static_cast<float>(random() >> 8) * 0x1p-24f;
  return sum;
}

Result<std::vector<ort::HostTensor>> seeded_inputs(const graph::Graph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<ort::HostTensor> inputs;
  for (const graph::ValueInfo& input : graph.inputs) {
    if (graph.initializers.contains(input.name)) continue;
    LAP_ASSIGN_OR_RETURN(ort::HostTensor tensor, seeded(input, random));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Result<Values> reference_values(const graph::Graph& graph, uint32_t seed,
                                const std::filesystem::path& folder) {
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> inputs, seeded_inputs(graph, seed));
  graph::Graph all = graph;
  all.outputs.clear();
  for (const graph::Node& node : graph.nodes) {
    for (const std::string& output : node.outputs) {
      if (!output.empty()) all.outputs.push_back({output, graph::DType::kUndefined, {}});
    }
  }
  const std::filesystem::path file = folder / "reference.onnx";
  LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved, graph::save(all, file, {}));
  ort::SessionOptions options;
  options.optimization = ort::Optimization::kNone;
  LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(saved.files[0], options));
  LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> outputs, session.run(inputs));
  Values values;
  for (auto* tensors : {&inputs, &outputs}) {
    for (ort::HostTensor& tensor : *tensors) {
      const std::string name = tensor.name;
      values.emplace(name, std::move(tensor));
    }
  }
  return values;
}

}  // namespace lapidary::probe
