// What the dynamic and the static vision encoder have in common: everything but the order of
// patches, how positions become rotations, the form of attention, and the pooling.
// Source: Gemma4VisionModel of transformers.
#pragma once

#include <functional>
#include <string>

#include "checkpoint/vision_config.h"
#include "gemma4/vision_weights.h"
#include "graph/builder.h"

namespace lapidary::gemma4 {

// centred: pixel values, 2x - 1 of those of the front end, [batch, patches, 3 patch^2]; positions:
// [batch, patches, 2], int32 or int64, each in [0, position_rows), which is at most
// position_embedding_size -> [batch, patches, hidden]. In the scope of the tower.
graph::Ref embed_patches(graph::Builder& b, const graph::Ref& centred, const graph::Ref& positions,
                         int64_t position_rows, const VisionWeights& weights);

// Queries, keys and values after their norms: [batch, patches * heads, head_dim], where the heads
// of a patch stand one after the other.
struct HeadRows {
  graph::Ref query, key, value;
};

// -> [batch, patches, heads * head_dim]
using AttendToPatches = std::function<graph::Ref(const HeadRows&)>;

// hidden: [batch, patches, hidden] -> the same. In the scope of the layer; `attend` is called in
// its self_attn.
//
//   hidden = vision_layer(b, config, weights.layers[0], hidden, [&](const HeadRows& rows) {
//     return attend(rows.query, rows.key, rows.value);  // as the graph's form has it
//   });
graph::Ref vision_layer(graph::Builder& b, const checkpoint::VisionConfig& config,
                        const VisionLayerWeights& weights, const graph::Ref& hidden,
                        const AttendToPatches& attend);

// tokens: [..., hidden], pooled, `factor` times too small; -> (factor tokens - std_bias) std_scale.
// Requires config.standardize. In the scope of the tower.
graph::Ref standardize(graph::Builder& b, const graph::Ref& tokens, float factor,
                       const VisionWeights& weights);

}  // namespace lapidary::gemma4
