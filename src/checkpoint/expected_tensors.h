// The tensors that a checkpoint of a given config must hold, and the check that it does.
//
// Names are Hugging Face's: model.language_model.*, model.vision_tower.*, model.audio_tower.*,
// model.embed_vision.*, model.embed_audio.*, lm_head.weight. A linear layer's weight is
// [out_features, in_features]. Source: transformers 5.23, models/gemma4/modeling_gemma4.py.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "tensor/tensor.h"

namespace lapidary::checkpoint {

struct TensorSpec {
  std::string name;
  tensor::Shape shape;
  // Some checkpoints hold it, and it has no use: keys and values of KV-shared layers,
  // lm_head.weight beside tied embeddings.
  bool optional = false;
};

std::vector<TensorSpec> expected_text_tensors(const Config& config);
std::vector<TensorSpec> expected_vision_tensors(const VisionConfig& vision, int64_t text_hidden);
std::vector<TensorSpec> expected_audio_tensors(const AudioConfig& audio, int64_t text_hidden);
// Text and the towers that the config has.
std::vector<TensorSpec> expected_tensors(const Config& config);

// Names a missing tensor, one that does not belong to the model (tensors of a tower that the config
// lacks among them), or one of another shape or of a dtype other than BF16, F16 and F32.
Status check_tensors(const Config& config, const Weights& weights);

}  // namespace lapidary::checkpoint
