#include "engine/port_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "ort/test_model.h"

namespace lapidary::engine {
namespace {

using ::testing::HasSubstr;

// y = x + bias: x [batch, 4], bias [4] optional.
ort::Session session() {
  ort::TestModel model("add");
  model.input("x", {"batch", "4"}).input("bias", {"4"}).output("y", {"batch", "4"});
  model.floats("bias", {4}, {1, 1, 1, 1});
  model.node("Add", {"x", "bias"}, {"y"});
  const auto dir =
      std::filesystem::path(testing::TempDir()) / ("port_check_test_" + std::to_string(getpid()));
  auto opened = ort::Session::open(model.save(dir / "add.onnx"), {.threads = 1});
  if (!opened.ok()) throw std::runtime_error(opened.error().message());
  return std::move(opened).value();
}

const PortRule kX = {"x", "float32", {-1, 4}};
const PortRule kBias = {"bias", "float32", {4}, Presence::kMayBeAbsent};
const PortRule kY = {"y", "float32", {-1, 4}};

std::string complaint(const std::vector<PortRule>& inputs, const std::vector<PortRule>& outputs) {
  const Status status = check_ports(session(), inputs, outputs);
  return status.ok() ? std::string() : status.error().message();
}

TEST(PortCheck, AcceptsWhatFits) {
  EXPECT_EQ(complaint({kX, kBias}, {kY}), "");
  EXPECT_EQ(complaint({kX}, {kY}), "") << "an optional input need not be known";
  EXPECT_EQ(complaint({kX, {"audio", "float32", {-1}, Presence::kMayBeAbsent}}, {kY}), "");
  EXPECT_EQ(complaint({{"x", "float32", {7, 4}}}, {kY}), "") << "a symbolic dim suits any number";
  EXPECT_EQ(complaint({{"x", kAnyNumbers, {-1, 4}}}, {kY}), "");
}

// Each would otherwise end in a failing run, or in numbers of the wrong tensor.
TEST(PortCheck, NamesFilePortAndDifference) {
  EXPECT_THAT(complaint({{"z", "float32", {4}}}, {kY}), HasSubstr("has no input 'z'"));
  EXPECT_THAT(complaint({kX}, {{"z", "float32", {4}}}), HasSubstr("has no output 'z'"));
  EXPECT_THAT(complaint({{"x", "int64", {-1, 4}}}, {kY}),
              HasSubstr("input 'x' is float32 [batch, 4], expected int64 [?, 4]"));
  EXPECT_THAT(complaint({{"x", "uint16", {-1, 4}}}, {kY}), HasSubstr("expected uint16"));
  EXPECT_THAT(complaint({{"x", "float32", {-1, 5}}}, {kY}), HasSubstr("expected float32 [?, 5]"));
  EXPECT_THAT(complaint({{"x", "float32", {4}}}, {kY}), HasSubstr("expected float32 [4]"));
  EXPECT_THAT(complaint({kBias}, {kY}), HasSubstr("input 'x' is not known"));
  EXPECT_THAT(complaint({kBias}, {kY}), HasSubstr("add.onnx"));
}

package::GraphRecord listed() {
  package::GraphRecord component;
  component.inputs = {{"x", "float32", {"batch", "4"}}, {"bias", "float32", {"4"}, true}};
  component.outputs = {{"y", "float32", {"batch", "4"}}};
  return component;
}

TEST(PortCheck, GraphAndManifestMustAgree) {
  const auto complaint_of = [](const package::GraphRecord& component) {
    const Status status = check_against_manifest(session(), component);
    return status.ok() ? std::string() : status.error().message();
  };
  EXPECT_EQ(complaint_of(listed()), "");
  package::GraphRecord other = listed();
  other.inputs[0].shape[1] = "5";
  EXPECT_THAT(complaint_of(other), HasSubstr("lapidary.json says float32 [batch, 5]"));
  other = listed();
  other.outputs[0].dtype = "float16";
  EXPECT_THAT(complaint_of(other), HasSubstr("output 'y'"));
  other = listed();
  other.inputs.pop_back();
  EXPECT_THAT(complaint_of(other), HasSubstr("input 'bias' is not listed in lapidary.json"));
  other = listed();
  other.outputs[0].name = "logits";
  EXPECT_THAT(complaint_of(other), HasSubstr("has no output 'logits'"));
}

}  // namespace
}  // namespace lapidary::engine
