#include "checkpoint/config.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "base/testing/source_dir.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json tiny_config() {
  return *parse_json(read_file(tiny_checkpoint() / "config.json"), "config.json");
}

Result<Config> parse(const Json& json) { return Config::parse(json.dump(), "config.json"); }

Json optional(const auto& value) { return value ? Json(*value) : Json(); }
Json ids(const std::vector<int64_t>& list) { return list.size() == 1 ? Json(list[0]) : Json(list); }

Json layers_of(const TextConfig& t) {
  Json out = Json::array();
  for (int64_t i = 0; i < t.num_layers(); ++i) {
    out.push_back({{"full", t.is_full(i)},
                   {"head_dim", t.head_dim(i)},
                   {"kv_heads", t.kv_heads(i)},
                   {"intermediate_size", t.intermediate_size(i)},
                   {"kv_donor", optional(t.layer(i).kv_donor)}});
  }
  return out;
}

// Our values under the reference's names.
Json effective_text(const TextConfig& t) {
  return {
      {"vocab_size", t.vocab_size},
      {"hidden_size", t.hidden_size},
      {"intermediate_size", t.base_intermediate_size},
      {"num_hidden_layers", t.num_hidden_layers},
      {"num_attention_heads", t.num_attention_heads},
      {"max_position_embeddings", t.max_position_embeddings},
      {"rms_norm_eps", t.rms_norm_eps},
      {"sliding_window", t.sliding_window},
      {"final_logit_softcapping", optional(t.final_logit_softcapping)},
      {"num_kv_shared_layers", t.num_kv_shared_layers},
      {"use_double_wide_mlp", t.use_double_wide_mlp},
      {"hidden_size_per_layer_input", t.hidden_size_per_layer_input},
      {"vocab_size_per_layer_input", t.vocab_size_per_layer_input},
      {"pad_token_id", optional(t.pad_token_id)},
      {"bos_token_id", optional(t.bos_token_id)},
      {"eos_token_id", ids(t.eos_token_ids)},
      {"tie_word_embeddings", t.tie_word_embeddings},
      {"use_bidirectional_attention", t.vision_bidirectional_attention ? Json("vision") : Json()},
      {"attention_dropout", t.attention_dropout},
      {"initializer_range", t.initializer_range},
      {"use_cache", t.use_cache},
      {"layers", layers_of(t)}};
}

Json effective_vision(const VisionConfig& v) {
  return {{"hidden_size", v.hidden_size},
          {"intermediate_size", v.intermediate_size},
          {"num_hidden_layers", v.num_hidden_layers},
          {"num_attention_heads", v.num_attention_heads},
          {"num_key_value_heads", v.num_key_value_heads},
          {"head_dim", v.head_dim},
          {"rms_norm_eps", v.rms_norm_eps},
          {"max_position_embeddings", v.max_position_embeddings},
          {"pooling_kernel_size", v.pooling_kernel_size},
          {"patch_size", v.patch_size},
          {"position_embedding_size", v.position_embedding_size},
          {"use_clipped_linears", v.use_clipped_linears},
          {"standardize", v.standardize},
          {"attention_dropout", v.attention_dropout},
          {"initializer_range", v.initializer_range},
          {"rope_theta", v.rope_theta}};
}

Json effective_audio(const AudioConfig& a) {
  return {{"hidden_size", a.hidden_size},
          {"num_hidden_layers", a.num_hidden_layers},
          {"num_attention_heads", a.num_attention_heads},
          {"subsampling_conv_channels", a.subsampling_conv_channels},
          {"conv_kernel_size", a.conv_kernel_size},
          {"residual_weight", a.residual_weight},
          {"attention_chunk_size", a.attention_chunk_size},
          {"attention_context_left", a.attention_context_left},
          {"attention_context_right", a.attention_context_right},
          {"attention_logit_cap", a.attention_logit_cap},
          {"attention_invalid_logits_value", a.attention_invalid_logits_value},
          {"use_clipped_linears", a.use_clipped_linears},
          {"rms_norm_eps", a.rms_norm_eps},
          {"gradient_clipping", a.gradient_clipping},
          {"output_proj_dims", a.output_proj_dims},
          {"initializer_range", a.initializer_range}};
}

