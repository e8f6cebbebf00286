#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx.pb.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "graph/builder.h"
#include "graph/data_layout.h"
#include "graph/onnx_reader.h"
#include "graph/onnx_writer.h"
#include "graph/testing/bodies.h"
#include "tensor/expressions.h"

namespace lapidary::graph {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OnnxFile : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("onnx_io_test_" + std::to_string(::getpid()));
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path dir_;
};

std::vector<float> iota(size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

// A graph with one external float weight, transposed lazily, and small ones of every dtype.
Graph sample() {
  Builder b("sample");
  const Ref x = b.input("x", DType::kFloat, {"batch", int64_t{50}});
  const Ref keep = b.optional_input("keep", {int64_t{1}}, tensor::integers({1}, {7}));
  const Ref w = b.weight("w", tensor::transpose(tensor::floats({40, 50}, iota(2000))));
  const Ref y = b.op("MatMul", {x, w});
  const Ref half = b.weight("half", tensor::cast(tensor::floats({2}, {1.5f, -2}), DType::kFloat16));
  const Ref brain =
      b.weight("brain", tensor::cast(tensor::floats({2}, {1.5f, -2}), DType::kBfloat16));
  const Ref nibbles =
      b.weight("nibbles", tensor::literal({DType::kInt4, {3}}, {std::byte{0x21}, std::byte{0x0f}}));
  const Ref unsigned_nibbles =
      b.weight("unsigned_nibbles", tensor::literal({DType::kUint4, {2}}, {std::byte{0x98}}));
  const Ref z = b.microsoft_op("Everything", {y, half, brain, nibbles, unsigned_nibbles, keep}, "",
                               {{"i", int64_t{-3}},
                                {"f", 0.25f},
                                {"s", std::string("text")},
                                {"is", std::vector<int64_t>{1, 2}},
                                {"fs", std::vector<float>{0.5f}},
                                {"ss", std::vector<std::string>{"a", "b"}},
                                {"t", tensor::integers({2}, {5, 6})}});
  b.output("z", z, DType::kFloat, {"batch", int64_t{40}});
  Graph g = std::move(b).finish();
  g.metadata["key"] = "value";
  return g;
}

// Catches anything the file format loses: dtypes, attributes, optional inputs, external data.
TEST_F(OnnxFile, RoundTripKeepsEverything) {
  const Graph before = sample();
  auto saved = save(before, dir_ / "model.onnx", {});
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  ASSERT_EQ(saved->files.size(), 2u);
  auto loaded = load(dir_ / "model.onnx");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  const Graph& after = *loaded;
  EXPECT_EQ(after.opsets, before.opsets);
  EXPECT_EQ(after.metadata, before.metadata);
  ASSERT_EQ(after.nodes.size(), before.nodes.size());
  for (size_t i = 0; i < after.nodes.size(); ++i) {
    EXPECT_EQ(after.nodes[i].inputs, before.nodes[i].inputs);
    EXPECT_EQ(after.nodes[i].outputs, before.nodes[i].outputs);
    EXPECT_EQ(after.nodes[i].qualified_op(), before.nodes[i].qualified_op());
    EXPECT_EQ(after.nodes[i].attributes.size(), before.nodes[i].attributes.size());
  }
  ASSERT_EQ(after.initializers.size(), before.initializers.size());
  for (const auto& [name, tensor] : before.initializers) {
    const Tensor& other = after.initializers.at(name);
    EXPECT_EQ(other.type(), tensor.type()) << name;
    EXPECT_EQ(other.materialize().value(), tensor.materialize().value()) << name;
  }
  EXPECT_EQ(after.constant("keep"), nullptr);
  EXPECT_EQ(std::get<float>(after.nodes[1].attributes.at("f")), 0.25f);
}

// Catches tiles written to the wrong place when many threads share the file.
TEST_F(OnnxFile, LargeWeightsArriveWhole) {
  Builder b("large");
  const Ref x = b.input("x", DType::kFloat, {int64_t{1}, int64_t{1000}});
  const auto values = iota(1000u * 3000u);
  const Ref w = b.weight("w", tensor::transpose(tensor::floats({3000, 1000}, values)));
  b.output("y", b.op("MatMul", {x, w}), DType::kFloat, {int64_t{1}, int64_t{3000}});
  const Graph g = std::move(b).finish();
  ASSERT_TRUE(save(g, dir_ / "m.onnx", {.threads = 7}).ok());
  const auto loaded = load(dir_ / "m.onnx");
  ASSERT_TRUE(loaded.ok());
  const auto back = loaded->initializers.at("w").to_floats().value();
  for (size_t r = 0; r < 1000; r += 37) {
    for (size_t c = 0; c < 3000; c += 41) ASSERT_EQ(back[r * 3000 + c], values[c * 1000 + r]);
  }
}

TEST_F(OnnxFile, CancelLeavesNoFile) {
  CancelToken token;
  token.cancel();
  const auto saved = save(sample(), dir_ / "model.onnx", {.cancel = &token});
  ASSERT_FALSE(saved.ok());
  EXPECT_EQ(saved.error().kind, ErrorKind::kCancelled);
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(OnnxFile, UnwritableFolderIsNamed) {
  const auto saved = save(sample(), dir_ / "missing" / "model.onnx", {});
  ASSERT_FALSE(saved.ok());
  EXPECT_THAT(saved.error().message(), HasSubstr("missing/model.onnx.data"));
}

// Catches 32-bit offsets: layouts beyond 2 GB and 4 GB.
TEST_F(OnnxFile, OffsetsBeyondFourGigabytes) {
  const fs::path source = dir_ / "sparse.bin";
  std::ofstream(source).close();
  const int64_t rows = 5 << 20;  // x 1024 x bf16 = 10 GB, sparse
  fs::resize_file(source, static_cast<uintmax_t>(rows) * 2048);
  const auto file = MappedFile::open(source).value();
  Builder b("huge");
  const Ref ids = b.input("ids", DType::kInt64, {int64_t{1}});
  Ref sum;
  for (int i = 0; i < 3; ++i) {
    const Tensor table = tensor::from_file(file, 0, {DType::kBfloat16, {rows, 1024}}, "t");
    const Ref row = b.op("Gather", {b.weight("table" + std::to_string(i), table), ids});
    sum = i == 0 ? row : b.op("Add", {sum, row});
  }
  b.output("y", sum, DType::kBfloat16, {int64_t{1}, int64_t{1024}});
  const DataLayout layout = plan_data(std::move(b).finish());
  ASSERT_EQ(layout.groups.size(), 3u);
  EXPECT_EQ(layout.groups[2].placements[0].offset, 2 * rows * 2048);
  EXPECT_EQ(layout.total_bytes, 3 * rows * 2048);
}

TEST_F(OnnxFile, ReadsExternalDataBeyondTwoGigabytes) {
  const int64_t offset = int64_t{5} << 29;  // 2.5 GB into a sparse file
  std::ofstream(dir_ / "w.data").close();
  fs::resize_file(dir_ / "w.data", static_cast<uintmax_t>(offset) + 8);
  std::fstream data(dir_ / "w.data", std::ios::in | std::ios::out | std::ios::binary);
  const float values[2] = {3.0f, 4.0f};
  data.seekp(offset);
  data.write(reinterpret_cast<const char*>(values), 8);
  data.close();
  onnx::ModelProto model;
  auto* t = model.mutable_graph()->add_initializer();
  t->set_name("w");
  t->set_data_type(1);
  t->add_dims(2);
  t->set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"location", "w.data"},
                                   {"offset", std::to_string(offset)},
                                   {"length", "8"}}) {
    auto* entry = t->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  std::ofstream out(dir_ / "m.onnx", std::ios::binary);
  model.SerializeToOstream(&out);
  out.close();
  const auto graph = load(dir_ / "m.onnx");
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  EXPECT_EQ(graph->initializers.at("w").to_floats().value(), (std::vector<float>{3, 4}));
}

