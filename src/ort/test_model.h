// ONNX models written by hand for tests, straight through the protobuf classes.
//
//   TestModel model("double");
//   model.input("x", {"n"}).output("y", {"n"}).node("Add", {"x", "x"}, {"y"});
//   std::filesystem::path file = model.save(dir / "double.onnx");
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "onnx.pb.h"

namespace lapidary::ort {

class TestModel {
 public:
  using Type = onnx::TensorProto::DataType;

  explicit TestModel(const std::string& name) {
    model_.set_ir_version(10);
    model_.mutable_graph()->set_name(name);
    opset("", 21);
    opset("com.microsoft", 1);
  }

  TestModel& opset(const std::string& domain, int version) {
    auto* entry = model_.add_opset_import();
    entry->set_domain(domain);
    entry->set_version(version);
    return *this;
  }

  TestModel& input(const std::string& name, const std::vector<std::string>& dims,
                   Type type = onnx::TensorProto::FLOAT) {
    describe(model_.mutable_graph()->add_input(), name, dims, type);
    return *this;
  }

  TestModel& output(const std::string& name, const std::vector<std::string>& dims,
                    Type type = onnx::TensorProto::FLOAT) {
    describe(model_.mutable_graph()->add_output(), name, dims, type);
    return *this;
  }

  TestModel& floats(const std::string& name, const std::vector<int64_t>& dims,
                    const std::vector<float>& values) {
    auto* tensor = constant(name, dims, onnx::TensorProto::FLOAT);
    for (const float v : values) tensor->add_float_data(v);
    return *this;
  }

  TestModel& integers(const std::string& name, const std::vector<int64_t>& dims,
                      const std::vector<int64_t>& values) {
    auto* tensor = constant(name, dims, onnx::TensorProto::INT64);
    for (const int64_t v : values) tensor->add_int64_data(v);
    return *this;
  }

  // An initializer whose bytes are a file beside the model.
  TestModel& external(const std::string& name, const std::vector<int64_t>& dims, Type type,
                      const std::string& file) {
    auto* tensor = constant(name, dims, type);
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = tensor->add_external_data();
    entry->set_key("location");
    entry->set_value(file);
    return *this;
  }

  // Returns the node, so that attributes can be added.
  onnx::NodeProto* node(const std::string& type, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& domain = "") {
    auto* node = model_.mutable_graph()->add_node();
    node->set_op_type(type);
    node->set_domain(domain);
    for (const auto& name : inputs) node->add_input(name);
    for (const auto& name : outputs) node->add_output(name);
    return node;
  }

  static void attribute(onnx::NodeProto* node, const std::string& name, int64_t value) {
    auto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(value);
  }
  static void attribute(onnx::NodeProto* node, const std::string& name, float value) {
    auto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::FLOAT);
    attribute->set_f(value);
  }

  std::filesystem::path save(const std::filesystem::path& file) const {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    model_.SerializeToOstream(&stream);
    return file;
  }

 private:
  onnx::TensorProto* constant(const std::string& name, const std::vector<int64_t>& dims,
                              Type type) {
    auto* tensor = model_.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const int64_t dim : dims) tensor->add_dims(dim);
    return tensor;
  }

  // A dim that is a number is fixed, another string is a symbol.
  static void describe(onnx::ValueInfoProto* info, const std::string& name,
                       const std::vector<std::string>& dims, Type type) {
    info->set_name(name);
    auto* tensor = info->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (const auto& dim : dims) {
      const bool number = dim.find_first_not_of("0123456789") == std::string::npos;
      auto* entry = tensor->mutable_shape()->add_dim();
      if (number) entry->set_dim_value(std::stoll(dim));
      if (!number) entry->set_dim_param(dim);
    }
  }

  onnx::ModelProto model_;
};

}  // namespace lapidary::ort
