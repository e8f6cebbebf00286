#include "build/convert_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/files.h"
#include "build/conversion_output.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "target/record.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

Status apply_setting(const std::string& text, const std::vector<std::string>& types,
                     std::vector<Json>& options) {
  const std::string where = "--set " + text;
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return bad_input(where, "is not of the form OPTION=VALUE", "for example --set use_int4=true");
  }
  const size_t dot = text.substr(0, equals).find('.');
  const std::string type = dot == std::string::npos ? "" : text.substr(0, dot);
  const size_t begin = dot == std::string::npos ? 0 : dot + 1;
  const std::string option = text.substr(begin, equals - begin);
  if (type.empty() && types.size() > 1) {
    return bad_input(where, "does not say which of the passes it is for",
                     fmt::format("--set {}.{}", types.front(), text));
  }
  bool found = false;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!type.empty() && types[i] != type) continue;
    const std::string value = text.substr(equals + 1);
    Json parsed = Json::parse(value, nullptr, false);
    options[i][option] = parsed.is_discarded() ? Json(value) : std::move(parsed);
    found = true;
  }
  if (!found) return bad_input(where, "there is no --pass " + type);
  return {};
}

Status check_output(const fs::path& output, const std::vector<fs::path>& inputs, bool force) {
  if (output.filename().empty()) {
    return bad_input(output.string(), "is a folder", "name the ONNX file to write");
  }
  for (const fs::path& file : files_of_conversion(output)) {
    std::error_code code;
    for (const fs::path& input : inputs) {
      if (fs::equivalent(file, input, code)) {
        return bad_input(file.string(), "is read as input, and would be written over",
                         "choose another output");
      }
    }
    const fs::file_status status = fs::symlink_status(file, code);
    if (!fs::exists(status)) continue;
    if (fs::is_directory(status)) {
      return bad_input(file.string(), "is a folder", "name the ONNX file to write");
    }
    if (fs::is_other(fs::status(file, code))) LAP_RETURN_IF_ERROR(check_output_file(file));
    if (!force) return bad_input(file.string(), "exists already", "--force replaces it");
  }
  return {};
}

Result<graph::Graph> run_steps(graph::Graph graph, const std::vector<passes::BoundPass>& steps,
                               const passes::PassContext& context, Conversion& out) {
  for (const passes::BoundPass& step : steps) {
    passes::GraphSet graphs;
    graphs.push_back({contract::Role::kModel, 0, std::move(graph)});
    LAP_ASSIGN_OR_RETURN(passes::SetOutcome outcome, step.run(std::move(graphs), context));
    if (outcome.graphs.size() != 1) {
      return unsupported(step.type,
                         fmt::format("makes {} graphs of the model, and a conversion writes one",
                                     outcome.graphs.size()),
                         "use it in a recipe (`lapidary build`)");
    }
    graph = std::move(outcome.graphs.front().graph);
    out.steps.push_back({step.type, step.options, outcome.rewritten, std::move(outcome.declined)});
  }
  return graph;
}

}  // namespace

Result<std::vector<passes::BoundPass>> bind_steps(const std::vector<std::string>& types,
                                                  const std::vector<std::string>& settings) {
  std::vector<const passes::PassEntry*> entries;
  for (const std::string& type : types) {
    LAP_ASSIGN_OR_RETURN(const passes::PassEntry* entry, passes::find_pass(type, "--pass"));
    entries.push_back(entry);
  }
  std::vector<Json> options(types.size(), Json::object());
  for (const std::string& setting : settings) {
    LAP_RETURN_IF_ERROR(apply_setting(setting, types, options));
  }
  std::vector<passes::BoundPass> out;
  for (size_t i = 0; i < types.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(const JsonDocument document,
                         JsonDocument::parse(options[i].dump(), types[i]));
    JsonReader reader = document.root();
    out.push_back(entries[i]->bind(reader));
    LAP_RETURN_IF_ERROR(document.finish());
  }
  return out;
}

Result<Conversion> convert_file(const fs::path& input, const fs::path& output,
                                const std::vector<passes::BoundPass>& steps,
                                const ConvertOptions& options) {
  LAP_ASSIGN_OR_RETURN(graph::OnnxModel model, graph::load_model(input));
  LAP_RETURN_IF_ERROR(check_output(output, model.files, options.force));
  Conversion out;
  passes::PassContext context;
  LAP_ASSIGN_OR_RETURN(context.traits, target::traits_of(options.chip));
  LAP_ASSIGN_OR_RETURN(const graph::Graph graph,
                       run_steps(std::move(model.graph), steps, context, out));
  for (const graph::Node& node : graph.nodes) {
    const bool has_body = std::any_of(node.opaque.begin(), node.opaque.end(),
                                      [](const auto& each) { return !each.second.ops.empty(); });
    if (has_body) out.bodies.push_back(node.name);
  }
  LAP_ASSIGN_OR_RETURN(ConversionOutput place, ConversionOutput::open(output));
  // Another conversion may have written it since the first look.
  LAP_RETURN_IF_ERROR(check_output(output, model.files, options.force));
  options.work.stage("writing " + output.filename().string(),
                     static_cast<uint64_t>(graph::external_bytes(graph)), Unit::kBytes);
  LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved,
                       graph::save(graph, place.model(), options.work));
  LAP_ASSIGN_OR_RETURN(out.files, place.publish(graph, saved, options.work));
  out.nodes = static_cast<int64_t>(graph.nodes.size());
  for (const fs::path& file : out.files) {
    std::error_code ignored;
    out.bytes += fs::file_size(file, ignored);
  }
  return out;
}

}  // namespace lapidary::build
