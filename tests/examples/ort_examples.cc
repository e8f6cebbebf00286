// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "checkpoint/test_files.h"
#include "example.h"
#include "ort/observer.h"
#include "ort/session.h"
#include "ort/test_model.h"

namespace lapidary::ort {

Status observer_example(const std::filesystem::path& path, std::span<const HostTensor> inputs) {
  // [ort/observer.h]
  ort::Observer observer([&](int64_t index, const ort::Observed& value) {
    use(index, value.values);
    return Status();
  });
  // In the graph: seen, count = lapidary.Observe<index = 3>(x), and readers of x read `seen`.
  LAP_ASSIGN_OR_RETURN(auto session, Session::open(path, {.custom_ops = {observer.domain()}}));
  LAP_ASSIGN_OR_RETURN(auto outputs, session.run(inputs));
  LAP_RETURN_IF_ERROR(observer.status());
  // [end]
  return {};
}

Status session_example(const std::filesystem::path& path, std::vector<float>& x,
                       std::vector<float>& y) {
  // [ort/session.h]
  LAP_ASSIGN_OR_RETURN(ort::Session session, ort::Session::open(path, {.threads = 2}));
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, session.bind());
  LAP_RETURN_IF_ERROR(binding.input("x", {DType::kFloat, x.data(), {1, 128}}));
  LAP_RETURN_IF_ERROR(binding.output("y", {DType::kFloat, y.data(), {1, 64}}));
  LAP_RETURN_IF_ERROR(binding.run());  // writes y; no tensor is copied or allocated here
  // [end]
  return {};
}

std::filesystem::path test_model_example(const std::filesystem::path& dir) {
  // [ort/test_model.h]
  TestModel model("double");
  model.input("x", {"n"}).output("y", {"n"}).node("Add", {"x", "x"}, {"y"});
  std::filesystem::path file = model.save(dir / "double.onnx");
  // [end]
  return file;
}

TEST(OrtExamples, TestModel) {
  const checkpoint::TempDir dir;
  EXPECT_TRUE(Session::open(test_model_example(dir.path()), {.threads = 1}).ok());
}

TEST(OrtExamples, Session) {
  const checkpoint::TempDir dir;
  TestModel model("matmul");
  model.input("x", {"1", "128"}).output("y", {"1", "64"});
  model.floats("w", {128, 64}, std::vector<float>(128 * 64, 1.0F))
      .node("MatMul", {"x", "w"}, {"y"});
  std::vector<float> x(128, 1.0F), y(64);
  expect_ok(session_example(model.save(dir.path() / "matmul.onnx"), x, y));
  EXPECT_EQ(y, std::vector<float>(64, 128.0F));
}

}  // namespace lapidary::ort
