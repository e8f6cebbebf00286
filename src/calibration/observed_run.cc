#include "calibration/observed_run.h"

#include <fmt/core.h>

#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "graph/onnx_writer.h"

namespace lapidary::calibration {
namespace {

using graph::Graph;

std::string seen_name(size_t i) { return fmt::format("calibration/seen/{}", i); }
std::string count_name(size_t i) { return fmt::format("calibration/count/{}", i); }

Status check_values(const Graph& graph, const std::vector<std::string>& values) {
  std::set<std::string> known;
  for (const graph::ValueInfo& input : graph.inputs) known.insert(input.name);
  for (const graph::Node& node : graph.nodes) {
    known.insert(node.outputs.begin(), node.outputs.end());
  }
  std::set<std::string> seen;
  for (const std::string& value : values) {
    if (!known.contains(value)) {
      return bad_input("calibration", fmt::format("the graph makes no value '{}'", value));
    }
    if (!seen.insert(value).second) {
      return bad_input("calibration", fmt::format("value '{}' is wanted twice", value));
    }
  }
  return {};
}

void observe(Graph& graph, const std::string& value, size_t index) {
  graph.nodes.push_back({ort::kObserverDomain,
                         ort::kObserveOp,
                         "calibration/" + value,
                         {value},
                         {seen_name(index), count_name(index)},
                         {{"index", static_cast<int64_t>(index)}}});
}

// The graph with each value observed as soon as it is there, and nothing computed that no value
// needs. Readers read what the observer passes on, so that a value is seen before it can go. The
// outputs are the element counts of values that nothing reads.
Graph observed(Graph graph, const std::vector<std::string>& values) {
  graph.outputs.clear();
  for (const std::string& value : values) graph.outputs.push_back({value, DType::kFloat, {}});
  graph::remove_unused(graph);
  graph.outputs.clear();
  graph.opsets[ort::kObserverDomain] = 1;
  std::map<std::string, size_t> wanted;
  for (size_t i = 0; i < values.size(); ++i) wanted.emplace(values[i], i);
  const auto observe_if_wanted = [&](const std::string& value) {
    if (const auto found = wanted.find(value); found != wanted.end()) {
      observe(graph, value, found->second);
    }
  };
  std::vector<graph::Node> nodes = std::move(graph.nodes);
  graph.nodes.clear();
  for (const graph::ValueInfo& input : graph.inputs) observe_if_wanted(input.name);
  std::set<std::string> read;
  for (graph::Node& node : nodes) {
    for (std::string& input : node.inputs) {
      read.insert(input);
      if (const auto found = wanted.find(input); found != wanted.end()) {
        input = seen_name(found->second);
      }
    }
    graph.nodes.push_back(std::move(node));
    const std::vector<std::string> outputs = graph.nodes.back().outputs;
    for (const std::string& output : outputs) observe_if_wanted(output);
  }
  for (const auto& [value, index] : wanted) {
    if (!read.contains(value)) graph.outputs.push_back({count_name(index), DType::kInt64, {1}});
  }
  return graph;
}

class ScratchModel {
 public:
  explicit ScratchModel(const std::filesystem::path& folder) : path_(folder / kScratchModel) {}
  ~ScratchModel() {
    std::error_code ignored;
    for (const auto& file : files_) std::filesystem::remove(file, ignored);
  }
  ScratchModel(const ScratchModel&) = delete;
  ScratchModel& operator=(const ScratchModel&) = delete;

  Result<ort::Session> open(const Graph& graph, ort::Observer& observer,
                            const RunOptions& options) {
    options.work.stage("write what is calibrated",
                       static_cast<uint64_t>(graph::external_bytes(graph)), Unit::kBytes);
    LAP_ASSIGN_OR_RETURN(graph::SavedModel saved,
                         graph::save(graph, path_, options.work, graph::Durability::kScratch));
    files_ = std::move(saved.files);
    ort::SessionOptions session;
    session.threads = kRunThreads;
    session.spinning = false;
    session.custom_ops = {observer.domain()};
    return ort::Session::open(path_, session);
  }

 private:
  std::filesystem::path path_;
  std::vector<std::filesystem::path> files_;
};

Status run_samples(const ort::Session& session, const ort::Observer& observer,
                   SampleSource& samples, const Work& work) {
  work.stage("calibrate", static_cast<uint64_t>(samples.count()), Unit::kSamples);
  LAP_RETURN_IF_ERROR(samples.rewind());
  while (true) {
    if (work.is_cancelled()) return cancelled();
    LAP_ASSIGN_OR_RETURN(const auto sample, samples.next());
    if (!sample) return {};
    LAP_ASSIGN_OR_RETURN([[maybe_unused]] const auto counts, session.run(*sample));
    LAP_RETURN_IF_ERROR(observer.status());
    work.advance(1);
  }
}

}  // namespace

Error about_value(const std::string& value, Error error) {
  error.where = fmt::format("calibration of '{}', {}", value, error.where);
  return error;
}

Status observe_samples(const Graph& graph, const std::vector<std::string>& values,
                       SampleSource& samples, const RunOptions& options, const Watch& watch) {
  LAP_RETURN_IF_ERROR(check_values(graph, values));
  ort::Observer observer([&](int64_t index, const ort::Observed& value) -> Status {
    const auto i = static_cast<size_t>(index);
    if (Status status = watch(i, value); !status.ok()) {
      return about_value(values[i], status.take_error());
    }
    return {};
  });
  ScratchModel model(options.scratch);
  LAP_ASSIGN_OR_RETURN(const ort::Session session,
                       model.open(observed(graph, values), observer, options));
  return run_samples(session, observer, samples, options.work);
}

}  // namespace lapidary::calibration
