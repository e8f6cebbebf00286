#include "checkpoint/checkpoint.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/guarded_mapping.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CheckpointTest, OpensTheTinyModel) {
  const auto begin = std::chrono::steady_clock::now();
  const auto c = Checkpoint::open(tiny_checkpoint());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_LT(took.count(),
            0.5);  // some ms in Release; reading tensors would show with larger models
  EXPECT_EQ(c->config.text.num_layers(), 6);
  EXPECT_EQ(c->config.text.last_donor(), 2);
  EXPECT_THAT(c->generation.eos_token_ids, ElementsAre(1, 6));
  EXPECT_FALSE(c->generation.do_sample);
  EXPECT_EQ(c->processor.image.max_soft_tokens, 70);
  EXPECT_TRUE(c->files.has("tokenizer.json"));
  EXPECT_TRUE(c->files.has("chat_template.jinja"));
  EXPECT_EQ(c->side_files().size(), 7u);
  const auto norm = c->weights.tensor("model.language_model.norm.weight");
  ASSERT_TRUE(norm.ok());
  EXPECT_EQ(norm->shape(), (tensor::Shape{128}));
  EXPECT_EQ(norm->dtype(), DType::kBfloat16);
  EXPECT_EQ(norm->to_floats()->size(), 128u);
}

TEST(CheckpointTest, SourceHashCoversSideFiles) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  const std::string before = *Checkpoint::open(dir.path())->source_hash();
  EXPECT_EQ(before, *Checkpoint::open(tiny_checkpoint())->source_hash());
  replace(dir, "chat_template.jinja", "other");
  EXPECT_NE(before, *Checkpoint::open(dir.path())->source_hash());
}

// Catches a build that goes on from, or is taken for, one with another template.
TEST(CheckpointTest, HashesCoverATemplateThatIsGiven) {
  TempDir dir;
  const auto opened = [&](const std::string& text) {
    return Checkpoint::open(tiny_checkpoint(), {.chat_template = dir.write("given.jinja", text)})
        .value();
  };
  const Checkpoint plain = Checkpoint::open(tiny_checkpoint()).value();
  EXPECT_NE(opened("a").source_hash().value(), plain.source_hash().value());
  EXPECT_NE(opened("a").source_hash().value(), opened("b").source_hash().value());
  EXPECT_NE(opened("a").content_hash({}).value(), opened("b").content_hash({}).value());
  EXPECT_EQ(opened("a").source_hash().value(), opened("a").source_hash().value());
  EXPECT_EQ(opened("a").side_files(), plain.side_files());
  EXPECT_EQ(opened("a").files.read("chat_template.jinja").value(), "a");
}

TEST(CheckpointTest, ContentHashCoversSideFilesAndWeights) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  const auto hash = [&] { return Checkpoint::open(dir.path())->content_hash({}).value(); };
  const std::string before = hash();
  EXPECT_EQ(before, Checkpoint::open(tiny_checkpoint())->content_hash({}).value());
  std::string weights = read_file(tiny_checkpoint() / "model.safetensors");
  weights[weights.size() - 12345] = static_cast<char>(weights[weights.size() - 12345] ^ 1);
  replace(dir, "model.safetensors", weights);
  const std::string changed = hash();
  EXPECT_NE(before, changed);
  replace(dir, "chat_template.jinja", "other");
  EXPECT_NE(changed, hash());
}

// Catches a process that ends without a word when the weights are cut short after they were opened,
// and a hash of zeros that is believed.
TEST(CheckpointTest, WeightsThatGetShorterAreNamed) {
  guard_mappings();
  TempDir dir;
  link_tiny_checkpoint(dir);
  const auto weights = dir.path() / "model.safetensors";
  std::filesystem::remove(weights);
  std::filesystem::copy_file(tiny_checkpoint() / "model.safetensors", weights);
  const auto c = Checkpoint::open(dir.path());
  ASSERT_TRUE(c.ok()) << c.error().message();
  const auto tensor = c->weights.tensor("model.language_model.norm.weight");
  std::filesystem::resize_file(weights, 100);
  const auto hash = c->source_hash();
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.error().kind, ErrorKind::kIo);
  EXPECT_THAT(hash.error().message(),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("while it was read")));
  const auto values = tensor->to_floats();
  ASSERT_FALSE(values.ok());
  EXPECT_THAT(values.error().message(), HasSubstr("model.safetensors"));
}

