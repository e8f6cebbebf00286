#include "pass_chain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/json.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "quant/affine.h"
#include "target/record.h"

namespace lapidary::golden {
namespace {

using graph::Graph;
using ort::HostTensor;

constexpr float kMasked = -100.0F;

std::vector<int64_t> dims_of(const graph::ValueInfo& port) {
  std::vector<int64_t> out;
  for (const graph::Dim& dim : port.shape) out.push_back(std::get<int64_t>(dim));
  return out;
}

// About normal.
float random_number(uint32_t& state) {
  float sum = 0;
  for (int i = 0; i < 4; ++i) {
    state = state * 1664525U + 1013904223U;
    sum += static_cast<float>(state >> 8) / 16777216.0F - 0.5F;
  }
  return sum * 1.7F;
}

// The last rows and columns are the new ones; all of the past is real.
std::vector<float> causal_mask(const std::vector<int64_t>& dims) {
  std::vector<float> out;
  const int64_t past = dims[3] - dims[2];
  for (int64_t row = 0; row < dims[2]; ++row) {
    for (int64_t column = 0; column < dims[3]; ++column) {
      out.push_back(column <= past + row ? 0.0F : kMasked);
    }
  }
  return out;
}

// Some angle for each pair; every cosine meets its sine.
std::vector<float> rotary_table(const std::vector<int64_t>& dims, bool cosine) {
  std::vector<float> out;
  for (int64_t row = 0; row < dims[1]; ++row) {
    for (int64_t pair = 0; pair < dims[2]; ++pair) {
      const float angle = static_cast<float>(row + 1) / static_cast<float>(pair + 1);
      out.push_back(cosine ? std::cos(angle) : std::sin(angle));
    }
  }
  return out;
}

HostTensor float_tensor(const std::string& name, std::vector<int64_t> dims,
                        const std::vector<float>& values) {
  HostTensor out{name, DType::kFloat, std::move(dims),
                 std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(out.data.data(), values.data(), out.data.size());
  return out;
}

// Min-max over `samples` random samples. A calibrator of the plainest kind: what is tested here is
// what passes make of ranges.
Result<quant::Ranges> ranges_of(const passes::CalibrationRequest& request, int samples,
                                const std::filesystem::path& scratch) {
  Graph graph = request.graph;
  for (const std::string& value : request.values) {
    if (!graph.is_input(value) && !graph.is_output(value)) {
      graph.outputs.push_back({value, DType::kUndefined, {}});  // inferred
    }
  }
  quant::Ranges out;
  for (int sample = 0; sample < samples; ++sample) {
    Values values = random_inputs(graph, static_cast<uint32_t>(sample + 1));
    values.merge(run_graph(graph, values, scratch));
    for (const std::string& value : request.values) {
      const HostTensor& tensor = values.at(value);
      std::vector<float> numbers(tensor.data.size() / sizeof(float));
      std::memcpy(numbers.data(), tensor.data.data(), tensor.data.size());
      const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
      const quant::Range* known = out.find(value);
      const quant::Range range = {*least, *most};
      LAP_RETURN_IF_ERROR(out.set(value, known == nullptr ? range : united(*known, range)));
    }
  }
  return out;
}

}  // namespace

Calibrate random_calibration(const std::filesystem::path& scratch, int samples) {
  return [scratch, samples](const passes::CalibrationRequest& request) {
    return ranges_of(request, samples, scratch);
  };
}

Calibrate unit_calibration() {
  return [](const passes::CalibrationRequest& request) -> Result<quant::Ranges> {
    quant::Ranges out;
    for (const std::string& value : request.values) {
      LAP_RETURN_IF_ERROR(out.set(value, {-1.0F, 1.0F}));
    }
    return out;
  };
}

passes::SetOutcome run_passes(Graph graph, const std::string& passes, const Calibrate& calibrate) {
  const passes::PassContext context{.calibrate = calibrate,
                                    .traits = take(target::traits_of(std::nullopt))};
  passes::SetOutcome all;
  all.graphs.push_back({contract::Role::kModel, 0, std::move(graph)});
  const Json list = take(parse_json(passes, "passes"));
  for (const Json& options : list) {
    const JsonDocument document = take(JsonDocument::parse(options.dump(), "pass"));
    JsonReader reader = document.root();
    const passes::PassEntry* entry = take(passes::find_pass(reader.string("type"), "pass"));
    const passes::BoundPass pass = entry->bind(reader);
    take(document.finish());
    passes::SetOutcome outcome = take(pass.run(std::move(all.graphs), context));
    all.graphs = std::move(outcome.graphs);
    all.rewritten += outcome.rewritten;
    for (auto& each : outcome.declined) all.declined.push_back(std::move(each));
    for (const auto& each : all.graphs) take(graph::check(each.graph));
  }
  return all;
}

Values random_inputs(const Graph& graph, uint32_t seed) {
  Values out;
  for (const graph::ValueInfo& port : graph.inputs) {
    const std::vector<int64_t> dims = dims_of(port);
    std::vector<float> values;
    if (port.name.starts_with("attention_mask.")) {
      values = causal_mask(dims);
    } else if (port.name.starts_with("rotary_emb.")) {
      values = rotary_table(dims, port.name.ends_with(".cos"));
    } else {
      uint32_t state = seed;
      for (const char c : port.name) state = state * 31 + static_cast<uint32_t>(c);
      values.resize(static_cast<size_t>(tensor::element_count(dims)));
      for (float& value : values) value = random_number(state);
    }
    out[port.name] = float_tensor(port.name, dims, values);
  }
  return out;
}

Values encoded(const Graph& graph, Values inputs) {
  for (auto& [name, tensor] : inputs) {
    const auto found = graph.metadata.find("encoding:" + name);
    if (found == graph.metadata.end() || tensor.type != DType::kFloat) continue;
    const Json encoding = take(parse_json(found->second, name));
    const auto type = take(quant::integer_type_of(encoding.at("dtype").get<std::string>(), name));
    std::vector<float> values(tensor.data.size() / sizeof(float));
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    tensor.data.resize(quant::packed_bytes(type, values.size()));
    tensor.type = type;
    take(quant::quantize(
        values, {encoding.at("scale").get<float>(), encoding.at("zero_point").get<int32_t>()}, type,
        tensor.data));
  }
  return inputs;
}

Values run_graph(const Graph& graph, const Values& inputs, const std::filesystem::path& scratch) {
  const auto path = scratch / "run/model.onnx";
  std::filesystem::create_directories(path.parent_path());
  take(graph::save(graph, path, {}));
  ort::SessionOptions options;
  options.threads = 1;
  options.spinning = false;
  options.optimization = ort::Optimization::kNone;
  const auto session = take(ort::Session::open(path, options));
  std::vector<HostTensor> fed;
  for (const ort::Port& port : session.inputs()) fed.push_back(inputs.at(port.name));
  Values out;
  for (HostTensor& tensor : take(session.run(fed))) out[tensor.name] = std::move(tensor);
  return out;
}

}  // namespace lapidary::golden
