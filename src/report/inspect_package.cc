#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "graph/onnx_reader.h"
#include "package/package.h"
#include "report/claims_text.h"
#include "report/inspect.h"
#include "report/modalities.h"
#include "report/plan_text.h"
#include "report/table.h"

namespace lapidary::report {
namespace {

using package::GraphRecord;
using package::Manifest;
using package::Package;
using package::Port;
using package::TensorRecord;

int64_t node_count(const GraphRecord& component) {
  int64_t out = 0;
  for (const auto& [op, n] : component.ops) out += n;
  return out;
}

std::string port_shape(const Port& port) {
  return fmt::format("[{}]", fmt::join(port.shape, ", "));
}

std::string ports_text(const GraphRecord& component) {
  Table table({"  port", "dtype", "shape", ""});
  for (const Port& port : component.inputs) {
    table.row(
        {"  in  " + port.name, port.dtype, port_shape(port), port.optional ? "optional" : ""});
  }
  for (const Port& port : component.outputs) {
    table.row({"  out " + port.name, port.dtype, port_shape(port), ""});
  }
  return table.text();
}

// Weights stored alike, in one line: what most people want to know of a thousand tensors.
std::string storage_text(const GraphRecord& component) {
  struct Group {
    int64_t tensors = 0;
    uint64_t bytes = 0;
  };
  std::map<std::string, Group> groups;
  for (const TensorRecord& tensor : component.tensors) {
    Group& group = groups[tensor.quantization.empty() ? "not quantized, " + tensor.dtype
                                                      : tensor.quantization];
    ++group.tensors;
    group.bytes += static_cast<uint64_t>(tensor.bytes);
  }
  Table table({"  weights", "tensors", "bytes"});
  for (const auto& [how, group] : groups) {
    table.row({"  " + how, std::to_string(group.tensors), human_bytes(group.bytes)});
  }
  return table.text();
}

std::string tensors_text(const GraphRecord& component) {
  Table table({"  tensor", "dtype", "shape", "bytes", "quantization"});
  for (const TensorRecord& tensor : component.tensors) {
    table.row({"  " + tensor.name, tensor.dtype, tensor::to_string(tensor.shape),
               std::to_string(tensor.bytes), tensor.quantization});
  }
  return table.text();
}

std::string component_text(const GraphRecord& component, const InspectFlags& flags) {
  return fmt::format("{} ({}): {}\n{}  ops: {}\n{}", component.name, component.file,
                     counted(node_count(component), "node"), ports_text(component),
                     ops_text(component.ops),
                     flags.tensors ? tensors_text(component) : storage_text(component));
}

std::string files_text(const Manifest& manifest) {
  Table table({"file", "bytes", "xxh3"});
  for (const package::FileRecord& file : manifest.files) {
    table.row({file.path, std::to_string(file.size), file.xxh3});
  }
  return table.text();
}

Result<std::vector<GraphRecord>> selected(const Package& package, const InspectFlags& flags) {
  std::vector<GraphRecord> out = package.manifest.components;
  if (flags.component.empty()) return out;
  std::erase_if(out, [&](const GraphRecord& each) { return each.name != flags.component; });
  if (!out.empty()) return out;
  return package.component(flags.component).error();  // names those that are there
}

Result<std::string> as_json(const Package& package, std::vector<GraphRecord> components,
                            bool tensors) {
  LAP_ASSIGN_OR_RETURN(Json modalities, modalities_json(package));
  Manifest manifest = package.manifest;
  manifest.components = std::move(components);
  Json json = package::to_json(manifest);
  uint64_t bytes = 0;
  for (const package::FileRecord& file : manifest.files) bytes += file.size;
  json["bytes"] = bytes;
  json["notes"] = package.manifest.notes;
  json["modalities"] = std::move(modalities);
  if (!tensors) {
    for (Json& component : json["components"]) component.erase("tensors");
  }
  return json.dump(2) + "\n";
}

// The claims reports of the package: of each component that was compiled, one.
Result<std::string> claims(const Package& package, const InspectFlags& flags) {
  Json reports = Json::object();
  std::string text;
  for (const package::FileRecord& file : package.manifest.files) {
    const std::filesystem::path path(file.path);
    const std::string component = path.parent_path().string();
    if (path.filename() != "claims.json") continue;
    if (!flags.component.empty() && component != flags.component) continue;
    LAP_ASSIGN_OR_RETURN(reports[component], load_json(package.path(file.path)));
    LAP_ASSIGN_OR_RETURN(
        const htp::ClaimsReport report,
        htp::read_claims_report(reports[component], package.path(file.path).string()));
    text += fmt::format("{}{}, {}", text.empty() ? "" : "\n", component,
                        claims_text(report, flags.graph));
  }
  if (reports.empty()) {
    return bad_input(flags.path, "holds no claims report",
                     "only what was compiled for the HTP has one");
  }
  return flags.json ? reports.dump(2) + "\n" : text;
}

}  // namespace

std::string ops_text(const std::map<std::string, int64_t>& ops) {
  std::vector<std::pair<std::string, int64_t>> sorted(ops.begin(), ops.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::string> parts;
  parts.reserve(sorted.size());
  for (const auto& [op, n] : sorted) parts.push_back(fmt::format("{} {}", op, n));
  return fmt::format("{}", fmt::join(parts, ", "));
}

namespace {

Result<std::string> package_text(const Package& package, const InspectFlags& flags) {
  const Manifest& manifest = package.manifest;
  LAP_ASSIGN_OR_RETURN(std::vector<GraphRecord> components, selected(package, flags));
  if (flags.claims) return claims(package, flags);
  if (flags.json) return as_json(package, std::move(components), flags.tensors);
  if (flags.graph) {
    std::string out;
    for (const GraphRecord& component : components) {
      if (!manifest.lists(component.file)) {
        return bad_input(package.path(component.file).string(),
                         "was left out when the package was exported",
                         "use the package that it was exported from");
      }
      LAP_RETURN_IF_ERROR(package.check_references(component.file));
      LAP_ASSIGN_OR_RETURN(const graph::Graph graph, graph::load(package.path(component.file)));
      out += graph::print(graph);
    }
    return out;
  }
  std::string out = fmt::format("{}: recipe {}, from {}, by lapidary {}\n", flags.path,
                                manifest.recipe_name, manifest.source, manifest.lapidary_version);
  if (flags.component.empty()) {
    LAP_ASSIGN_OR_RETURN(const std::string modalities, modalities_text(package));
    out += modalities + notes_text(manifest.notes);
  }
  for (const GraphRecord& component : components) out += "\n" + component_text(component, flags);
  if (flags.component.empty()) out += "\n" + files_text(manifest);
  if (flags.verify) out += "every file matches its checksum\n";
  return out;
}

}  // namespace

Result<std::string> inspect_package(const InspectFlags& flags) {
  using package::VerifyMode;
  std::string out;
  Status done = package::while_unchanged(flags.path, [&](Package& package) -> Status {
    LAP_RETURN_IF_ERROR(package.verify(flags.verify ? VerifyMode::kChecksums : VerifyMode::kSizes));
    LAP_ASSIGN_OR_RETURN(out, package_text(package, flags));
    return {};
  });
  if (!done.ok()) return done.take_error();
  return out;
}

}  // namespace lapidary::report
