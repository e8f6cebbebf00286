// Building packages of the tiny model: what appears, what a build that does not finish leaves.
#include "build/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/testing/recording_sink.h"
#include "base/testing/source_dir.h"
#include "build/journal.h"
#include "build/staging.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "package/package.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using checkpoint::TempDir;
using checkpoint::tiny_checkpoint;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BuildTest : public ::testing::Test {
 protected:
  Result<BuildSummary> build(const std::string& recipe, RecordingSink& recorder,
                             bool force = false) {
    return build_package(
        recipe::load_recipe(recipe).value(),
        {.checkpoint = checkpoint_, .output = output_, .force = force, .work = recorder.work(2)});
  }
  Result<BuildSummary> build(const std::string& recipe = "cpu-fp32", bool force = false) {
    RecordingSink recorder;
    return build(recipe, recorder, force);
  }
  std::string problem(bool force = false) {
    const auto summary = build("cpu-fp32", force);
    return summary.ok() ? "" : summary.error().message();
  }
  std::vector<std::string> left_in_folder() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  TempDir dir_;
  fs::path checkpoint_ = tiny_checkpoint();
  fs::path output_ = dir_.path() / "pkg";
  fs::path partial_ = dir_.path() / "pkg.partial";
};

TEST_F(BuildTest, MakesAPackageThatVerifies) {
  const auto summary = build("cpu-int4");
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg"));
  const auto package = package::Package::open(output_);
  ASSERT_TRUE(package.ok()) << package.error().message();
  EXPECT_EQ(package->manifest.recipe_name, "cpu-int4");
  const package::GraphRecord* decoder = *package->component("decoder");
  EXPECT_EQ(decoder->ops.count("MatMul"), 0u);
  EXPECT_EQ(decoder->ops.at("com.microsoft::MatMulNBits"), 49);
  EXPECT_EQ((*package->component("embedding"))->ops.at("com.microsoft::GatherBlockQuantized"), 2);
  for (const ComponentSummary& component : summary->components) {
    for (const PassReport& pass : component.passes) {
      for (const passes::Declined& each : pass.declined) {
        // Relative keys are constants when the graph is made, one matrix a head.
        EXPECT_THAT(each.node, AnyOf(HasSubstr("position_embedding_table"),
                                     HasSubstr("self_attn.positions/MatMul")))
            << each.reason;
      }
    }
  }
  // Every file of the folder is covered by a checksum, but the manifest itself.
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(output_))
    files += entry.is_regular_file();
  EXPECT_EQ(files, package->manifest.files.size() + 1);
}

std::vector<std::string> component_names(const package::Manifest& manifest) {
  std::vector<std::string> out;
  for (const package::GraphRecord& each : manifest.components) out.push_back(each.name);
  return out;
}

std::vector<std::string> quantizations(const package::GraphRecord& component) {
  std::set<std::string> out;
  for (const package::TensorRecord& each : component.tensors) {
    if (!each.quantization.empty()) out.insert(each.quantization);
  }
  return {out.begin(), out.end()};
}

// Encoders are quantized as Olive's recipes do, and the text model as before: a pass that runs on
// one component too many shows here.
TEST_F(BuildTest, Int4KeepsEncodersInEightBits) {
  ASSERT_TRUE(build("cpu-int4").ok());
  const auto package = package::Package::open(output_);
  ASSERT_TRUE(package.ok()) << package.error().message();
  EXPECT_THAT(component_names(package->manifest),
              ElementsAre("vision_encoder", "audio_encoder", "embedding", "decoder"));
  const package::GraphRecord* vision = *package->component("vision_encoder");
  EXPECT_THAT(quantizations(*vision), ElementsAre("rtn int8, block 128, symmetric"));
  EXPECT_EQ(vision->ops.at("com.microsoft::MatMulNBits"), 23);
  EXPECT_EQ(vision->ops.count("com.microsoft::GatherBlockQuantized"), 0u);  // position table
  const package::GraphRecord* audio = *package->component("audio_encoder");
  EXPECT_THAT(quantizations(*audio), ElementsAre("rtn int8, block 128, symmetric"));
  EXPECT_EQ(audio->ops.at("com.microsoft::MatMulNBits"), 33);
  EXPECT_EQ(audio->ops.at("Conv"), 5);
  EXPECT_THAT(quantizations(**package->component("decoder")),
              ElementsAre("k-quant int4, block 32, asymmetric"));
  EXPECT_TRUE(package->manifest.vision.has_value());
  EXPECT_TRUE(package->manifest.audio.has_value());
  for (const char* file : {"image_processor.json", "audio_feature_extraction.json"}) {
    EXPECT_TRUE(fs::exists(output_ / file)) << file;
  }
}

