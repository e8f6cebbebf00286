#include "htp/libraries.h"

#include <fmt/core.h>
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
    root_ = fs::path(testing::TempDir()) / fmt::format("qnn_{}", getpid());
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

// A fixed place would be the build machine's, and on another anybody's.
TEST_F(QnnLibraries, ByDefaultTheyAreSoughtFromTheProgramsOwnFolder) {
  EXPECT_EQ(own_libraries(root_ / "bin"), root_ / "lib/lapidary/qnn");
  fs::create_directories(root_ / "bin");
  std::ofstream(root_ / "bin" / "CMakeCache.txt") << "x";
  const fs::path in_build_tree = own_libraries(root_ / "bin");
  EXPECT_TRUE(in_build_tree.is_absolute());
  EXPECT_THAT(in_build_tree.string(), ::testing::EndsWith(".deps/qnn/lib"));
  EXPECT_EQ(own_libraries(""), "");
  EXPECT_EQ(own_libraries("bin"), "");
}

// Nothing is compiled on a device, and the two sides of the connection to the DSP are of its arch.
TEST_F(QnnLibraries, ADeviceNeedsStubAndSkelOfItsArchAndNoCompiler) {
  const std::string folder = (root_ / "lib").string();
  for (const char* file : {"libonnxruntime_providers_qnn.so", "libQnnHtp.so", "libQnnSystem.so",
                           "libQnnHtpV75Stub.so", "libQnnHtpV75Skel.so"}) {
    const auto found = find_device_libraries(folder, target::Arch::kV75);
    ASSERT_FALSE(found.ok());
    EXPECT_THAT(found.error().message(), AllOf(HasSubstr(file), HasSubstr("--qnn-libs")));
    touch(file);
  }
  EXPECT_TRUE(find_device_libraries(folder, target::Arch::kV75).ok());
  EXPECT_THAT(find_device_libraries(folder, target::Arch::kV81).error().message(),
              HasSubstr("libQnnHtpV81Stub.so"));
  EXPECT_THAT(
      find_device_libraries((root_ / "nowhere").string(), target::Arch::kV75).error().message(),
      HasSubstr("does not exist"));
}

TEST_F(QnnLibraries, TheSkelMayLieWhereTheDspLooks) {
  for (const char* file : {"libonnxruntime_providers_qnn.so", "libQnnHtp.so", "libQnnSystem.so",
                           "libQnnHtpV81Stub.so"}) {
    touch(file);
  }
  fs::create_directories(root_ / "dsp");
  const auto find = [&] {
    return find_device_libraries((root_ / "lib").string(), target::Arch::kV81);
  };
  const std::string path = "/nowhere;" + (root_ / "dsp").string();
  ::setenv("ADSP_LIBRARY_PATH", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_THAT(find().error().message(),
              AllOf(HasSubstr("libQnnHtpV81Skel.so"), HasSubstr("ADSP_LIBRARY_PATH")));
  std::ofstream(root_ / "dsp" / "libQnnHtpV81Skel.so") << "x";
  EXPECT_TRUE(find().ok());
  ::unsetenv("ADSP_LIBRARY_PATH");  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace
}  // namespace lapidary::htp
