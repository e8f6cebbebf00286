#include "checkpoint/tensor_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/test_tensors.h"
#include "checkpoint/useless_tensors.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kText = "model.language_model.";
constexpr const char* kTable = "model.language_model.embed_tokens.weight";

bool is_text(const std::string& name) { return name.starts_with(kText); }
std::string in_text(const std::string& name) { return name.substr(std::string(kText).size()); }

// Catches: a layout not known, a name that is cut in the wrong place, a tower's layer for text's.
TEST(CanonicalNameTest, KnowsTheWaysToTheModel) {
  const std::pair<const char*, const char*> cases[] = {
      {"model.language_model.layers.3.self_attn.q_proj",
       "language_model.layers.3.self_attn.q_proj"},
      {"base_model.model.model.language_model.layers.3.mlp.up_proj",
       "language_model.layers.3.mlp.up_proj"},
      {"base_model.model.model.layers.3.mlp.up_proj", "language_model.layers.3.mlp.up_proj"},
      {"base_model.model.layers.3.mlp.up_proj.lora_A.weight",
       "language_model.layers.3.mlp.up_proj.lora_A.weight"},
      {"language_model.model.norm.weight", "language_model.norm.weight"},
      {"language_model.norm.weight", "language_model.norm.weight"},
      {"model.model.language_model.norm.weight", "language_model.norm.weight"},
      {"model.norm.weight", "language_model.norm.weight"},
      {"norm.weight", "language_model.norm.weight"},
      {"embed_tokens", "language_model.embed_tokens"},
      {"module._orig_mod.model.embed_tokens_per_layer.weight",
       "language_model.embed_tokens_per_layer.weight"},
      {"_orig_mod.module.layers.0._orig_mod.mlp.up_proj.weight",
       "language_model.layers.0.mlp.up_proj.weight"},
      {"_fsdp_wrapped_module.model.layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.norm",
       "language_model.layers.0.norm"},
      {"base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight",
       "language_model.layers.0.self_attn.q_proj.weight"},
      {"vision_tower.encoder.layers.0.mlp.up_proj.linear.weight",
       "vision_tower.encoder.layers.0.mlp.up_proj.linear.weight"},
      {"model.audio_tower.layers.0.norm_out.weight", "audio_tower.layers.0.norm_out.weight"},
      {"embed_vision.embedding_projection.weight", "embed_vision.embedding_projection.weight"},
      {"base_model.model.model.embed_audio.embedding_projection.weight",
       "embed_audio.embedding_projection.weight"},
  };
  for (const auto& [stored, canonical] : cases) {
    EXPECT_EQ(canonical_name(stored), std::string("model.") + canonical) << stored;
  }
  for (const char* head :
       {"lm_head.weight", "language_model.lm_head.weight", "model.lm_head.weight",
        "base_model.model.lm_head.weight", "module.lm_head.weight"}) {
    EXPECT_EQ(canonical_name(head), "lm_head.weight");
  }
  for (const char* foreign :
       {"", ".", "model", "model.", "model..layers", "policy.model.norm.weight",
        "blk.0.attn_q.weight", "encoder.layers.0.mlp.up_proj.weight", "transformer.h.0.ln_1.weight",
        "v_head.weight", "lm_head2.weight", "layers2.0.weight"}) {
    EXPECT_EQ(canonical_name(foreign), std::nullopt) << foreign;
  }
}

struct Layout {
  const char* name;
  std::function<std::string(const std::string&)> rename;
  std::vector<std::string> notes;  // that are among them
};

std::function<std::string(const std::string&)> prefixed(const std::string& prefix) {
  return [prefix](const std::string& name) { return prefix + name; };
}

