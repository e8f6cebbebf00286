#include "checkpoint/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "checkpoint/checkpoint.h"
#include "checkpoint/test_tensors.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kLayer = "model.language_model.layers.0.";
const std::string kQuery = std::string(kLayer) + "self_attn.q_proj";  // [128, 128]
const std::string kTable = "model.language_model.embed_tokens";       // [1024, 128]

// An adapter in memory, float32.
struct TestAdapter {
  Json config = {{"peft_type", "LORA"},
                 {"base_model_name_or_path", "tiny"},
                 {"r", 2},
                 {"lora_alpha", 4},
                 {"bias", "none"},
                 {"target_modules", {"q_proj"}},
                 {"modules_to_save", nullptr}};
  TestTensors tensors;

  void add(const std::string& name, tensor::Shape shape, float step = 0.001F) {
    const int64_t count = tensor::element_count(shape);
    std::string bytes(static_cast<size_t>(count) * sizeof(float), '\0');
    for (int64_t i = 0; i < count; ++i) {
      const float value = step * static_cast<float>(i % 17 - 8);
      std::memcpy(bytes.data() + i * 4, &value, sizeof(value));
    }
    tensors.all[name] = {"F32", std::move(shape), std::move(bytes)};
  }
  void add_lora(const std::string& module, int64_t out, int64_t in, int64_t rank = 2) {
    add("base_model.model." + module + ".lora_A.weight", {rank, in});
    add("base_model.model." + module + ".lora_B.weight", {out, rank}, 0.01F);
  }
  void write(const TempDir& dir) const {
    dir.write("adapter_config.json", config);
    dir.write("adapter_model.safetensors", tensors.file());
  }
};

Result<Checkpoint> opened_with(const TempDir& dir, double weight = 1) {
  return Checkpoint::open(tiny_checkpoint(), {.adapters = {{dir.path(), weight}}});
}

std::vector<float> values_of(const Checkpoint& checkpoint, const std::string& name) {
  return checkpoint.weights.tensor(name)->to_floats().value();
}

std::vector<float> base_values(const std::string& name) {
  return values_of(Checkpoint::open(tiny_checkpoint()).value(), name);
}

// base + scale * B @ A, of what add_lora makes.
std::vector<float> expected(std::vector<float> base, int64_t out, int64_t in, int64_t rank,
                            float scale, bool transposed = false) {
  const auto value = [](int64_t i, float step) { return step * static_cast<float>(i % 17 - 8); };
  for (int64_t n = 0; n < out; ++n) {
    for (int64_t k = 0; k < in; ++k) {
      float sum = 0;
      for (int64_t j = 0; j < rank; ++j) {
        sum += value(n * rank + j, 0.01F) * value(j * in + k, 0.001F);
      }
      base[static_cast<size_t>(transposed ? k * out + n : n * in + k)] += sum * scale;
    }
  }
  return base;
}

void expect_near(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_TRUE(std::abs(got[i] - want[i]) <= 1e-7F) << i << ": " << got[i] << ", " << want[i];
  }
}

std::string refusal(const TestAdapter& adapter, double weight = 1) {
  const TempDir dir;
  adapter.write(dir);
  const auto c = opened_with(dir, weight);
  if (c.ok()) return "opened";
  EXPECT_THAT(c.error().message(), HasSubstr(dir.path().string()));
  EXPECT_FALSE(c.error().remedy.empty()) << c.error().message();
  return c.error().message();
}

// Each way to name the two tensors; catches a scale that is not weight * alpha / r.
TEST(AdapterTest, IsAddedToItsModule) {
  for (const char* form : {".lora_A.weight", ".lora_A.default.weight"}) {
    TestAdapter adapter;
    adapter.add_lora("x", 1, 1);
    adapter.tensors.all.clear();
    std::string b = form;
    b[6] = 'B';
    adapter.add("base_model.model." + kQuery + form, {2, 128});
    adapter.add("base_model.model." + kQuery + b, {128, 2}, 0.01F);
    const TempDir dir;
    adapter.write(dir);
    const auto c = opened_with(dir, 0.5);
    ASSERT_TRUE(c.ok()) << c.error().message();
    expect_near(values_of(*c, kQuery + ".weight"),
                expected(base_values(kQuery + ".weight"), 128, 128, 2, 1.0F));
    EXPECT_TRUE(c->config.tie_word_embeddings);
    EXPECT_THAT(c->notes, Contains(HasSubstr("weight 0.5, added to 1 tensor")));
  }
}