Json effective(const Config& c) {
  Json out = {{"image_token_id", optional(c.image_token_id)},
              {"video_token_id", optional(c.video_token_id)},
              {"audio_token_id", optional(c.audio_token_id)},
              {"boi_token_id", optional(c.boi_token_id)},
              {"eoi_token_id", optional(c.eoi_token_id)},
              {"boa_token_id", optional(c.boa_token_id)},
              {"eoa_token_index", optional(c.eoa_token_id)},
              {"tie_word_embeddings", c.tie_word_embeddings},
              {"initializer_range", c.initializer_range},
              {"text", effective_text(c.text)}};
  if (c.vision) out["vision"] = effective_vision(*c.vision);
  if (c.audio) out["audio"] = effective_audio(*c.audio);
  return out;
}

// Every key of `expected` must be there with an equal value (1 equals 1.0).
void expect_same(const Json& expected, const Json& actual, const std::string& path) {
  EXPECT_EQ(expected.size(), actual.size()) << path;
  for (const auto& [key, value] : expected.items()) {
    const std::string here = fmt::format("{}.{}", path, key);
    if (!expected.is_array() && !actual.contains(key)) {
      ADD_FAILURE() << here << " is missing";
      continue;
    }
    const Json& other = expected.is_array() ? actual[std::stoul(key)] : actual[key];
    if (value.is_structured()) {
      expect_same(value, other, here);
    } else {
      EXPECT_EQ(value, other) << here;
    }
  }
}

void expect_same_rope(const Json& expected, const TextConfig& text, const std::string& name) {
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    const Json& golden = expected[text.is_full(i) ? "full_attention" : "sliding_attention"];
    const RopeParameters& rope = text.rope(i);
    EXPECT_EQ(rope.theta, golden["theta"].get<double>()) << name << " " << i;
    EXPECT_EQ(rope.rotated_pairs(text.head_dim(i)), golden["rotated_pairs"]) << name << " " << i;
    const double frequency =
        std::pow(rope.theta, -2.0 / static_cast<double>(text.head_dim(i))) / rope.factor;
    EXPECT_NEAR(frequency, golden["inv_freq_1"].get<double>(), 1e-6 * frequency) << name;
  }
}

// "model.layers.#.mlp.up_proj.weight [2, 3]" -> layer numbers, as the golden has it.
std::map<std::string, std::vector<int64_t>> grouped(const std::vector<TensorSpec>& specs) {
  std::map<std::string, std::vector<int64_t>> out;
  for (const TensorSpec& spec : specs) {
    if (spec.optional) continue;
    std::string name = spec.name;
    int64_t layer = -1;
    if (const size_t at = name.find("layers."); at != std::string::npos) {
      const size_t begin = at + 7;
      const size_t end = name.find('.', begin);
      layer = std::stoll(name.substr(begin, end - begin));
      name.replace(begin, end - begin, "#");
    }
    out[fmt::format("{} {}", name, tensor::to_string(spec.shape))].push_back(layer);
  }
  for (auto& [key, layers] : out) std::sort(layers.begin(), layers.end());
  return out;
}

class ConfigGoldenTest : public ::testing::TestWithParam<const char*> {};

// Catches: a default, a derived value or a tensor shape that differs from transformers'.
TEST_P(ConfigGoldenTest, EqualsTransformers) {
  const auto path = source_dir() / "tests/golden/config" / (std::string(GetParam()) + ".json");
  const auto golden = load_json(path);
  ASSERT_TRUE(golden.ok()) << golden.error().message();
  const auto config = parse((*golden)["config"]);
  ASSERT_TRUE(config.ok()) << config.error().message();
  Json expected = (*golden)["effective"];
  expect_same_rope(expected["text"]["rope"], config->text, GetParam());
  expected["text"].erase("rope");
  expect_same(expected, effective(*config), GetParam());

  std::map<std::string, std::vector<int64_t>> tensors;
  for (const auto& [key, layers] : (*golden)["tensors"].items()) {
    tensors[key] = layers.get<std::vector<int64_t>>();
  }
  EXPECT_EQ(grouped(expected_tensors(*config)), tensors);
}

