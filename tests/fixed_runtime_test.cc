// Decoders over graphs of fixed lengths against the same model over graphs of any length, and
// against the plain host of fixed_decoder.h: float graphs, integer ports, several parts.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "built_model.h"
#include "checkpoint/test_files.h"
#include "engine/fixed_graphs.h"
#include "fixed_decoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "package/graph_record.h"
#include "passes/split_model/split_model.h"
#include "runtime/decoder.h"
#include "tensor/expressions.h"

namespace lapidary::golden {
namespace {

namespace fs = std::filesystem;
using checkpoint::tiny_checkpoint;
using engine::DecoderOptions;
using engine::FixedGraphs;
using engine::FixedPart;
using engine::Prompt;
using graph::Graph;
using runtime::Decoder;
using ::testing::HasSubstr;
using Tokens = std::vector<int32_t>;
using Logits = std::vector<float>;

constexpr double kTolerance = 1e-4;

Tokens some_tokens(size_t count, uint32_t state = 1) {
  Tokens out;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    out.push_back(static_cast<int32_t>(32 + (state >> 8) % 900));
  }
  return out;
}

// All ports of activations become int16 with zero point 0, `scales` by how names begin.
void encode_ports(Graph& graph, const std::vector<std::pair<std::string, float>>& scales) {
  const auto scale_of = [&](const std::string& name) {
    const auto found = std::find_if(scales.begin(), scales.end(), [&](const auto& entry) {
      return name.starts_with(entry.first);
    });
    return found == scales.end() ? 0.0F : found->second;
  };
  const auto note = [&](graph::ValueInfo& port, float scale) {
    graph.initializers[port.name + "_scale"] = tensor::scalar(scale);
    graph.metadata["encoding:" + port.name] =
        Json{{"dtype", "int16"}, {"scale", scale}, {"zero_point", 0}}.dump();
    port.dtype = DType::kInt16;
  };
  std::vector<graph::Node> first;
  std::vector<graph::Node> last;
  for (graph::ValueInfo& port : graph.inputs) {
    const float scale = scale_of(port.name);
    if (scale == 0) continue;
    note(port, scale);
    const std::string real = port.name + "_float";
    for (graph::Node& node : graph.nodes) {
      std::replace(node.inputs.begin(), node.inputs.end(), port.name, real);
    }
    first.push_back({"", "DequantizeLinear", real, {port.name, port.name + "_scale"}, {real}, {}});
  }
  for (graph::ValueInfo& port : graph.outputs) {
    const float scale = scale_of(port.name);
    if (scale == 0) continue;
    note(port, scale);
    const std::string real = port.name + "_float";
    for (graph::Node& node : graph.nodes) {
      std::replace(node.inputs.begin(), node.inputs.end(), port.name, real);
      std::replace(node.outputs.begin(), node.outputs.end(), port.name, real);
    }
    last.push_back({"",
                    "QuantizeLinear",
                    port.name,
                    {real, port.name + "_scale"},
                    {port.name},
                    {{"output_dtype", int64_t{5}}}});
  }
  graph.nodes.insert(graph.nodes.begin(), first.begin(), first.end());
  graph.nodes.insert(graph.nodes.end(), last.begin(), last.end());
}

class FixedRuntime : public testing::Test {
 protected:
  // Built once, for all tests.
  struct Shared {
    fs::path scratch =
        fs::path(testing::TempDir()) / ("lapidary_static_runtime_" + std::to_string(getpid()));
    BuiltModel model = take(build_model(tiny_checkpoint(), scratch));

    ~Shared() { fs::remove_all(scratch); }
  };
  static const Shared& shared() {
    static const Shared one;
    return one;
  }
  static const BuiltModel& model() { return shared().model; }

  static const package::TextModel& text() { return model()->text; }
  static checkpoint::Checkpoint source() {
    return take(checkpoint::Checkpoint::open(tiny_checkpoint()));
  }

  static passes::GraphSet graph_set(int64_t context, int64_t chunk) {
    return fixed_decoder_graphs(source(), context, chunk);
  }

