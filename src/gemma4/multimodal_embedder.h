// Soft tokens of a tower to the text model's space: an unweighted norm, then a projection.
// Source: Gemma4MultimodalEmbedder of transformers.
#pragma once

#include <string>

#include "graph/builder.h"

namespace lapidary::gemma4 {

// soft_tokens: [..., width], embedding_projection: [text_hidden, width] -> [..., text_hidden].
// `module` is model.embed_vision or model.embed_audio.
graph::Ref embed_soft_tokens(graph::Builder& b, const graph::Ref& soft_tokens,
                             const std::string& module, const tensor::Tensor& embedding_projection,
                             double eps);

}  // namespace lapidary::gemma4
