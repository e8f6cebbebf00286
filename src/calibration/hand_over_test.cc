#include "calibration/hand_over.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

namespace lapidary::calibration {
namespace {

using ::testing::HasSubstr;

ort::HostTensor floats(const std::string& name, std::vector<int64_t> shape,
                       const std::vector<float>& values) {
  ort::HostTensor out{name, DType::kFloat, std::move(shape)};
  out.data.resize(values.size() * sizeof(float));
  if (!values.empty()) std::memcpy(out.data.data(), values.data(), out.data.size());
  return out;
}

std::vector<ort::HostTensor> sample(std::vector<ort::HostTensor> tensors) { return tensors; }

class HandedOver : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("hand_over_test_" + std::to_string(getpid()));
};

TEST_F(HandedOver, SamplesComeBackInTheirOrder) {
  auto writer = HandOverWriter::create(folder_);
  ASSERT_TRUE(writer.ok()) << writer.error().message();
  EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "a kill would leave a file behind";
  ASSERT_TRUE(writer->put(sample({floats("a", {1, 2}, {1, 2}), floats("b", {0}, {})})).ok());
  ASSERT_TRUE(writer->put({}).ok());
  ASSERT_TRUE(writer->put(sample({floats("b", {1}, {3}), floats("a", {1, 2}, {4, 5})})).ok());
  auto read = std::move(*writer).finish();
  ASSERT_TRUE(read.ok()) << read.error().message();
  const auto first = read->next();
  ASSERT_TRUE(first.ok() && first->size() == 2);
  EXPECT_EQ((*first)[0].data, floats("a", {1, 2}, {1, 2}).data);
  EXPECT_EQ((*first)[1].name, "b");
  EXPECT_TRUE((*first)[1].data.empty());
  const auto second = read->next();
  ASSERT_TRUE(second.ok());
  EXPECT_TRUE(second->empty());
  const auto third = read->next();
  ASSERT_TRUE(third.ok() && third->size() == 2);
  EXPECT_EQ((*third)[1].data, floats("a", {1, 2}, {4, 5}).data);
  EXPECT_FALSE(read->next().ok()) << "there are three";
}

// The next part's session checks shapes against what is declared.
TEST_F(HandedOver, ShapesThatDifferAreDeclaredOpen) {
  auto writer = HandOverWriter::create(folder_);
  ASSERT_TRUE(writer.ok()) << writer.error().message();
  ASSERT_TRUE(writer->put(sample({floats("a", {1, 1}, {1}), floats("b", {1}, {1})})).ok());
  ASSERT_TRUE(writer->put(sample({floats("a", {1, 2}, {1, 2}), floats("b", {1}, {1})})).ok());
  const auto read = std::move(*writer).finish();
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_FALSE(read->ports().at("a").ranked);
  EXPECT_TRUE(read->ports().at("b").ranked);
}

TEST_F(HandedOver, AFolderThatIsNotThereIsNamed) {
  const auto writer = HandOverWriter::create(folder_ / "nowhere");
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().kind, ErrorKind::kIo);
  EXPECT_THAT(writer.error().message(), HasSubstr((folder_ / "nowhere").string()));
}

}  // namespace
}  // namespace lapidary::calibration