  static std::shared_ptr<FixedGraphs> open(passes::GraphSet set, int64_t context, int64_t chunk) {
    static int folder = 0;
    const fs::path dir = shared().scratch / std::to_string(folder++);
    auto out = std::make_shared<FixedGraphs>(FixedGraphs{
        text(), fixed_model(source().config.text, context, chunk), model()->embedding, {}, {}});
    for (passes::RoleGraph& each : set) {
      const std::string stem = passes::file_stem(each);
      package::GraphRecord record = package::take_graph_record(each.graph, stem + ".onnx");
      fs::create_directories(dir / stem);
      take(graph::save(each.graph, dir / stem / "model.onnx", {}));
      auto& parts = each.role == contract::Role::kDecode ? out->decode : out->prefill;
      parts.push_back(
          {take(ort::Session::open(dir / stem / "model.onnx", {.threads = 1})), record});
    }
    return out;
  }
  static std::shared_ptr<FixedGraphs> open(int64_t context, int64_t chunk) {
    return open(graph_set(context, chunk), context, chunk);
  }

  static Decoder dynamic_decoder(int64_t context) {
    return take(Decoder::create(model(), {.max_context = context}));
  }

  // Logits of the prompt's last token and of `steps` greedy ones after it.
  static std::vector<Logits> greedy(Decoder& decoder, const Tokens& ids, size_t steps) {
    decoder.keep_common_prefix(Prompt(ids));
    std::vector<Logits> out;
    auto logits = take(decoder.prefill(Prompt(ids)));
    out.emplace_back(logits.begin(), logits.end());
    while (out.size() <= steps) {
      const int32_t next = best(out.back());
      logits = take(decoder.step(std::span(&next, 1)));
      out.emplace_back(logits.begin(), logits.end());
    }
    return out;
  }
  static int32_t best(const Logits& logits) {
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  static void expect_same(const std::vector<Logits>& actual, const std::vector<Logits>& expected,
                          double tolerance = kTolerance) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      EXPECT_TRUE(all_near(actual[i], expected[i], tolerance)) << "step " << i;
      EXPECT_EQ(best(actual[i]), best(expected[i])) << "step " << i;
    }
  }
};

// Catches a wrong mask, ring, padding or rotary row, over prompts several windows and chunks long.
TEST_F(FixedRuntime, SameAsAnyLength) {
  const int64_t window = text().sliding_window;
  for (const int64_t chunk : {int64_t{7}, window + 3}) {
    SCOPED_TRACE(fmt::format("chunks of {}", chunk));
    const auto graphs = open(200, chunk);
    for (const size_t length : {size_t{1}, size_t{2}, static_cast<size_t>(chunk),
                                static_cast<size_t>(chunk) + 1, size_t{130}}) {
      SCOPED_TRACE(fmt::format("prompt of {}", length));
      Decoder fixed = take(Decoder::create(graphs, {}));
      Decoder dynamic = dynamic_decoder(200);
      const Tokens ids = some_tokens(length);
      expect_same(greedy(fixed, ids, 6), greedy(dynamic, ids, 6));
    }
  }
  EXPECT_LT(3 * window, 130) << "no prompt is several windows long";
}

// The host of fixed_decoder.h has nothing in common with this one but the graphs.
TEST_F(FixedRuntime, SameAsThePlainHost) {
  const int64_t chunk = 16;
  FixedDecoder plain(source(), model(), {.context = 160, .chunk = chunk},
                     shared().scratch / "plain");
  Decoder fixed = take(Decoder::create(open(160, chunk), {}));
  const Tokens ids = some_tokens(100);
  plain.prefill(std::span(ids).first(ids.size() - 1));
  std::vector<Logits> expected = {plain.step(ids.back())};
  while (expected.size() < 8) expected.push_back(plain.step(best(expected.back())));
  expect_same(greedy(fixed, ids, 7), expected);
}