std::vector<Layout> layouts() {
  return {
      {"PEFT", prefixed("base_model.model."), {"names: 'base_model.model.' taken off"}},
      {"DistributedDataParallel", prefixed("module."), {"names: 'module.' taken off"}},
      {"torch.compile", prefixed("_orig_mod."), {"names: '_orig_mod.' taken off"}},
      {"two wrappers", prefixed("module._orig_mod."), {"names: 'module._orig_mod.' taken off"}},
      {"an attribute of a wrapper", prefixed("model."), {"names: 'model.' taken off"}},
      {"a wrapper nobody knows", prefixed("policy.net."), {"names: 'policy.net.' taken off"}},
      {"a bare Gemma4Model",
       [](const std::string& name) { return name.substr(6); },
       {"names: 'model.' put before"}},
      {"before transformers 4.52",
       [](const std::string& name) {
         return is_text(name) ? "language_model.model." + in_text(name) : name.substr(6);
       },
       {"names: 'language_model.model.' read as 'model.language_model.' in",
        "names: 'model.' put before"}},
      {"compiled layers",
       [](const std::string& name) {
         const std::string layer = "model.language_model.layers.0.";
         return name.starts_with(layer) ? layer + "_orig_mod." + name.substr(layer.size()) : name;
       },
       {"names: '_orig_mod.' taken out of the names of"}},
      {"what an adapter left",
       [](const std::string& name) {
         const std::string proj = "model.language_model.layers.1.self_attn.q_proj.";
         return name == proj + "weight" ? proj + "base_layer.weight" : name;
       },
       {"names: 'base_layer.' taken out of the names of 1 tensor"}},
  };
}

void expect_same_weights(const Weights& got, const Weights& want, const std::string& what) {
  ASSERT_EQ(got.names(), want.names()) << what;
  for (const std::string& name : want.names()) {
    const auto a = got.tensor(name)->materialize();
    const auto b = want.tensor(name)->materialize();
    ASSERT_TRUE(a.ok() && b.ok()) << what;
    EXPECT_TRUE(got.tensor(name)->type() == want.tensor(name)->type() && *a == *b)
        << what << ": " << name;
  }
}

// Catches: a layout that does not load, and one that loads with tensors in each other's place.
TEST(WithCanonicalNamesTest, EveryLayoutIsTheSameModel) {
  const auto plain = Checkpoint::open(tiny_checkpoint());
  ASSERT_TRUE(plain.ok()) << plain.error().message();
  EXPECT_THAT(plain->notes, ::testing::Not(Contains(HasSubstr("names:"))));
  for (const Layout& layout : layouts()) {
    TestTensors tensors = TestTensors::tiny();
    tensors.rename(layout.rename);
    TempDir dir;
    tensors.write_checkpoint(dir);
    const auto c = Checkpoint::open(dir.path());
    ASSERT_TRUE(c.ok()) << layout.name << ": " << c.error().message();
    expect_same_weights(c->weights, plain->weights, layout.name);
    for (const std::string& note : layout.notes) {
      EXPECT_THAT(c->notes, Contains(HasSubstr(note))) << layout.name;
    }
    const Weight& norm = *c->weights.find("model.language_model.norm.weight");
    EXPECT_EQ(norm.stored_as, layout.rename("model.language_model.norm.weight")) << layout.name;
  }
}

// Gemma4ForCausalLM and Gemma4TextModel, whose config has text alone.
TEST(WithCanonicalNamesTest, TextAlone) {
  Config config = *Config::load(tiny_checkpoint() / "config.json");
  config.vision.reset();
  config.audio.reset();
  for (const std::string prefix : {"model.", "", "base_model.model.model.", "model.model."}) {
    TestTensors tensors = TestTensors::tiny();
    std::erase_if(tensors.all, [](const auto& each) { return !is_text(each.first); });
    const size_t count = tensors.all.size();
    tensors.rename([&](const std::string& name) { return prefix + in_text(name); });
    TempDir dir;
    tensors.write_checkpoint(dir);
    std::vector<std::string> notes;
    auto weights = with_canonical_names(Weights::open(dir.path()).value(), notes);
    ASSERT_TRUE(weights.ok()) << weights.error().message();
    EXPECT_EQ(weights->names().size(), count);
    EXPECT_EQ(notes.size(), 1u);
    drop_useless_tensors(config, *weights, notes);
    const Status status = check_tensors(config, *weights);
    EXPECT_TRUE(status.ok()) << status.error().message();
  }
}

