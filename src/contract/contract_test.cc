// What would break packages that exist, and readers of other rooms, without a word: a name that
// changes, two things of one name, a name that does not come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "contract/component.h"
#include "contract/notes.h"
#include "contract/ports.h"
#include "contract/role.h"

namespace lapidary::contract {
namespace {

using ::testing::ElementsAre;

TEST(Component, NamesAreThoseOfPackagesInTheOrderOfDataFlow) {
  std::vector<std::string> names;
  for (const Component component : kComponents) names.emplace_back(name_of(component));
  EXPECT_THAT(names, ElementsAre("vision_encoder", "audio_encoder", "embedding", "decoder"));
}

TEST(Component, NamesComeBack) {
  for (const Component component : kComponents) {
    EXPECT_EQ(component_named(name_of(component)), component);
    EXPECT_TRUE(is(name_of(component), component));
  }
  EXPECT_EQ(component_named("Decoder"), std::nullopt);
  EXPECT_EQ(component_named(""), std::nullopt);
  EXPECT_FALSE(is("decoder.1", Component::kDecoder));
}

TEST(Role, NamesAreThoseOfPackagesAndComeBack) {
  std::vector<std::string> names;
  for (const Role role : kRoles) {
    names.emplace_back(name_of(role));
    EXPECT_EQ(role_named(name_of(role)), role);
  }
  EXPECT_THAT(names, ElementsAre("model", "prefill", "decode", "calibration"));
  EXPECT_EQ(role_named("train"), std::nullopt);
}

TEST(Ports, CachesAreNamedAsOnnxRuntimeGenAiExpects) {
  EXPECT_EQ(ports::past_key(0), "past_key_values.0.key");
  EXPECT_EQ(ports::past_value(14), "past_key_values.14.value");
  EXPECT_EQ(ports::present_key(3), "present.3.key");
  EXPECT_EQ(ports::present_value(3), "present.3.value");
  EXPECT_TRUE(ports::is_past(ports::past_value(7)));
  EXPECT_FALSE(ports::is_past(ports::present_value(7)));
}

TEST(Ports, OfKindsOfLayersCarryTheNameInTextConfig) {
  EXPECT_STREQ(ports::attention_kind(true), "sliding_attention");
  EXPECT_STREQ(ports::attention_kind(false), "full_attention");
  EXPECT_EQ(ports::attention_mask(true), "attention_mask.sliding_attention");
  EXPECT_EQ(ports::attention_mask(false), "attention_mask.full_attention");
  EXPECT_EQ(ports::rotary_table("sliding_attention"), "rotary_emb.sliding_attention");
  EXPECT_EQ(ports::rotary_cos("full_attention"), "rotary_emb.full_attention.cos");
  EXPECT_EQ(ports::rotary_sin("full_attention"), "rotary_emb.full_attention.sin");
}

TEST(Notes, SayWhatTheySpeakOf) {
  EXPECT_EQ(notes::quantization("w"), "quantization:w");
  EXPECT_EQ(notes::name_in(notes::encoding("logits"), notes::kEncoding), "logits");
  EXPECT_EQ(notes::name_in(notes::encoding("logits"), notes::kQuantization), std::nullopt);
  EXPECT_EQ(notes::name_in("host_logit_softcap", notes::kEncoding), std::nullopt);
}

}  // namespace
}  // namespace lapidary::contract
