// The audio encoder's graph against transformers: float32, eager attention. The checkpoints differ
// in everything that the config can say; see tests/oracle/make_audio_encoder_goldens.py.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audio_goldens.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "gemma4/audio_encoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"

namespace lapidary::golden {
namespace {

using checkpoint::Config;
using ort::input_view;
using ort::Session;

constexpr double kCosine = 0.999999;
constexpr double kTolerance = 1e-3;

class GoldenAudioEncoder : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    const auto checkpoint = audio_checkpoint(name);
    scratch_ = std::filesystem::path(testing::TempDir()) /
               ("lapidary_audio_encoder_" + name + std::to_string(getpid()));
    std::filesystem::create_directories(scratch_);
    config_ = take(Config::load(checkpoint / "config.json"));
    const auto weights = take(checkpoint::Weights::open(checkpoint));
    const graph::Graph graph = take(gemma4::build_audio_encoder(config_, weights));
    const auto model = scratch_ / "model.onnx";
    take(graph::save(graph, model, {}));
    session_.emplace(take(Session::open(model, {.threads = 1})));
    mel_bins_ = session_->inputs().front().dims.back();
    cases_ = audio_cases(name, mel_bins_);
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
    take(binding.output("audio_features",
                        {DType::kFloat, out.data(), {one.tokens, config_.text.hidden_size}}));
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
    EXPECT_TRUE(all_near(actual, one.audio_features, kTolerance));
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
