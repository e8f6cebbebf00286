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
#include "package/side_files.h"

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
    std::ofstream(package_ / "decoder/model.onnx") << "graph";
    std::ofstream(package_ / "decoder/model.onnx.data") << std::string(3000, 'w');
    package::Manifest manifest;
    manifest.text.vocab_size = 2;
    manifest.text.hidden_size = 1;
    manifest.text.max_positions = 1;
    manifest.components.emplace_back();
    manifest.components[0].name = "decoder";
    manifest.components[0].file = "decoder/model.onnx";
    for (const char* name : {"decoder/model.onnx", "decoder/model.onnx.data"}) {
      manifest.files.push_back(package::file_record(package_, name).value());
    }
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

}  // namespace
}  // namespace lapidary::build
