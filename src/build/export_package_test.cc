// The export's progress and its early end. What is kept for which device: tests/htp_e2e.
#include "build/export_package.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/testing/recording_sink.h"
#include "checkpoint/test_files.h"
#include "package/testing/small_manifest.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

// "copy 3005 B".
std::vector<std::string> lines(const RecordingSink& recorder) {
  std::vector<std::string> out;
  for (const auto& [name, total, unit, done] : recorder.stages) {
    out.push_back(fmt::format("{} {}{}", name, total, unit == Unit::kBytes ? " B" : ""));
  }
  return out;
}

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() {
    fs::create_directories(package_ / "decoder");
    std::ofstream(package_ / "decoder/model.onnx") << "\x08\x08\x12\x01p";  // version, producer
    std::ofstream(package_ / "decoder/model.onnx.data") << std::string(3000, 'w');
    const auto manifest =
        package::small_manifest(package_, "decoder/model.onnx", "decoder/model.onnx.data");
    std::ofstream(package_ / package::kManifestFile) << package::to_json(manifest).dump();
  }
  Result<ExportSummary> exported(RecordingSink& recorder) {
    return export_package(package_, output_, {.work = recorder.work()});
  }

  checkpoint::TempDir dir_;
  fs::path package_ = dir_.path() / "built";
  fs::path output_ = dir_.path() / "slim";
};

TEST_F(ExportTest, ItsStagesAreCountedInBytes) {
  RecordingSink recorder;
  const auto summary = exported(recorder);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(lines(recorder), ElementsAre("checksums 3005 B", "copy 3005 B", "checksums 3005 B"));
  EXPECT_EQ(recorder.done(), 3U * 3005U);
  EXPECT_TRUE(package::Package::open(output_).ok());
}

// At whichever stage: no output, no folder of work, and the package as it was.
TEST_F(ExportTest, CanBeEndedAndLeavesNothing) {
  for (size_t stage = 1; stage <= 3; ++stage) {
    RecordingSink recorder(
        [stage](const RecordingSink& sink) { return sink.stages.size() == stage; });
    const auto summary = exported(recorder);
    ASSERT_FALSE(summary.ok());
    EXPECT_EQ(summary.error().kind, ErrorKind::kCancelled) << summary.error().message();
    EXPECT_EQ(recorder.stages.size(), stage) << "the token was not looked at in this stage";
    EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
    EXPECT_TRUE(package::Package::open(package_).ok());
  }
}

// A link within the package becomes the file: in another folder it would lead nowhere.
TEST_F(ExportTest, LinksInsideBecomeFiles) {
  fs::rename(package_ / "decoder/model.onnx.data", package_ / "weights");
  fs::create_symlink("../weights", package_ / "decoder/model.onnx.data");
  RecordingSink recorder;
  const auto summary = exported(recorder);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(output_ / "decoder/model.onnx.data")));
}

// Catches somebody's file taken along under the name of a package's.
TEST_F(ExportTest, LinksThatLeadOutAreRefused) {
  fs::rename(package_ / "decoder/model.onnx.data", dir_.path() / "weights");
  fs::create_symlink("../../weights", package_ / "decoder/model.onnx.data");
  RecordingSink recorder;
  const auto summary = exported(recorder);
  ASSERT_FALSE(summary.ok());
  EXPECT_THAT(summary.error().message(),
              ::testing::HasSubstr("model.onnx.data: is reached by a link that leads out"));
  EXPECT_FALSE(fs::exists(output_));
}

class ExportOfAReplacedPackage : public ExportTest, public ::testing::WithParamInterface<size_t> {};

// At the begin of one of its stages a build puts another package there. What is exported is whole,
// and of one package, or nothing is.
TEST_P(ExportOfAReplacedPackage, IsWholeOrNotMade) {
  const fs::path other = dir_.path() / "other";
  fs::copy(package_, other, fs::copy_options::recursive);
  std::ofstream(other / "decoder/model.onnx.data") << std::string(3000, 'o');
  RecordingSink recorder([&](const RecordingSink& sink) {
    if (sink.stages.size() == GetParam() && fs::exists(other)) {
      fs::rename(package_, dir_.path() / "gone");
      fs::rename(other, package_);
      fs::remove_all(dir_.path() / "gone");
    }
    return false;
  });
  const auto summary = exported(recorder);
  EXPECT_FALSE(fs::exists(other)) << "there was no such stage";
  if (summary.ok()) {
    EXPECT_EQ(checkpoint::read_file(output_ / "decoder/model.onnx.data"), std::string(3000, 'w'));
    EXPECT_TRUE(package::Package::open(output_).ok());
  } else {
    EXPECT_THAT(summary.error().message(), ::testing::HasSubstr("was replaced while"));
    EXPECT_FALSE(fs::exists(output_));
  }
  EXPECT_EQ(summary.ok(), GetParam() == 3);
}

INSTANTIATE_TEST_SUITE_P(Stages, ExportOfAReplacedPackage, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace lapidary::build
