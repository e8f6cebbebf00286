// The export's progress and its early end. What is kept for which device: tests/htp_e2e.
#include "build/export_package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "checkpoint/test_files.h"
#include "package/side_files.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

// Remembers the stages; ends the work when the last one that it waits for begins.
class Recorder final : public ProgressSink {
 public:
  explicit Recorder(size_t cancel_at = 0) : cancel_at_(cancel_at) {}
  void stage(const std::string& name, uint64_t total, Unit unit) override {
    stages.push_back(name + " " + std::to_string(total) + (unit == Unit::kBytes ? " B" : ""));
    if (stages.size() == cancel_at_) cancel.cancel();
  }
  void advance(uint64_t units) override { done += units; }
  void note(const std::string&) override {}

  std::vector<std::string> stages;
  uint64_t done = 0;
  CancelToken cancel;

 private:
  size_t cancel_at_;
};

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
  Result<ExportSummary> exported(Recorder& recorder) {
    return export_package(package_, output_,
                          {.work = {.progress = &recorder, .cancel = &recorder.cancel}});
  }

  checkpoint::TempDir dir_;
  fs::path package_ = dir_.path() / "built";
  fs::path output_ = dir_.path() / "slim";
};

TEST_F(ExportTest, ItsStagesAreCountedInBytes) {
  Recorder recorder;
  const auto summary = exported(recorder);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(recorder.stages, ElementsAre("checksums 3005 B", "copy 3005 B", "checksums 3005 B"));
  EXPECT_EQ(recorder.done, 3U * 3005U);
  EXPECT_TRUE(package::Package::open(output_).ok());
}

// At whichever stage: no output, no folder of work, and the package as it was.
TEST_F(ExportTest, CanBeEndedAndLeavesNothing) {
  for (size_t stage = 1; stage <= 3; ++stage) {
    Recorder recorder(stage);
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
