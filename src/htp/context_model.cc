#include "htp/context_model.h"

#include <map>
#include <set>

#include "graph/onnx_writer.h"

namespace lapidary::htp {
namespace {

using graph::Graph;
using graph::Node;

constexpr const char* kContextOp = "EPContext";
constexpr const char* kBinary = "ep_cache_context";  // bytes, or a path relative to the model
constexpr const char* kEmbedded = "embed_mode";      // 1: bytes

// The node's own name, or that of the node it is a copy of.
std::string original_name(const std::string& name, const std::set<std::string>& names) {
  for (size_t length = name.size(); length > 0; --length) {
    if (length < name.size() && name[length] != '/' && name[length] != '_') continue;
    if (const auto found = names.find(name.substr(0, length)); found != names.end()) return *found;
  }
  return name;
}

// The attribute of the first context node that has one: others refer to the same binary.
const std::string* binary_attribute(const Graph& context, bool embedded) {
  for (const Node& node : context.nodes) {
    if (node.op_type != kContextOp || (node.int_attribute(kEmbedded, 1) == 1) != embedded) continue;
    const auto found = node.attributes.find(kBinary);
    if (found == node.attributes.end()) continue;
    const auto* text = std::get_if<std::string>(&found->second);
    if (text != nullptr && !text->empty()) return text;
  }
  return nullptr;
}

}  // namespace

bool changes_encoding(const std::string& op) {
  return op == "QuantizeLinear" || op == "DequantizeLinear";
}

std::vector<CpuNode> cpu_nodes(const Graph& context, const Graph& compiled) {
  std::set<std::string> names;
  for (const Node& node : compiled.nodes) names.insert(node.name);
  std::map<std::string, std::string> next_to;  // value -> the node on the CPU at either end of it
  for (const Node& node : context.nodes) {
    if (node.op_type == kContextOp || changes_encoding(node.op_type)) continue;
    const std::string name = original_name(node.name, names);
    for (const std::string& input : node.inputs) next_to.emplace(input, name);
    for (const std::string& output : node.outputs) next_to.emplace(output, name);
  }
  std::vector<CpuNode> out;
  std::set<std::string> seen;
  for (const Node& node : context.nodes) {
    if (node.op_type == kContextOp) continue;
    CpuNode one{original_name(node.name, names), node.qualified_op(), ""};
    if (changes_encoding(node.op_type) && !node.inputs.empty() && !node.outputs.empty()) {
      const bool quantizes = node.op_type == "QuantizeLinear";
      const auto found = next_to.find(quantizes ? node.inputs[0] : node.outputs[0]);
      if (found != next_to.end()) one.serves = found->second;
    }
    if (seen.insert(one.name).second) out.push_back(std::move(one));
  }
  return out;
}

Result<std::string> binary_of(const Graph& context, const std::string& where) {
  if (const std::string* path = binary_attribute(context, false)) return *path;
  if (binary_attribute(context, true) != nullptr) return std::string();
  return internal_error(where, "holds no context binary, and names none");
}

Result<std::span<const std::byte>> embedded_binary(const Graph& context, const std::string& where) {
  const std::string* bytes = binary_attribute(context, true);
  if (bytes == nullptr) return internal_error(where, "holds no context binary");
  return std::as_bytes(std::span(*bytes));
}

Result<std::vector<std::filesystem::path>> save_context(Graph context, const std::string& binary,
                                                        const std::filesystem::path& to) {
  std::set<std::string> domains = {""};
  for (Node& node : context.nodes) {
    domains.insert(node.domain);
    if (node.op_type != kContextOp || binary.empty()) continue;
    const auto found = node.attributes.find(kBinary);
    if (found != node.attributes.end()) found->second = binary;
  }
  // The IR version that ONNX Runtime writes is its own newest, which an older one on a device
  // refuses; the content needs none above ours.
  context.ir_version = 0;
  std::erase_if(context.opsets, [&](const auto& opset) { return !domains.contains(opset.first); });
  LAP_ASSIGN_OR_RETURN(graph::SavedModel saved, graph::save(context, to, {}));
  return std::move(saved.files);
}

}  // namespace lapidary::htp