// Every truncation of the model file either fails cleanly or, where protobuf cannot tell, yields a
// graph that check() accepts.
TEST_F(OnnxFile, TruncatedModelsNeverCrash) {
  ASSERT_TRUE(save(sample(), dir_ / "model.onnx", {}).ok());
  std::ifstream in(dir_ / "model.onnx", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (size_t n = 0; n < whole.size(); n += 3) {
    std::ofstream(dir_ / "cut.onnx", std::ios::binary) << whole.substr(0, n);
    const auto graph = load(dir_ / "cut.onnx");
    if (!graph.ok()) {
      EXPECT_THAT(graph.error().message(), HasSubstr("cut.onnx"));
    }
  }
}

TEST_F(OnnxFile, TruncatedDataIsNamed) {
  ASSERT_TRUE(save(sample(), dir_ / "model.onnx", {}).ok());
  fs::resize_file(dir_ / "model.onnx.data", 100);
  const auto graph = load(dir_ / "model.onnx");
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(graph.error().message(), HasSubstr("model.onnx.data"));
  EXPECT_THAT(graph.error().message(), HasSubstr("'w'"));
}

TEST_F(OnnxFile, DataOutsideTheFolderIsRefused) {
  onnx::ModelProto model;
  auto* t = model.mutable_graph()->add_initializer();
  t->set_name("w");
  t->set_data_type(1);
  t->add_dims(1);
  t->set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = t->add_external_data();
  entry->set_key("location");
  entry->set_value("../../etc/passwd");
  std::ofstream out(dir_ / "m.onnx", std::ios::binary);
  model.SerializeToOstream(&out);
  out.close();
  const auto graph = load(dir_ / "m.onnx");
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(graph.error().message(), HasSubstr("outside"));
}

// Catches the user's own files taken for weights: a folder that was unpacked may hold links.
TEST_F(OnnxFile, LinksOutOfTheFolderAreRefused) {
  const fs::path model = dir_ / "folder/model.onnx";
  const fs::path data = dir_ / "folder/model.onnx.data";
  fs::create_directories(dir_ / "folder");
  ASSERT_TRUE(save(sample(), model, {}).ok());
  fs::rename(data, dir_ / "secret");
  for (const fs::path& target : {dir_ / "secret", fs::path("../secret")}) {
    fs::create_symlink(target, data);
    const auto graph = load(model);
    ASSERT_FALSE(graph.ok()) << target;
    EXPECT_EQ(graph.error().message(),
              model.string() +
                  ": tensor 'w' points to 'model.onnx.data', by a link outside the "
                  "model's folder (put the data into the model's folder, as a file)");
    fs::remove(data);
  }
  fs::rename(dir_ / "secret", dir_ / "folder/weights");
  fs::create_symlink("weights", data);
  EXPECT_TRUE(load(model).ok()) << "a link inside is fine";
  // A folder that is reached by a link is the model's folder all the same.
  fs::create_directory_symlink("folder", dir_ / "link");
  EXPECT_TRUE(load(dir_ / "link/model.onnx").ok());
}

// REPOSITORY/snapshots/REVISION/onnx/model.onnx -> ../../../blobs/HASH, and its data alike.
TEST_F(OnnxFile, HuggingFaceCachesAreRead) {
  const fs::path blobs = dir_ / "models--org--name/blobs";
  const fs::path folder = dir_ / "models--org--name/snapshots/1a2b/onnx";
  fs::create_directories(blobs);
  fs::create_directories(folder);
  ASSERT_TRUE(save(sample(), dir_ / "model.onnx", {}).ok());
  fs::rename(dir_ / "model.onnx", blobs / "0123");
  fs::rename(dir_ / "model.onnx.data", blobs / "4567");
  fs::create_symlink("../../../blobs/0123", folder / "model.onnx");
  fs::create_symlink("../../../blobs/4567", folder / "model.onnx.data");
  const auto graph = load(folder / "model.onnx");
  ASSERT_TRUE(graph.ok()) << graph.error().message();
  EXPECT_EQ(graph->initializers.at("w").materialize().value(),
            sample().initializers.at("w").materialize().value());
  // Only the blobs of the same repository, and nothing below or beside them.
  for (const char* place : {"other/blobs", "models--org--name/blobs/below",
                            "models--org--name/blobs2", "models--org--name/snapshots/blobs"}) {
    fs::create_directories(dir_ / place);
    fs::copy_file(blobs / "4567", dir_ / place / "data");
    fs::remove(folder / "model.onnx.data");
    fs::create_symlink(dir_ / place / "data", folder / "model.onnx.data");
    EXPECT_FALSE(load(folder / "model.onnx").ok()) << place;
  }
}

// Would catch a node whose name in options fits another one, since it was given to that first.
TEST_F(OnnxFile, NodesKeepTheirNamesAndUnnamedOnesGetFreeOnes) {
  onnx::ModelProto model;
  model.set_ir_version(10);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.add_input()->set_name("x");
  for (const char* name : {"", "Relu_0", "Relu_0"}) {
    onnx::NodeProto& node = *graph.add_node();
    node.set_name(name);
    node.set_op_type("Relu");
    node.add_input("x");
    node.add_output(std::to_string(graph.node_size()));
  }
  graph.add_output()->set_name("3");
  std::ofstream(dir_ / "m.onnx") << model.SerializeAsString();
  const auto loaded = load(dir_ / "m.onnx");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_EQ(loaded->nodes[0].name, "Relu_0_1");
  EXPECT_EQ(loaded->nodes[1].name, "Relu_0");
  EXPECT_EQ(loaded->nodes[2].name, "Relu_0_2");
}

// Would catch weights that count as unread, and swell the model beyond what a file may have.
TEST_F(OnnxFile, WeightsThatOnlyABodyReadsGoToTheDataFile) {
  Graph graph;
  graph.name = "g";
  graph.opsets = {{"", 21}};
  graph.inputs = {{"c", DType::kBool, {}}};
  graph.initializers["w"] = tensor::floats({2000}, iota(2000));
  Node node{"", "If", "choice", {"c"}, {"y"}, {}};
  node.opaque["then_branch"] = body_of("then_branch", {{"Abs", {"w"}, "a"}});
  node.opaque["else_branch"] = body_of("else_branch", {{"Neg", {"w"}, "b"}});
  graph.nodes.push_back(node);
  graph.outputs = {{"y", DType::kFloat, {int64_t{2000}}}};
  const auto saved = save(graph, dir_ / "m.onnx", {});
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  EXPECT_EQ(saved->files.size(), 2U);
  EXPECT_EQ(load(dir_ / "m.onnx")->initializers.at("w").to_floats().value(), iota(2000));
}

}  // namespace
}  // namespace lapidary::graph
