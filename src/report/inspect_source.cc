// Inspection of what is no package: checkpoints and single ONNX models.
#include <fmt/format.h>

#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "graph/onnx_reader.h"
#include "report/inspect.h"
#include "report/plan_text.h"
#include "report/table.h"

namespace lapidary::report {
namespace {

using checkpoint::Checkpoint;
using checkpoint::TensorEntry;

struct Group {
  int64_t tensors = 0;
  int64_t parameters = 0;
  int64_t bytes = 0;
};

// "model.language_model" of a tensor's name: its first two parts.
std::string part_of(const std::string& name) {
  const size_t first = name.find('.');
  return name.substr(0, first == std::string::npos ? first : name.find('.', first + 1));
}

// By part of the model. The names in a GGUF file say none, and its packed tensors not how many
// parameters they are: the model's do.
std::map<std::string, Group> parts_of(const Checkpoint& checkpoint) {
  std::map<std::string, Group> out;
  const auto add = [&](const std::string& name, int64_t parameters, int64_t bytes) {
    Group& group = out[part_of(name)];
    ++group.tensors;
    group.parameters += parameters;
    group.bytes += bytes;
  };
  if (checkpoint.files.folder().empty()) {
    for (const std::string& name : checkpoint.weights.names()) {
      const checkpoint::Weight& weight = *checkpoint.weights.find(name);
      add(name, weight.value.type().elements(),
          checkpoint.stored.find(weight.stored_as)->type.bytes());
    }
    return out;
  }
  for (const std::string& name : checkpoint.stored.names()) {
    const tensor::TensorType& type = checkpoint.stored.find(name)->type;
    add(name, type.elements(), type.bytes());
  }
  return out;
}

Json text_json(const checkpoint::TextConfig& text) {
  Json layers = Json::array();
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    const checkpoint::TextLayer& layer = text.layer(i);
    Json entry = {{"attention", layer.full_attention ? "full" : "sliding"},
                  {"head_dim", layer.head_dim},
                  {"kv_heads", layer.kv_heads},
                  {"intermediate_size", layer.intermediate_size}};
    if (layer.kv_donor) entry["kv_donor"] = *layer.kv_donor;
    layers.push_back(std::move(entry));
  }
  return {{"vocab_size", text.vocab_size},
          {"hidden_size", text.hidden_size},
          {"num_attention_heads", text.num_attention_heads},
          {"sliding_window", text.sliding_window},
          {"max_position_embeddings", text.max_position_embeddings},
          {"hidden_size_per_layer_input", text.hidden_size_per_layer_input},
          {"layers", std::move(layers)}};
}

Result<std::string> checkpoint_json(const Checkpoint& checkpoint, const InspectFlags& flags) {
  Json parts = Json::object();
  for (const auto& [name, group] : parts_of(checkpoint)) {
    parts[name] = {
        {"tensors", group.tensors}, {"parameters", group.parameters}, {"bytes", group.bytes}};
  }
  Json json = {{"checkpoint", flags.path},
               {"text", text_json(checkpoint.config.text)},
               {"vision", checkpoint.config.vision.has_value()},
               {"audio", checkpoint.config.audio.has_value()},
               {"bytes", checkpoint.stored.total_bytes()},
               {"parts", std::move(parts)},
               {"notes", checkpoint.notes}};
  LAP_ASSIGN_OR_RETURN(json["source_hash"], checkpoint.source_hash());
  if (flags.tensors) {
    Json tensors = Json::array();
    for (const std::string& name : checkpoint.stored.names()) {
      const TensorEntry& entry = *checkpoint.stored.find(name);
      tensors.push_back({{"name", name},
                         {"dtype", name_of(entry.type.dtype)},
                         {"shape", entry.type.shape},
                         {"bytes", entry.type.bytes()}});
    }
    json["tensors"] = std::move(tensors);
  }
  return json.dump(2) + "\n";
}

// Layers that look alike, in runs: "0-3: sliding, ...".
std::string layers_text(const checkpoint::TextConfig& text) {
  Table table({"  layers", "attention", "head dim", "kv heads", "mlp", "keys and values"});
  const auto cells = [&](int64_t i) -> std::vector<std::string> {
    const checkpoint::TextLayer& layer = text.layer(i);
    return {layer.full_attention ? "full" : "sliding", std::to_string(layer.head_dim),
            std::to_string(layer.kv_heads), std::to_string(layer.intermediate_size),
            layer.kv_donor ? fmt::format("of layer {}", *layer.kv_donor) : "own"};
  };
  for (int64_t begin = 0; begin < text.num_layers();) {
    int64_t end = begin + 1;
    while (end < text.num_layers() && cells(end) == cells(begin)) ++end;
    std::vector<std::string> row = cells(begin);
    row.insert(row.begin(), end == begin + 1 ? fmt::format("  {}", begin)
                                             : fmt::format("  {}-{}", begin, end - 1));
    table.row(std::move(row));
    begin = end;
  }
  return table.text();
}

std::string weights_text(const Checkpoint& checkpoint, bool every_tensor) {
  if (!every_tensor) {
    Table table({"part", "tensors", "parameters", "bytes"});
    for (const auto& [name, group] : parts_of(checkpoint)) {
      table.row({name, std::to_string(group.tensors), std::to_string(group.parameters),
                 human_bytes(static_cast<uint64_t>(group.bytes))});
    }
    return table.text();
  }
  Table table({"tensor", "dtype", "shape", "file"});
  for (const std::string& name : checkpoint.stored.names()) {
    const TensorEntry& entry = *checkpoint.stored.find(name);
    table.row({name, std::string(name_of(entry.type.dtype)), tensor::to_string(entry.type.shape),
               checkpoint.stored.file_of(name).filename().string()});
  }
  return table.text();
}

std::map<std::string, int64_t> ops_of(const graph::Graph& graph) {
  std::map<std::string, int64_t> out;
  for (const graph::Node& node : graph.nodes) ++out[node.qualified_op()];
  return out;
}

Json ports_json(const std::vector<graph::ValueInfo>& values) {
  Json out = Json::array();
  for (const graph::ValueInfo& value : values) {
    out.push_back({{"name", value.name},
                   {"dtype", name_of(value.dtype)},
                   {"shape", graph::to_string(value.shape)}});
  }
  return out;
}

std::string onnx_json(const graph::Graph& graph, const InspectFlags& flags) {
  int64_t bytes = 0;
  Json tensors = Json::array();
  for (const auto& [name, tensor] : graph.initializers) {
    bytes += tensor.bytes();
    tensors.push_back({{"name", name},
                       {"dtype", name_of(tensor.dtype())},
                       {"shape", tensor.shape()},
                       {"bytes", tensor.bytes()}});
  }
  Json json = {{"model", flags.path},
               {"graph", graph.name},
               {"opsets", graph.opsets},
               {"nodes", graph.nodes.size()},
               {"ops", ops_of(graph)},
               {"inputs", ports_json(graph.inputs)},
               {"outputs", ports_json(graph.outputs)},
               {"weight_bytes", bytes}};
  if (flags.tensors) json["tensors"] = std::move(tensors);
  return json.dump(2) + "\n";
}

std::string onnx_text(const graph::Graph& graph, const InspectFlags& flags) {
  int64_t bytes = 0;
  Table tensors({"  tensor", "dtype", "shape", "bytes"});
  for (const auto& [name, tensor] : graph.initializers) {
    bytes += tensor.bytes();
    tensors.row({"  " + name, std::string(name_of(tensor.dtype())),
                 tensor::to_string(tensor.shape()), std::to_string(tensor.bytes())});
  }
  Table ports({"  port", "dtype", "shape", ""});
  for (const graph::ValueInfo& input : graph.inputs) {
    ports.row({"  in  " + input.name, std::string(name_of(input.dtype)),
               graph::to_string(input.shape),
               graph.initializers.contains(input.name) ? "optional" : ""});
  }
  for (const graph::ValueInfo& output : graph.outputs) {
    ports.row({"  out " + output.name, std::string(name_of(output.dtype)),
               graph::to_string(output.shape), ""});
  }
  std::vector<std::string> opsets;
  for (const auto& [domain, version] : graph.opsets) {
    opsets.push_back(fmt::format("{} {}", domain.empty() ? "onnx" : domain, version));
  }
  return fmt::format("{}: graph '{}', {} nodes, opsets {}, weights {}\n{}  ops: {}\n{}", flags.path,
                     graph.name, graph.nodes.size(), fmt::join(opsets, ", "),
                     human_bytes(static_cast<uint64_t>(bytes)), ports.text(),
                     ops_text(ops_of(graph)), flags.tensors ? tensors.text() : "");
}

}  // namespace

