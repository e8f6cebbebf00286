#include "graph/onnx_reader.h"

#include <onnx.pb.h>

#include <charconv>
#include <limits>
#include <map>

#include "base/mapped_file.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;
using tensor::Shape;
using tensor::TensorType;

class Reader {
 public:
  explicit Reader(fs::path path) : path_(std::move(path)) {}

  Result<Graph> read() {
    LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path_));
    const auto bytes = file->bytes();
    onnx::ModelProto model;
    if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) ||
        !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
      return bad_input(path_.string(), "is not an ONNX model, or is truncated");
    }
    Graph graph;
    graph.name = model.graph().name();
    for (const auto& opset : model.opset_import()) graph.opsets[opset.domain()] = opset.version();
    for (const auto& entry : model.metadata_props()) graph.metadata[entry.key()] = entry.value();
    if (model.graph().sparse_initializer_size() > 0) {
      return unsupported(path_.string(), "holds sparse initializers");
    }
    for (const auto& value : model.graph().input()) graph.inputs.push_back(read_value(value));
    for (const auto& value : model.graph().output()) graph.outputs.push_back(read_value(value));
    for (const auto& proto : model.graph().initializer()) {
      LAP_ASSIGN_OR_RETURN(graph.initializers[proto.name()], read_tensor(proto));
    }
    for (const auto& proto : model.graph().node()) {
      LAP_ASSIGN_OR_RETURN(Node node, read_node(proto, graph.nodes.size()));
      graph.nodes.push_back(std::move(node));
    }
    return graph;
  }

 private:
  static ValueInfo read_value(const onnx::ValueInfoProto& proto) {
    ValueInfo value;
    value.name = proto.name();
    const auto& type = proto.type().tensor_type();
    value.dtype = static_cast<DType>(type.elem_type());
    for (const auto& dim : type.shape().dim()) {
      if (dim.has_dim_value()) {
        value.shape.emplace_back(dim.dim_value());
      } else {
        value.shape.emplace_back(dim.dim_param());
      }
    }
    return value;
  }

  Result<TensorType> read_type(const onnx::TensorProto& proto) const {
    TensorType type;
    type.dtype = static_cast<DType>(proto.data_type());
    if (bits_of(type.dtype) == 0) {
      return unsupported(path_.string(), "tensor '" + proto.name() + "' has element type " +
                                             std::to_string(proto.data_type()));
    }
    int64_t count = 1;
    for (const int64_t dim : proto.dims()) {
      if (dim < 0 || (dim > 0 && count > std::numeric_limits<int64_t>::max() / 16 / dim)) {
        return bad_input(path_.string(), "tensor '" + proto.name() + "' has an impossible shape");
      }
      count *= dim;
      type.shape.push_back(dim);
    }
    return type;
  }

  Result<Tensor> read_tensor(const onnx::TensorProto& proto) {
    LAP_ASSIGN_OR_RETURN(TensorType type, read_type(proto));
    if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
      return read_external(proto, std::move(type));
    }
    std::vector<std::byte> bytes;
    if (proto.has_raw_data()) {
      const std::string& raw = proto.raw_data();
      const auto* data = reinterpret_cast<const std::byte*>(raw.data());
      bytes.assign(data, data + raw.size());
    } else {
      bytes = typed_data(proto, type.dtype);
    }
    if (static_cast<int64_t>(bytes.size()) != type.bytes()) {
      return bad_input(path_.string(),
                       "tensor '" + proto.name() + "' holds " + std::to_string(bytes.size()) +
                           " bytes, its shape needs " + std::to_string(type.bytes()));
    }
    return tensor::literal(std::move(type), std::move(bytes));
  }

  // Values in the typed fields of TensorProto, which small tensors of other writers use.
  static std::vector<std::byte> typed_data(const onnx::TensorProto& proto, DType dtype) {
    std::vector<std::byte> bytes;
    const auto append = [&](const auto& value, size_t size) {
      const auto* from = reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), from, from + size);  // little-endian: the low bytes come first
    };
    const auto width = static_cast<size_t>(std::max(1, bits_of(dtype) / 8));
    for (const float value : proto.float_data()) append(value, sizeof(value));
    for (const double value : proto.double_data()) append(value, sizeof(value));
    for (const int64_t value : proto.int64_data()) append(value, sizeof(value));
    for (const uint64_t value : proto.uint64_data()) append(value, width);
    for (const int32_t value : proto.int32_data()) append(value, width);
    return bytes;
  }

  Result<Tensor> read_external(const onnx::TensorProto& proto, TensorType type) {
    std::string location;
    int64_t offset = 0;
    int64_t length = type.bytes();
    for (const auto& entry : proto.external_data()) {
      const std::string& text = entry.value();
      if (entry.key() == "location") location = text;
      int64_t* number = entry.key() == "offset"   ? &offset
                        : entry.key() == "length" ? &length
                                                  : nullptr;
      if (number == nullptr) continue;
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *number);
      if (code != std::errc() || end != text.data() + text.size() || *number < 0) {
        return bad_input(path_.string(),
                         "tensor '" + proto.name() + "' has " + entry.key() + " '" + text + "'");
      }
    }
    const fs::path relative = fs::path(location).lexically_normal();
    if (location.empty() || relative.is_absolute() || *relative.begin() == "..") {
      return bad_input(path_.string(), "tensor '" + proto.name() + "' points to '" + location +
                                           "', outside the model's folder");
    }
    auto& file = files_[relative.string()];
    if (file == nullptr) {
      LAP_ASSIGN_OR_RETURN(file, MappedFile::open(path_.parent_path() / relative));
    }
    const auto available = static_cast<int64_t>(file->bytes().size());
    if (length != type.bytes() || offset > available || length > available - offset) {
      return bad_input(file->path().string(),
                       "is too short for tensor '" + proto.name() + "' (" + std::to_string(offset) +
                           " + " + std::to_string(type.bytes()) + " of " +
                           std::to_string(available) + " bytes)",
                       "build or download the package again");
    }
    return tensor::from_file(file, offset, std::move(type), proto.name());
  }

  Result<Attribute> read_attribute(const onnx::AttributeProto& proto, const std::string& node) {
    switch (proto.type()) {
      case onnx::AttributeProto::INT:
        return Attribute(proto.i());
      case onnx::AttributeProto::FLOAT:
        return Attribute(proto.f());
      case onnx::AttributeProto::STRING:
        return Attribute(proto.s());
      case onnx::AttributeProto::INTS:
        return Attribute(std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
      case onnx::AttributeProto::FLOATS:
        return Attribute(std::vector<float>(proto.floats().begin(), proto.floats().end()));
      case onnx::AttributeProto::STRINGS:
        return Attribute(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
      case onnx::AttributeProto::TENSOR: {
        LAP_ASSIGN_OR_RETURN(Tensor value, read_tensor(proto.t()));
        return Attribute(std::move(value));
      }
      default:
        return unsupported(path_.string(),
                           "node '" + node + "' has attribute '" + proto.name() +
                               "' of a kind that is not supported (subgraphs are not)");
    }
  }

  Result<Node> read_node(const onnx::NodeProto& proto, size_t index) {
    Node node;
    node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    node.op_type = proto.op_type();
    node.name = proto.name().empty() ? proto.op_type() + "_" + std::to_string(index) : proto.name();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute : proto.attribute()) {
      LAP_ASSIGN_OR_RETURN(Attribute value, read_attribute(attribute, node.name));
      node.attributes.emplace(attribute.name(), std::move(value));
    }
    return node;
  }

  fs::path path_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace

Result<Graph> load(const fs::path& model_path) {
  LAP_ASSIGN_OR_RETURN(Graph graph, Reader(model_path).read());
  if (Status status = check(graph); !status.ok()) {
    return bad_input(model_path.string(), status.error().what);
  }
  return graph;
}

}  // namespace lapidary::graph