// Catches: a mapping that makes a whole model of a part, and a message that hides the file's names.
TEST(WithCanonicalNamesTest, WhatIsMissingStaysMissing) {
  TestTensors tensors = TestTensors::tiny();
  tensors.rename(prefixed("base_model.model."));
  tensors.all.erase("base_model.model.model.language_model.layers.2.mlp.up_proj.weight");
  TempDir dir;
  tensors.write_checkpoint(dir);
  const auto c = Checkpoint::open(dir.path());
  ASSERT_FALSE(c.ok());
  EXPECT_THAT(
      c.error().message(),
      HasSubstr("'model.language_model.layers.2.mlp.up_proj.weight' [256, 128] is missing"));
}

struct Refusal {
  const char* name;
  std::function<void(TestTensors&)> change;
  std::string message;
};

// Catches: random weights, one of two tensors taken without a word, an adapter left out.
TEST(WithCanonicalNamesTest, NamesWhatItCannotPlace) {
  const std::string layer = "model.language_model.layers.0.";
  const Refusal refusals[] = {
      {"two of a name", [](TestTensors& t) { t.all["module.embed_tokens.weight"] = t.all[kTable]; },
       "tensors 'model.language_model.embed_tokens.weight' and 'module.embed_tokens.weight' are "
       "both "
       "'model.language_model.embed_tokens.weight' to the model (keep one of them)"},
      {"not merged",
       [&](TestTensors& t) {
         t.all[layer + "mlp.up_proj.lora_A.default.weight"] = {"F32", {1}, std::string(4, '\0')};
       },
       "tensor 'model.language_model.layers.0.mlp.up_proj.lora_A.default.weight' is of an adapter"},
      {"module saved beside its original",
       [&](TestTensors& t) {
         t.all["base_model.model.model.embed_tokens.modules_to_save.default.weight"] =
             t.all[kTable];
       },
       "is of an adapter that is not merged into the weights (merge it, as PEFT's"},
      {"wrong shape under another name",
       [](TestTensors& t) {
         t.rename(prefixed("module."));
         t.all["module.model.language_model.norm.weight"] = {"F32", {1}, std::string(4, '\0')};
       },
       "tensor 'model.language_model.norm.weight' (stored as "
       "'module.model.language_model.norm.weight') has shape [1], config.json makes it [128]"},
      {"of nobody",
       [](TestTensors& t) {
         t.rename(prefixed("base_model.model."));
         t.all["v_head.summary.weight"] = {"F32", {1}, std::string(4, '\0')};
       },
       "tensor 'v_head.summary.weight' [1] does not belong to the model"},
      {"not in front of every tensor",
       [](TestTensors& t) {
         t.rename(prefixed("policy."));
         t.all["value.weight"] = {"F32", {1}, std::string(4, '\0')};
       },
       "no tensor is called as a part of Gemma 4 is"},
      {"another model",
       [](TestTensors& t) {
         t.all.clear();
         t.all["transformer.wte.weight"] = {"F32", {1}, std::string(4, '\0')};
       },
       "the first is 'transformer.wte.weight' (is this a checkpoint of Gemma 4?)"},
  };
  for (const Refusal& refusal : refusals) {
    TestTensors tensors = TestTensors::tiny();
    refusal.change(tensors);
    TempDir dir;
    tensors.write_checkpoint(dir);
    const auto c = Checkpoint::open(dir.path());
    ASSERT_FALSE(c.ok()) << refusal.name;
    EXPECT_EQ(c.error().kind, ErrorKind::kBadInput) << refusal.name;
    EXPECT_THAT(c.error().message(),
                AllOf(HasSubstr("model.safetensors"), HasSubstr(refusal.message)))
        << refusal.name;
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
