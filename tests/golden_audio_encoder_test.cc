// The audio encoder's graph against transformers: float32, eager attention. The checkpoints differ
// in everything that the config can say; see tests/oracle/make_audio_encoder_goldens.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"
#include "gemma4/audio_encoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"

namespace lapidary::golden {
namespace {

using checkpoint::Config;
using checkpoint::SafetensorsFile;
using checkpoint::TensorEntry;
using ort::ElementType;
using ort::input_view;
using ort::Session;

constexpr double kCosine = 0.999999;
constexpr float kTolerance = 1e-3F;

struct AudioCase {
  std::string name;
  int64_t batch = 0, time = 0;
  std::vector<float> input_features;  // [batch, time, mel bins]
  std::vector<uint8_t> mask;          // [batch, time]
  std::vector<float> audio_features;  // [tokens, text hidden]
  int64_t tokens = 0;
};

// A hash of each value's index, mapped to [-6, 2): synthetic_features of the script.
std::vector<float> synthetic_features(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t hash = i * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29U;
    hash *= 0xBF58476D1CE4E5B9U;
    values[i] = static_cast<float>(hash >> 48U) / 8192.0F - 6.0F;
  }
  return values;
}

AudioCase read_case(const SafetensorsFile& file, const std::string& name, int64_t mel_bins) {
  const auto tensor = [&](const std::string& part) { return file.find(name + "." + part); };
  const auto integers = [&](const std::string& part) {
    return take(file.tensor(*tensor(part)).to_integers());
  };
  AudioCase one;
  one.name = name;
  one.time = integers("time").front();
  const std::vector<int64_t> lengths = integers("lengths");
  one.batch = static_cast<int64_t>(lengths.size());
  for (const int64_t length : lengths) {
    for (int64_t t = 0; t < one.time; ++t) one.mask.push_back(t < length ? 1 : 0);
  }
  const TensorEntry* features = tensor("input_features");
  one.input_features =
      features != nullptr
          ? take(file.tensor(*features).to_floats())
          : synthetic_features(static_cast<size_t>(one.batch * one.time * mel_bins));
  one.audio_features = take(file.tensor(*tensor("audio_features")).to_floats());
  one.tokens = tensor("audio_features")->type.shape.front();
  return one;
}

std::vector<AudioCase> read_cases(const std::filesystem::path& path, int64_t mel_bins) {
  const auto file = take(SafetensorsFile::open(path));
  std::vector<AudioCase> cases;
  const std::string suffix = ".lengths";
  for (const TensorEntry& entry : file->entries()) {
    if (!entry.name.ends_with(suffix)) continue;
    const std::string name = entry.name.substr(0, entry.name.size() - suffix.size());
    cases.push_back(read_case(*file, name, mel_bins));
  }
  return cases;
}

class GoldenAudioEncoder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::filesystem::path source = LAPIDARY_SOURCE_DIR;
    const std::string name = GetParam();
    const auto goldens = source / "tests/golden/audio_encoder" / name;
    const auto checkpoint = name == "tiny" ? source / "models/tiny-gemma4/checkpoint" : goldens;
    scratch_ = std::filesystem::path(testing::TempDir()) / ("lapidary_audio_encoder_" + name);
    std::filesystem::create_directories(scratch_);
    config_ = take(Config::load(checkpoint / "config.json"));
    const auto weights = take(checkpoint::Weights::open(checkpoint));
    const graph::Graph graph = take(gemma4::build_audio_encoder(config_, weights));
    const auto model = scratch_ / "model.onnx";
    take(graph::save(graph, model, {}));
    session_.emplace(take(Session::open(model, {.threads = 1})));
    mel_bins_ = session_->inputs().front().dims.back();
    cases_ = read_cases(goldens / "goldens.safetensors", mel_bins_);
  }
  void TearDown() override {
    session_.reset();
    std::filesystem::remove_all(scratch_);
  }

  std::vector<float> run(const AudioCase& one) const {
    // The output's shape is part of the test: a graph with more or fewer tokens fails to run.
    std::vector<float> out(static_cast<size_t>(one.tokens * config_.text.hidden_size));
    auto binding = take(session_->bind());
    take(binding.input("input_features",
                       input_view(one.input_features, {one.batch, one.time, mel_bins_})));
    take(binding.input("input_features_mask", input_view(one.mask, {one.batch, one.time})));
    take(binding.output(
        "audio_features",
        {ElementType::kFloat32, out.data(), {one.tokens, config_.text.hidden_size}}));
    take(binding.run());
    return out;
  }

  Config config_;
  std::filesystem::path scratch_;
  std::optional<Session> session_;
  int64_t mel_bins_ = 0;
  std::vector<AudioCase> cases_;
};

// Catches a wrong mask, chunk edge, relative position, scale, cap, clip, eps or residual anywhere
// in the conformer, tokens of padding that are kept, and clips of a batch that see each other.
TEST_P(GoldenAudioEncoder, SoftTokens) {
  ASSERT_GE(cases_.size(), 7U);
  const auto width = static_cast<size_t>(config_.text.hidden_size);
  for (const AudioCase& one : cases_) {
    SCOPED_TRACE(one.name);
    const std::vector<float> actual = run(one);
    ASSERT_EQ(actual.size(), one.audio_features.size());
    EXPECT_LE(max_difference(actual, one.audio_features), kTolerance);
    for (size_t at = 0; at < actual.size(); at += width) {
      EXPECT_GE(cosine(std::span(actual).subspan(at, width),
                       std::span(one.audio_features).subspan(at, width)),
                kCosine)
          << "token " << at / width;
    }
  }
}

// Catches a graph that cannot run on a batch without a single real frame.
TEST_P(GoldenAudioEncoder, OnlyPaddingGivesNoTokens) {
  AudioCase silent;
  silent.batch = 2;
  silent.time = 9;
  silent.input_features = synthetic_features(static_cast<size_t>(2 * 9 * mel_bins_));
  silent.mask.assign(2 * 9, 0);
  EXPECT_TRUE(run(silent).empty());
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenAudioEncoder,
                         testing::Values("tiny", "look_ahead", "wide_chunks", "next_only"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace lapidary::golden
