#include "gemma4/multimodal_embedder.h"

#include "nn/linear.h"
#include "nn/rms_norm.h"

namespace lapidary::gemma4 {

graph::Ref embed_soft_tokens(graph::Builder& b, const graph::Ref& soft_tokens,
                             const std::string& module, const tensor::Tensor& embedding_projection,
                             double eps) {
  const auto scope = b.enter(module);
  const int64_t width = embedding_projection.shape().back();
  const graph::Ref normed =
      nn::rms_norm_unscaled(b, soft_tokens, "embedding_pre_projection_norm", width, eps);
  return nn::linear(b, normed, "embedding_projection", embedding_projection);
}

}  // namespace lapidary::gemma4