Result<std::string> inspect_checkpoint(const InspectFlags& flags) {
  LAP_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                       Checkpoint::open(flags.path, {.adapters = flags.adapters}));
  if (flags.json) return checkpoint_json(checkpoint, flags);
  const checkpoint::Config& config = checkpoint.config;
  const checkpoint::TextConfig& text = config.text;
  const auto tower = [](const auto& encoder) -> std::string {
    return encoder ? fmt::format("{} layers", encoder->num_hidden_layers) : "none";
  };
  return fmt::format(
      "{}: Gemma {} checkpoint, {} in {} file(s)\n"
      "text: {} layers, hidden {}, {} heads, vocabulary {}, window {}, per-layer inputs {} wide\n"
      "{}vision: {}\naudio: {}\n{}{}",
      flags.path, text.norms_multiply_by_1_plus_w ? 3 : 4,
      human_bytes(static_cast<uint64_t>(checkpoint.stored.total_bytes())),
      checkpoint.stored.files().size(), text.num_layers(), text.hidden_size,
      text.num_attention_heads, text.vocab_size, text.sliding_window,
      text.hidden_size_per_layer_input, layers_text(text), tower(config.vision),
      tower(config.audio), weights_text(checkpoint, flags.tensors), notes_text(checkpoint.notes));
}

Result<std::string> inspect_onnx(const InspectFlags& flags) {
  LAP_ASSIGN_OR_RETURN(const graph::Graph graph, graph::load(flags.path));
  if (flags.graph) return graph::print(graph);
  return flags.json ? onnx_json(graph, flags) : onnx_text(graph, flags);
}

}  // namespace lapidary::report
