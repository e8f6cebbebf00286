// Every place of a model that makes its reader open another file.
#include "graph/referenced_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx.pb.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class References : public ::testing::Test {
 protected:
  References()
      : file_(fs::temp_directory_path() /
              ("referenced_files_" + std::to_string(::getpid()) + ".onnx")) {}
  ~References() override { fs::remove(file_); }

  std::set<std::string> of(const onnx::ModelProto& model) const {
    std::ofstream(file_, std::ios::binary) << model.SerializeAsString();
    const auto found = referenced_files(file_);
    EXPECT_TRUE(found.ok()) << found.error().message();
    return found.ok() ? *found : std::set<std::string>();
  }
  static void refer(onnx::TensorProto* tensor, const std::string& file) {
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = tensor->add_external_data();
    entry->set_key("location");
    entry->set_value(file);
  }
  fs::path file_;
};

// A reader that looks into these and a check that does not would let a file in unseen.
TEST_F(References, DataOfTensorsWhereverTheyAre) {
  onnx::ModelProto model;
  onnx::GraphProto& graph = *model.mutable_graph();
  refer(graph.add_initializer(), "initializer");
  refer(graph.add_initializer(), "initializer");
  refer(graph.add_sparse_initializer()->mutable_values(), "sparse values");
  refer(graph.mutable_sparse_initializer(0)->mutable_indices(), "sparse indices");
  onnx::NodeProto& node = *graph.add_node();
  refer(node.add_attribute()->mutable_t(), "attribute");
  refer(node.add_attribute()->add_tensors(), "list");
  refer(node.add_attribute()->mutable_sparse_tensor()->mutable_values(), "sparse attribute");
  refer(node.add_attribute()->add_sparse_tensors()->mutable_values(), "sparse list");
  refer(node.add_attribute()->mutable_g()->add_initializer(), "body");
  refer(node.add_attribute()->add_graphs()->add_node()->add_attribute()->mutable_t(), "bodies");
  refer(model.add_functions()->add_node()->add_attribute()->mutable_t(), "function");
  refer(model.mutable_functions(0)->add_attribute_proto()->mutable_t(), "default");
  refer(model.add_training_info()->mutable_algorithm()->add_initializer(), "training");
  EXPECT_THAT(of(model), ElementsAre("attribute", "bodies", "body", "default", "function",
                                     "initializer", "list", "sparse attribute", "sparse indices",
                                     "sparse list", "sparse values", "training"));
}

TEST_F(References, BinariesBesideContextsButNotInside) {
  onnx::ModelProto model;
  for (const int64_t embedded : {0, 1, -1}) {  // -1: not said, which means inside
    onnx::NodeProto& node = *model.mutable_graph()->add_node();
    node.set_op_type("EPContext");
    node.set_domain("com.microsoft");
    if (embedded >= 0) {
      auto* attribute = node.add_attribute();
      attribute->set_name("embed_mode");
      attribute->set_i(embedded);
    }
    auto* attribute = node.add_attribute();
    attribute->set_name("ep_cache_context");
    attribute->set_s(embedded == 0 ? "part.0.bin" : "bytes");
  }
  EXPECT_THAT(of(model), ElementsAre("part.0.bin"));
}

TEST_F(References, NoneInAModelOfItsOwn) {
  onnx::ModelProto model;
  model.mutable_graph()->add_initializer()->set_raw_data("values");
  EXPECT_THAT(of(model), IsEmpty());
}

TEST_F(References, WhatIsNoModelIsNamed) {
  std::ofstream(file_) << "this is no ONNX model";
  EXPECT_THAT(referenced_files(file_).error().message(), ::testing::HasSubstr(file_.string()));
  EXPECT_EQ(referenced_files("/nowhere/model.onnx").error().kind, ErrorKind::kIo);
}

}  // namespace
}  // namespace lapidary::graph
