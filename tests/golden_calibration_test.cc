// Calibration samples of a whole model: rows in which several sequences stand compute what each
// sequence computes alone.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <span>
#include <vector>

#include "base/testing/source_dir.h"
#include "calibration/data.h"
#include "calibration/decoder_samples.h"
#include "fixed_decoder.h"
#include "gemma4/rotary_kinds.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"

namespace lapidary::golden {
namespace {

using calibration::DataConfig;
using calibration::DataReader;
using calibration::DecoderSamples;
using calibration::Piece;
using Tokens = std::vector<int32_t>;

const std::filesystem::path kTiny = source_dir() / "models/tiny-gemma4";
constexpr int64_t kLength = 80;  // of a row; the window of sliding layers is 32

class GoldenCalibration : public testing::Test {
 protected:
  void SetUp() override {
    scratch_ = std::filesystem::path(testing::TempDir()) /
               ("lapidary_calibration_samples" + std::to_string(getpid()));
    model_ = take(build_model(kTiny / "checkpoint", scratch_));
    const auto source = take(checkpoint::Checkpoint::open(kTiny / "checkpoint"));
    graph_ = fixed_decoder_graph(
        source, {.context_length = kLength, .sequence_length = kLength, .logits = true});
    take(graph::save(graph_, scratch_ / "rows.onnx", {}));
    for (const auto& kind : gemma4::rotary_kinds(source.config.text)) {
      fixed_model_.rotary.push_back({kind.name, kind.frequencies});
    }
    fixed_model_.masked = -100;
    DataConfig config;
    config.files = {kTiny / "corpus/calibration.txt", kTiny / "corpus/chats.jsonl"};
    config.max_samples = 12;
    const DataReader reader = take(DataReader::open(kTiny / "checkpoint", {}));
    sequences_ = take(reader.prompts(take(reader.load(config)), nullptr));
    ASSERT_EQ(sequences_.size(), 12U);
  }
  void TearDown() override {
    model_.reset();
    std::filesystem::remove_all(scratch_);
  }

  // The largest difference between a piece's logits in its row and those of its tokens alone.
  double worst_difference() const {
    auto samples = take(
        DecoderSamples::create(graph_, model_->embedding, model_->text, fixed_model_, sequences_));
    const auto session = take(ort::Session::open(scratch_ / "rows.onnx", {.threads = 1}));
    double worst = 0;
    for (const calibration::Row& row : samples.rows()) {
      const auto outputs = take(session.run(*take(samples.next())));
      const auto logits = std::find_if(outputs.begin(), outputs.end(),
                                       [](const auto& output) { return output.name == "logits"; });
      std::vector<float> values(logits->data.size() / sizeof(float));
      std::memcpy(values.data(), logits->data.data(), logits->data.size());
      std::span<const float> rest = values;
      for (const Piece& piece : row) {
        const std::vector<float> alone = logits_alone(piece);
        worst =
            larger(worst, max_difference(rest.first(std::min(rest.size(), alone.size())), alone));
        rest = rest.subspan(std::min(rest.size(), alone.size()));
      }
    }
    return worst;
  }

  std::vector<float> logits_alone(const Piece& piece) const {
    const Tokens& whole = sequences_[static_cast<size_t>(piece.sequence)].ids;
    Tokens ids(whole.begin() + piece.begin, whole.begin() + piece.end);
    if (piece.begin > 0) ids.insert(ids.begin(), whole[0]);
    auto decoder = take(runtime::Decoder::create(model_, {.max_context = kLength}));
    const auto logits = take(decoder.step(ids, 0));
    return {logits.begin(), logits.end()};
  }

  std::filesystem::path scratch_;
  BuiltModel model_;
  graph::Graph graph_;
  package::FixedModel fixed_model_;
  std::vector<engine::Prompt> sequences_;
};

// Catches a mask or a position of another sequence in the same row.
TEST_F(GoldenCalibration, PackedSequencesComputeWhatTheyComputeAlone) {
  fixed_model_.context_length = kLength;
  EXPECT_LE(worst_difference(), 1e-4);
}

// Attention knows distances only; at far positions float32 angles are a little coarser.
TEST_F(GoldenCalibration, SequencesMayBeginAnywhereInTheContext) {
  fixed_model_.context_length = 4096;
  EXPECT_LE(worst_difference(), 3e-3);
}

}  // namespace
}  // namespace lapidary::golden
