#include "calibration/observed_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "calibration/hand_over.h"
#include "calibration/part_ends.h"
#include "graph/node_ranges.h"
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

  Result<ort::Session> open(const Graph& graph, ort::Observer& observer, const RunOptions& options,
                            const std::string& part) {
    options.work.stage("write what is calibrated" + part,
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

template <typename Predicate>
void move_if(std::vector<ort::HostTensor>& from, std::vector<ort::HostTensor>& to,
             const Predicate& wanted) {
  const auto rest = std::stable_partition(from.begin(), from.end(), wanted);
  std::move(from.begin(), rest, std::back_inserter(to));
  from.erase(from.begin(), rest);
}

// The graph's nodes in parts, each with the samples that went through those before it.
class PartedRun {
 public:
  PartedRun(const Graph& graph, SampleSource& samples, ort::Observer& observer,
            const RunOptions& options)
      : graph_(graph), ranges_(graph), samples_(samples), observer_(observer), options_(options) {}

  Status run() {
    const std::vector<size_t> ends = part_ends(graph_, ranges_, options_.part_bytes);
    size_t begin = 0;
    for (size_t i = 0; i < ends.size(); ++i) {
      const std::string part =
          ends.size() == 1 ? "" : fmt::format(", part {} of {}", i + 1, ends.size());
      LAP_RETURN_IF_ERROR(run_part(begin, ends[i], part));
      if (runs_ == 0) return {};  // there are no samples
      begin = ends[i];
    }
    return {};
  }

 private:
  graph::ValueInfo declared(const std::string& value) const {
    for (const graph::ValueInfo& input : graph_.inputs) {
      if (input.name == value) return input;
    }
    return handed_->ports().at(value);
  }

  Status run_part(size_t begin, size_t end, const std::string& part) {
    const bool whole = begin == 0 && end == graph_.nodes.size();
    const Graph graph = whole ? graph_ : ranges_.cut(begin, end, [this](const std::string& value) {
      return declared(value);
    });
    ScratchModel model(options_.scratch);
    LAP_ASSIGN_OR_RETURN(const ort::Session session, model.open(graph, observer_, options_, part));
    std::optional<HandOverWriter> next;
    if (end < graph_.nodes.size()) {
      LAP_ASSIGN_OR_RETURN(HandOverWriter writer, HandOverWriter::create(options_.scratch));
      next.emplace(std::move(writer));
    }
    LAP_RETURN_IF_ERROR(run_samples(session, part, next ? &*next : nullptr, end));
    handed_.reset();
    if (next) {
      LAP_ASSIGN_OR_RETURN(HandOver handed, std::move(*next).finish());
      handed_.emplace(std::move(handed));
    }
    return {};
  }

  Status run_samples(const ort::Session& session, const std::string& part, HandOverWriter* next,
                     size_t end) {
    const Work& work = options_.work;
    work.stage("calibrate" + part, static_cast<uint64_t>(samples_.count()), Unit::kSamples);
    LAP_RETURN_IF_ERROR(samples_.rewind());
    while (true) {
      if (work.is_cancelled()) return cancelled();
      LAP_ASSIGN_OR_RETURN(auto sample, samples_.next());
      if (!sample) return {};
      std::vector<ort::HostTensor> handed;
      if (handed_) {
        LAP_ASSIGN_OR_RETURN(handed, handed_->next());
      }
      std::vector<ort::HostTensor> inputs;
      const auto is_read = [&](const ort::HostTensor& tensor) {
        return std::any_of(session.inputs().begin(), session.inputs().end(),
                           [&](const ort::Port& port) { return port.name == tensor.name; });
      };
      move_if(*sample, inputs, is_read);
      move_if(handed, inputs, is_read);
      LAP_ASSIGN_OR_RETURN(std::vector<ort::HostTensor> outputs, session.run(inputs));
      LAP_RETURN_IF_ERROR(observer_.status());
      ++runs_;
      if (next != nullptr) {
        std::vector<ort::HostTensor> onward;
        for (auto* const from : {&inputs, &handed, &outputs}) {
          move_if(*from, onward,
                  [&](const ort::HostTensor& each) { return is_handed_on(each.name, end); });
        }
        LAP_RETURN_IF_ERROR(next->put(std::move(onward)));
      }
      work.advance(1);
    }
  }

  // Samples bring the graph's inputs anew to each part.
  bool is_handed_on(const std::string& value, size_t end) const {
    return ranges_.is_needed_from(value, end) && !graph_.is_input(value) &&
           !graph_.is_output(value);
  }

  const Graph& graph_;
  const graph::NodeRanges ranges_;
  SampleSource& samples_;
  ort::Observer& observer_;
  const RunOptions& options_;
  std::optional<HandOver> handed_;
  size_t runs_ = 0;
};

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
  const Graph whole = observed(graph, values);
  return PartedRun(whole, samples, observer, options).run();
}

}  // namespace lapidary::calibration
