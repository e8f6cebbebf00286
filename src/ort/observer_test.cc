#include "ort/observer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <vector>

#include "ort/session.h"
#include "ort/test_model.h"

namespace lapidary::ort {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// x is observed as 7, y = x + x as 8; y + y is the output.
std::filesystem::path observed_model(const std::string& name, onnx::TensorProto::DataType type) {
  TestModel model("observed");
  model.opset(kObserverDomain, 1).input("x", {"n"}, type).output("y", {"n"}, type);
  const auto observe = [&](const std::string& value, int64_t index) {
    auto* node =
        model.node(kObserveOp, {value}, {value + "_seen", value + "_count"}, kObserverDomain);
    TestModel::attribute(node, "index", index);
  };
  observe("x", 7);
  model.node("Add", {"x_seen", "x_seen"}, {"sum"});
  observe("sum", 8);
  model.node("Add", {"sum_seen", "sum_seen"}, {"y"});
  model.output("sum_count", {"1"}, onnx::TensorProto::INT64);
  return model.save(std::filesystem::path(testing::TempDir()) /
                    (name + std::to_string(getpid()) + ".onnx"));
}

HostTensor input(const std::vector<float>& values) {
  HostTensor out{"x", DType::kFloat, {static_cast<int64_t>(values.size())}};
  const auto* bytes = static_cast<const std::byte*>(static_cast<const void*>(values.data()));
  out.data.assign(bytes, bytes + values.size() * sizeof(float));
  return out;
}

TEST(Observer, SeesValuesAndPassesThemOn) {
  std::map<int64_t, std::vector<float>> seen;
  Observer observer([&](int64_t index, const Observed& value) -> Status {
    seen[index].assign(value.values.begin(), value.values.end());
    EXPECT_THAT(value.shape, ElementsAre(2));
    return {};
  });
  const auto file = observed_model("observed", onnx::TensorProto::FLOAT);
  auto session = Session::open(file, {.threads = 1, .custom_ops = {observer.domain()}});
  ASSERT_TRUE(session.ok()) << session.error().message();
  const std::vector<HostTensor> inputs = {input({1, -2})};
  for (int run = 0; run < 2; ++run) {
    seen.clear();
    const auto outputs = session->run(inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.error().message();
    EXPECT_THAT(seen[7], ElementsAre(1, -2));
    EXPECT_THAT(seen[8], ElementsAre(2, -4));
    EXPECT_EQ((*outputs)[0].data, input({4, -8}).data);
    EXPECT_EQ((*outputs)[1].data.size(), sizeof(int64_t));
    EXPECT_EQ(std::to_integer<int>((*outputs)[1].data[0]), 2);
  }
  EXPECT_TRUE(observer.status().ok());
}

TEST(Observer, FirstErrorOfTheFunctionIsKept) {
  int calls = 0;
  Observer observer([&](int64_t index, const Observed&) -> Status {
    ++calls;
    return bad_input("value " + std::to_string(index), "is odd");
  });
  const auto file = observed_model("refused", onnx::TensorProto::FLOAT);
  auto session = Session::open(file, {.threads = 1, .custom_ops = {observer.domain()}});
  ASSERT_TRUE(session.ok()) << session.error().message();
  const std::vector<HostTensor> inputs = {input({1})};
  ASSERT_TRUE(session->run(inputs).ok());
  ASSERT_FALSE(observer.status().ok());
  EXPECT_THAT(observer.status().error().message(), HasSubstr("value 7"));
  EXPECT_EQ(calls, 1);
}

TEST(Observer, IntegersAreRefusedWhenTheSessionIsOpened) {
  Observer observer([](int64_t, const Observed&) -> Status { return {}; });
  const auto file = observed_model("integers", onnx::TensorProto::INT64);
  EXPECT_FALSE(Session::open(file, {.threads = 1, .custom_ops = {observer.domain()}}).ok());
}

}  // namespace
}  // namespace lapidary::ort
