#include "htp/cpu_errors.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/glob.h"
#include "graph/onnx_reader.h"
#include "target/legality.h"

namespace lapidary::htp {
namespace {

constexpr size_t kMostNamed = 5;
constexpr const char* kRemedy =
    "put a pass that lowers it before the compiler, or let it run on the CPU with --allow-cpu NAME";

bool matches(std::span<const std::string> globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return glob_match(glob, name); });
}

// "Erf 'the Erf': Operators of type ... are not supported"
std::string text_of(const Refusal& node) {
  return fmt::format("{} '{}'{}{}", node.op, node.node, node.reason.empty() ? "" : ": ",
                     node.reason);
}

// What the target's rules know to do about the first node that they know of.
std::string remedy_of(std::span<const Refusal> nodes, const Subject& subject) {
  const auto record = target::record_of(subject.chip.arch);
  if (!record.ok()) return kRemedy;
  const auto findings = target::check(subject.model, *record);
  for (const Refusal& node : nodes) {
    for (const target::Finding& finding : findings) {
      if (finding.node == node.node && !finding.remedy.empty()) {
        return finding.remedy + "; or let it run on the CPU with --allow-cpu NAME";
      }
    }
  }
  return kRemedy;
}

Error refused_nodes(std::span<const Refusal> nodes, const Subject& subject) {
  std::vector<std::string> texts;
  for (const Refusal& node : nodes.first(std::min(kMostNamed, nodes.size()))) {
    texts.push_back(text_of(node));
  }
  if (texts.size() < nodes.size()) {
    texts.push_back(fmt::format("and {} more", nodes.size() - texts.size()));
  }
  const std::string count = nodes.size() == 1 ? "" : fmt::format("{} nodes: ", nodes.size());
  return unsupported(subject.file.string(),
                     fmt::format("the HTP does not take {}{}", count, fmt::join(texts, "; ")),
                     remedy_of(nodes, subject));
}

// Nodes on the CPU of a model that is compiled with the CPU to fall back to.
std::vector<CpuNode> nodes_left_out(const NotTaken& not_taken, CompilerRun run,
                                    const std::filesystem::path& folder,
                                    const graph::Graph& model) {
  run.models = {not_taken.model};
  run.allow_cpu = true;
  run.retries = 0;
  const auto again = run_compiler(run, folder);
  if (!again.ok() || !again->empty()) return {};
  const auto context = graph::load(context_file(products_of(folder), 0));
  return context.ok() ? cpu_nodes(*context, model) : std::vector<CpuNode>{};
}

}  // namespace

Status check_cpu_nodes(std::span<const CpuNode> on_cpu, std::span<const std::string> allowed,
                       std::span<const Refusal> refused, const Subject& subject) {
  std::vector<Refusal> bad;
  for (const CpuNode& node : on_cpu) {
    if (matches(allowed, node.name) || matches(allowed, node.serves)) continue;
    const auto known = std::find_if(refused.begin(), refused.end(),
                                    [&](const Refusal& each) { return each.node == node.name; });
    bad.push_back({node.name, node.op, known == refused.end() ? "" : known->reason});
  }
  if (bad.empty()) return {};
  // Those that the compiler refused tell more than those that were left behind with them.
  std::stable_partition(bad.begin(), bad.end(),
                        [](const Refusal& node) { return !node.reason.empty(); });
  return refused_nodes(bad, subject);
}

Error explain(const NotTaken& not_taken, const CompilerRun& run,
              const std::filesystem::path& folder, const target::Target& chip) {
  auto model = graph::load(not_taken.model);
  if (!model.ok()) return model.take_error();
  const Subject subject{not_taken.model, *model, chip};
  if (!not_taken.refused.empty()) return refused_nodes(not_taken.refused, subject);
  if (!not_taken.cause.empty()) {
    return unsupported(not_taken.model.string(), "the HTP does not take it: " + not_taken.cause);
  }
  const auto left_out = nodes_left_out(not_taken, run, folder, *model);
  Status which = check_cpu_nodes(left_out, {}, {}, subject);
  if (!which.ok()) return which.take_error();
  return unsupported(not_taken.model.string(), "the HTP does not take it: " + not_taken.what);
}

}  // namespace lapidary::htp
