// config.json of Gemma 3's text models, as transformers writes it today and wrote it before.
#include "checkpoint/gemma3_text_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "checkpoint/config.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::HasSubstr;

// Gemma 3 270M's, in the form of before rope_parameters.
Json of_270m() {
  return {{"model_type", "gemma3_text"},
          {"architectures", {"Gemma3ForCausalLM"}},
          {"vocab_size", 262144},
          {"hidden_size", 640},
          {"intermediate_size", 2048},
          {"num_hidden_layers", 18},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 1},
          {"head_dim", 256},
          {"query_pre_attn_scalar", 256},
          {"sliding_window", 512},
          {"_sliding_window_pattern", 6},
          {"rope_theta", 1000000.0},
          {"rope_local_base_freq", 10000.0},
          {"rope_scaling", nullptr},
          {"max_position_embeddings", 32768},
          {"attn_logit_softcapping", nullptr},
          {"final_logit_softcapping", nullptr},
          {"use_bidirectional_attention", false}};
}

Result<Config> read(const Json& json) { return Config::parse(json.dump(), "config.json"); }

TEST(Gemma3TextConfig, ReadsBothForms) {
  Json today = of_270m();
  for (const char* key :
       {"rope_theta", "rope_local_base_freq", "rope_scaling", "_sliding_window_pattern"}) {
    today.erase(key);
  }
  today["rope_parameters"] = {
      {"full_attention", {{"rope_type", "default"}, {"rope_theta", 1000000.0}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 10000.0}}}};
  Json types = Json::array();
  for (int i = 0; i < 18; ++i) {
    types.push_back((i + 1) % 6 == 0 ? "full_attention" : "sliding_attention");
  }
  today["layer_types"] = types;
  for (const Json& json : {of_270m(), today}) {
    const auto config = read(json);
    ASSERT_TRUE(config.ok()) << config.error().message();
    const TextConfig& text = config->text;
    EXPECT_EQ(text.num_layers(), 18);
    for (int64_t i = 0; i < 18; ++i) {
      EXPECT_EQ(text.is_full(i), i % 6 == 5) << i;
      EXPECT_EQ(text.head_dim(i), 256);
      EXPECT_EQ(text.kv_heads(i), 1);
      EXPECT_FALSE(text.is_kv_shared(i));
    }
    EXPECT_EQ(text.full_rope.theta, 1e6);
    EXPECT_EQ(text.sliding_rope.theta, 1e4);
    EXPECT_EQ(text.attention_scale, 1.0 / 16);
    EXPECT_TRUE(text.norms_multiply_by_1_plus_w);
    EXPECT_FALSE(text.value_norm || text.layer_scalar || text.has_per_layer_inputs());
    EXPECT_TRUE(config->tie_word_embeddings);
    // A text may hold any of the ids that Gemma 4 keeps for pictures and sounds.
    EXPECT_FALSE(config->image_token_id || config->audio_token_id);
  }
}

TEST(Gemma3TextConfig, LastLayerMayBeSliding) {
  Json json = of_270m();
  json["num_hidden_layers"] = 17;
  const auto config = read(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_FALSE(config->text.is_full(16));
}

TEST(Gemma3TextConfig, ReadsLinearScaling) {
  Json json = of_270m();
  json["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  const auto config = read(json);
  ASSERT_TRUE(config.ok()) << config.error().message();
  EXPECT_EQ(config->text.full_rope.type, RopeType::kLinear);
  EXPECT_EQ(config->text.full_rope.factor, 8.0);
  EXPECT_EQ(config->text.sliding_rope.factor, 1.0);
}

TEST(Gemma3TextConfig, RefusesByName) {
  const auto message = [](const char* key, const Json& value) {
    Json json = of_270m();
    json[key] = value;
    const auto config = read(json);
    return config.ok() ? std::string() : config.error().message();
  };
  EXPECT_THAT(message("use_bidirectional_attention", true),
              HasSubstr("use_bidirectional_attention"));
  EXPECT_THAT(message("attn_logit_softcapping", 50.0), HasSubstr("attn_logit_softcapping"));
  EXPECT_THAT(message("rope_scaling", {{"rope_type", "yarn"}, {"factor", 8.0}}),
              HasSubstr("'yarn'"));
  EXPECT_THAT(message("query_pre_attn_scalar", 0), HasSubstr("query_pre_attn_scalar"));
  EXPECT_THAT(message("num_key_value_heads", 3), HasSubstr("num_key_value_heads"));
  EXPECT_THAT(message("hidden_activation", "relu"), HasSubstr("relu"));
  EXPECT_THAT(message("architectures", Json::array({"Gemma3ForConditionalGeneration"})),
              HasSubstr("Gemma3ForCausalLM"));
  EXPECT_THAT(message("model_type", "gemma3"), HasSubstr("'gemma3'"));
}

}  // namespace
}  // namespace lapidary::checkpoint