// A model without towers has two components; recipes that name the others still apply.
TEST(Plan, HasTheComponentsOfTheModel) {
  const auto checkpoint =
      checkpoint::Checkpoint::open(source_dir() / "tests/golden/checkpoints/no_ple");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().message();
  const auto plan = make_plan(recipe::load_recipe("cpu-int4").value(), *checkpoint, std::nullopt);
  ASSERT_TRUE(plan.ok()) << plan.error().message();
  std::vector<std::string> names;
  for (const PlannedComponent& each : plan->components) names.push_back(each.name);
  EXPECT_THAT(names, ElementsAre("embedding", "decoder"));
}

// The same sources and recipe give the same bytes: threads and tiles must not show.
TEST_F(BuildTest, IsReproducible) {
  const auto first = build("cpu-int4");
  ASSERT_TRUE(first.ok());
  const auto second = build("cpu-int4", true);
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_EQ(package::to_json(first->manifest), package::to_json(second->manifest));
}

// What is written and what is read again is counted in bytes.
TEST_F(BuildTest, StagesTellTheirUnits) {
  RecordingSink recorder;
  ASSERT_TRUE(build("cpu-fp32", recorder).ok());
  std::set<std::string> stages;
  for (const auto& stage : recorder.stages) {
    EXPECT_EQ(stage.unit, Unit::kBytes) << stage.name;
    stages.insert(stage.name);
  }
  EXPECT_THAT(stages, ElementsAre("audio_encoder", "audio_encoder checksums", "decoder",
                                  "decoder checksums", "embedding", "embedding checksums",
                                  "vision_encoder", "vision_encoder checksums"));
}