INSTANTIATE_TEST_SUITE_P(Variants, ConfigGoldenTest,
                         ::testing::Values("tiny", "tiny-resaved", "minimal", "minimal-towers",
                                           "e2b", "e4b", "no-sharing-untied", "last-layer-forced"),
                         [](const auto& variant) {
                           std::string name = variant.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Catches: a wrong donor, and off-by-one in the rule that prompts stop at.
TEST(TextConfigTest, KnowsDonorsOfE2b) {
  const auto golden = load_json(source_dir() / "tests/golden/config/e2b.json");
  const auto config = parse((*golden)["config"]);
  ASSERT_TRUE(config.ok()) << config.error().message();
  const TextConfig& text = config->text;
  EXPECT_EQ(text.first_kv_shared_layer(), 15);
  EXPECT_EQ(text.last_donor(), 14);
  EXPECT_EQ(text.cache_layers().size(), 15u);
  EXPECT_EQ(text.cache_layers().back(), 14);
  EXPECT_FALSE(text.is_kv_shared(14));
  EXPECT_TRUE(text.is_kv_shared(15));
  EXPECT_EQ(text.donor_of(3), 3);
  EXPECT_EQ(text.donor_of(15), 13);
  EXPECT_EQ(text.donor_of(19), 14);
  EXPECT_EQ(text.donor_of(34), 14);
  EXPECT_EQ(text.intermediate_size(14), 6144);
  EXPECT_EQ(text.intermediate_size(15), 12288);
  EXPECT_EQ(text.head_dim(13), 256);
  EXPECT_EQ(text.head_dim(14), 512);
  EXPECT_EQ(text.rope(14).rotated_pairs(512), 64);
  EXPECT_EQ(text.rope(13).rotated_pairs(256), 128);
}

// The keys, as published checkpoints have them, that say nothing about the numbers.
TEST(ConfigTest, AcceptsKeysOfPublishedCheckpoints) {
  Json json = tiny_config();
  json["transformers_version"] = "5.5.0";
  json["text_config"]["expert_intermediate_size"] = nullptr;
  for (const char* section : {"vision_config", "audio_config"}) {
    json[section].update({{"_name_or_path", ""},
                          {"architectures", nullptr},
                          {"chunk_size_feed_forward", 0},
                          {"id2label", {{"0", "LABEL_0"}}},
                          {"is_encoder_decoder", false},
                          {"label2id", {{"LABEL_0", 0}}},
                          {"output_attentions", false},
                          {"output_hidden_states", false},
                          {"problem_type", nullptr},
                          {"return_dict", true}});
  }
  json["vision_config"].update(
      {{"default_output_length", 280},
       {"global_head_dim", 64},
       {"rope_parameters", {{"rope_theta", 50.0}, {"rope_type", "default"}}}});
  json["audio_config"]["torch_dtype"] = "float32";
  const auto config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->vision->rope_theta, 50.0);
  EXPECT_EQ(config->audio->dtype, DType::kBfloat16);  // the new name wins
}

TEST(ConfigTest, ReadsIdsBesideTheSections) {
  Json json = tiny_config();
  auto config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1, 6));
  EXPECT_EQ(config->eoa_token_id, 22);
  EXPECT_EQ(config->vision_soft_tokens_per_image, 70);
  for (const char* key : {"eos_token_id", "bos_token_id", "eoa_token_index"}) json.erase(key);
  json["video_token_id"] = nullptr;
  config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1));  // the text section's
  EXPECT_EQ(config->bos_token_id, 2);
  EXPECT_EQ(config->eoa_token_id, 22);  // the other spelling
  EXPECT_EQ(config->video_token_id, std::nullopt);
}

struct Refusal {
  const char* name;
  std::function<void(Json&)> change;
  const char* message;
  ErrorKind kind = ErrorKind::kBadInput;
};

