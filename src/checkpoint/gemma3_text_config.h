// config.json of a Gemma 3 text model (model_type `gemma3_text`, Gemma3ForCausalLM: 270M and 1B),
// as the TextConfig that the builders take.
//
// Defaults are those of transformers 5.24 (configuration_gemma3.py). What differs from Gemma 4: no
// per-layer inputs, no layers that share keys and values, one head dim for all layers, RMSNorm
// multiplies by 1 + w, queries are scaled by query_pre_attn_scalar^-0.5, values are not normalized,
// and the last layer may be a sliding one.
#pragma once

#include "base/json.h"
#include "checkpoint/text_config.h"

namespace lapidary::checkpoint {

// Errors are recorded in the reader's document; bidirectional attention, a soft-cap on attention
// logits, other RoPE types than default and linear are refused by name.
TextConfig read_gemma3_text_config(JsonReader reader);

}  // namespace lapidary::checkpoint