// What `eval` does: the logits of every token of a chunk.
TEST_F(FixedRuntime, AllLogitsOfAStep) {
  Decoder fixed = take(Decoder::create(open(96, 8), {}));
  Decoder dynamic = dynamic_decoder(96);
  const Tokens ids = some_tokens(40);
  for (size_t begin = 0; begin < ids.size(); begin += 8) {
    const auto chunk = std::span(ids).subspan(begin, 8);
    EXPECT_TRUE(all_near(take(fixed.step(chunk, 0)), take(dynamic.step(chunk, 0)), kTolerance));
  }
  const auto last = std::span(ids).first(8);
  EXPECT_TRUE(all_near(take(fixed.step(last, 3)), take(dynamic.step(last, 3)), kTolerance));
}

// A chat's next turn: what the rings overwrote must come back, or the sequence starts anew.
TEST_F(FixedRuntime, GoesBackAndOn) {
  const Tokens ids = some_tokens(110);
  Decoder fixed = take(Decoder::create(open(160, 9), {.rewind_rows = 20}));
  greedy(fixed, ids, 8);
  for (const size_t common : {size_t{105}, size_t{104}}) {
    Tokens other(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(common));
    for (const int32_t id : some_tokens(12, 99)) other.push_back(id);
    EXPECT_EQ(fixed.keep_common_prefix(Prompt(other)), static_cast<int64_t>(common));
    Decoder anew = dynamic_decoder(160);
    expect_same(greedy(fixed, other, 4), greedy(anew, other, 4));
  }
  Tokens short_one(ids.begin(), ids.begin() + 50);
  EXPECT_EQ(fixed.keep_common_prefix(Prompt(short_one)), 0) << "too far back";
  Decoder anew = dynamic_decoder(160);
  expect_same(greedy(fixed, short_one, 4), greedy(anew, short_one, 4));
}

// Near the end the chunk's graph has too few past rows: tokens go one by one, to the last position.
TEST_F(FixedRuntime, FillsTheContext) {
  const int64_t context = 60;
  Decoder fixed = take(Decoder::create(open(context, 16), {}));
  Decoder dynamic = dynamic_decoder(context);
  EXPECT_EQ(fixed.max_context(), context);
  const Tokens ids = some_tokens(56);
  expect_same(greedy(fixed, ids, 4), greedy(dynamic, ids, 4));
  EXPECT_EQ(fixed.tokens().size(), static_cast<size_t>(context));
  const int32_t next = 5;
  const auto full = fixed.step(std::span(&next, 1));
  ASSERT_FALSE(full.ok());
  EXPECT_THAT(full.error().message(), HasSubstr("61 tokens do not fit into a context of 60"));
  Tokens other(ids.begin(), ids.begin() + 55);
  other.push_back(77);
  expect_same(greedy(fixed, other, 2), greedy(dynamic, other, 2));
  const auto long_one = fixed.prefill(Prompt(some_tokens(61)));
  ASSERT_FALSE(long_one.ok());
  EXPECT_EQ(long_one.error().kind, ErrorKind::kBadInput);
}

// Parts hand on hidden states, and a donor's keys and values to layers that share them.
TEST_F(FixedRuntime, PartsAreOneDecoder) {
  const Tokens ids = some_tokens(90);
  Decoder dynamic = dynamic_decoder(128);
  const auto expected = greedy(dynamic, ids, 5);
  for (const int64_t parts : {2, 3}) {
    SCOPED_TRACE(parts);
    auto split = take(passes::split_model(graph_set(128, 20), {.num_splits = parts}));
    const auto graphs = open(std::move(split.graphs), 128, 20);
    EXPECT_EQ(static_cast<int64_t>(graphs->decode.size()), parts);
    Decoder fixed = take(Decoder::create(graphs, {}));
    expect_same(greedy(fixed, ids, 5), expected);
  }
}