TEST(AdapterTest, ScalesFollowPatterns) {
  TestAdapter adapter;
  adapter.config["r"] = 8;
  adapter.config["use_rslora"] = true;
  adapter.config["rank_pattern"] = {{"layers.0.self_attn.q_proj", 4}};
  adapter.config["alpha_pattern"] = {{"o_proj", 1}, {"q_proj", 6}};
  adapter.add_lora(kQuery, 128, 128, 4);
  const TempDir dir;
  adapter.write(dir);
  const auto c = opened_with(dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  expect_near(values_of(*c, kQuery + ".weight"),
              expected(base_values(kQuery + ".weight"), 128, 128, 4, 3.0F));
}

TEST(AdapterTest, PatternsMatchAsInPeft) {
  EXPECT_TRUE(pattern_matches("q_proj", "layers.0.q_proj"));
  EXPECT_TRUE(pattern_matches("q_proj", "q_proj"));
  EXPECT_TRUE(pattern_matches("0.q_proj", "layers.0.q_proj"));
  EXPECT_FALSE(pattern_matches("_proj", "layers.0.q_proj"));
  EXPECT_FALSE(pattern_matches("layers.0", "layers.0.q_proj"));
}

TEST(AdapterTest, LinearLayersOfTowersHaveTwoNames) {
  const std::string module = "model.vision_tower.encoder.layers.0.mlp.gate_proj";
  for (const char* end : {"", ".linear"}) {
    TestAdapter adapter;
    adapter.add_lora(module + end, 192, 64);
    const TempDir dir;
    adapter.write(dir);
    const auto c = opened_with(dir);
    ASSERT_TRUE(c.ok()) << c.error().message();
    expect_near(values_of(*c, module + ".linear.weight"),
                expected(base_values(module + ".linear.weight"), 192, 64, 2, 2.0F));
  }
}

// Catches: a head that follows the table's update, which PEFT's does not.
TEST(AdapterTest, ATableIsUntiedFromItsHead) {
  TestAdapter adapter;
  adapter.add("base_model.model." + kTable + ".lora_embedding_A", {2, 1024});
  adapter.add("base_model.model." + kTable + ".lora_embedding_B", {128, 2}, 0.01F);
  const TempDir dir;
  adapter.write(dir);
  const auto c = opened_with(dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  const std::vector<float> base = base_values(kTable + ".weight");
  expect_near(values_of(*c, kTable + ".weight"), expected(base, 128, 1024, 2, 2.0F, true));
  EXPECT_EQ(values_of(*c, "lm_head.weight"), base);
  EXPECT_FALSE(c->config.tie_word_embeddings);
}

TEST(AdapterTest, AHeadIsUntiedFromItsTable) {
  TestAdapter adapter;
  adapter.add_lora("lm_head", 1024, 128);
  const TempDir dir;
  adapter.write(dir);
  const auto c = opened_with(dir);
  ASSERT_TRUE(c.ok()) << c.error().message();
  const std::vector<float> base = base_values(kTable + ".weight");
  EXPECT_EQ(values_of(*c, kTable + ".weight"), base);
  expect_near(values_of(*c, "lm_head.weight"), expected(base, 1024, 128, 2, 2.0F));
}

TEST(AdapterTest, SavedModulesReplace) {
  for (const char* form :
       {".weight", ".modules_to_save.weight", ".modules_to_save.default.weight"}) {
    TestAdapter adapter;
    adapter.config["modules_to_save"] = {"per_layer_input_gate"};
    adapter.add(std::string("base_model.model.") + kLayer + "per_layer_input_gate" + form,
                {32, 128});
    const TempDir dir;
    adapter.write(dir);
    const auto c = opened_with(dir);
    ASSERT_TRUE(c.ok()) << c.error().message();
    EXPECT_EQ(values_of(*c, std::string(kLayer) + "per_layer_input_gate.weight")[0], -0.008F);
    EXPECT_THAT(refusal(adapter, 0.5), HasSubstr("replaces"));
  }
}

// Hashes are what builds are resumed by, and what manifests record.
TEST(AdapterTest, HashesCoverContentsAndWeights) {
  TestAdapter adapter;
  adapter.add_lora(kQuery, 128, 128);
  const TempDir one;
  adapter.write(one);
  adapter.tensors.all.begin()->second.bytes[5] ^= 1;
  const TempDir other;
  adapter.write(other);
  const std::string hash = opened_with(one)->source_hash().value();
  EXPECT_EQ(hash, opened_with(one)->source_hash().value());
  EXPECT_NE(hash, opened_with(other)->source_hash().value());
  EXPECT_NE(hash, opened_with(one, 0.5)->source_hash().value());
  EXPECT_NE(opened_with(one)->content_hash({}).value(),
            opened_with(other)->content_hash({}).value());
  const auto changed = opened_with(one);
  adapter.write(one);
  EXPECT_FALSE(changed->content_hash({}).ok());
}

TEST(AdapterTest, WhatDoesNotFitIsNamed) {
  TestAdapter good;
  good.add_lora(kQuery, 128, 128);
  EXPECT_EQ(refusal(good), "opened");
  TestAdapter adapter = good;
  adapter.tensors.all.clear();
  EXPECT_THAT(refusal(adapter), HasSubstr("no tensors"));
  adapter.add_lora("model.language_model.layers.99.self_attn.q_proj", 128, 128);
  EXPECT_THAT(refusal(adapter), HasSubstr("which the model does not have"));
  adapter = good;
  adapter.add_lora(kQuery, 128, 64);
  EXPECT_THAT(refusal(adapter), HasSubstr("which is [128, 128]"));
  adapter = good;
  adapter.tensors.all.erase("base_model.model." + kQuery + ".lora_B.weight");
  EXPECT_THAT(refusal(adapter), HasSubstr("has no lora_B beside it"));
  adapter = good;
  adapter.add_lora(kQuery, 128, 128, 3);
  EXPECT_THAT(refusal(adapter), HasSubstr("has rank 3, adapter_config.json makes it 2"));
  adapter = good;
  for (auto& [name, stored] : adapter.tensors.all) stored.dtype = "I32";
  EXPECT_THAT(refusal(adapter), HasSubstr("has dtype int32"));
  adapter = good;
  adapter.add("base_model.model." + kQuery + ".lora_magnitude_vector", {128});
  EXPECT_THAT(refusal(adapter), HasSubstr("DoRA"));
  EXPECT_THAT(refusal(good, std::nan("")), HasSubstr("finite"));
  EXPECT_THAT(refusal(good, 1e300), HasSubstr("beyond float32"));
}

TEST(AdapterTest, ConfigsThatAreNotFollowedAreNamed) {
  TestAdapter good;
  good.add_lora(kQuery, 128, 128);
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"peft_type", "IA3"},
                                                 {"use_dora", true},
                                                 {"bias", "all"},
                                                 {"fan_in_fan_out", true},
                                                 {"init_lora_weights", "pissa_niter_4"},
                                                 {"init_lora_weights", "olora"},
                                                 {"trainable_token_indices", {1, 2}},
                                                 {"alora_invocation_tokens", {3}},
                                                 {"megatron_config", {{"a", 1}}},
                                                 {"kasa_config", {{"beta", 0.0001}}},
                                                 {"monteclora_config", {{"num_samples", 8}}},
                                                 {"use_tomorrows_lora", true},
                                                 {"tomorrows_config", {{"a", 1}}},
                                                 {"r", 0},
                                                 {"r", 1 << 20},
                                                 {"lora_alpha", 1e300},
                                                 {"rank_pattern", {{"q_pro.*", 2}}}}) {
    TestAdapter adapter = good;
    adapter.config[key] = value;
    const TempDir dir;
    adapter.write(dir);
    const auto c = opened_with(dir);
    ASSERT_FALSE(c.ok()) << key;
    EXPECT_THAT(c.error().message(), HasSubstr(key == "rank_pattern" ? "q_pro" : key));
  }
}

