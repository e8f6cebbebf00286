// Checkpoints whose weights the package compressed-tensors packed (vLLM's llm-compressor writes
// them): the `quantization_config` of config.json, and the tensors in place of each weight.
//
//   X.weight_packed      int32 [N, ceil(K * bits / 32)], codes along K from the lowest bits on
//   X.weight_scale       bfloat16, float16 or float32 [N, K / group_size], or [N, 1]
//   X.weight_shape       int64 or int32 [2]: N, K
//   X.weight_zero_point  int32 [ceil(N * bits / 32), groups], packed along N; asymmetric ones only
//
//   weight[n, k] = (code - zero point) * scale, codes and zero points stored plus 2^(bits-1)
//
// The weight is that product in float32 (tensor/grid.h), so that passes can keep the codes. The
// package itself rounds it to the scale's dtype, which says less than the codes.
//
// Taken: format pack-quantized, weights of 4 or 8 bits (W4A16, W8A16), in groups or by channel,
// symmetric or not. Refused by name: other formats, activations or keys and values that are
// quantized too, rotations and sparsity, group orders (actorder "group", weight_g_idx).
//
// Source: compressed-tensors 0.20.1, compressors/pack_quantized and quantization/quant_args.py.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

// How the weights of one group of layers are packed. Which layers these are, the tensors say.
struct PackedScheme {
  int bits = 4;                       // 4 or 8
  std::optional<int64_t> group_size;  // of inputs; absent: one scale a channel
  bool symmetric = true;
  bool operator==(const PackedScheme&) const = default;
};

struct CompressedTensorsConfig {
  std::vector<PackedScheme> schemes;  // at least one
};

// The `quantization_config` of a section of config.json, absent when it has none. Records
// kUnsupported for methods other than compressed-tensors (gptq, awq, bitsandbytes, torchao, ...)
// and for what is not taken of that; kBadInput for values that cannot be.
std::optional<CompressedTensorsConfig> read_quantization_config(JsonReader& section);

// `weights` with X.weight for every X.weight_packed, whose parts are gone. Only weight_shape is
// read. Errors name the file and the tensor (kBadInput): a part that is missing, or whose dtype or
// shape does not fit any of the schemes; X.weight beside them; nothing that is packed;
// kUnsupported: weight_g_idx.
Result<Weights> unpack(Weights weights, const CompressedTensorsConfig& config);

}  // namespace lapidary::checkpoint