TEST(CheckpointTest, OptionalFilesMayBeAbsent) {
  TempDir dir;
  link_tiny_checkpoint(dir);
  for (const char* name : {"generation_config.json", "chat_template.jinja", "processor_config.json",
                           "preprocessor_config.json"}) {
    std::filesystem::remove(dir.path() / name);
  }
  const auto c = Checkpoint::open(dir.path());
  ASSERT_TRUE(c.ok()) << c.error().message();
  EXPECT_THAT(c->generation.eos_token_ids, ElementsAre(1, 6));  // config.json's
  EXPECT_FALSE(c->files.has("chat_template.jinja"));
}

// Catches: a note about nothing (packages of plain checkpoints would change), and silence about
// what stands in for a file.
TEST(CheckpointTest, NotesWhatIsNotAsWritten) {
  const auto notes = [](const TempDir& dir) {
    const auto c = Checkpoint::open(dir.path());
    EXPECT_TRUE(c.ok()) << c.error().message();
    return c.ok() ? c->notes : std::vector<std::string>();
  };
  EXPECT_THAT(Checkpoint::open(tiny_checkpoint())->notes, IsEmpty());
  TempDir dir;
  link_tiny_checkpoint(dir);
  Json config = *parse_json(read_file(dir.path() / "config.json"), "");
  config.update({{"unsloth_fixed", true}, {"model_name", "mine"}});
  replace(dir, "config.json", config.dump());
  replace(dir, "generation_config.json", R"({"num_beams": 4, "eos_token_id": 1})");
  EXPECT_THAT(notes(dir), ElementsAre("config.json: passed over 2 keys that no Gemma 4 code reads: "
                                      "'unsloth_fixed', 'model_name'",
                                      "generation_config.json: not followed are 'num_beams'"));
  for (const char* name :
       {"generation_config.json", "processor_config.json", "preprocessor_config.json"}) {
    std::filesystem::remove(dir.path() / name);
  }
  EXPECT_THAT(notes(dir), ElementsAre(HasSubstr("unsloth_fixed"),
                                      HasSubstr("generation_config.json: is missing"),
                                      HasSubstr("speaks of images"), HasSubstr("speaks of videos"),
                                      HasSubstr("speaks of sounds")));
}

TEST(CheckpointTest, NamesWhatIsMissing) {
  for (const char* name :
       {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}) {
    TempDir dir;
    link_tiny_checkpoint(dir);
    std::filesystem::remove(dir.path() / name);
    const auto c = Checkpoint::open(dir.path());
    ASSERT_FALSE(c.ok()) << name;
    EXPECT_EQ(c.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(c.error().message(), HasSubstr(name));
  }
  const TempDir dir;
  const std::filesystem::path nowhere = dir.path() / "nowhere";
  const auto missing = Checkpoint::open(nowhere);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr(nowhere.string() + ": is not a directory"));
}

TEST(CheckpointTest, RefusesProcessorThatDoesNotFitTheModel) {
  const std::function<void(Json&)> changes[] = {
      [](Json& j) { j["image_processor"]["patch_size"] = 14; },
      [](Json& j) { j["image_processor"]["pooling_kernel_size"] = 2; },
      [](Json& j) { j["feature_extractor"]["feature_size"] = 80; }};
  for (const auto& change : changes) {
    TempDir dir;
    link_tiny_checkpoint(dir);
    Json json = *parse_json(read_file(dir.path() / "processor_config.json"), "");
    change(json);
    replace(dir, "processor_config.json", json.dump());
    const auto c = Checkpoint::open(dir.path());
    ASSERT_FALSE(c.ok()) << json.dump();
    EXPECT_THAT(c.error().message(), HasSubstr("config.json has "));
  }
}

// A checkpoint whose tensors a test can add, drop and reshape: those of a small config, all zero.
struct Tensors {
  std::map<std::string, std::pair<std::string, tensor::Shape>> all;  // name -> dtype, shape

  explicit Tensors(const Config& config, bool with_optional = false) {
    for (const TensorSpec& spec : expected_tensors(config)) {
      if (!spec.optional || with_optional) all[spec.name] = {"BF16", spec.shape};
    }
  }
  std::string bytes() const {
    Json header = Json::object();
    int64_t at = 0;
    for (const auto& [name, entry] : all) {
      const int64_t width = entry.first == "F32" || entry.first == "I32" ? 4
                            : entry.first == "I8"                        ? 1
                                                                         : 2;
      const int64_t end = at + width * tensor::element_count(entry.second);
      header[name] = {{"dtype", entry.first}, {"shape", entry.second}, {"data_offsets", {at, end}}};
      at = end;
    }
    return safetensors_bytes(header.dump(), std::string(static_cast<size_t>(at), '\0'));
  }
  Status check(const Config& config) const {
    TempDir dir;
    dir.write("model.safetensors", bytes());
    auto weights = Weights::open(dir.path());
    if (!weights.ok()) return weights.take_error();
    return check_tensors(config, *weights);
  }
};

