#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "passes/fixed_shapes/lower_rms_norm.h"
#include "passes/fixed_shapes/lower_rotary_embedding.h"
#include "passes/fixed_shapes/static_llm.h"
#include "passes/float_to_float16.h"
#include "passes/lpbq/block_quant_to_lpbq.h"
#include "passes/pass.h"
#include "passes/split_model/split_model.h"
#include "passes/static_quantization/static_quantization.h"
#include "passes/surgeries/attention_mask_to_sequence_lengths.h"
#include "passes/surgeries/graph_surgeries.h"
#include "passes/surgeries/remove_logit_softcap.h"
#include "passes/weight_only/blockwise_rtn_quantization.h"
#include "passes/weight_only/kquant_quantization.h"
#include "passes/weight_only/matmul_nbits_to_qdq.h"

namespace lapidary::passes {

const std::vector<PassEntry>& registry() {
  static const std::vector<PassEntry> entries = {
      {"OnnxKQuantQuantization", "MatMul weights to 4 or 8 bits by K-quant (MatMulNBits)",
       &bind_kquant_quantization},
      {"OnnxBlockWiseRtnQuantization",
       "MatMul and Gather weights to 4 or 8 bits by round-to-nearest (MatMulNBits, "
       "GatherBlockQuantized)",
       &bind_blockwise_rtn_quantization},
      {"MatMulNBitsToQDQ", "MatMulNBits to DequantizeLinear and MatMul", &bind_matmul_nbits_to_qdq},
      {"BlockQuantToLpbq",
       "weights in blocks of int4 to low-power block quantization, for the HTP's integers",
       &bind_block_quant_to_lpbq},
      {"OnnxFloatToFloat16", "float32 weights and arithmetic to float16", &bind_float_to_float16},
      {"StaticLLM", "the text decoder at fixed lengths, its attention as matrix products",
       &bind_static_llm},
      {"LowerRotaryEmbedding", "RotaryEmbedding to arithmetic, in a graph of fixed shapes",
       &bind_lower_rotary_embedding},
      {"LowerRMSNormalization", "norms of rank 4 to rank 3, in a graph of fixed shapes",
       &bind_lower_rms_norm},
      {"OnnxStaticQuantization",
       "activations to integers from calibrated ranges, weights to integers per channel (QDQ)",
       &bind_static_quantization},
      {"RemoveLogitSoftcap", "graphs end before the soft-cap of their logits",
       &bind_remove_logit_softcap},
      {"AttentionMaskToSequenceLengths",
       "lengths of sequences as inputs instead of an attention mask, for GroupQueryAttention",
       &bind_attention_mask_to_sequence_lengths},
      {"GraphSurgeries", "small rewrites by name: ports renamed, operators replaced",
       &bind_graph_surgeries},
      {"SplitModel", "graphs of fixed shapes to parts of whole layers", &bind_split_model},
  };
  return entries;
}

Result<const PassEntry*> find_pass(const std::string& type, const std::string& where) {
  std::vector<std::string_view> known;
  for (const PassEntry& entry : registry()) {
    if (type == entry.type) return &entry;
    known.emplace_back(entry.type);
  }
  return unsupported(where, fmt::format("pass type '{}' is not known", type),
                     fmt::format("known passes: {}", fmt::join(known, ", ")));
}

}  // namespace lapidary::passes
