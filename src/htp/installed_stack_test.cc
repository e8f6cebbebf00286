#include "htp/installed_stack.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class InstalledStackTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = fmt::format("stack_{}", getpid());
    root_ = fs::path(testing::TempDir()) / name;
    fs::create_directories(root_ / "onnxruntime_qnn");
    write("libonnxruntime_providers_qnn.so", "another provider");
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const char* file, const std::string& text) const {
    std::ofstream(root_ / "onnxruntime_qnn" / file, std::ios::binary) << text;
  }
  Libraries libraries() const { return {root_ / "onnxruntime_qnn"}; }

  fs::path root_;
};

TEST_F(InstalledStackTest, AnUnknownProviderIsSaidNotAssumed) {
  write("libQnnHtp.so", std::string("\0\1 text without a version", 25));
  const auto stack = installed_stack(libraries());
  ASSERT_TRUE(stack.ok()) << stack.error().message();
  EXPECT_EQ(stack->versions.onnxruntime_qnn, "");
  EXPECT_FALSE(stack->is_recorded());
  EXPECT_THAT(stack->describe(), HasSubstr("onnxruntime-qnn of unknown version, QNN of unknown"));
}

TEST_F(InstalledStackTest, AnotherVersionIsReadFromTheWheelAndTheBackend) {
  write("libQnnHtp.so", std::string("\0AISW_VERSION: 2.99.1\0more", 26));
  fs::create_directories(root_ / "onnxruntime_qnn-9.1.0.dist-info");
  const auto stack = installed_stack(libraries());
  ASSERT_TRUE(stack.ok()) << stack.error().message();
  EXPECT_EQ(stack->versions.onnxruntime_qnn, "9.1.0");
  EXPECT_EQ(stack->versions.qnn, "2.99.1");
  EXPECT_FALSE(stack->is_recorded());
}

// The backend is searched in pieces of 4 MiB: a version that lies in two of them is whole.
TEST_F(InstalledStackTest, AVersionIsFoundWhereverItStands) {
  for (const size_t ahead : {size_t{0}, size_t{1}, size_t{8}, size_t{15}, size_t{22}, size_t{45}}) {
    const std::string name = "libQnnHtp.so";
    write(name.c_str(), std::string((4 << 20) - ahead, 'x') + "AISW_VERSION: 2.99." +
                            std::to_string(ahead) + std::string(1, '\0'));
    const auto stack = installed_stack(libraries());
    ASSERT_TRUE(stack.ok()) << stack.error().message();
    EXPECT_EQ(stack->versions.qnn, fmt::format("2.99.{}", ahead));
  }
}

TEST_F(InstalledStackTest, AMissingLibraryIsNamed) {
  const auto stack = installed_stack(libraries());
  ASSERT_FALSE(stack.ok());
  EXPECT_THAT(stack.error().message(), HasSubstr("libQnnHtp.so"));
}

// The records of src/target are of this stack.
TEST(InstalledStack, TheOneOfTheBootstrapIsTheRecorded) {
  const auto found = find_libraries();
  if (!found.ok()) GTEST_SKIP() << found.error().message();
  const auto stack = installed_stack(*found);
  ASSERT_TRUE(stack.ok()) << stack.error().message();
  EXPECT_TRUE(stack->is_recorded()) << stack->describe() << " " << stack->provider_hash;
}

}  // namespace
}  // namespace lapidary::htp
