// For tests: bodies and functions as files of other writers have them.
//
//   node.opaque["then_branch"] = body_of("then_branch", {{"Abs", {"x"}, "y"}});
//   graph.functions.push_back(function_of("my", "F", 13, {{"Relu", {"x"}, "y"}}));
#pragma once

#include <onnx.pb.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "graph/onnx_bodies.h"

namespace lapidary::graph {

struct BodyNode {
  std::string op_type;
  std::vector<std::string> inputs;
  std::string output;
};

inline void set_node(const BodyNode& node, onnx::NodeProto& proto) {
  proto.set_op_type(node.op_type);
  for (const std::string& input : node.inputs) proto.add_input(input);
  proto.add_output(node.output);
}

// The last node yields what the body yields, of `dtype`.
inline onnx::AttributeProto body_proto(const std::string& name, const std::vector<BodyNode>& nodes,
                                       DType dtype = DType::kFloat) {
  onnx::AttributeProto proto;
  proto.set_name(name);
  proto.set_type(onnx::AttributeProto::GRAPH);
  for (const BodyNode& node : nodes) set_node(node, *proto.mutable_g()->add_node());
  auto* output = proto.mutable_g()->add_output();
  output->set_name(nodes.back().output);
  output->mutable_type()->mutable_tensor_type()->set_elem_type(static_cast<int32_t>(dtype));
  return proto;
}

inline OpaqueAttribute body_of(const std::string& name, const std::vector<BodyNode>& nodes,
                               DType dtype = DType::kFloat) {
  auto attribute = carried(body_proto(name, nodes, dtype), "a test");
  if (!attribute.ok()) throw std::runtime_error(attribute.error().message());
  return std::move(attribute).value();
}

// The inputs of the first node in a body.
inline std::vector<std::string> first_inputs(const OpaqueAttribute& attribute) {
  onnx::AttributeProto proto;
  if (!proto.ParseFromString(attribute.proto)) throw std::runtime_error("no attribute");
  const auto& inputs = proto.g().node(0).input();
  return {inputs.begin(), inputs.end()};
}

inline std::string function_of(const std::string& domain, const std::string& name, int64_t opset,
                               const std::vector<BodyNode>& nodes) {
  onnx::FunctionProto proto;
  proto.set_domain(domain);
  proto.set_name(name);
  auto* import = proto.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  for (const BodyNode& node : nodes) set_node(node, *proto.add_node());
  return proto.SerializeAsString();
}

}  // namespace lapidary::graph
