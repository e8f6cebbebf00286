#include "checkpoint/gguf_names.h"

#include <gtest/gtest.h>

namespace lapidary::checkpoint {
namespace {

TEST(GgufNames, AreHuggingFaces) {
  EXPECT_EQ(hugging_face_name("token_embd.weight"), "model.language_model.embed_tokens.weight");
  EXPECT_EQ(hugging_face_name("output.weight"), "lm_head.weight");
  EXPECT_EQ(hugging_face_name("blk.17.attn_output.weight"),
            "model.language_model.layers.17.self_attn.o_proj.weight");
  EXPECT_EQ(hugging_face_name("blk.0.layer_output_scale.weight"),
            "model.language_model.layers.0.layer_scalar");
  EXPECT_EQ(hugging_face_name("blk.0.post_norm.weight"),
            "model.language_model.layers.0.post_per_layer_input_norm.weight");
}

// Would catch a tensor that is taken for another one, or read past its name.
TEST(GgufNames, OthersHaveNone) {
  for (const char* name :
       {"", "blk.", "blk.weight", "blk..weight", "blk.1", "blk.1.", "blk.01.attn_q.weight",
        "blk.x.attn_q.weight", "blk.12345.attn_q.weight", "blk.1.attn_q", "blk.1.attn_q.bias",
        "blk.1.ffn_gate_up_exps.weight", "rope_freqs.weight", "v.blk.0.attn_q.weight", ".weight"}) {
    EXPECT_EQ(hugging_face_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace lapidary::checkpoint