TEST_F(BuildTest, ResumesFromFinishedComponents) {
  RecordingSink first(begin_of("decoder"));
  ASSERT_EQ(build("cpu-fp32", first).error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg.partial"));
  EXPECT_FALSE(fs::exists(partial_ / package::kManifestFile));

  RecordingSink second;
  const auto summary = build("cpu-fp32", second);
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  EXPECT_THAT(second.notes, ElementsAre("resuming: vision_encoder is finished already",
                                        "resuming: audio_encoder is finished already",
                                        "resuming: embedding is finished already"));
  EXPECT_THAT(second.names(), ElementsAre("decoder", "decoder checksums"));
  for (const ComponentSummary& each : summary->components) {
    EXPECT_EQ(each.resumed, each.name != "decoder") << each.name;
  }
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg"));
  EXPECT_TRUE(package::Package::open(output_).ok());
  EXPECT_FALSE(fs::exists(output_ / kJournalFile));

  output_ = dir_.path() / "fresh";
  const auto fresh = build();
  ASSERT_TRUE(fresh.ok());
  EXPECT_EQ(package::to_json(fresh->manifest), package::to_json(summary->manifest));
}

// A component kept from another recipe, or one that was damaged meanwhile, would be silently wrong.
TEST_F(BuildTest, DoesNotResumeFromSomethingElse) {
  RecordingSink first(begin_of("decoder"));
  ASSERT_FALSE(build("cpu-fp32", first).ok());
  RecordingSink second;
  ASSERT_TRUE(build("cpu-int4", second).ok());
  EXPECT_THAT(second.notes, IsEmpty());
  EXPECT_EQ(package::Package::open(output_)->manifest.recipe_name, "cpu-int4");
}

TEST_F(BuildTest, DoesNotResumeFromDamage) {
  RecordingSink first(begin_of("decoder"));
  ASSERT_FALSE(build("cpu-fp32", first).ok());
  const fs::path data = partial_ / "embedding/model.onnx.data";
  std::string bytes = checkpoint::read_file(data);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(data, std::ios::binary) << bytes;
  RecordingSink second;
  ASSERT_TRUE(build("cpu-fp32", second).ok());
  EXPECT_THAT(second.notes, ElementsAre("resuming: vision_encoder is finished already",
                                        "resuming: audio_encoder is finished already"));
  EXPECT_TRUE(package::Package::open(output_).ok());
}

TEST_F(BuildTest, DoesNotResumeWhenTheCheckpointChanged) {
  const TempDir other;
  checkpoint::link_tiny_checkpoint(other);
  checkpoint_ = other.path();
  RecordingSink first(begin_of("decoder"));
  ASSERT_FALSE(build("cpu-fp32", first).ok());
  std::string weights = checkpoint::read_file(tiny_checkpoint() / "model.safetensors");
  checkpoint::replace(other, "model.safetensors", weights);  // another modification time
  RecordingSink second;
  ASSERT_TRUE(build("cpu-fp32", second).ok());
  EXPECT_THAT(second.notes, IsEmpty());
}

TEST_F(BuildTest, DamagedJournalMeansFromTheStart) {
  RecordingSink first(begin_of("decoder"));
  ASSERT_FALSE(build("cpu-fp32", first).ok());
  std::ofstream(partial_ / kJournalFile) << "{\"components\": 7}";
  RecordingSink second;
  ASSERT_TRUE(build("cpu-fp32", second).ok());
  EXPECT_THAT(second.notes, IsEmpty());
}

TEST_F(BuildTest, InterruptedBeforeAnythingIsDoneLeavesNothing) {
  RecordingSink recorder(begin_of("vision_encoder"));
  ASSERT_EQ(build("cpu-fp32", recorder).error().kind, ErrorKind::kCancelled);
  EXPECT_THAT(left_in_folder(), IsEmpty());
}

TEST_F(BuildTest, BadCheckpointLeavesNothing) {
  checkpoint_ = dir_.path() / "nowhere";
  output_ = dir_.path() / "new/deep/pkg";
  EXPECT_THAT(problem(), HasSubstr("is not a directory"));
  EXPECT_THAT(left_in_folder(), IsEmpty());
}

// An error after folders were made on the way: they go again, but not what was there before.
TEST_F(BuildTest, FailureRemovesTheFoldersItMade) {
  fs::create_directories(dir_.path() / "old");
  output_ = dir_.path() / "old/new/deep/pkg";
  RecordingSink recorder(begin_of("vision_encoder"));
  ASSERT_FALSE(build("cpu-fp32", recorder).ok());
  EXPECT_THAT(left_in_folder(), ElementsAre("old"));
  EXPECT_TRUE(fs::is_empty(dir_.path() / "old"));
}

TEST_F(BuildTest, ReplacesAPackageOnlyWhenForced) {
  ASSERT_TRUE(build("cpu-fp32").ok());
  EXPECT_THAT(problem(), HasSubstr("is a package already (replace it with --force)"));
  ASSERT_TRUE(build("cpu-int4", true).ok());
  EXPECT_EQ(package::Package::open(output_)->manifest.recipe_name, "cpu-int4");
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg"));
}

// A failed replacement must leave the old package as it was.
TEST_F(BuildTest, FailedReplacementKeepsTheOldPackage) {
  ASSERT_TRUE(build("cpu-fp32").ok());
  RecordingSink recorder(begin_of("vision_encoder"));
  ASSERT_FALSE(build("cpu-int4", recorder, true).ok());
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg"));
  EXPECT_EQ(package::Package::open(output_)->manifest.recipe_name, "cpu-fp32");
}

TEST_F(BuildTest, NeverReplacesOtherThings) {
  fs::create_directories(output_);
  std::ofstream(output_ / "thesis.txt") << "years of work";
  EXPECT_THAT(problem(true), HasSubstr("is a folder with other things in it"));
  EXPECT_TRUE(fs::exists(output_ / "thesis.txt"));
  output_ = output_ / "thesis.txt";
  EXPECT_THAT(problem(true), HasSubstr("is in the way"));
}

TEST_F(BuildTest, NeverEmptiesAPartialFolderOfSomeoneElse) {
  fs::create_directories(partial_);
  std::ofstream(partial_ / "thesis.txt") << "years of work";
  EXPECT_THAT(problem(true), HasSubstr("no build left it"));
  EXPECT_TRUE(fs::exists(partial_ / "thesis.txt"));
}

TEST_F(BuildTest, AnEmptyFolderMayBecomeThePackage) {
  fs::create_directories(output_);
  EXPECT_EQ(problem(), "");
}

TEST_F(BuildTest, OneBuildAtATime) {
  auto other = Staging::open(output_, {});
  ASSERT_TRUE(other.ok()) << other.error().message();
  EXPECT_THAT(problem(), HasSubstr("another build is writing this package"));
  EXPECT_TRUE(fs::exists(partial_));  // not removed under the other's feet
  other->discard();
}

// "pkg/" and "pkg" are the same place: the folder beside it must be pkg.partial, not pkg/.partial.
TEST_F(BuildTest, TrailingSlash) {
  output_ = dir_.path() / "pkg/";
  ASSERT_EQ(problem(), "");
  EXPECT_THAT(left_in_folder(), ElementsAre("pkg"));
}

TEST_F(BuildTest, ImpossiblePlacesAreReported) {
  dir_.write("file", std::string("x"));
  output_ = dir_.path() / "file/pkg";
  EXPECT_THAT(problem(), HasSubstr("Not a directory"));
  output_ = "/proc/lapidary/pkg";
  EXPECT_THAT(problem(), HasSubstr("/proc/lapidary"));
}

}  // namespace
}  // namespace lapidary::build