// Catches: an adapter that is refused for what was on while it was trained.
TEST(AdapterTest, WhatEndsWithTrainingIsPassedOver) {
  TestAdapter adapter;
  adapter.add_lora(kQuery, 128, 128);
  adapter.config["use_rslora"] = true;
  adapter.config["use_dora"] = false;
  adapter.config["eva_config"] = {{"rho", 2.0}};
  adapter.config["velora_config"] = {{"num_groups", 4}};
  adapter.config["init_lora_weights"] = "mica";
  adapter.config["kasa_config"] = nullptr;
  adapter.config["tomorrows_config"] = Json::object();
  EXPECT_EQ(refusal(adapter), "opened");
}

TEST(AdapterTest, FilesThatAreNotThereAreNamed) {
  TestAdapter good;
  good.add_lora(kQuery, 128, 128);
  const TempDir dir;
  good.write(dir);
  replace(dir, "adapter_model.safetensors",
          "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  EXPECT_THAT(opened_with(dir).error().message(), HasSubstr("Git LFS"));
  std::filesystem::remove(dir.path() / "adapter_model.safetensors");
  EXPECT_THAT(opened_with(dir).error().message(), HasSubstr("is missing"));
  dir.write("adapter_model.bin", std::string("PK"));
  EXPECT_THAT(opened_with(dir).error().message(), HasSubstr("pickle"));
}

}  // namespace
}  // namespace lapidary::checkpoint
