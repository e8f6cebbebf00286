#include "htp/tensor_files.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::htp {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class TensorFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("tensors_{}", getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(TensorFiles, ComeBackAsTheyWere) {
  const std::vector<ort::HostTensor> tensors = {
      {"a", DType::kUint16, {2, 1}, std::vector<std::byte>(4, std::byte{7})},
      {"empty", DType::kFloat, {0, 3}, {}},
      {"b", DType::kBool, {}, {std::byte{1}}}};
  ASSERT_TRUE(write_tensors(folder_ / "t", tensors).ok());
  const auto back = read_tensors(folder_ / "t");
  ASSERT_TRUE(back.ok()) << back.error().message();
  ASSERT_EQ(back->size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*back)[i].name, tensors[i].name);
    EXPECT_EQ((*back)[i].type, tensors[i].type);
    EXPECT_EQ((*back)[i].shape, tensors[i].shape);
    EXPECT_EQ((*back)[i].data, tensors[i].data);
  }
}

// Catches a list that promises more than its file holds: a worker may die while it writes.
TEST_F(TensorFiles, AListThatDoesNotFitItsBytesIsAnError) {
  for (const char* shape : {"[3]", "[-1]", "[4611686018427387904, 4]", "[9223372036854775807]"}) {
    std::ofstream(folder_ / "t.bin") << "12345678";
    std::ofstream(folder_ / "t.json")
        << R"({"tensors":[{"name":"a","dtype":"float32","shape":)" << shape << "}]}";
    const auto back = read_tensors(folder_ / "t");
    ASSERT_FALSE(back.ok()) << shape;
    EXPECT_THAT(back.error().message(), HasSubstr("'a'"));
  }
}

}  // namespace
}  // namespace lapidary::htp
