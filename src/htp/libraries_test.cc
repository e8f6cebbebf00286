#include "htp/libraries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace lapidary::htp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class QnnLibraries : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("qnn_" + std::to_string(getpid()));
    fs::create_directories(root_ / "lib");
  }
  void TearDown() override { fs::remove_all(root_); }
  void touch(const std::string& name) const { std::ofstream(root_ / "lib" / name) << "x"; }

  fs::path root_;
};

TEST_F(QnnLibraries, AMissingFolderIsNamedWithWhoAskedForIt) {
  const auto found = find_libraries((root_ / "nowhere").string());
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().kind, ErrorKind::kBadInput);
  EXPECT_THAT(found.error().message(), AllOf(HasSubstr("nowhere"), HasSubstr("--qnn-libs"),
                                             HasSubstr("scripts/bootstrap --qnn")));
}

TEST_F(QnnLibraries, EveryMissingFileIsNamedUntilAllAreThere) {
  const std::string folder = (root_ / "lib").string();
  for (const char* file :
       {"libonnxruntime_providers_qnn.so", "libQnnHtp.so", "libHtpPrepare.so", "libQnnSystem.so"}) {
    const auto found = find_libraries(folder);
    ASSERT_FALSE(found.ok());
    EXPECT_THAT(found.error().message(), HasSubstr(file));
    touch(file);
  }
  EXPECT_THAT(find_libraries(folder).error().message(), HasSubstr("onnxruntime_qnn.libs"));
  fs::create_directories(root_ / "onnxruntime_qnn.libs");
  const auto found = find_libraries(folder);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->backend().filename(), "libQnnHtp.so");
  EXPECT_TRUE(found->provider().is_absolute());
}

}  // namespace
}  // namespace lapidary::htp
