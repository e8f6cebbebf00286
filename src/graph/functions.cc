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
  for (const auto& node : function.node()) collect_ops(node, out.ops);
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
