#include "graph/onnx_reader.h"

#include <fmt/core.h>
#include <onnx.pb.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/mapped_file.h"
#include "graph/onnx_bodies.h"
#include "graph/onnx_tensors.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;

std::string domain_of(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path), tensors_(path) {}

  Result<OnnxModel> read() {
    LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path_));
    const auto bytes = file->bytes();
    onnx::ModelProto model;
    const bool parsed = bytes.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max()) &&
                        model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                        model.has_graph();
    LAP_RETURN_IF_ERROR(file->intact());
    if (!parsed) {
      return bad_input(path_.string(), "is not an ONNX model, or is truncated");
    }
    if (model.training_info_size() > 0) {
      return unsupported(path_.string(), "holds a training graph", "save the model for inference");
    }
    graph_.ir_version = std::max<int64_t>(model.ir_version(), 1);  // 0 would be: made here
    for (const auto& opset : model.opset_import()) {
      graph_.opsets[domain_of(opset.domain())] = opset.version();
    }
    for (const auto& entry : model.metadata_props()) graph_.metadata[entry.key()] = entry.value();
    for (const auto& function : model.functions()) {
      LAP_ASSIGN_OR_RETURN(std::string proto, carried(function, path_.string()));
      graph_.functions.push_back(std::move(proto));
    }
    LAP_RETURN_IF_ERROR(read_values(model));
    LAP_RETURN_IF_ERROR(read_nodes(model.graph()));
    OnnxModel out{std::move(graph_), {path_}};
    for (const fs::path& data : tensors_.files()) out.files.push_back(data);
    return out;
  }

 private:
  Status read_values(const onnx::ModelProto& model) {
    const onnx::GraphProto& proto = model.graph();
    graph_.name = proto.name();
    if (proto.sparse_initializer_size() > 0) {
      return unsupported(path_.string(), "holds sparse initializers", "save them as dense tensors");
    }
    for (const auto& tensor : proto.initializer()) {
      LAP_ASSIGN_OR_RETURN(Tensor value, tensors_.read(tensor));
      LAP_RETURN_IF_ERROR(add_constant(tensor.name(), std::move(value)));
    }
    // From version 4 on, an initializer among the inputs is a default that a caller may override.
    const bool all_constant = model.ir_version() < 4;
    for (const auto& input : proto.input()) {
      if (all_constant && graph_.initializers.contains(input.name())) continue;
      LAP_ASSIGN_OR_RETURN(ValueInfo value, read_value(input));
      graph_.inputs.push_back(std::move(value));
    }
    for (const auto& output : proto.output()) {
      LAP_ASSIGN_OR_RETURN(ValueInfo value, read_value(output));
      graph_.outputs.push_back(std::move(value));
    }
    return {};
  }

  Status add_constant(const std::string& name, Tensor value) {
    if (!graph_.initializers.emplace(name, std::move(value)).second) {
      return bad_input(path_.string(), fmt::format("value '{}' is given twice", name));
    }
    return {};
  }

  Result<ValueInfo> read_value(const onnx::ValueInfoProto& proto) const {
    ValueInfo value;
    value.name = proto.name();
    if (proto.has_type() && !proto.type().has_tensor_type()) {
      return unsupported(
          path_.string(),
          fmt::format(
              "'{}' is a sequence, map, optional or sparse value; only tensors are supported",
              proto.name()));
    }
    const auto& type = proto.type().tensor_type();
    value.dtype = static_cast<DType>(type.elem_type());
    value.ranked = type.has_shape() || value.dtype == DType::kUndefined;
    for (const auto& dim : type.shape().dim()) {
      if (dim.has_dim_value()) {
        value.shape.emplace_back(dim.dim_value());
      } else {
        value.shape.emplace_back(dim.dim_param());
      }
    }
    return value;
  }

  Status read_nodes(const onnx::GraphProto& graph) {
    for (const auto& proto : graph.node()) given_.insert(proto.name());
    for (const auto& proto : graph.node()) {
      LAP_ASSIGN_OR_RETURN(Node node, read_node(proto));
      Tensor value = constant_of(node);
      if (!value.valid()) {
        graph_.nodes.push_back(std::move(node));
      } else {
        LAP_RETURN_IF_ERROR(add_constant(node.outputs[0], std::move(value)));
      }
    }
    return {};
  }

  // The value of a Constant node that no output of the graph is; else an invalid tensor.
  Tensor constant_of(const Node& node) const {
    if (node.qualified_op() != "Constant" || node.outputs.size() != 1 || node.outputs[0].empty() ||
        graph_.is_output(node.outputs[0]) || node.attributes.size() != 1) {
      return {};
    }
    const Attribute& value = node.attributes.begin()->second;
    if (const auto* tensor = std::get_if<Tensor>(&value)) return *tensor;
    if (const auto* number = std::get_if<float>(&value)) return tensor::scalar(*number);
    if (const auto* number = std::get_if<int64_t>(&value)) return tensor::scalar(*number);
    if (const auto* list = std::get_if<std::vector<float>>(&value)) {
      return tensor::floats({static_cast<int64_t>(list->size())}, *list);
    }
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
      return tensor::integers({static_cast<int64_t>(list->size())}, *list);
    }
    return {};
  }

  Result<Node> read_node(const onnx::NodeProto& proto) {
    Node node;
    node.domain = domain_of(proto.domain());
    node.op_type = proto.op_type();
    node.name = unique_name(proto);
    if (!proto.overload().empty()) {
      return unsupported(path_.string(),
                         fmt::format("node '{}' calls an overloaded function", node.name));
    }
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute : proto.attribute()) {
      LAP_RETURN_IF_ERROR(read_attribute(attribute, node));
    }
    return node;
  }

  std::string unique_name(const onnx::NodeProto& proto) {
    const size_t index = node_count_++;
    if (!proto.name().empty() && names_.insert(proto.name()).second) return proto.name();
    const std::string base =
        proto.name().empty() ? fmt::format("{}_{}", proto.op_type(), index) : proto.name();
    std::string name = base;
    // Never that of a node to come, which people may name in options.
    for (size_t i = 1; given_.contains(name) || !names_.insert(name).second; ++i) {
      name = fmt::format("{}_{}", base, i);
    }
    return name;
  }

  Status read_attribute(const onnx::AttributeProto& proto, Node& node) {
    const auto keep = [&](Attribute value) {
      node.attributes.insert_or_assign(proto.name(), std::move(value));
      return Status();
    };
    if (proto.ref_attr_name().empty()) {
      switch (proto.type()) {
        case onnx::AttributeProto::INT:
          return keep(proto.i());
        case onnx::AttributeProto::FLOAT:
          return keep(proto.f());
        case onnx::AttributeProto::STRING:
          return keep(proto.s());
        case onnx::AttributeProto::INTS:
          return keep(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
        case onnx::AttributeProto::FLOATS:
          return keep(std::vector<float>(proto.floats().begin(), proto.floats().end()));
        case onnx::AttributeProto::STRINGS:
          return keep(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
        case onnx::AttributeProto::TENSOR: {
          if (bits_of(static_cast<DType>(proto.t().data_type())) == 0) break;  // text, float8, ...
          LAP_ASSIGN_OR_RETURN(Tensor value, tensors_.read(proto.t()));
          return keep(std::move(value));
        }
        default:
          break;
      }
    }
    if (proto.type() == onnx::AttributeProto::UNDEFINED) {
      return bad_input(path_.string(), fmt::format("node '{}' has attribute '{}' without a type",
                                                   node.name, proto.name()));
    }
    LAP_ASSIGN_OR_RETURN(node.opaque[proto.name()],
                         carried(proto, fmt::format("{}: node '{}'", path_.string(), node.name)));
    return {};
  }

  fs::path path_;
  TensorReader tensors_;
  Graph graph_;
  std::set<std::string> given_;  // names of nodes in the file
  std::set<std::string> names_;  // of nodes that were read
  size_t node_count_ = 0;
};

}  // namespace

Result<OnnxModel> load_model(const fs::path& model_path) {
  LAP_ASSIGN_OR_RETURN(OnnxModel model, Reader(model_path).read());
  if (Status status = check(model.graph); !status.ok()) {
    return bad_input(model_path.string(), status.error().what);
  }
  return model;
}

Result<Graph> load(const fs::path& model_path) {
  LAP_ASSIGN_OR_RETURN(OnnxModel model, load_model(model_path));
  return std::move(model.graph);
}

}  // namespace lapidary::graph
