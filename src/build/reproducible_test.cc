// Equal inputs make equal packages, byte for byte: whatever threads there were, whether the build was
// interrupted, wherever its inputs lie. Other inputs are noticed, however little differs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"
#include "build/build.h"
#include "build/journal.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "package/package.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using checkpoint::read_file;
using checkpoint::TempDir;
using checkpoint::tiny_checkpoint;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Contents by path.
std::map<std::string, std::string> files_of(const fs::path& package) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(package)) {
    if (!entry.is_regular_file()) continue;
    out[entry.path().lexically_relative(package).string()] = read_file(entry.path());
  }
  return out;
}

void expect_equal_files(const fs::path& package, const fs::path& other) {
  const auto files = files_of(package);
  const auto others = files_of(other);
  for (const auto& [name, content] : files) {
    const auto found = others.find(name);
    ASSERT_NE(found, others.end()) << name;
    EXPECT_TRUE(content == found->second) << name << " differs";
  }
  EXPECT_EQ(files.size(), others.size());
}

std::vector<std::string> resumed_notes(const RecordingSink& sink) {
  std::vector<std::string> out;
  for (const std::string& note : sink.notes) {
    if (note.starts_with("resuming")) out.push_back(note);
  }
  return out;
}

class ReproducibleTest : public ::testing::Test {
 protected:
  Result<BuildSummary> build(const recipe::Recipe& recipe, const std::string& name,
                             RecordingSink& recorder, size_t threads = 2) {
    return build_package(recipe, {.checkpoint = checkpoint_,
                                  .output = dir_.path() / name,
                                  .calibration = calibration_,
                                  .work = recorder.work(threads)});
  }
  Result<BuildSummary> build(const recipe::Recipe& recipe, const std::string& name,
                             size_t threads = 2) {
    RecordingSink recorder;
    return build(recipe, name, recorder, threads);
  }
  // A copy of the tiny checkpoint, whose weights may be written to.
  void copy_checkpoint(const std::string& folder) {
    checkpoint_ = dir_.path() / folder;
    fs::create_directories(checkpoint_);
    for (const auto& file : fs::directory_iterator(tiny_checkpoint())) {
      fs::copy_file(file.path(), checkpoint_ / file.path().filename());
    }
  }
  // Changes one bit in so many of the tensors, by name, where no sample is taken.
  void change_tensors(size_t count) {
    const fs::path file = checkpoint_ / "model.safetensors";
    const auto time = fs::last_write_time(file);
    std::string bytes = read_file(file);
    const auto weights = checkpoint::StoredTensors::open(checkpoint_).value();
    for (const std::string& name : weights.names()) {
      const checkpoint::TensorEntry& entry = *weights.find(name);
      if (count == 0 || entry.type.bytes() < 32 << 10) continue;
      --count;
      char& byte = bytes[static_cast<size_t>(entry.offset + entry.type.bytes() / 4)];
      byte = static_cast<char>(byte ^ 1);
    }
    ASSERT_EQ(count, 0U);
    std::ofstream(file, std::ios::binary) << bytes;
    fs::last_write_time(file, time);
  }
  // A picture, a clip and a text for a recipe that calibrates everything.
  recipe::Recipe calibrated() {
    for (const char* file : {"image0.png", "audio5.wav"}) {
      fs::copy_file(source_dir() / "models/tiny-gemma4/samples" / file, dir_.path() / file);
    }
    calibration_ = {dir_.write(
        "chats.jsonl",
        std::string(
            R"({"messages": [{"role": "user", "content": [{"type": "image", "path": "image0.png"},)"
            R"( {"type": "audio", "path": "audio5.wav"}, {"type": "text", "text": "Which?"}]},)"
            R"( {"role": "assistant", "content": "A red star."}]})"
            "\n"
            R"({"messages": [{"role": "user", "content": "How are you?"},)"
            R"( {"role": "assistant", "content": "I am fine, thank you."}]})"
            "\n"))};
    recipe::Recipe out =
        recipe::load_recipe("htp-w8a16",
                            {"static.context_length=256", "static.prefill_length=32",
                             "static.calibration_length=256", "build.audio_soft_tokens=48"})
            .value();
    out.compile.reset();  // what comes after the graphs needs Qualcomm's libraries
    return out;
  }

  TempDir dir_;
  fs::path checkpoint_ = tiny_checkpoint();
  std::vector<fs::path> calibration_;
};

