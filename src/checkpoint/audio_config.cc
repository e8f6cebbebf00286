#include "checkpoint/audio_config.h"

#include "checkpoint/config_fields.h"

namespace lapidary::checkpoint {

AudioConfig read_audio_config(JsonReader r) {
  AudioConfig c;
  accept_common_keys(r);
  refuse_unfollowed(r, {"per_layer_config"});
  r.ignore({"architectures"});
  expect_string(r, "model_type", "gemma4_audio");
  expect_string(r, "hidden_act", "silu");
  refuse_null(r, {"hidden_size", "num_hidden_layers", "num_attention_heads",
                  "subsampling_conv_channels", "conv_kernel_size", "residual_weight",
                  "attention_chunk_size", "attention_context_left", "attention_context_right",
                  "attention_logit_cap", "attention_invalid_logits_value", "use_clipped_linears",
                  "rms_norm_eps", "gradient_clipping", "output_proj_dims", "initializer_range"});
  c.hidden_size = r.integer_or("hidden_size", c.hidden_size, kDim);
  c.num_hidden_layers = r.integer_or("num_hidden_layers", c.num_hidden_layers, kLayerCount);
  c.num_attention_heads = r.integer_or("num_attention_heads", c.num_attention_heads, kDim);
  const bool channels_given = r.has("subsampling_conv_channels");
  const auto channels = r.integers("subsampling_conv_channels", {.min = 1, .max = 1 << 16});
  if (channels.size() == 2) {
    c.subsampling_conv_channels = {channels[0], channels[1]};
  } else if (channels_given) {
    r.fail("subsampling_conv_channels", "must hold two channel counts");
  }
  c.conv_kernel_size = r.integer_or("conv_kernel_size", c.conv_kernel_size, {1, 1024});
  c.residual_weight = r.number_or("residual_weight", c.residual_weight, kFloat32Range);
  c.attention_chunk_size = r.integer_or("attention_chunk_size", c.attention_chunk_size, {1, 65536});
  c.attention_context_left =
      r.integer_or("attention_context_left", c.attention_context_left, {1, 65536});
  c.attention_context_right =
      r.integer_or("attention_context_right", c.attention_context_right, {0, 65536});
  c.attention_logit_cap = positive(r, "attention_logit_cap", c.attention_logit_cap);
  c.attention_invalid_logits_value = r.number_or("attention_invalid_logits_value",
                                                 c.attention_invalid_logits_value, kFloat32Range);
  c.use_clipped_linears = r.boolean_or("use_clipped_linears", true);
  c.rms_norm_eps = positive(r, "rms_norm_eps", c.rms_norm_eps);
  // Whatever is large means no clipping.
  c.gradient_clipping = positive(r, "gradient_clipping", c.gradient_clipping, {});
  c.output_proj_dims = r.integer_or("output_proj_dims", c.output_proj_dims, kDim);
  c.dtype = read_dtype(r);
  c.initializer_range = r.number_or("initializer_range", 0.02, {.min = 0.0, .max = 1.0});
  if (r.status().ok()) {
    expect_multiple(r, "hidden_size", c.hidden_size, c.num_attention_heads, "num_attention_heads");
    expect_multiple(r, "hidden_size", c.hidden_size, 2, "two");
    expect_multiple(r, "subsampling_conv_channels", c.subsampling_conv_channels[0], 4, "four");
  }
  r.pass_over_unknown();
  return c;
}

}  // namespace lapidary::checkpoint
