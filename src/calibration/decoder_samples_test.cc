#include "calibration/decoder_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "ort/test_model.h"

namespace lapidary::calibration {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Path = std::filesystem::path;

constexpr int64_t kLength = 12;
constexpr int64_t kPast = 3;
constexpr int64_t kWindow = 4;
constexpr float kMasked = -100;

// inputs_embeds: a token's id. per_layer_inputs: the first value of all image features of the run.
Path embedding_model(const Path& dir) {
  ort::TestModel model("embedding");
  model.input("input_ids", {"b", "s"}, onnx::TensorProto::INT64)
      .input("image_features", {"n", "1"})
      .integers("last", {1}, {-1})
      .output("inputs_embeds", {"b", "s", "1"})
      .output("per_layer_inputs", {"b", "s", "1"});
  ort::TestModel::attribute(model.node("Cast", {"input_ids"}, {"ids"}), "to",
                            int64_t{onnx::TensorProto::FLOAT});
  model.node("Unsqueeze", {"ids", "last"}, {"inputs_embeds"});
  ort::TestModel::attribute(model.node("ReduceSum", {"image_features"}, {"images"}), "keepdims",
                            int64_t{0});
  model.node("Sub", {"inputs_embeds", "inputs_embeds"}, {"zeros"});
  model.node("Add", {"zeros", "images"}, {"per_layer_inputs"});
  return model.save(dir / "embedding.onnx");
}

// The inputs of a decoder of fixed length. What it computes is nobody's business here.
graph::Graph inputs_graph() {
  graph::Graph graph;
  const auto add = [&](const char* name, graph::SymbolicShape shape) {
    graph.inputs.push_back({name, DType::kFloat, std::move(shape)});
  };
  add("inputs_embeds", {int64_t{1}, kLength, int64_t{1}});
  add("per_layer_inputs", {int64_t{1}, kLength, int64_t{1}});
  add("rotary_emb.sliding_attention.cos", {int64_t{1}, kLength, int64_t{2}});
  add("rotary_emb.full_attention.sin", {int64_t{1}, kLength, int64_t{1}});
  add("attention_mask.sliding_attention", {int64_t{1}, int64_t{1}, kLength, kPast + kLength});
  add("attention_mask.full_attention", {int64_t{1}, int64_t{1}, kLength, kLength});
  add("past_key_values.0.key", {int64_t{1}, int64_t{2}, kPast, int64_t{4}});
  return graph;
}

engine::Prompt sequence(int32_t first, int64_t length) {
  engine::Prompt out;
  for (int64_t i = 0; i < length; ++i) out.ids.push_back(first + static_cast<int32_t>(i));
  return out;
}

using Sample = std::map<std::string, std::vector<float>>;

class DecoderSamplesTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = Path(testing::TempDir()) / ("lapidary_samples_" + std::to_string(getpid()));
    auto session = ort::Session::open(embedding_model(dir_), {.threads = 1});
    ASSERT_TRUE(session.ok()) << session.error().message();
    embedding_ = std::make_unique<ort::Session>(*std::move(session));
    text_.vocab_size = 1000;
    text_.hidden_size = 1;
    text_.per_layer_width = 1;
    text_.sliding_window = kWindow;
    model_.context_length = kLength;
    model_.masked = static_cast<double>(kMasked);
    model_.rotary = {{"sliding_attention", {1.0F, 0.5F}}, {"full_attention", {0.25F}}};
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  Result<DecoderSamples> make(const graph::Graph& graph,
                              std::vector<engine::Prompt> sequences) const {
    return DecoderSamples::create(graph, *embedding_, text_, model_, std::move(sequences));
  }
  std::string error_of(const graph::Graph& graph, std::vector<engine::Prompt> sequences) const {
    const auto made = make(graph, std::move(sequences));
    return made.ok() ? "no error" : made.error().message();
  }
  static std::vector<Sample> all(DecoderSamples& samples) {
    std::vector<Sample> out;
    while (true) {
      const auto next = samples.next();
      EXPECT_TRUE(next.ok()) << next.error().message();
      if (!next.ok() || !*next) return out;
      Sample& sample = out.emplace_back();
      for (const ort::HostTensor& tensor : **next) {
        const auto* begin = static_cast<const float*>(static_cast<const void*>(tensor.data.data()));
        sample[tensor.name].assign(begin, begin + tensor.data.size() / sizeof(float));
      }
    }
  }

