#include "graph/referenced_files.h"

#include <onnx.pb.h>

#include <algorithm>
#include <limits>

#include "base/mapped_file.h"

namespace lapidary::graph {
namespace {

class ReferenceSearch {
 public:
  void look(const onnx::ModelProto& model) {
    look(model.graph());
    for (const auto& function : model.functions()) {
      for (const auto& node : function.node()) look(node);
      for (const auto& attribute : function.attribute_proto()) look(attribute);
    }
    for (const auto& training : model.training_info()) {
      look(training.initialization());
      look(training.algorithm());
    }
  }

  std::set<std::string> take() { return std::move(found_); }

 private:
  void look(const onnx::GraphProto& graph) {
    for (const auto& tensor : graph.initializer()) look(tensor);
    for (const auto& tensor : graph.sparse_initializer()) look(tensor);
    for (const auto& node : graph.node()) look(node);
  }
  void look(const onnx::NodeProto& node) {
    for (const auto& attribute : node.attribute()) look(attribute);
    if (node.op_type() == "EPContext") look_at_context(node);
  }
  void look(const onnx::AttributeProto& attribute) {
    if (attribute.has_t()) look(attribute.t());
    for (const auto& tensor : attribute.tensors()) look(tensor);
    if (attribute.has_sparse_tensor()) look(attribute.sparse_tensor());
    for (const auto& tensor : attribute.sparse_tensors()) look(tensor);
    if (attribute.has_g()) look(attribute.g());
    for (const auto& graph : attribute.graphs()) look(graph);
  }
  void look(const onnx::SparseTensorProto& tensor) {
    look(tensor.values());
    look(tensor.indices());
  }
  // Whatever data_location says: a reader may look at the entries alone.
  void look(const onnx::TensorProto& tensor) {
    for (const auto& entry : tensor.external_data()) {
      if (entry.key() == "location") found_.insert(entry.value());
    }
  }
  // With embed_mode 1, the default, ep_cache_context is the binary itself; nodes without one share
  // that of another node.
  void look_at_context(const onnx::NodeProto& node) {
    const auto& attributes = node.attribute();
    const bool in_a_file =
        std::any_of(attributes.begin(), attributes.end(), [](const auto& attribute) {
          return attribute.name() == "embed_mode" && attribute.i() != 1;
        });
    if (!in_a_file) return;
    for (const auto& attribute : attributes) {
      if (attribute.name() == "ep_cache_context" && !attribute.s().empty()) {
        found_.insert(attribute.s());
      }
    }
  }

  std::set<std::string> found_;
};

}  // namespace

Result<std::set<std::string>> referenced_files(const std::filesystem::path& model) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(model));
  const auto bytes = file->bytes();
  onnx::ModelProto proto;
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return bad_input(model.string(), "is not an ONNX model, or is truncated");
  }
  ReferenceSearch search;
  search.look(proto);
  return search.take();
}

}  // namespace lapidary::graph
