// Attention of every row to every row, some keys masked, as com.microsoft::MultiHeadAttention.
//
// The operator's blocked kernel, which never holds the scores of all pairs, runs on the CPU only
// without mask and bias. So the mask is one more dim of the heads: q' = [q, 1] and
// k' = [k, 0 or -1e9], of which q' k' = q k + 0 or - 1e9. One attention of 2520 patches with 12
// heads of 64, ONNX Runtime 1.31.1 on two threads of an x86 server:
//
//   q', k', no mask                          64 ms    56 MB beside inputs and weights
//   no mask at all                           61 ms    40 MB
//   MultiHeadAttention, attention_bias       87 ms   380 MB
//   MultiHeadAttention, key_padding_mask     86 ms   353 MB
//   ONNX Attention (opset 23), bool mask    142 ms   354 MB
//   MatMul, Add, Softmax, MatMul            112 ms  1258 MB
#pragma once

#include <string>

#include "graph/builder.h"
#include "nn/attention.h"

namespace lapidary::nn {

// What is added to the scores of each key, for all attentions of one graph.
struct KeyBias {
  graph::Ref column;  // [batch, keys, kv_heads, 1] float32
};

// masked: [batch, keys] bool, true for keys that nobody may attend to.
KeyBias key_bias(graph::Builder& b, const graph::Ref& masked, int64_t kv_heads,
                 const std::string& name);

// query: [batch, rows, heads, head_dim]; key, value: [batch, keys, kv_heads, head_dim]
// -> [batch, rows, heads * head_dim]. Each key/value head serves heads / kv_heads neighbouring
// query heads. shape.window must be 0. Where all keys are masked, all count the same.
graph::Ref bidirectional_attention(graph::Builder& b, const graph::Ref& query,
                                   const graph::Ref& key, const graph::Ref& value,
                                   const KeyBias& bias, const AttentionShape& shape,
                                   const std::string& name);

}  // namespace lapidary::nn