  Path dir_;
  std::unique_ptr<ort::Session> embedding_;
  package::TextModel text_;
  package::FixedModel model_;
};

// A token sees exactly what stands before it in its own sequence, in sliding layers as far as the
// window reaches, and no past. Tokens are told apart by their ids.
TEST_F(DecoderSamplesTest, TokensSeeTheirOwnSequenceAlone) {
  auto samples = make(inputs_graph(), {sequence(100, 5), sequence(200, 16), sequence(300, 3)});
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  std::set<float> ids;
  const auto rows = all(*samples);
  ASSERT_EQ(static_cast<int64_t>(rows.size()), samples->count());
  for (const Sample& row : rows) {
    const std::vector<float>& id = row.at("inputs_embeds");
    ids.insert(id.begin(), id.end());
    for (const bool full : {false, true}) {
      const auto& mask =
          row.at(full ? "attention_mask.full_attention" : "attention_mask.sliding_attention");
      const int64_t past = full ? 0 : kPast;
      for (int64_t q = 0; q < kLength; ++q) {
        int64_t first = q;  // of the piece: ids go up by one, or jump from the repeated token 0
        const auto at = [&](int64_t i) { return id[static_cast<size_t>(i)]; };
        const auto is_start = [&](int64_t i) { return std::fmod(at(i), 100.0F) == 0; };
        while (!is_start(first)) --first;
        for (int64_t k = 0; k < past + kLength; ++k) {
          const int64_t key = k - past;
          const bool seen = key >= first && key <= q && (full || q - key < kWindow);
          ASSERT_EQ(mask[static_cast<size_t>(q * (past + kLength) + k)], seen ? 0.0F : kMasked)
              << "query " << q << ", key " << key << (full ? ", full" : ", sliding");
        }
      }
    }
    EXPECT_THAT(row.at("past_key_values.0.key"), testing::Each(0.0F));
  }
  EXPECT_EQ(ids.size(), 24U) << "a token is in no row";
}

// Positions go up by one within a sequence; with room in the context, sequences begin far apart.
TEST_F(DecoderSamplesTest, PositionsOfASequenceAreConsecutive) {
  for (const int64_t context : {kLength, int64_t{1000}}) {
    model_.context_length = context;
    auto samples = make(inputs_graph(), {sequence(100, 4), sequence(200, 8), sequence(300, 12)});
    ASSERT_TRUE(samples.ok()) << samples.error().message();
    std::vector<float> first_angles;
    const auto rows = all(*samples);
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto& cosines = rows[r].at("rotary_emb.sliding_attention.cos");
      const auto& sines = rows[r].at("rotary_emb.full_attention.sin");
      size_t token = 0;
      for (const Piece& piece : samples->rows()[r]) {
        // The one position whose tables are those of the first token.
        int64_t start = 0;
        const auto fits = [&](int64_t p) {
          const auto x = static_cast<float>(p);
          return cosines[2 * token] == std::cos(x) && cosines[2 * token + 1] == std::cos(x * 0.5F);
        };
        while (start < context && !fits(start)) ++start;
        ASSERT_LE(start + piece.length(), context);
        first_angles.push_back(static_cast<float>(start));
        for (int64_t i = 0; i < piece.length(); ++i, ++token) {
          const auto x = static_cast<float>(start + i);
          ASSERT_EQ(cosines[2 * token], std::cos(x));
          ASSERT_EQ(sines[token], std::sin(x * 0.25F));
        }
      }
    }
    if (context == kLength) {
      EXPECT_THAT(first_angles, ElementsAre(0, 0, 0));
    } else {
      EXPECT_THAT(first_angles, ElementsAre(0, 611, 233));
    }
  }
}

// The features of a block reach the embedding in the row that holds its placeholders, and no other.
TEST_F(DecoderSamplesTest, SoftTokensComeWithTheirRow) {
  engine::Prompt with_image = sequence(100, 14);
  auto tokens = std::make_shared<engine::SoftTokens>();
  tokens->count = 3;
  tokens->features = {1, 10, 100};
  with_image.blocks.push_back({10, engine::Medium::kImage, tokens});
  auto samples = make(inputs_graph(), {with_image, sequence(200, 12)});
  ASSERT_TRUE(samples.ok()) << samples.error().message();
  std::vector<float> sums;
  for (const Sample& row : all(*samples)) sums.push_back(row.at("per_layer_inputs")[0]);
  // The first row ends after two of the placeholders; the last one fills up with both sequences.
  EXPECT_THAT(sums, ElementsAre(11, 100, 0));
}

