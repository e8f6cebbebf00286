#include "checkpoint/vision_config.h"

#include <fmt/core.h>

#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {
namespace {

double read_theta(JsonReader& reader) {
  // A theta beside rope_parameters is the old spelling; the nested one wins, as in the reference.
  const double outer = positive(reader, "rope_theta", 100.0);
  auto rope = reader.optional_child("rope_parameters");
  if (!rope) return outer;
  const std::string old_name = rope->string_or("type", "default");
  const std::string type = rope->string_or("rope_type", old_name);
  if (type != "axial" && type != "default") {
    rope->fail("rope_type", fmt::format("is '{}', which is not supported", type), "axial is",
               ErrorKind::kUnsupported);
  }
  rope->ignore({"partial_rotary_factor"});  // the reference does not look at it
  const double theta = positive(*rope, "rope_theta", outer);
  rope->pass_over_unknown();
  return theta;
}

}  // namespace

VisionConfig read_vision_config(JsonReader r) {
  VisionConfig c;
  accept_common_keys(r);
  refuse_unfollowed(r, {"per_layer_config", "rope_scaling"});
  // Written by some versions, read by none: the size of the output follows from the input.
  r.ignore({"architectures", "default_output_length", "global_head_dim"});
  expect_string(r, "model_type", "gemma4_vision");
  expect_false(r, "attention_bias", "a bias in the attention projections");
  expect_string(r, "hidden_activation", "gelu_pytorch_tanh");
  refuse_null(r, {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                  "num_key_value_heads", "head_dim", "rms_norm_eps", "max_position_embeddings",
                  "pooling_kernel_size", "patch_size", "position_embedding_size",
                  "use_clipped_linears", "standardize", "initializer_range"});
  c.hidden_size = r.integer_or("hidden_size", c.hidden_size, kDim);
  c.intermediate_size = r.integer_or("intermediate_size", c.intermediate_size, kDim);
  c.num_hidden_layers = r.integer_or("num_hidden_layers", c.num_hidden_layers, kLayerCount);
  c.num_attention_heads = r.integer_or("num_attention_heads", c.num_attention_heads, kDim);
  c.num_key_value_heads = r.integer_or("num_key_value_heads", c.num_key_value_heads, kDim);
  c.head_dim = r.integer_or("head_dim", c.head_dim, {4, 1 << 16});
  c.rms_norm_eps = positive(r, "rms_norm_eps", c.rms_norm_eps);
  c.max_position_embeddings =
      r.integer_or("max_position_embeddings", c.max_position_embeddings, {1, 1 << 30});
  c.rope_theta = read_theta(r);
  c.pooling_kernel_size = r.integer_or("pooling_kernel_size", c.pooling_kernel_size, {1, 64});
  c.patch_size = r.integer_or("patch_size", c.patch_size, {1, 1024});
  c.position_embedding_size =
      r.integer_or("position_embedding_size", c.position_embedding_size, {1, 1 << 24});
  c.use_clipped_linears = r.boolean_or("use_clipped_linears", false);
  c.standardize = r.boolean_or("standardize", false);
  c.dtype = read_dtype(r);
  c.attention_dropout = r.number_or("attention_dropout", 0.0);
  c.initializer_range = r.number_or("initializer_range", 0.02);
  if (r.status().ok()) {
    expect_multiple(r, "head_dim", c.head_dim, 4, "four");
    expect_multiple(r, "num_attention_heads", c.num_attention_heads, c.num_key_value_heads,
                    "num_key_value_heads");
  }
  r.pass_over_unknown();
  return c;
}

}  // namespace lapidary::checkpoint
