#include "ort/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "ort/test_model.h"

namespace lapidary::ort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path temp_file(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("ort_test_" + std::to_string(getpid())) /
         name;
}

// y = x + bias, where bias is an optional input with the default 1.
std::filesystem::path add_model() {
  TestModel model("add");
  model.input("x", {"n"}).input("bias", {"1"}).output("y", {"n"}).floats("bias", {1}, {1.0f});
  model.node("Add", {"x", "bias"}, {"y"});
  return model.save(temp_file("add.onnx"));
}

TensorView view(std::vector<float>& values) {
  return {DType::kFloat, values.data(), {static_cast<int64_t>(values.size())}};
}

TEST(Ort, PortsTellNamesTypesDimsAndOptionalInputs) {
  auto session = Session::open(add_model(), {.threads = 1});
  ASSERT_TRUE(session.ok()) << session.error().message();
  ASSERT_EQ(session->inputs().size(), 2u);
  EXPECT_EQ(session->inputs()[0].name, "x");
  EXPECT_EQ(session->inputs()[0].dtype, "float32");
  EXPECT_THAT(session->inputs()[0].dims, ElementsAre(-1));
  EXPECT_THAT(session->inputs()[0].symbols, ElementsAre("n"));
  EXPECT_FALSE(session->inputs()[0].optional);
  EXPECT_EQ(session->inputs()[1].name, "bias");
  EXPECT_TRUE(session->inputs()[1].optional);
  ASSERT_EQ(session->outputs().size(), 1u);
  EXPECT_EQ(session->outputs()[0].name, "y");
}

// Catches a binding that copies at bind time, or one that loses an override of a default.
TEST(Ort, BindingReadsAndWritesTheCallersMemory) {
  auto session = Session::open(add_model(), {.threads = 1});
  ASSERT_TRUE(session.ok());
  auto binding = session->bind();
  ASSERT_TRUE(binding.ok());
  std::vector<float> x{1, 2, 3};
  std::vector<float> y(3);
  std::vector<float> bias{10};
  ASSERT_TRUE(binding->input("x", view(x)).ok());
  ASSERT_TRUE(binding->output("y", view(y)).ok());
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(2, 3, 4));
  ASSERT_TRUE(binding->input("bias", view(bias)).ok());
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(11, 12, 13));
  x[0] = 5;
  bias[0] = 20;
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(25, 22, 23));
}

// The binding must keep the session alive: callers hold it alone.
TEST(Ort, BindingOutlivesItsSessionHandle) {
  std::optional<Binding> binding;
  {
    auto session = Session::open(add_model(), {.threads = 1});
    ASSERT_TRUE(session.ok());
    binding.emplace(std::move(session->bind()).value());
  }
  std::vector<float> x{1};
  std::vector<float> y(1);
  ASSERT_TRUE(binding->input("x", view(x)).ok());
  ASSERT_TRUE(binding->output("y", view(y)).ok());
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(2));
}

