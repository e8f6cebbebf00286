// The audio tower's tensors, found in the checkpoint by name and handed to the builder as fields.
// Module paths are those of Hugging Face's Gemma4ForConditionalGeneration.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/audio_config.h"
#include "checkpoint/weights.h"
#include "nn/chunked_attention.h"
#include "nn/conformer_feed_forward.h"
#include "nn/light_convolution.h"
#include "nn/subsampling.h"
#include "tensor/tensor.h"

namespace lapidary::gemma4 {

inline constexpr const char* kAudioTower = "model.audio_tower";
inline constexpr const char* kEmbedAudio = "model.embed_audio";

struct AudioLayerWeights {
  nn::ConformerFeedForwardWeights feed_forward1, feed_forward2;
  nn::ChunkedAttentionWeights self_attn;
  nn::LightConvolutionWeights lconv1d;
  tensor::Tensor norm_pre_attn, norm_post_attn, norm_out;  // [hidden]
};

struct AudioWeights {
  nn::SubsamplingWeights layer0, layer1;
  tensor::Tensor input_proj_linear;  // [hidden, subsampled_size]
  std::vector<AudioLayerWeights> layers;
  tensor::Tensor output_proj, output_proj_bias;  // [output_proj_dims, hidden], [output_proj_dims]
  tensor::Tensor embedding_projection;           // [text hidden, output_proj_dims]
};

// Errors: a tensor is missing.
Result<AudioWeights> audio_weights(const checkpoint::AudioConfig& audio,
                                   const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
