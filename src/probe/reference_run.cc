#include "probe/reference_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "base/float_types.h"
#include "base/stopwatch.h"
#include "graph/dtype_inference.h"
#include "graph/node_ranges.h"
#include "graph/onnx_writer.h"

namespace lapidary::probe {
namespace {

namespace fs = std::filesystem;
using graph::Graph;

constexpr int64_t kMostElements = int64_t{1} << 30;

template <typename T>
void put(ort::HostTensor& tensor, size_t index, T value) {
  std::memcpy(tensor.data.data() + index * sizeof(T), &value, sizeof(T));
}

void fill(ort::HostTensor& tensor, size_t i, std::mt19937& random) {
  switch (tensor.type) {
    case DType::kFloat:
      return put(tensor, i, gaussian(random));
    case DType::kFloat16:
      return put(tensor, i, float_to_float16(gaussian(random)));
    case DType::kInt64:
      return put(tensor, i, static_cast<int64_t>(random() & 1u));
    case DType::kInt32:
      return put(tensor, i, static_cast<int32_t>(random() & 1u));
    case DType::kUint16:
      return put(tensor, i, static_cast<uint16_t>(0x6000u + random() % 0x4000u));
    case DType::kInt16:
      return put(tensor, i, static_cast<int16_t>(static_cast<int>(random() % 0x4000u) - 0x2000));
    case DType::kUint8:
      return put(tensor, i, static_cast<uint8_t>(0x60u + random() % 0x40u));
    case DType::kInt8:
      return put(tensor, i, static_cast<int8_t>(static_cast<int>(random() % 0x40u) - 0x20));
    default:  // kBool: element_type lets no other through
      break;
  }
  put(tensor, i, static_cast<uint8_t>(random() & 1u));
}

Result<ort::HostTensor> seeded(const graph::ValueInfo& input, std::mt19937& random) {
  const std::string where = fmt::format("input '{}'", input.name);
  const auto type = ort::element_type(name_of(input.dtype));
  if (!type) {
    return unsupported(where,
                       fmt::format("has dtype {}, which cannot be made up", name_of(input.dtype)));
  }
  ort::HostTensor out{input.name, *type, {}, {}};
  int64_t elements = 1;
  for (const graph::Dim& dim : input.shape) {
    const auto* number = std::get_if<int64_t>(&dim);
    if (number == nullptr || *number < 0) {
      return bad_input(
          where, fmt::format("has the shape {}, which is not fixed", graph::to_string(input.shape)),
          "the HTP takes fixed shapes only: give every dim a number");
    }
    if (*number > 0 && elements > kMostElements / *number) {
      return bad_input(where, "is too large to be made up: " + graph::to_string(input.shape));
    }
    elements *= *number;
    out.shape.push_back(*number);
  }
  out.data.resize(static_cast<size_t>(elements) * element_bytes(*type));
  for (size_t i = 0; i < static_cast<size_t>(elements); ++i) fill(out, i, random);
  return out;
}

// Nodes of one session, and bytes of their weights: these are in memory dequantized, four times as
// large, while the session runs.
constexpr size_t kMostNodes = 32;
constexpr int64_t kMostBytes = int64_t{64} << 20;

// Runs a graph chunk by chunk; `live_` holds what chunks to come read.
class Chunks {
 public:
  Chunks(const Graph& graph, const fs::path& folder, const ReferenceSettings& settings)
      : graph_(graph), ranges_(graph), folder_(folder), settings_(settings) {
    const auto dtypes = graph::infer_dtypes(graph);
    if (dtypes.ok()) dtypes_ = *dtypes;
  }

  Result<ReferenceRun> run(std::vector<ort::HostTensor> inputs) {
    for (ort::HostTensor& input : inputs) {
      const std::string name = input.name;
      live_.emplace(name, std::move(input));
    }
    settings_.work.stage("running the nodes on the CPU", graph_.nodes.size(), Unit::kNodes);
    for (size_t begin = 0; begin < graph_.nodes.size();) {
      if (settings_.work.is_cancelled()) return cancelled();
      const size_t end = end_of(begin);
      LAP_RETURN_IF_ERROR(run_chunk(begin, end));
      settings_.work.advance(end - begin);
      begin = end;
    }
    for (const graph::ValueInfo& output : graph_.outputs) {
      const auto found = live_.find(output.name);
      if (found == live_.end()) {
        return unsupported(fmt::format("output '{}'", output.name), "is made by no node");
      }
      done_.outputs.push_back(std::move(found->second));
      live_.erase(found);
    }
    return std::move(done_);
  }