TEST(Ort, MissingModelIsAnIoErrorThatNamesIt) {
  auto session = Session::open("/nowhere/model.onnx", {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind, ErrorKind::kIo);
  EXPECT_THAT(session.error().message(), HasSubstr("/nowhere/model.onnx"));
}

TEST(Ort, DamagedModelIsBadInputOnOneLine) {
  const auto file = temp_file("damaged.onnx");
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << "not a model";
  auto session = Session::open(file, {});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(session.error().message(), HasSubstr("damaged.onnx"));
  EXPECT_EQ(session.error().message().find('\n'), std::string::npos);
}

TEST(Ort, UnknownInputNameIsAnErrorNotAnException) {
  auto session = Session::open(add_model(), {.threads = 1});
  ASSERT_TRUE(session.ok());
  auto binding = session->bind();
  ASSERT_TRUE(binding.ok());
  std::vector<float> x{1};
  const Status bound = binding->input("no_such_input", view(x));
  const Status ran = bound.ok() ? binding->run() : Status();
  EXPECT_FALSE(bound.ok() && ran.ok());
}

// A kernel of our own: y = 3 x.
struct TripleKernel {
  void Compute(OrtKernelContext* context) {
    Ort::KernelContext ctx(context);
    const Ort::ConstValue x = ctx.GetInput(0);
    const auto shape = x.GetTensorTypeAndShapeInfo().GetShape();
    const size_t count = x.GetTensorTypeAndShapeInfo().GetElementCount();
    Ort::UnownedValue y = ctx.GetOutput(0, shape);
    const float* in = x.GetTensorData<float>();
    float* out = y.GetTensorMutableData<float>();
    for (size_t i = 0; i < count; ++i) out[i] = 3 * in[i];
  }
};

struct TripleOp : Ort::CustomOpBase<TripleOp, TripleKernel> {
  void* CreateKernel(const OrtApi&, const OrtKernelInfo*) const { return new TripleKernel; }
  const char* GetName() const { return "Triple"; }
  size_t GetInputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetInputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
  size_t GetOutputTypeCount() const { return 1; }
  ONNXTensorElementDataType GetOutputType(size_t) const {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  }
};

// Our own kernels are the plan for the hot spots; this is the door they come through.
TEST(Ort, CustomOperatorRuns) {
  const TripleOp op;
  Ort::CustomOpDomain domain("lapidary");
  domain.Add(&op);
  TestModel model("triple");
  model.opset("lapidary", 1).input("x", {"n"}).output("y", {"n"});
  model.node("Triple", {"x"}, {"y"}, "lapidary");
  const auto file = model.save(temp_file("triple.onnx"));

  auto refused = Session::open(file, {.threads = 1});
  ASSERT_FALSE(refused.ok()) << "the model needs the custom operator";
  auto session = Session::open(file, {.threads = 1, .custom_ops = {domain}});
  ASSERT_TRUE(session.ok()) << session.error().message();
  auto binding = session->bind();
  ASSERT_TRUE(binding.ok());
  std::vector<float> x{1, 2};
  std::vector<float> y(2);
  ASSERT_TRUE(binding->input("x", view(x)).ok());
  ASSERT_TRUE(binding->output("y", view(y)).ok());
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(3, 6));
}

// Masks are bytes here and bools there, and a prompt without images feeds no rows at all.
TEST(Ort, BoolsAndEmptyTensorsAreFed) {
  TestModel model("masked");
  model.input("mask", {"n"}, onnx::TensorProto::BOOL).input("x", {"n"}).input("rows", {"m", "2"});
  model.floats("zero", {}, {0}).output("y", {"n"}).output("sum", {"2"});
  model.integers("axis", {1}, {0});
  model.node("Where", {"mask", "x", "zero"}, {"y"});
  TestModel::attribute(model.node("ReduceSum", {"rows", "axis"}, {"sum"}), "keepdims", int64_t{0});
  auto session = Session::open(model.save(temp_file("masked.onnx")), {.threads = 1});
  ASSERT_TRUE(session.ok()) << session.error().message();
  EXPECT_EQ(session->inputs()[0].dtype, "bool");
  auto binding = session->bind();
  ASSERT_TRUE(binding.ok());
  const std::vector<uint8_t> mask{1, 0, 1};
  const std::vector<float> x{1, 2, 3};
  std::vector<float> y(3);
  std::vector<float> sum{7, 7};
  ASSERT_TRUE(binding->input("mask", input_view(mask, {3})).ok());
  ASSERT_TRUE(binding->input("x", input_view(x, {3})).ok());
  ASSERT_TRUE(binding->input("rows", input_view(std::span<const float>(), {0, 2})).ok());
  ASSERT_TRUE(binding->output("y", view(y)).ok());
  ASSERT_TRUE(binding->output("sum", view(sum)).ok());
  ASSERT_TRUE(binding->run().ok());
  EXPECT_THAT(y, ElementsAre(1, 0, 3));
  EXPECT_THAT(sum, ElementsAre(0, 0));
}

TEST(Ort, ProfilingWritesATrace) {
  const auto prefix = temp_file("trace");
  const auto model = add_model();
  auto session = Session::open(model, {.threads = 1, .profile_prefix = prefix.string()});
  ASSERT_TRUE(session.ok()) << session.error().message();
  auto trace = session->end_profiling();
  ASSERT_TRUE(trace.ok());
  EXPECT_TRUE(std::filesystem::exists(*trace));
}

