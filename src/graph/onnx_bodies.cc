#include "graph/onnx_bodies.h"

#include <fmt/core.h>
#include <onnx.pb.h>

namespace lapidary::graph {
namespace {

// What the bodies below an attribute or function hold.
class Survey {
 public:
  void look(const onnx::AttributeProto& attribute, const std::set<std::string>& known) {
    look(attribute.t());
    for (const auto& tensor : attribute.tensors()) look(tensor);
    if (attribute.has_sparse_tensor()) look(attribute.sparse_tensor());
    for (const auto& tensor : attribute.sparse_tensors()) look(tensor);
    if (attribute.has_g()) look(attribute.g(), known);
    for (const auto& graph : attribute.graphs()) look(graph, known);
  }

  // Returns the values known after the node.
  void look(const onnx::NodeProto& node, std::set<std::string>& known) {
    const bool standard = node.domain().empty() || node.domain() == "ai.onnx";
    ops_.insert(standard ? node.op_type() : node.domain() + "::" + node.op_type());
    for (const std::string& input : node.input()) read(input, known);
    for (const auto& attribute : node.attribute()) look(attribute, known);
    known.insert(node.output().begin(), node.output().end());
    values_.insert(node.output().begin(), node.output().end());
    names_.insert(node.name());
  }

  bool external() const { return external_; }
  std::set<std::string> take_captures() { return std::move(captures_); }
  std::set<std::string> take_ops() { return std::move(ops_); }
  std::set<std::string> take_values() { return std::move(values_); }
  std::set<std::string> take_names() { return std::move(names_); }

 private:
  void look(const onnx::TensorProto& tensor) {
    external_ = external_ || tensor.data_location() == onnx::TensorProto::EXTERNAL;
  }
  void look(const onnx::SparseTensorProto& tensor) {
    look(tensor.values());
    look(tensor.indices());
  }
  void look(const onnx::GraphProto& graph, std::set<std::string> known) {
    const auto own = [&](const std::string& value) {
      known.insert(value);
      values_.insert(value);
    };
    for (const auto& input : graph.input()) own(input.name());
    for (const auto& tensor : graph.initializer()) {
      look(tensor);
      own(tensor.name());
    }
    for (const auto& tensor : graph.sparse_initializer()) {
      look(tensor);
      own(tensor.values().name());
    }
    for (const auto& node : graph.node()) look(node, known);
    for (const auto& output : graph.output()) read(output.name(), known);
  }
  void read(const std::string& value, const std::set<std::string>& known) {
    if (!value.empty() && !known.contains(value)) captures_.insert(value);
  }

  bool external_ = false;
  std::set<std::string> captures_;
  std::set<std::string> ops_;
  std::set<std::string> values_;
  std::set<std::string> names_;  // of nodes
};

Error external_inside(const std::string& where, const std::string& what) {
  return unsupported(where, what + " keeps values in a file of their own",
                     "save the model with those values inside");
}

}  // namespace

Result<OpaqueAttribute> carried(const onnx::AttributeProto& proto, const std::string& where) {
  if (!proto.ref_attr_name().empty()) {
    return unsupported(where,
                       fmt::format("attribute '{}' refers to that of a function", proto.name()));
  }
  Survey survey;
  survey.look(proto, {});
  if (survey.external()) return external_inside(where, fmt::format("attribute '{}'", proto.name()));
  OpaqueAttribute out{proto.SerializeAsString(), survey.take_captures(), survey.take_ops()};
  out.values = survey.take_values();
  out.names = survey.take_names();
  out.names.insert(out.values.begin(), out.values.end());
  for (const auto& output : proto.g().output()) {
    out.yields.push_back(static_cast<DType>(output.type().tensor_type().elem_type()));
  }
  return out;
}

Result<std::string> carried(const onnx::FunctionProto& proto, const std::string& where) {
  Survey survey;
  std::set<std::string> known;
  for (const auto& node : proto.node()) survey.look(node, known);
  for (const auto& attribute : proto.attribute_proto()) survey.look(attribute, known);
  if (survey.external()) return external_inside(where, fmt::format("function '{}'", proto.name()));
  return proto.SerializeAsString();
}

}  // namespace lapidary::graph