void expect_refused(const Refusal& refusal) {
  Json json = tiny_config();
  refusal.change(json);
  const auto config = parse(json);
  ASSERT_FALSE(config.ok()) << refusal.name;
  EXPECT_EQ(config.error().kind, refusal.kind) << refusal.name << ": " << config.error().message();
  EXPECT_THAT(config.error().message(), HasSubstr("config.json")) << refusal.name;
  EXPECT_THAT(config.error().message(), HasSubstr(refusal.message)) << refusal.name;
  EXPECT_EQ(config.error().message().find('\n'), std::string::npos) << refusal.name;
}

auto text(const char* key, Json value) {
  return [key, value](Json& j) { j["text_config"][key] = value; };
}
auto top(const char* key, Json value) {
  return [key, value](Json& j) { j[key] = value; };
}
auto section(const char* name, const char* key, Json value) {
  return [=](Json& j) { j[name][key] = value; };
}

// Catches: a feature that would be built as if it were not there.
TEST(ConfigTest, RefusesUnsupportedFeaturesByName) {
  constexpr auto kNo = ErrorKind::kUnsupported;
  const Refusal refusals[] = {
      {"gemma3", top("model_type", "gemma3"), "'model_type' is 'gemma3'", kNo},
      {"unified", top("model_type", "gemma4_unified"), "gemma4_unified", kNo},
      {"assistant", top("model_type", "gemma4_assistant"), "gemma4_assistant", kNo},
      {"text only", top("model_type", "gemma4_text"), "gemma4_text", kNo},
      {"head", top("architectures", {"Gemma4ForSequenceClassification"}),
       "Gemma4ForSequenceClassification", kNo},
      {"quantized", top("quantization_config", {{"bits", 4}}), "quantization_config", kNo},
      {"text type", text("model_type", "gemma3_text"), "text_config.model_type", kNo},
      {"experts", text("enable_moe_block", true), "text_config.enable_moe_block", kNo},
      {"k is v", text("attention_k_eq_v", true), "text_config.attention_k_eq_v", kNo},
      {"bias", text("attention_bias", true), "text_config.attention_bias", kNo},
      {"activation", text("hidden_activation", "silu"), "text_config.hidden_activation", kNo},
      {"bidirectional", text("use_bidirectional_attention", "all"),
       "text_config.use_bidirectional_attention", kNo},
      {"layer type", text("layer_types", Json(std::vector<std::string>(6, "linear_attention"))),
       "linear_attention", kNo},
      {"rope type",
       [](Json& j) { j["text_config"]["rope_parameters"]["full_attention"]["rope_type"] = "yarn"; },
       "text_config.rope_parameters.full_attention.rope_type' is 'yarn'", kNo},
      {"dtype", text("dtype", "float8_e4m3fn"), "text_config.dtype' is 'float8_e4m3fn'", kNo},
      {"override", text("per_layer_config", {{"2", {{"sliding_window", 3}}}}),
       "text_config.per_layer_config.2.sliding_window", kNo},
      {"uneven kind", text("per_layer_config", {{"2", {{"head_dim", 64}}}}),
       "text_config.per_layer_config' gives layer 5 other dims", kNo},
      {"vision activation", section("vision_config", "hidden_activation", "relu"),
       "vision_config.hidden_activation", kNo},
      {"vision bias", section("vision_config", "attention_bias", true),
       "vision_config.attention_bias", kNo},
      {"vision rope", section("vision_config", "rope_parameters", {{"rope_type", "linear"}}),
       "vision_config.rope_parameters.rope_type", kNo},
      {"audio activation", section("audio_config", "hidden_act", "gelu"), "audio_config.hidden_act",
       kNo},
  };
  for (const Refusal& refusal : refusals) expect_refused(refusal);
}

