#include "graph/onnx_writer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <onnx.pb.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <system_error>

#include "base/files.h"
#include "graph/data_layout.h"
#include "graph/data_writer.h"
#include "graph/ir_version.h"

namespace lapidary::graph {
namespace {

void set_type(const ValueInfo& value, onnx::ValueInfoProto& proto) {
  proto.set_name(value.name);
  if (value.dtype == DType::kUndefined) return;  // readers infer dtype and shape
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(static_cast<int32_t>(value.dtype));
  if (!value.ranked) return;
  auto* shape = type->mutable_shape();
  for (const Dim& dim : value.shape) {
    auto* to = shape->add_dim();
    if (const auto* number = std::get_if<int64_t>(&dim)) {
      to->set_dim_value(*number);
    } else if (!std::get<std::string>(dim).empty()) {
      to->set_dim_param(std::get<std::string>(dim));
    }
  }
}

// What a proto is made for: with kSizes values that would have to be computed are zeros.
enum class Content { kAll, kSizes };

Status set_inline(const std::string& name, const Tensor& tensor, Content content,
                  onnx::TensorProto& proto) {
  proto.set_name(name);
  proto.set_data_type(static_cast<int32_t>(tensor.dtype()));
  for (const int64_t dim : tensor.shape()) proto.add_dims(dim);
  if (content == Content::kSizes) {
    proto.set_raw_data(std::string(static_cast<size_t>(tensor.bytes()), '\0'));
    return {};
  }
  LAP_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, tensor.materialize());
  proto.set_raw_data(bytes.data(), bytes.size());
  return {};
}

void set_external(const Tensor& tensor, const Placement& placement, const std::string& file,
                  onnx::TensorProto& proto) {
  proto.set_name(placement.name);
  proto.set_data_type(static_cast<int32_t>(tensor.dtype()));
  for (const int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_data_location(onnx::TensorProto::EXTERNAL);
  const auto add = [&](const char* key, const std::string& value) {
    auto* entry = proto.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", file);
  add("offset", std::to_string(placement.offset));
  add("length", std::to_string(placement.bytes));
}

Status set_attribute(const std::string& key, const Attribute& value, Content content,
                     onnx::AttributeProto& proto) {
  proto.set_name(key);
  if (const auto* i = std::get_if<int64_t>(&value)) {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(*i);
  } else if (const auto* f = std::get_if<float>(&value)) {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(*f);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(*s);
  } else if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
    proto.set_type(onnx::AttributeProto::INTS);
    proto.mutable_ints()->Add(is->begin(), is->end());
  } else if (const auto* fs = std::get_if<std::vector<float>>(&value)) {
    proto.set_type(onnx::AttributeProto::FLOATS);
    proto.mutable_floats()->Add(fs->begin(), fs->end());
  } else if (const auto* ss = std::get_if<std::vector<std::string>>(&value)) {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& item : *ss) proto.add_strings(item);
  } else {
    proto.set_type(onnx::AttributeProto::TENSOR);
    return set_inline(key, std::get<Tensor>(value), content, *proto.mutable_t());
  }
  return {};
}

Result<onnx::ModelProto> to_proto(const Graph& graph, const DataLayout& layout,
                                  const std::string& data_file, Content content) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version_to_write(graph));
  model.set_producer_name("lapidary");
  for (const auto& [domain, version] : graph.opsets) {
    auto* opset = model.add_opset_import();
    opset->set_domain(domain);
    opset->set_version(version);
  }
  for (const auto& [key, value] : graph.metadata) {
    auto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::GraphProto& proto = *model.mutable_graph();
  proto.set_name(graph.name);
  for (const ValueInfo& input : graph.inputs) set_type(input, *proto.add_input());
  for (const ValueInfo& output : graph.outputs) set_type(output, *proto.add_output());
  std::map<std::string, const Placement*> external;
  for (const PlacedGroup& group : layout.groups) {
    for (const Placement& placement : group.placements) external[placement.name] = &placement;
  }
  for (const auto& [name, tensor] : graph.initializers) {
    onnx::TensorProto& to = *proto.add_initializer();
    if (const auto it = external.find(name); it != external.end()) {
      set_external(tensor, *it->second, data_file, to);
    } else {
      LAP_RETURN_IF_ERROR(set_inline(name, tensor, content, to));
    }
  }
  for (const Node& node : graph.nodes) {
    onnx::NodeProto& to = *proto.add_node();
    to.set_name(node.name);
    to.set_domain(node.domain);
    to.set_op_type(node.op_type);
    for (const std::string& input : node.inputs) to.add_input(input);
    for (const std::string& output : node.outputs) to.add_output(output);
    for (const auto& [key, value] : node.attributes) {
      LAP_RETURN_IF_ERROR(set_attribute(key, value, content, *to.add_attribute()));
    }
    for (const auto& [key, attribute] : node.opaque) {
      if (!to.add_attribute()->ParseFromString(attribute.proto)) {
        return internal_error(node.name, fmt::format("attribute '{}' cannot be written", key));
      }
    }
  }
  for (const std::string& function : graph.functions) {
    if (!model.add_functions()->ParseFromString(function)) {
      return internal_error(graph.name, "a function of the model cannot be written");
    }
  }
  return model;
}