// Catches an element type whose size or number differs from ONNX Runtime's.
TEST(Ort, RunAllocatesOutputsOfEveryElementType) {
  const std::vector<std::pair<DType, onnx::TensorProto::DataType>> types = {
      {DType::kFloat, onnx::TensorProto::FLOAT},   {DType::kFloat16, onnx::TensorProto::FLOAT16},
      {DType::kInt64, onnx::TensorProto::INT64},   {DType::kInt32, onnx::TensorProto::INT32},
      {DType::kUint16, onnx::TensorProto::UINT16}, {DType::kInt16, onnx::TensorProto::INT16},
      {DType::kUint8, onnx::TensorProto::UINT8},   {DType::kInt8, onnx::TensorProto::INT8},
      {DType::kBool, onnx::TensorProto::BOOL}};
  for (const auto& [type, proto] : types) {
    const std::string name(name_of(type));
    TestModel model("identity");
    model.input("x", {"3"}, proto).output("y", {"3"}, proto).node("Identity", {"x"}, {"y"});
    auto session = Session::open(model.save(temp_file(name + ".onnx")), {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.error().message();
    EXPECT_EQ(session->inputs()[0].dtype, name);
    EXPECT_EQ(element_type(name), type);
    HostTensor x{"x", type, {3}, {}};
    for (size_t i = 0; i < 3 * element_bytes(type); ++i) x.data.push_back(std::byte(i % 2));
    auto y = session->run(std::span(&x, 1));
    ASSERT_TRUE(y.ok()) << y.error().message();
    ASSERT_EQ(y->size(), 1u);
    EXPECT_EQ((*y)[0].name, "y");
    EXPECT_EQ((*y)[0].shape, x.shape);
    EXPECT_EQ((*y)[0].data, x.data);
  }
}

// Private memory of this process in bytes; what is mapped from files does not count.
int64_t private_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kilobytes = 0;
    if (word == "RssAnon:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

// Tables of tokens stay in their file, of which only the rows that are read come into memory:
// catches a version of ONNX Runtime, or an option, that copies them. (A real model's take 3 GB.)
TEST(Ort, TablesOfExternalDataAreMappedNotRead) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int64_t kMostPart = 2;  // a sanitizer has memory of its own for what ONNX Runtime takes
#else
  constexpr int64_t kMostPart = 8;
#endif
  constexpr int64_t kRows = 1 << 16;
  constexpr int64_t kWidth = 2048;
  TestModel model("table");
  model.external("table", {kRows, kWidth}, onnx::TensorProto::UINT8, "table.data")
      .input("ids", {"n"}, onnx::TensorProto::INT64)
      .output("rows", {"n", "2048"}, onnx::TensorProto::UINT8)
      .node("Gather", {"table", "ids"}, {"rows"});
  const auto file = model.save(temp_file("table.onnx"));
  std::ofstream(temp_file("table.data")).put(7);
  std::filesystem::resize_file(temp_file("table.data"), kRows * kWidth);
  const int64_t before = private_memory();
  auto session = Session::open(file, {.threads = 1});
  ASSERT_TRUE(session.ok()) << session.error().message();
  HostTensor ids{"ids", DType::kInt64, {2}, std::vector<std::byte>(2 * sizeof(int64_t))};
  const auto rows = session->run(std::span(&ids, 1));
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  EXPECT_EQ((*rows)[0].data[0], std::byte{7});
  EXPECT_LT(private_memory() - before, kRows * kWidth / kMostPart);
}

// Catches an accelerator that is missing but only noticed, if at all, as a slow CPU.
TEST(Ort, AMissingExecutionProviderLibraryIsAnError) {
  SessionOptions options{.threads = 1};
  options.execution_provider = ExecutionProvider{"QNN", temp_file("no_such_library.so")};
  const auto session = Session::open(add_model(), options);
  ASSERT_FALSE(session.ok());
  EXPECT_THAT(session.error().message(), HasSubstr("no_such_library.so"));
}

// Catches a library that the loader would look for wherever LD_LIBRARY_PATH or the current folder
// lead.
TEST(Ort, AnExecutionProviderLibraryWithoutAnAbsolutePathIsRefused) {
  for (const char* library : {"libno.so", "./libno.so", ""}) {
    SessionOptions options{.threads = 1};
    options.execution_provider = ExecutionProvider{"QNN", library};
    const auto session = Session::open(add_model(), options);
    ASSERT_FALSE(session.ok());
    EXPECT_THAT(session.error().message(), HasSubstr("absolute path")) << library;
  }
}

}  // namespace
}  // namespace lapidary::ort