// Catches: dims that contradict each other, which would fail far from here or not at all.
TEST(ConfigTest, RefusesContradictions) {
  const Refusal refusals[] = {
      {"layer count", text("num_hidden_layers", 7), "layer_types' has 6 entries"},
      {"kv heads", text("num_key_value_heads", 3), "num_attention_heads' is 4, must be a multiple"},
      {"odd head", text("head_dim", 33), "head_dim' is 33, must be a multiple of two"},
      {"odd global head", text("global_head_dim", 65), "global_head_dim' is 65"},
      {"all shared", text("num_kv_shared_layers", 6), "num_kv_shared_layers' is 6, must be less"},
      {"more than all shared", text("num_kv_shared_layers", 7), "num_kv_shared_layers' is 7"},
      {"no full donor", text("num_kv_shared_layers", 4),
       "layer 2 (full_attention) has no layer of its kind"},
      {"negative shared", text("num_kv_shared_layers", -1), "num_kv_shared_layers' is -1"},
      {"zero window", text("sliding_window", 0), "sliding_window' is 0"},
      {"zero cap", text("final_logit_softcapping", 0.0), "final_logit_softcapping"},
      {"zero eps", text("rms_norm_eps", 0), "rms_norm_eps"},
      {"absurd layers", text("num_hidden_layers", 1e9), "num_hidden_layers' is 1000000000"},
      {"absurd hidden", text("hidden_size", int64_t{1} << 62), "hidden_size"},
      {"layer index", text("per_layer_config", {{"6", {{"head_dim", 64}}}}),
       "per_layer_config.6' is not a layer index below 6"},
      {"layer name", text("per_layer_config", {{"x", {{"head_dim", 64}}}}), "per_layer_config.x"},
      {"layer twice", text("per_layer_config", {{"2", Json::object()}, {"02", Json::object()}}),
       "per_layer_config.02' names a layer that another"},
      {"flat rope", text("rope_parameters", {{"rope_type", "default"}, {"rope_theta", 1e4}}),
       "rope_parameters.sliding_attention' is missing"},
      {"rope theta",
       [](Json& j) {
         j["text_config"]["rope_parameters"]["sliding_attention"].erase("rope_theta");
       },
       "rope_parameters.sliding_attention.rope_theta' is missing"},
      {"rope share",
       [](Json& j) {
         j["text_config"]["rope_parameters"]["full_attention"]["partial_rotary_factor"] = 1.5;
       },
       "partial_rotary_factor"},
      {"old theta", text("rope_theta", 1e4), "text_config.rope_theta' is not a key of Gemma 4"},
      {"old scaling", text("rope_scaling", {{"factor", 2}}), "text_config.rope_scaling"},
      {"pad", text("pad_token_id", 1024), "pad_token_id' is 1024, outside the vocabulary"},
      {"no pad", text("pad_token_id", nullptr), "pad_token_id' is null"},
      {"eos", text("eos_token_id", {1, 5000}), "eos_token_id' is 5000"},
      {"image id", top("image_token_id", 1024), "'image_token_id' is 1024"},
      {"no image id", top("image_token_id", nullptr), "'image_token_id' is null"},
      {"no audio id", top("audio_token_id", nullptr), "'audio_token_id' is null"},
      {"two eoa", top("eoa_token_id", 21), "'eoa_token_id' differs"},
      {"vision heads", section("vision_config", "num_key_value_heads", 3),
       "vision_config.num_attention_heads' is 2"},
      {"vision head", section("vision_config", "head_dim", 34), "multiple of four"},
      {"audio heads", section("audio_config", "num_attention_heads", 5),
       "audio_config.hidden_size' is 96, must be a multiple"},
      {"three channels", section("audio_config", "subsampling_conv_channels", {1, 2, 3}),
       "must hold two channel counts"},
      {"odd channels", section("audio_config", "subsampling_conv_channels", {126, 32}),
       "subsampling_conv_channels' is 126"},
      {"no family", [](Json& j) { j.erase("model_type"); }, "'model_type' is missing"},
  };
  for (const Refusal& refusal : refusals) expect_refused(refusal);
}

// Catches: a checkpoint refused for what a trainer left in it, or passed over without a word.
TEST(ConfigTest, NotesKeysThatNobodyReads) {
  EXPECT_THAT(parse(tiny_config())->notes, IsEmpty());
  Json json = tiny_config();
  json["unsloth_fixed"] = true;
  json["auto_map"] = {{"AutoModel", "x.py"}};
  json["text_config"]["query_pre_attn_scalar"] = 256;
  json["text_config"]["rope_parameters"]["x"] = 3;
  json["text_config"]["rope_parameters"]["full_attention"]["beta"] = 3;
  json["vision_config"]["a\nb"] = nullptr;
  json["audio_config"][std::string(100, 'k')] = Json::array();
  const auto config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  const std::string rope = "'text_config.rope_parameters.";
  const std::string long_name = "audio_config." + std::string(67, 'k') + "...";
  EXPECT_THAT(config->notes,
              ElementsAre("config.json: passed over 7 keys that no Gemma 4 code reads: " + rope +
                          "full_attention.beta', " + rope +
                          "x', 'text_config.query_pre_attn_scalar', 'vision_config.a\\nb', '" +
                          long_name + "', 'unsloth_fixed', 'auto_map'"));
}