// Ranges come from sums of floats, which differ with the pieces that threads make of them; and a
// build that goes on must say of its components what the one that made them knew.
TEST_F(ReproducibleTest, CalibratedPackagesDoNotDependOnThreadsOrInterruptions) {
  const recipe::Recipe recipe = calibrated();
  const auto whole = build(recipe, "whole", 1);
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  EXPECT_THAT(whole->manifest.calibration, SizeIs(3));
  EXPECT_THAT(whole->manifest.agreement, SizeIs(3));

  RecordingSink first(begin_of("decoder"));
  ASSERT_EQ(build(recipe, "resumed", first, 3).error().kind, ErrorKind::kCancelled);
  const fs::path partial = dir_.path() / "resumed.partial";
  // As by a former build with other options for what comes after the components.
  std::ofstream(partial / "vision_encoder/probe.json") << "{}";
  fs::create_directories(partial / "vision_encoder/htp");
  std::ofstream(partial / "vision_encoder/htp/model.bin") << "half";
  RecordingSink second;
  const auto resumed = build(recipe, "resumed", second, 3);
  ASSERT_TRUE(resumed.ok()) << resumed.error().message();
  EXPECT_THAT(resumed_notes(second), ElementsAre("resuming: vision_encoder is finished already",
                                                 "resuming: audio_encoder is finished already",
                                                 "resuming: embedding is finished already"));
  expect_equal_files(dir_.path() / "whole", dir_.path() / "resumed");
}

// Who is interrupted while the numbers of a component are measured has not finished it.
TEST_F(ReproducibleTest, AComponentIsFinishedWhenItIsMeasured) {
  const recipe::Recipe recipe = calibrated();
  int saved = 0;
  RecordingSink first([&saved](const RecordingSink& sink) {
    if (sink.last().name == "vision_encoder checksums") saved = 1;
    return saved == 1 && sink.last().name == "write what is calibrated";
  });
  ASSERT_EQ(build(recipe, "p", first).error().kind, ErrorKind::kCancelled);
  RecordingSink second;
  const auto summary = build(recipe, "p", second);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(resumed_notes(second), IsEmpty());
  EXPECT_THAT(summary->manifest.agreement, SizeIs(3));
}

TEST_F(ReproducibleTest, PlacesAreNoPartOfAPackage) {
  const recipe::Recipe recipe = recipe::load_recipe("cpu-fp32").value();
  copy_checkpoint("here/model");
  const auto here = build(recipe, "p1");
  ASSERT_TRUE(here.ok()) << here.error().message();
  EXPECT_EQ(here->manifest.source, "model");
  copy_checkpoint("there/model");
  checkpoint_ = fs::relative(checkpoint_) / "";
  ASSERT_TRUE(build(recipe, "p2").ok());
  expect_equal_files(dir_.path() / "p1", dir_.path() / "p2");
}

// Size, times and all samples are as before; a build that took the finished components over would
// mix two checkpoints.
TEST_F(ReproducibleTest, DoesNotResumeWhenElevenTensorsChanged) {
  const recipe::Recipe recipe = recipe::load_recipe("cpu-fp32").value();
  copy_checkpoint("c");
  RecordingSink first(begin_of("decoder"));
  ASSERT_EQ(build(recipe, "p", first).error().kind, ErrorKind::kCancelled);
  change_tensors(11);
  RecordingSink second;
  const auto summary = build(recipe, "p", second);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(resumed_notes(second), IsEmpty());
  ASSERT_TRUE(build(recipe, "fresh").ok());
  expect_equal_files(dir_.path() / "p", dir_.path() / "fresh");
}

TEST_F(ReproducibleTest, OneChangedBitChangesTheSourceHash) {
  const recipe::Recipe recipe = recipe::load_recipe("cpu-fp32").value();
  copy_checkpoint("c");
  const auto before = build(recipe, "before");
  ASSERT_TRUE(before.ok()) << before.error().message();
  const auto opened = checkpoint::Checkpoint::open(checkpoint_).value();
  const std::map<std::string, std::string> sources = {
      {"checkpoint", opened.content_hash({}).value()}};
  EXPECT_EQ(before->manifest.sources, sources);
  change_tensors(1);
  const auto after = build(recipe, "after");
  ASSERT_TRUE(after.ok()) << after.error().message();
  EXPECT_NE(before->manifest.sources, after->manifest.sources);
}

// Ctrl-C while it is checked what can be kept, or before: what is there stays.
TEST_F(ReproducibleTest, AnEarlyInterruptionKeepsWhatIsFinished) {
  const recipe::Recipe recipe = recipe::load_recipe("cpu-fp32").value();
  RecordingSink first(begin_of("decoder"));
  ASSERT_EQ(build(recipe, "p", first).error().kind, ErrorKind::kCancelled);
  RecordingSink second;
  second.cancel.cancel();
  ASSERT_EQ(build(recipe, "p", second).error().kind, ErrorKind::kCancelled);
  RecordingSink third;
  ASSERT_TRUE(build(recipe, "p", third).ok());
  EXPECT_THAT(resumed_notes(third), SizeIs(3));
}

}  // namespace
}  // namespace lapidary::build