Error unwritable(const std::filesystem::path& path, int code) {
  return io_error(path.string(), std::generic_category().message(code),
                  "check that the folder is writable and has space");
}

// The error, or 0.
int write_to(int fd, const onnx::ModelProto& model) {
  google::protobuf::io::FileOutputStream stream(fd);
  const bool written = model.SerializeToZeroCopyStream(&stream) && stream.Flush();
  if (written) return 0;
  return stream.GetErrno() != 0 ? stream.GetErrno() : EFBIG;  // beyond 2 GB nothing is written
}

Status write_model(const onnx::ModelProto& model, const std::filesystem::path& path,
                   Durability durability) {
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0) return unwritable(path, errno);
  const int code = write_to(fd, model);
  Status status = code == 0 ? Status() : unwritable(path, code);
  if (status.ok() && durability == Durability::kOnDisk) status = sync_file(fd, path);
  if (::close(fd) != 0 && status.ok()) status = unwritable(path, errno);
  return status;
}

}  // namespace

int64_t external_bytes(const Graph& graph) { return plan_data(graph).total_bytes; }

int64_t model_bytes(const Graph& graph, const std::string& data_file) {
  const auto model = to_proto(graph, plan_data(graph), data_file, Content::kSizes);
  return model.ok() ? static_cast<int64_t>(model->ByteSizeLong()) : 0;  // reads nothing, so is ok
}

Result<SavedModel> save(const Graph& graph, const std::filesystem::path& model_path,
                        const Work& work, Durability durability) {
  LAP_RETURN_IF_ERROR(check(graph));
  const DataLayout layout = plan_data(graph);
  std::filesystem::path data_path = model_path;
  data_path += ".data";

  SavedModel saved{{model_path}, layout.total_bytes};
  if (!layout.groups.empty()) saved.files.push_back(data_path);
  const auto write_all = [&]() -> Status {
    LAP_ASSIGN_OR_RETURN(const onnx::ModelProto model,
                         to_proto(graph, layout, data_path.filename().string(), Content::kAll));
    if (!layout.groups.empty()) {
      LAP_RETURN_IF_ERROR(write_data(layout, data_path, durability, work));
    }
    if (work.is_cancelled()) return cancelled();  // a small model has no data to be ended in
    return write_model(model, model_path, durability);
  };
  if (Status status = write_all(); !status.ok()) {
    std::error_code ignored;
    for (const auto& file : saved.files) std::filesystem::remove(file, ignored);
    return status.take_error();
  }
  return saved;
}

Status save_model(const Graph& graph, const std::filesystem::path& model_path,
                  const std::string& data_file) {
  LAP_RETURN_IF_ERROR(check(graph));
  LAP_ASSIGN_OR_RETURN(const onnx::ModelProto model,
                       to_proto(graph, plan_data(graph), data_file, Content::kAll));
  Status status = write_model(model, model_path, Durability::kOnDisk);
  std::error_code ignored;
  if (!status.ok()) std::filesystem::remove(model_path, ignored);
  return status;
}

}  // namespace lapidary::graph
