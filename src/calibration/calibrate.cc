#include "calibration/calibrate.h"

#include <algorithm>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "graph/onnx_writer.h"
#include "tensor/expressions.h"

namespace lapidary::calibration {
namespace {

using graph::DType;
using graph::Graph;

constexpr const char* kFlatShape = "calibration/flat";

std::string output_name(size_t i) { return "calibration/" + std::to_string(i); }

Status check_arguments(const Graph& graph, const std::vector<std::string>& values,
                       const CalibrationOptions& options) {
  const CollectorOptions& collector = options.collector;
  if (!(collector.percentile > 0 && collector.percentile <= 100)) {
    return bad_input("calibration", "percentile must lie in (0, 100]");
  }
  if (collector.bits != 8 && collector.bits != 16) {
    return bad_input("calibration", "bits must be 8 or 16");
  }
  if (options.values_per_run == 0) return bad_input("calibration", "values_per_run must not be 0");
  std::set<std::string> known;
  for (const graph::ValueInfo& input : graph.inputs) known.insert(input.name);
  for (const graph::Node& node : graph.nodes) {
    known.insert(node.outputs.begin(), node.outputs.end());
  }
  for (const std::string& value : values) {
    if (!known.contains(value)) {
      return bad_input("calibration", "the graph makes no value '" + value + "'");
    }
  }
  return {};
}

// The graph whose outputs are `values`, flattened: their own shapes are not known here.
Graph with_outputs(Graph graph, std::span<const std::string> values) {
  graph.outputs.clear();
  graph.initializers.insert_or_assign(kFlatShape, tensor::integers({1}, {-1}));
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string name = output_name(i);
    graph.nodes.push_back({"", "Reshape", name, {values[i], kFlatShape}, {name}, {}});
    graph.outputs.push_back({name, DType::kFloat, {"elements_" + std::to_string(i)}});
  }
  graph::remove_unused(graph);
  return graph;
}

class ScratchModel {
 public:
  explicit ScratchModel(const std::filesystem::path& folder) : path_(folder / "calibration.onnx") {}
  ~ScratchModel() {
    std::error_code ignored;
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
  }
  ScratchModel(const ScratchModel&) = delete;
  ScratchModel& operator=(const ScratchModel&) = delete;

  Result<ort::Session> open(const Graph& graph, const CalibrationOptions& options) {
    graph::SaveOptions save_options;
    save_options.cancel = options.cancel;
    LAP_ASSIGN_OR_RETURN(graph::SavedModel saved, graph::save(graph, path_, save_options));
    files_ = std::move(saved.files);
    return ort::Session::open(path_, {.threads = options.threads, .spinning = false});
  }

 private:
  std::filesystem::path path_;
  std::vector<std::filesystem::path> files_;
};

Status collect(const std::vector<ort::HostTensor>& outputs, std::span<const std::string> values,
               std::vector<RangeCollector>& collectors) {
  for (size_t i = 0; i < values.size(); ++i) {
    const auto& data = outputs[i].data;
    const std::span<const float> floats(
        static_cast<const float*>(static_cast<const void*>(data.data())),
        data.size() / sizeof(float));
    if (Status status = collectors[i].add(floats); !status.ok()) {
      Error error = status.take_error();
      error.where = "calibration of '" + values[i] + "', " + error.where;
      return error;
    }
  }
  return {};
}

Status calibrate_group(const Graph& graph, std::span<const std::string> values,
                       SampleSource& samples, const CalibrationOptions& options,
                       quant::Ranges& ranges) {
  ScratchModel model(options.scratch);
  LAP_ASSIGN_OR_RETURN(const ort::Session session,
                       model.open(with_outputs(graph, values), options));
  std::vector<RangeCollector> collectors(values.size(), RangeCollector(options.collector));
  LAP_RETURN_IF_ERROR(samples.rewind());
  while (true) {
    if (options.cancel != nullptr && options.cancel->cancelled()) return cancelled();
    LAP_ASSIGN_OR_RETURN(const auto sample, samples.next());
    if (!sample) break;
    LAP_ASSIGN_OR_RETURN(const std::vector<ort::HostTensor> outputs, session.run(*sample));
    LAP_RETURN_IF_ERROR(collect(outputs, values, collectors));
    if (options.progress != nullptr) options.progress->advance(1);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    auto range = collectors[i].range();
    if (!range.ok()) {
      Error error = range.take_error();
      error.where = "calibration of '" + values[i] + "'";
      return error;
    }
    LAP_RETURN_IF_ERROR(ranges.set(values[i], *range));
  }
  return {};
}

}  // namespace

Result<quant::Ranges> calibrate(const Graph& graph, const std::vector<std::string>& values,
                                SampleSource& samples, const CalibrationOptions& options) {
  LAP_RETURN_IF_ERROR(check_arguments(graph, values, options));
  quant::Ranges ranges;
  for (size_t begin = 0; begin < values.size(); begin += options.values_per_run) {
    const size_t count = std::min(options.values_per_run, values.size() - begin);
    if (options.progress != nullptr) {
      options.progress->stage("calibrate values " + std::to_string(begin + 1) + " to " +
                                  std::to_string(begin + count) + " of " +
                                  std::to_string(values.size()),
                              0);
    }
    LAP_RETURN_IF_ERROR(
        calibrate_group(graph, std::span(values).subspan(begin, count), samples, options, ranges));
  }
  return ranges;
}

}  // namespace lapidary::calibration
