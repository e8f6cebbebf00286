#include "build/convert_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/files.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "target/record.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, const char* suffix) {
  fs::path out = path;
  out += suffix;
  return out;
}

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

// The folder where a conversion is made, gone at the end whatever happens.
class Workshop {
 public:
  static Result<Workshop> open(const fs::path& output) {
    Workshop out;
    out.folder_ = with_suffix(output, ".partial");
    std::error_code code;
    if (fs::is_directory(fs::symlink_status(out.folder_, code))) out.clear(output);
    if (!fs::create_directory(out.folder_, code) && !code) {
      code = std::make_error_code(std::errc::file_exists);
    }
    if (code) {
      const fs::path folder = std::exchange(out.folder_, {});
      Error error = system_error(folder, code.value());
      if (error.remedy.empty()) error.remedy = "check that the output's folder is there";
      return error;
    }
    out.model_ = out.folder_ / output.filename();
    return out;
  }
  Workshop(Workshop&& other) noexcept
      : folder_(std::exchange(other.folder_, {})), model_(std::move(other.model_)) {}
  Workshop& operator=(Workshop&& other) noexcept {
    std::swap(folder_, other.folder_);
    std::swap(model_, other.model_);
    return *this;
  }
  ~Workshop() {
    if (!folder_.empty()) clear(model_);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  const fs::path& model() const { return model_; }

 private:
  Workshop() = default;
  // Only what a conversion to `output` makes.
  void clear(const fs::path& output) const {
    std::error_code ignored;
    const fs::path model = folder_ / output.filename();
    fs::remove(model, ignored);
    fs::remove(with_suffix(model, ".data"), ignored);
    fs::remove(folder_, ignored);
  }

  fs::path folder_;
  fs::path model_;
};

Status check_output(const fs::path& output, const std::vector<fs::path>& inputs, bool force) {
  if (output.filename().empty()) {
    return bad_input(output.string(), "is a folder", "name the ONNX file to write");
  }
  for (const fs::path& file : {output, with_suffix(output, ".data")}) {
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
    if (!force) return bad_input(file.string(), "exists already", "--force replaces it");
  }
  return {};
}

Status publish(const graph::SavedModel& saved, const fs::path& output) {
  std::error_code code;
  const fs::path data = with_suffix(output, ".data");
  fs::remove(output, code);
  if (!code) fs::remove(data, code);
  if (!code && saved.files.size() > 1) fs::rename(saved.files[1], data, code);
  if (!code) fs::rename(saved.files[0], output, code);
  if (code) return system_error(output, code.value());
  const fs::path folder = output.parent_path();
  return sync_directory(folder.empty() ? "." : folder);
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
  LAP_ASSIGN_OR_RETURN(const Workshop workshop, Workshop::open(output));
  options.work.stage("writing " + output.filename().string(),
                     static_cast<uint64_t>(graph::external_bytes(graph)), Unit::kBytes);
  LAP_ASSIGN_OR_RETURN(const graph::SavedModel saved,
                       graph::save(graph, workshop.model(), options.work));
  LAP_RETURN_IF_ERROR(publish(saved, output));
  out.nodes = static_cast<int64_t>(graph.nodes.size());
  out.files = {output};
  if (saved.files.size() > 1) out.files.push_back(with_suffix(output, ".data"));
  for (const fs::path& file : out.files) {
    std::error_code ignored;
    out.bytes += fs::file_size(file, ignored);
  }
  return out;
}

}  // namespace lapidary::build