TEST_F(DecoderSamplesTest, RewindGivesTheSameAgain) {
  auto samples = make(inputs_graph(), {sequence(100, 5), sequence(200, 16)});
  ASSERT_TRUE(samples.ok());
  const auto first = all(*samples);
  EXPECT_TRUE(all(*samples).empty());
  ASSERT_TRUE(samples->rewind().ok());
  EXPECT_EQ(all(*samples), first);
}

TEST_F(DecoderSamplesTest, GraphsThatAreNoDecoderAreRefusedByInput) {
  const auto with = [&](const std::string& name, DType dtype, graph::SymbolicShape shape) {
    graph::Graph graph = inputs_graph();
    std::erase_if(graph.inputs, [&](const auto& input) { return input.name == name; });
    graph.inputs.push_back({name, dtype, std::move(shape)});
    return error_of(graph, {sequence(1, 3)});
  };
  EXPECT_THAT(with("position_ids", DType::kFloat, {int64_t{1}, kLength}),
              HasSubstr("'position_ids'"));
  EXPECT_THAT(with("input_ids", DType::kInt64, {int64_t{1}, kLength}), HasSubstr("'input_ids'"));
  EXPECT_THAT(with("inputs_embeds", DType::kFloat, {int64_t{1}, "sequence_len", int64_t{1}}),
              HasSubstr("fixed shape"));
  EXPECT_THAT(with("per_layer_inputs", DType::kFloat, {int64_t{1}, kLength, int64_t{2}}),
              HasSubstr("'per_layer_inputs'"));
  EXPECT_THAT(with("attention_mask.full_attention", DType::kFloat,
                   {int64_t{1}, int64_t{1}, kLength, kLength - 1}),
              HasSubstr("'attention_mask.full_attention'"));
  EXPECT_THAT(with("rotary_emb.other_attention.cos", DType::kFloat, {int64_t{1}, kLength, 1}),
              HasSubstr("'rotary_emb.other_attention.cos'"));
  text_.sliding_window = 0;
  EXPECT_THAT(error_of(inputs_graph(), {sequence(1, 3)}),
              HasSubstr("'attention_mask.sliding_attention'"));
  EXPECT_THAT(error_of({}, {sequence(1, 3)}), HasSubstr("inputs_embeds"));
}

TEST_F(DecoderSamplesTest, BadSequencesAreRefused) {
  EXPECT_THAT(error_of(inputs_graph(), {}), HasSubstr("no sequences"));
  EXPECT_THAT(error_of(inputs_graph(), {sequence(1, 3), {}}), HasSubstr("sequence 1"));
  EXPECT_THAT(error_of(inputs_graph(), {sequence(999, 2)}), HasSubstr("token 1000"));
  EXPECT_THAT(error_of(inputs_graph(), {sequence(-1, 2)}), HasSubstr("token -1"));
  auto tokens = std::make_shared<engine::SoftTokens>();
  tokens->count = 2;
  tokens->features = {1, 2};
  engine::Prompt beyond = sequence(1, 3);
  beyond.blocks.push_back({2, engine::Medium::kImage, tokens});
  EXPECT_THAT(error_of(inputs_graph(), {beyond}), HasSubstr("sequence 0"));
  beyond.blocks[0].begin = 0;
  EXPECT_THAT(error_of(inputs_graph(), {beyond}), HasSubstr("begins with a soft token"));
}

TEST_F(DecoderSamplesTest, RangesThatNeedNoSamples) {
  quant::Ranges ranges;
  ASSERT_TRUE(ranges.set("attention_mask.full_attention", {-3, 1}).ok());
  ASSERT_TRUE(ranges.set("inputs_embeds", {-3, 1}).ok());
  ASSERT_TRUE(set_fixed_ranges(inputs_graph(), -100, ranges).ok());
  EXPECT_EQ(*ranges.find("attention_mask.full_attention"), (quant::Range{-100, 0}));
  EXPECT_EQ(*ranges.find("attention_mask.sliding_attention"), (quant::Range{-100, 0}));
  EXPECT_EQ(*ranges.find("rotary_emb.full_attention.sin"), (quant::Range{-1, 1}));
  EXPECT_EQ(*ranges.find("inputs_embeds"), (quant::Range{-3, 1}));
  EXPECT_EQ(ranges.all().size(), 5U);
}

}  // namespace
}  // namespace lapidary::calibration
