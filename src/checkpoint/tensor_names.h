// From the names that people's tools give tensors to the model's: model.language_model.*,
// model.vision_tower.*, model.audio_tower.*, model.embed_vision.*, model.embed_audio.* and
// lm_head.* (Hugging Face's Gemma4ForConditionalGeneration).
//
//   canonical_name("base_model.model.model.language_model.layers.3.self_attn.q_proj")  // PEFT
//   canonical_name("model.layers.3.self_attn.q_proj")            // Gemma4ForCausalLM: text alone
//   canonical_name("language_model.model.layers.3.self_attn.q_proj")  // before transformers 4.52
//   canonical_name("layers.3.self_attn.q_proj")                  // a bare Gemma4TextModel
//     all give "model.language_model.layers.3.self_attn.q_proj"
//
// A name decides alone where it belongs: by its first part that no wrapper is called. So layouts
// may be mixed, and none is guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

// The model's name for a tensor or a module. Taken off in front: module (DistributedDataParallel),
// _orig_mod (torch.compile), base_model.model (PEFT) and any number of `model` and
// `language_model`; taken out anywhere: _orig_mod, _fsdp_wrapped_module, _checkpoint_wrapped_module
// and PEFT's base_layer. What ends the name is kept, whatever it is: ".weight", ".weight_packed",
// ".lora_A.weight", nothing. None: no part of the model is called so.
std::optional<std::string> canonical_name(std::string_view stored);

// The same tensors under the model's names; those that canonical_name does not know keep theirs. A
// part in front of every tensor that nothing here knows ("policy.") is taken off as well. What was
// done goes to `notes`, a sentence each: "names: 'base_model.model.' taken off 315 tensors".
// Errors: two tensors of one name; no tensor whose name is known; tensors of an adapter that nobody
// merged into the weights.
Result<Weights> with_canonical_names(const Weights& stored, std::vector<std::string>& notes);

}  // namespace lapidary::checkpoint
