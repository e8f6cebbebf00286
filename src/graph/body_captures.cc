#include "graph/body_captures.h"

#include <onnx.pb.h>

namespace lapidary::graph {
namespace {

using Names = std::map<std::string, std::string>;

void rename_in_body(onnx::GraphProto& body, Names names);

void rename_in_attribute(onnx::AttributeProto& attribute, const Names& names) {
  if (attribute.has_g()) rename_in_body(*attribute.mutable_g(), names);
  for (auto& body : *attribute.mutable_graphs()) rename_in_body(body, names);
}

void rename_read(std::string& value, const Names& names) {
  const auto it = names.find(value);
  if (it != names.end()) value = it->second;
}

// `names` loses what the body names itself, from where it does.
void rename_in_body(onnx::GraphProto& body, Names names) {
  for (const auto& input : body.input()) names.erase(input.name());
  for (const auto& tensor : body.initializer()) names.erase(tensor.name());
  for (const auto& tensor : body.sparse_initializer()) names.erase(tensor.values().name());
  for (auto& node : *body.mutable_node()) {
    for (std::string& input : *node.mutable_input()) rename_read(input, names);
    for (auto& attribute : *node.mutable_attribute()) rename_in_attribute(attribute, names);
    for (const std::string& output : node.output()) names.erase(output);
  }
  for (auto& output : *body.mutable_output()) rename_read(*output.mutable_name(), names);
}

}  // namespace

Status rename_captures(OpaqueAttribute& attribute,
                       const std::map<std::string, std::string>& names) {
  onnx::AttributeProto proto;
  if (!proto.ParseFromString(attribute.proto)) {
    return internal_error("a body of the model", "cannot be read");
  }
  rename_in_attribute(proto, names);
  attribute.proto = proto.SerializeAsString();
  std::set<std::string> captures;
  for (std::string value : attribute.captures) {
    rename_read(value, names);
    captures.insert(std::move(value));
  }
  attribute.captures = std::move(captures);
  return {};
}

}  // namespace lapidary::graph