// Ports of integers: what the host feeds is quantized, what it keeps is not converted.
TEST_F(FixedRuntime, IntegerPorts) {
  const Tokens ids = some_tokens(90);
  const Embedded embedded = take(embed(*model(), Prompt(ids)));
  const auto scale = [](const std::vector<float>& values) {
    float most = 0;
    for (const float value : values) most = std::max(most, std::abs(value));
    return most * 1.5F / 32767.0F;
  };
  passes::GraphSet set = graph_set(128, 20);
  for (passes::RoleGraph& each : set) {
    encode_ports(each.graph, {{"inputs_embeds", scale(embedded.inputs_embeds)},
                              {"per_layer_inputs", scale(embedded.per_layer_inputs)},
                              {"attention_mask.", 1e4F / 32767.0F},
                              {"rotary_emb.", 1.0F / 32767.0F},
                              {"past_key_values.", 32.0F / 32767.0F},
                              {"present.", 32.0F / 32767.0F},
                              {"logits", 40.0F / 32767.0F}});
  }
  const auto graphs = open(std::move(set), 128, 20);
  for (const package::Port& port : graphs->decode[0].record.inputs) {
    EXPECT_EQ(port.dtype, "int16") << port.name;
  }
  Decoder fixed = take(Decoder::create(graphs, {}));
  Decoder dynamic = dynamic_decoder(128);
  expect_same(greedy(fixed, ids, 5), greedy(dynamic, ids, 5), 0.05);
}

// The soft-cap of logits on the host: cap * tanh(x / cap).
TEST_F(FixedRuntime, CapsLogitsOnTheHost) {
  const auto graphs = open(64, 8);
  graphs->model.host_logit_softcap = 3;
  Decoder fixed = take(Decoder::create(graphs, {}));
  Decoder dynamic = dynamic_decoder(64);
  const Tokens ids = some_tokens(12);
  Logits expected = greedy(dynamic, ids, 0).front();
  for (float& logit : expected) logit = 3 * std::tanh(logit / 3);
  EXPECT_TRUE(all_near(greedy(fixed, ids, 0).front(), expected, kTolerance));
}

std::string refusal(const std::shared_ptr<FixedGraphs>& graphs,
                    const DecoderOptions& options = {}) {
  const auto made = Decoder::create(graphs, options);
  return made.ok() ? "it was taken" : made.error().message();
}

// Each would otherwise fail in a run, or compute with the wrong numbers in silence.
TEST_F(FixedRuntime, RefusesWhatDoesNotFit) {
  const auto graphs = open(64, 8);
  const auto damaged = [&](const std::function<void(FixedGraphs&)>& damage) {
    auto copy = std::make_shared<FixedGraphs>(*graphs);
    damage(*copy);
    return refusal(copy);
  };
  EXPECT_THAT(refusal(graphs, {.max_context = 65}), HasSubstr("the package is built for 64"));
  EXPECT_THAT(refusal(graphs, {.chunk = 0}), HasSubstr("chunk"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.text.vision_bidirectional_attention = true; }),
              HasSubstr("images attend to themselves"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.model.context_length = 65; }),
              HasSubstr("expected [1, 2, 64, 64]"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.text.sliding_window += 1; }),
              HasSubstr("past_key_values.0.key' is [1, 2, 31, 32], expected [1, 2, 32, 32]"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.model.rotary.pop_back(); }),
              HasSubstr("rotary_emb.full_attention.cos' is neither known"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.model.rotary[0].inv_freq.pop_back(); }),
              HasSubstr("rotary_emb.sliding_attention.cos"));
  EXPECT_THAT(damaged([](FixedGraphs& g) {
                g.text.caches.push_back({77, 1, 4, false});
              }),
              HasSubstr("no decode graph has the output 'present.77.key'"));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.prefill = g.decode; }), HasSubstr("expected [1, 8, "));
  EXPECT_THAT(damaged([](FixedGraphs& g) { g.decode.push_back(g.decode[0]); }),
              HasSubstr("an earlier part has"));
}

// Keys written in one encoding and read in another would be other keys.
TEST_F(FixedRuntime, RefusesCachesOfTwoEncodings) {
  passes::GraphSet set = graph_set(64, 8);
  encode_ports(set[0].graph, {{"past_key_values.", 0.001F}, {"present.", 0.001F}});
  encode_ports(set[1].graph, {{"past_key_values.", 0.002F}, {"present.", 0.002F}});
  EXPECT_THAT(refusal(open(std::move(set), 64, 8)),
              HasSubstr("another dtype or encoding than its cache"));
}

}  // namespace
}  // namespace lapidary::golden
