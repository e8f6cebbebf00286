#include "build/split_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "contract/ports.h"

namespace lapidary::build {
namespace {

constexpr const char* kSplit = "SplitModel";

std::string megabytes(int64_t bytes) {
  const int64_t tenths = (bytes + 50'000) / 100'000;
  return fmt::format("{}.{} MB", tenths / 10, tenths % 10);
}

// "model.layers.3.mlp.weight" -> 3
std::optional<int64_t> layer_in(const std::string& name) {
  const std::string mark = "layers.";
  const size_t at = name.find(mark);
  if (at == std::string::npos) return std::nullopt;
  int64_t out = 0;
  const char* begin = name.data() + at + mark.size();
  const auto [end, problem] = std::from_chars(begin, name.data() + name.size(), out);
  if (problem != std::errc() || end == begin) return std::nullopt;
  return out;
}

// The layers that a part's weights belong to, and whether the head is among them. (Constants of
// lower rank, scales for example, may come along with a cache of another part's layer.)
std::string layers_of(const graph::Graph& graph) {
  std::set<int64_t> layers;
  for (const auto& [name, tensor] : graph.initializers) {
    const auto layer = tensor.shape().size() < 2 ? std::nullopt : layer_in(name);
    if (layer) layers.insert(*layer);
  }
  std::string out;
  if (layers.size() == 1) out = fmt::format("layer {}", *layers.begin());
  if (layers.size() > 1) {
    out = fmt::format("layers {}-{}", *layers.begin(), *layers.rbegin());
  }
  if (graph.is_output(contract::ports::kLogits)) out += out.empty() ? "lm_head" : " and lm_head";
  return out;
}

int64_t weights_of(const graph::Graph& graph) {
  int64_t out = 0;
  for (const auto& [name, tensor] : graph.initializers) out += tensor.bytes();
  return out;
}

// "layer 5", "lm_head": where a part begins.
std::string beginning(const SplitPart& part) {
  const size_t number = part.layers.find_first_of("0123456789");
  if (number == std::string::npos) return part.layers;
  const size_t end = part.layers.find_first_not_of("0123456789", number);
  return "layer " + part.layers.substr(number, end - number);
}

std::string reason_of(const Json& options, const Split& split) {
  int64_t total = 0;
  int64_t largest = 0;
  std::vector<std::string> cuts;
  for (const SplitPart& part : split.parts) {
    total += part.weight_bytes;
    largest = std::max(largest, part.weight_bytes);
    if (part.part > 0) cuts.push_back("before " + beginning(part));
  }
  const int64_t most = options.value("max_bytes", int64_t{0});
  const size_t count = split.parts.size();
  if (most > 0 && count == 1) {
    return fmt::format("its {} of weights fit max_bytes, {}", megabytes(total), megabytes(most));
  }
  const std::string wish =
      most > 0 ? fmt::format("max_bytes is {} for {} of weights: {} parts are the fewest that fit",
                             megabytes(most), megabytes(total), count)
               : fmt::format("num_splits is {}", count);
  return fmt::format("{}; cut {}, where the largest part is smallest, {}", wish,
                     fmt::join(cuts, ", "), megabytes(largest));
}

}  // namespace

std::optional<Split> split_report(const recipe::Recipe& recipe, const PlannedComponent& component) {
  const passes::BoundPass* pass = recipe.pass_of_type(kSplit, component.name);
  if (pass == nullptr) return std::nullopt;
  Split out{component.name, "", {}};
  std::set<std::string> made;
  for (const PlannedGraph& each : component.graphs) {
    if (each.role == contract::Role::kPrefill) continue;
    SplitPart part{each.record.part, layers_of(each.graph), weights_of(each.graph), {}};
    for (const graph::ValueInfo& input : each.graph.inputs) {
      if (made.contains(input.name)) part.receives.push_back(input.name);
    }
    for (const graph::ValueInfo& output : each.graph.outputs) made.insert(output.name);
    out.parts.push_back(std::move(part));
  }
  out.reason = reason_of(pass->options, out);
  return out;
}

}  // namespace lapidary::build
