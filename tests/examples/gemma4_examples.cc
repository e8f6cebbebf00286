// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <functional>

#include "checkpoint/weights.h"
#include "example.h"
#include "gemma4/audio_tower.h"
#include "gemma4/module_weights.h"
#include "gemma4/vision_blocks.h"

namespace lapidary::gemma4 {

void audio_tower_example(graph::Builder& b, const checkpoint::AudioConfig& audio,
                         const AudioWeights& weights, const graph::Ref& features,
                         const graph::Ref& keep, const graph::Ref& halved_keep,
                         const graph::Ref& mask, int64_t time, int64_t text_hidden) {
  // [gemma4/audio_tower.h]
  AudioTower tower(b, audio, weights);
  graph::Ref x = tower.subsample(features, keep, halved_keep);
  x = tower.conformer(x, nn::FixedChunks(b, mask, time, tower.attention()));
  b.output("audio_features", tower.embed(x), DType::kFloat, {"tokens", text_hidden});
  // [end]
}

struct LayerOfExample {
  tensor::Tensor q_proj;
};

Status module_weights_example(const checkpoint::Weights& weights, LayerOfExample& w) {
  // [gemma4/module_weights.h]
  ModuleWeights m(weights, "model.language_model.layers.3");
  m.read(w.q_proj, "self_attn.q_proj.weight");
  LAP_RETURN_IF_ERROR(m.status());
  // [end]
  return {};
}

using AttendOfExample =
    std::function<graph::Ref(const graph::Ref&, const graph::Ref&, const graph::Ref&)>;

graph::Ref vision_blocks_example(graph::Builder& b, const checkpoint::VisionConfig& config,
                                 const VisionWeights& weights, graph::Ref hidden,
                                 const AttendOfExample& attend) {
  // [gemma4/vision_blocks.h]
  hidden = vision_layer(b, config, weights.layers[0], hidden, [&](const HeadRows& rows) {
    return attend(rows.query, rows.key, rows.value);  // as the graph's form has it
  });
  // [end]
  return hidden;
}

}  // namespace lapidary::gemma4