Config tiny_config() { return *Config::load(tiny_checkpoint() / "config.json"); }

const std::string kLayer0 = "model.language_model.layers.0.";

TEST(CheckTensorsTest, AcceptsUselessTensors) {
  const Config config = tiny_config();
  const auto plain = Tensors(config).check(config);
  EXPECT_TRUE(plain.ok()) << plain.error().message();
  const Tensors all(config, true);
  EXPECT_TRUE(all.all.contains("lm_head.weight"));
  EXPECT_TRUE(all.all.contains("model.language_model.layers.5.self_attn.v_proj.weight"));
  const auto more = all.check(config);
  EXPECT_TRUE(more.ok()) << more.error().message();
}

TEST(CheckTensorsTest, AcceptsTheThreeFloatTypes) {
  const Config config = tiny_config();
  Tensors tensors(config);
  tensors.all[kLayer0 + "layer_scalar"].first = "F32";
  tensors.all[kLayer0 + "mlp.up_proj.weight"].first = "F16";
  EXPECT_TRUE(tensors.check(config).ok());
}

TEST(CheckTensorsTest, NamesTheTensorAtFault) {
  struct Case {
    const char* name;
    std::function<void(Tensors&)> change;
    std::string message;
  };
  const Case cases[] = {
      {"missing", [](Tensors& t) { t.all.erase(kLayer0 + "mlp.up_proj.weight"); },
       fmt::format("tensor '{}mlp.up_proj.weight' [256, 128] is missing", kLayer0)},
      {"missing clip bound",
       [](Tensors& t) { t.all.erase("model.vision_tower.encoder.layers.1.mlp.up_proj.input_max"); },
       "model.vision_tower.encoder.layers.1.mlp.up_proj.input_max' [] is missing"},
      {"extra",
       [](Tensors& t) {
         t.all["model.surprise"] = {"BF16", {2}};
       },
       "tensor 'model.surprise' [2] does not belong"},
      {"layer too many",
       [](Tensors& t) {
         t.all["model.language_model.layers.6.layer_scalar"] = {"BF16", {1}};
       },
       "layers.6.layer_scalar' [1] does not belong"},
      {"shape",
       [](Tensors& t) {
         t.all[kLayer0 + "mlp.up_proj.weight"].second = {128, 256};
       },
       "mlp.up_proj.weight' has shape [128, 256], config.json makes it [256, 128]"},
      {"shape of a useless tensor",
       [](Tensors& t) {
         t.all["model.language_model.layers.5.self_attn.k_norm.weight"] = {"BF16", {7}};
       },
       "has shape [7], config.json makes it [64]"},
      {"dtype", [](Tensors& t) { t.all[kLayer0 + "mlp.up_proj.weight"].first = "I8"; },
       "mlp.up_proj.weight' has dtype int8, expected bfloat16, float16 or float32"},
  };
  const Config config = tiny_config();
  for (const Case& c : cases) {
    Tensors tensors(config);
    c.change(tensors);
    const Status status = tensors.check(config);
    ASSERT_FALSE(status.ok()) << c.name;
    EXPECT_THAT(status.error().message(), HasSubstr("model.safetensors")) << c.name;
    EXPECT_THAT(status.error().message(), HasSubstr(c.message)) << c.name;
  }
}

// Catches: a tower without config taken for part of the model, and the reverse.
TEST(CheckTensorsTest, TowersFollowTheConfig) {
  const Config both = tiny_config();
  Config text = both;
  text.vision.reset();
  text.audio.reset();
  EXPECT_TRUE(Tensors(text).check(text).ok());
  const auto extra = Tensors(both).check(text);
  ASSERT_FALSE(extra.ok());
  EXPECT_THAT(extra.error().message(), HasSubstr("does not belong to the model"));
  const auto missing = Tensors(text).check(both);
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("model.vision_tower."));
}

TEST(CheckTensorsTest, UntiedModelsNeedTheirHead) {
  Config config = tiny_config();
  config.tie_word_embeddings = false;
  Tensors tensors(config);
  EXPECT_TRUE(tensors.check(config).ok());
  tensors.all.erase("lm_head.weight");
  const auto status = tensors.check(config);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("'lm_head.weight' [1024, 128] is missing"));
}

}  // namespace
}  // namespace lapidary::checkpoint