TEST(ConfigTest, NotesHoweverManyKeysOnOneLine) {
  Json json = tiny_config();
  for (int i = 0; i < 5000; ++i) json[fmt::format("k{}", i)] = i;
  const auto config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  ASSERT_EQ(config->notes.size(), 1U);
  EXPECT_LT(config->notes[0].size(), 300U);
  EXPECT_THAT(config->notes[0], HasSubstr("'k11' and "));
}

// Catches: a key that the reference reads taken for one of a trainer.
TEST(ConfigTest, RefusesKeysThatTheReferenceReads) {
  constexpr auto kNo = ErrorKind::kUnsupported;
  const Refusal refusals[] = {
      {"causal", text("is_causal", false), "text_config.is_causal' is false", kNo},
      {"share", text("partial_rotary_factor", 0.5), "text_config.partial_rotary_factor"},
      {"layers", top("per_layer_config", {{"0", {{"head_dim", 8}}}}), "'per_layer_config' is set",
       kNo},
      {"vision layers", section("vision_config", "per_layer_config", {{"0", {{"head_dim", 8}}}}),
       "vision_config.per_layer_config", kNo},
      {"vision scaling", section("vision_config", "rope_scaling", {{"rope_type", "linear"}}),
       "vision_config.rope_scaling", kNo},
      {"audio layers", section("audio_config", "per_layer_config", {{"0", {{"head_dim", 8}}}}),
       "audio_config.per_layer_config", kNo},
      {"pad",
       [](Json& j) {
         j["text_config"].update({{"pad_token_id", 900}, {"vocab_size_per_layer_input", 900}});
       },
       "pad_token_id' is 900, outside the per-layer vocabulary"},
  };
  for (const Refusal& refusal : refusals) expect_refused(refusal);
  Json json = tiny_config();
  json["text_config"]["is_causal"] = true;
  json["vision_config"]["per_layer_config"] = Json::object();
  EXPECT_TRUE(parse(json).ok());
}

Json text_only() {
  Json json = tiny_config()["text_config"];
  json["architectures"] = {"Gemma4ForCausalLM"};
  json["vision_config"] = {{"hidden_size", 8}};
  return json;
}

// The text model alone: its section is the whole file.
TEST(ConfigTest, ReadsTextModelsOnTheirOwn) {
  Json json = text_only();
  json["eos_token_id"] = {1, 6};
  json["tie_word_embeddings"] = false;
  const auto config = parse(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  const auto whole = parse(tiny_config());
  EXPECT_EQ(effective_text(config->text)["layers"], effective_text(whole->text)["layers"]);
  EXPECT_EQ(config->text.layers, whole->text.layers);
  EXPECT_FALSE(config->vision.has_value());
  EXPECT_FALSE(config->audio.has_value());
  EXPECT_EQ(config->image_token_id, std::nullopt);
  EXPECT_THAT(config->eos_token_ids, ElementsAre(1, 6));
  EXPECT_EQ(config->pad_token_id, 0);
  EXPECT_EQ(config->bos_token_id, 2);
  EXPECT_EQ(config->dtype, DType::kBfloat16);
  EXPECT_FALSE(config->tie_word_embeddings);
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("1 key that no Gemma 4 code reads: "
                                                   "'vision_config'")));
  json["architectures"] = nullptr;
  EXPECT_TRUE(parse(json).ok());
  json["architectures"] = {"Gemma4ForSequenceClassification"};
  ASSERT_FALSE(parse(json).ok());
  EXPECT_THAT(parse(json).error().message(), HasSubstr("(Gemma4ForCausalLM is, for a gemma4_text"));
  Json unnamed = tiny_config();
  unnamed["architectures"] = nullptr;
  EXPECT_TRUE(parse(unnamed).ok());
}

