#include "graph/functions.h"

#include <onnx.pb.h>

namespace lapidary::graph {
namespace {

bool is_standard(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string qualified(const std::string& domain, const std::string& name) {
  return is_standard(domain) ? name : domain + "::" + name;
}

void collect_ops(const onnx::NodeProto& node, std::set<std::string>& out) {
  out.insert(qualified(node.domain(), node.op_type()));
  for (const auto& attribute : node.attribute()) {
    for (const auto& inner : attribute.g().node()) collect_ops(inner, out);
    for (const auto& body : attribute.graphs()) {
      for (const auto& inner : body.node()) collect_ops(inner, out);
    }
  }
}

void collect_names(const onnx::NodeProto& node, std::set<std::string>& out);

void collect_names(const onnx::GraphProto& body, std::set<std::string>& out) {
  for (const auto& input : body.input()) out.insert(input.name());
  for (const auto& tensor : body.initializer()) out.insert(tensor.name());
  for (const auto& node : body.node()) collect_names(node, out);
}

void collect_names(const onnx::NodeProto& node, std::set<std::string>& out) {
  out.insert(node.name());
  out.insert(node.output().begin(), node.output().end());
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) collect_names(attribute.g(), out);
    for (const auto& body : attribute.graphs()) collect_names(body, out);
  }
}

Result<onnx::FunctionProto> parsed_function(const std::string& proto) {
  onnx::FunctionProto function;
  if (!function.ParseFromString(proto)) {
    return internal_error("a function of the model", "cannot be read");
  }
  return function;
}

}  // namespace

Result<FunctionFacts> function_facts(const std::string& proto) {
  LAP_ASSIGN_OR_RETURN(const onnx::FunctionProto function, parsed_function(proto));
  FunctionFacts out;
  out.name = qualified(function.domain(), function.name());
  for (const auto& import : function.opset_import()) {
    if (is_standard(import.domain())) out.opset = import.version();
  }
  out.names.insert(function.input().begin(), function.input().end());
  for (const auto& node : function.node()) {
    collect_ops(node, out.ops);
    collect_names(node, out.names);
  }
  return out;
}

Result<std::string> with_opset(const std::string& proto, int64_t opset) {
  LAP_ASSIGN_OR_RETURN(onnx::FunctionProto function, parsed_function(proto));
  for (auto& import : *function.mutable_opset_import()) {
    if (is_standard(import.domain())) import.set_version(opset);
  }
  return function.SerializeAsString();
}

}  // namespace lapidary::graph
