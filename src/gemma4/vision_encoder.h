// The vision encoder component: patches of images to soft tokens in the text model's space.
//
//   pixel_values        [batch, num_patches, 3 * patch_size^2] float32 in [0, 1], channel last
//   pixel_position_ids  [batch, num_patches, 2] int64: x, y in patches; -1, -1 for padding
//   -> image_features   [num_image_tokens, text hidden] float32: the soft tokens of all images one
//                       after the other, padding left out
//
// num_patches must be a multiple of pooling_kernel_size^2 and may differ from run to run; images of
// one batch are padded to one length. Patches come in any order, padding among them; those of an
// image fill a grid whose sides are multiples of pooling_kernel_size. What padding holds does not
// matter. A position beyond position_embedding_size makes the run fail.
//
// Source: Gemma4VisionModel and Gemma4MultimodalEmbedder of transformers. Two differences: an image
// of nothing but padding gives no soft token (there it gives one), and pooling_kernel_size 1 gives
// each patch as a soft token (there it gives the padding).
#pragma once

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"

namespace lapidary::gemma4 {

// `config.vision` must be there.
Result<graph::Graph> build_vision_encoder(const checkpoint::Config& config,
                                          const checkpoint::Weights& weights);

}  // namespace lapidary::gemma4