 private:
  // Codes of 4 bits, for one, cannot be handed from one session to the next.
  bool can_be_held(const std::string& value) const {
    const auto dtype = dtypes_.find(value);
    return dtype == dtypes_.end() || ort::is_element_type(dtype->second);
  }

  bool can_end_at(size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i) {
      if (ranges_.is_constant(i)) continue;
      for (const std::string& output : graph_.nodes[i].outputs) {
        if (ranges_.is_needed_from(output, end) && !can_be_held(output)) return false;
      }
    }
    return true;
  }

  size_t end_of(size_t begin) const {
    size_t end = begin;
    int64_t bytes = 0;
    while (end < graph_.nodes.size() && end - begin < kMostNodes) {
      if (!ranges_.is_constant(end)) bytes += ranges_.constant_bytes(end);
      if (bytes > kMostBytes && end > begin) break;
      ++end;
    }
    while (end < graph_.nodes.size() && !can_end_at(begin, end)) ++end;
    return end;
  }

  graph::ValueInfo declared(const std::string& value) const {
    const ort::HostTensor& tensor = live_.at(value);
    return {value, tensor.type, {tensor.shape.begin(), tensor.shape.end()}};
  }

  Status run_chunk(size_t begin, size_t end) {
    const Graph chunk = ranges_.cut(
        begin, end, [this](const std::string& value) { return declared(value); },
        [this](const std::string& value) {
          return settings_.see != nullptr && seen_.insert(value).second;
        });
    if (chunk.outputs.empty()) return {};
    LAP_RETURN_IF_ERROR(run_session(chunk));
    std::erase_if(live_,
                  [&](const auto& each) { return !ranges_.is_needed_from(each.first, end); });
    return {};
  }

  Status run_session(const Graph& chunk) {
    LAP_ASSIGN_OR_RETURN(
        const graph::SavedModel saved,
        graph::save(chunk, folder_ / "reference.onnx", {}, graph::Durability::kScratch));
    std::vector<ort::HostTensor> inputs;
    for (const graph::ValueInfo& input : chunk.inputs) {
      inputs.push_back(std::move(live_.at(input.name)));
    }
    ort::SessionOptions options;
    options.threads = static_cast<int>(settings_.work.threads);
    options.optimization = ort::Optimization::kNone;
    LAP_ASSIGN_OR_RETURN(const ort::Session session, ort::Session::open(saved.files[0], options));
    const Stopwatch watch;
    LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> outputs, session.run(inputs));
    done_.seconds += watch.seconds();
    for (ort::HostTensor& input : inputs) live_.at(input.name) = std::move(input);
    for (ort::HostTensor& output : outputs) {
      if (settings_.see) settings_.see(output);
      const std::string name = output.name;
      live_.emplace(name, std::move(output));
    }
    for (const fs::path& file : saved.files) {
      std::error_code ignored;  // the next chunk writes it anew
      fs::remove(file, ignored);
    }
    return {};
  }

  const Graph& graph_;
  const graph::NodeRanges ranges_;
  const fs::path& folder_;
  const ReferenceSettings& settings_;
  graph::DTypes dtypes_;  // as far as they are known
  std::map<std::string, ort::HostTensor> live_;
  std::set<std::string> seen_;
  ReferenceRun done_;
};

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

tensor::TensorType type_of(const ort::HostTensor& tensor) { return {tensor.type, tensor.shape}; }

Result<ReferenceRun> run_reference(const graph::Graph& graph, std::vector<ort::HostTensor> inputs,
                                   const std::filesystem::path& folder,
                                   const ReferenceSettings& settings) {
  return Chunks(graph, folder, settings).run(std::move(inputs));
}

}  // namespace lapidary::probe