// Catches: a key that is read without looking at its type, or not read at all. Every key of the
// tiny model's config.json, sections included, gets values of wrong types in turn.
TEST(ConfigTest, RefusesWrongTypesOfEveryKey) {
  int tried = 0;
  const auto try_keys = [&](const std::vector<std::string>& path) {
    const auto at = [&](Json& root) -> Json& {
      Json* j = &root;
      for (const std::string& step : path) j = &(*j)[step];
      return *j;
    };
    Json original = tiny_config();
    for (const auto& [key, value] : at(original).items()) {
      std::vector<Json> wrong = {Json::array({Json::object()})};
      if (!value.is_object() && !value.is_null()) wrong.push_back(Json{{"a", 1}});
      if (!value.is_string()) wrong.push_back("text");
      if (!value.is_boolean()) wrong.push_back(true);
      if (value.is_number_integer()) wrong.push_back(1.5);
      if (value.is_number() || value.is_string() || value.is_object()) wrong.push_back(false);
      for (const Json& bad : wrong) {
        Json json = tiny_config();
        at(json)[key] = bad;
        const auto config = parse(json);
        ASSERT_FALSE(config.ok()) << key << " = " << bad.dump();
        EXPECT_THAT(config.error().message(), HasSubstr("config.json: '")) << key;
        EXPECT_THAT(config.error().message(), HasSubstr(key)) << bad.dump();
        ++tried;
      }
    }
  };
  try_keys({});
  try_keys({"text_config"});
  try_keys({"text_config", "rope_parameters"});
  try_keys({"text_config", "rope_parameters", "full_attention"});
  try_keys({"vision_config"});
  try_keys({"vision_config", "rope_parameters"});
  try_keys({"audio_config"});
  EXPECT_GT(tried, 250);
}

// Catches: null read as "use the default" where the reference has no such thing.
TEST(ConfigTest, RefusesNullOfRequiredKeys) {
  const std::set<std::string> nullable = {"architectures",
                                          "text_config",
                                          "vision_config",
                                          "audio_config",
                                          "dtype",
                                          "pad_token_id",
                                          "bos_token_id",
                                          "eos_token_id",
                                          "boi_token_id",
                                          "eoi_token_id",
                                          "image_token_id",
                                          "video_token_id",
                                          "boa_token_id",
                                          "eoa_token_id",
                                          "eoa_token_index",
                                          "audio_token_id",
                                          "vision_soft_tokens_per_image",
                                          "initializer_range",
                                          "num_global_key_value_heads",
                                          "num_experts",
                                          "top_k_experts",
                                          "moe_intermediate_size",
                                          "layer_types",
                                          "final_logit_softcapping",
                                          "attention_dropout",
                                          "use_bidirectional_attention",
                                          "rope_parameters",
                                          "attention_bias"};
  for (const char* path : {"", "text_config", "vision_config", "audio_config"}) {
    const Json original = tiny_config();
    const Json& keys = *path ? original.at(path) : original;
    for (const auto& [key, value] : keys.items()) {
      if (nullable.contains(key)) continue;
      Json json = original;
      (*path ? json[path] : json)[key] = nullptr;
      const auto config = parse(json);
      ASSERT_FALSE(config.ok()) << path << "." << key;
      EXPECT_THAT(config.error().message(), HasSubstr(key));
    }
  }
}

TEST(ConfigTest, RefusesDamagedFiles) {
  const std::string whole = read_file(tiny_checkpoint() / "config.json");
  TempDir dir;
  for (size_t size = 0; size < whole.size() - 2; size += 7) {
    const auto config = Config::load(dir.write("config.json", whole.substr(0, size)));
    ASSERT_FALSE(config.ok()) << size;
    EXPECT_THAT(config.error().message(), HasSubstr("config.json"));
  }
  const auto list = Config::load(dir.write("config.json", std::string("[]")));
  ASSERT_FALSE(list.ok());
  EXPECT_THAT(list.error().message(), HasSubstr("must be an object"));
}

}  // namespace
}  // namespace lapidary::checkpoint
