// The audio encoder of fixed length against transformers, and against the encoder of any length.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audio_goldens.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "encoders/fixed_audio_inputs.h"
#include "gemma4/audio_encoder.h"
#include "gemma4/fixed_audio_encoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "media/log_mel.h"
#include "ort/session.h"

namespace lapidary::golden {
namespace {

using ort::HostTensor;
using ort::Session;

constexpr double kCosine = 0.999999;

std::vector<float> floats(const HostTensor& tensor) {
  const auto* first = reinterpret_cast<const float*>(tensor.data.data());
  return {first, first + tensor.data.size() / sizeof(float)};
}

// `time` frames, of which `real` are real.
media::LogMel clip(const std::vector<float>& features, int64_t time, int64_t real, int64_t bins) {
  media::LogMel mel{time, bins, features, {}};
  for (int64_t t = 0; t < time; ++t) mel.input_features_mask.push_back(t < real ? 1 : 0);
  return mel;
}

class GoldenStaticAudio : public testing::Test {
 protected:
  void open(const std::string& name) {
    scratch_ = std::filesystem::path(testing::TempDir()) /
               ("lapidary_static_audio_" + name + std::to_string(getpid()));
    std::filesystem::create_directories(scratch_);
    config_ = take(checkpoint::Config::load(audio_checkpoint(name) / "config.json"));
    weights_.emplace(take(checkpoint::Weights::open(audio_checkpoint(name))));
    bins_ = config_.audio->subsampling_conv_channels[0];
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  Session session(const graph::Graph& graph) const {
    const auto model = scratch_ / "model.onnx";
    take(graph::save(graph, model, {}));
    return take(Session::open(model, {.threads = 1}));
  }
  Session any_length() const {
    return session(take(gemma4::build_audio_encoder(config_, *weights_)));
  }
  Session fixed_length(int64_t soft_tokens) const {
    return session(
        take(gemma4::build_fixed_audio_encoder(config_, *weights_, {.soft_tokens = soft_tokens})));
  }

  std::vector<float> run_any(const Session& session, const media::LogMel& mel) const {
    HostTensor features{"input_features", DType::kFloat, {1, mel.frames, bins_}, {}};
    const auto bytes = std::as_bytes(std::span(mel.input_features));
    features.data.assign(bytes.begin(), bytes.end());
    HostTensor mask{"input_features_mask", DType::kBool, {1, mel.frames}, {}};
    for (const uint8_t real : mel.input_features_mask) mask.data.push_back(std::byte{real});
    return floats(take(session.run(std::vector{features, mask})).front());
  }

  // The rows of the clip's soft tokens.
  std::vector<float> run_fixed(const Session& session, int64_t soft_tokens,
                               const media::LogMel& mel) const {
    package::AudioModel model;
    model.attention_chunk_size = config_.audio->attention_chunk_size;
    model.attention_past = config_.audio->attention_context_left - 1;
    model.attention_future = config_.audio->attention_context_right;
    model.fixed_encoder = {soft_tokens, -100};
    const auto inputs = take(encoders::fixed_audio_inputs(mel, model));
    std::vector<float> out = floats(take(session.run(inputs)).front());
    out.resize(static_cast<size_t>(media::audio_soft_tokens(mel.input_features_mask) *
                                   config_.text.hidden_size));
    return out;
  }

  void expect_close(const std::vector<float>& actual, const std::vector<float>& expected) const {
    const auto width = static_cast<size_t>(config_.text.hidden_size);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t at = 0; at < actual.size(); at += width) {
      EXPECT_GE(
          cosine(std::span(actual).subspan(at, width), std::span(expected).subspan(at, width)),
          kCosine)
          << "token " << at / width;
    }
  }

  // Clips of every length around the ends of chunks, in encoders whose own length is at such ends.
  void expect_any_length(const std::string& name) {
    open(name);
    const Session any = any_length();
    const int64_t chunk = config_.audio->attention_chunk_size;
    for (const int64_t room : {2 * chunk - 1, 2 * chunk, 2 * chunk + 1}) {
      const Session fixed = fixed_length(room);
      for (const int64_t real : {int64_t{1}, 4 * chunk - 3, 4 * chunk, 4 * chunk + 1, 8 * chunk - 5,
                                 4 * room - 3, 4 * room}) {
        SCOPED_TRACE(fmt::format("{} frames of {}", real, 4 * room));
        const int64_t time = real + real % 3;  // with and without padding
        const media::LogMel mel =
            clip(synthetic_features(static_cast<size_t>(time * bins_)), time, real, bins_);
        expect_close(run_fixed(fixed, room, mel), run_any(any, mel));
      }
    }
  }

  checkpoint::Config config_;
  std::optional<checkpoint::Weights> weights_;
  std::filesystem::path scratch_;
  int64_t bins_ = 0;
};

// Catches a wrong scale, cap, place or mask against the reference, in an encoder just long enough
// for all clips and in one with 7 tokens to spare.
TEST_F(GoldenStaticAudio, SoftTokensOfTheReference) {
  for (const char* name : {"tiny", "wide_chunks"}) {
    SCOPED_TRACE(name);
    open(name);
    std::vector<AudioCase> cases = audio_cases(name, bins_);
    std::erase_if(cases, [](const AudioCase& one) { return one.batch != 1; });
    ASSERT_GE(cases.size(), 3U);
    const auto most = std::max_element(
        cases.begin(), cases.end(),
        [](const AudioCase& a, const AudioCase& b) { return a.tokens < b.tokens; });
    for (const int64_t room : {most->tokens, most->tokens + 7}) {
      const Session fixed = fixed_length(room);
      for (const AudioCase& one : cases) {
        SCOPED_TRACE(one.name);
        const media::LogMel mel{one.time, bins_, one.input_features, one.mask};
        expect_close(run_fixed(fixed, room, mel), one.audio_features);
      }
    }
  }
}

// Catches chunks that are not filled up or cut off where they should be, and padding that reaches
// real frames.
TEST_F(GoldenStaticAudio, EqualsTheEncoderOfAnyLength) { expect_any_length("tiny"); }

// The same with a past shorter than a chunk, and positions that the shift mixes.
TEST_F(GoldenStaticAudio, EqualsItWithWideChunks) { expect_any_length("wide_chunks"); }

// Catches a look-ahead that ends at the chunk, or reaches padding.
TEST_F(GoldenStaticAudio, EqualsItWithALookAhead) {
  open("look_ahead");
  config_.audio->attention_invalid_logits_value = -1e9;  // the checkpoint's own is refused
  const Session any = any_length();
  for (const int64_t room : {int64_t{15}, int64_t{17}}) {
    const Session fixed = fixed_length(room);
    for (const int64_t real : {room, 4 * room - 6, 4 * room}) {
      const media::LogMel mel =
          clip(synthetic_features(static_cast<size_t>(real * bins_)), real, real, bins_);
      expect_close(run_fixed(fixed, room, mel), run_any(any, mel));
    }
  }
}

// Catches masked keys that weigh something in the reference and nothing here, in silence.
TEST_F(GoldenStaticAudio, RefusesWhatAddedMasksCannotSay) {
  for (const char* name : {"look_ahead", "next_only"}) {
    open(name);
    EXPECT_FALSE(gemma4::build_fixed_audio_encoder(config_, *weights_, {.soft_tokens = 8}).ok());
  }
  open("tiny");
  EXPECT_FALSE(gemma4::build_fixed_audio_encoder(config_, *weights_, {.soft_tokens = 0}).ok());
}

}  // namespace
}  // namespace lapidary::golden
