// Hugging Face's name of a tensor in a GGUF file of Gemma 3 or 4.
//
// "blk.3.ffn_up.weight" is "model.language_model.layers.3.mlp.up_proj.weight".
//
// Source: gguf (Python package) 0.19, constants.py, MODEL_ARCH.GEMMA3 and GEMMA4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lapidary::checkpoint {

// Nothing for a name that no text model of Gemma has.
std::optional<std::string> hugging_face_name(std::string_view gguf_name);

// rope_freqs.weight: no weight, but the factors of rotary frequencies, which config.json says.
inline constexpr const char* kGgufRopeFactors = "rope_freqs.weight";

}  // namespace lapidary::checkpoint
