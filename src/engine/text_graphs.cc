#include "engine/text_graphs.h"

#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "engine/component.h"

namespace lapidary::engine {

namespace ports = contract::ports;

namespace {

constexpr int64_t kAny = -1;

std::vector<PortRule> embedding_inputs(const package::TextModel& text) {
  return {{ports::kInputIds, "int64", {kAny, kAny}},
          {ports::kImageFeatures, "float32", {kAny, text.hidden_size}, Presence::kMayBeAbsent},
          {ports::kAudioFeatures, "float32", {kAny, text.hidden_size}, Presence::kMayBeAbsent}};
}

// What the embedding hands to the decoder.
std::vector<PortRule> embedded(const package::TextModel& text) {
  std::vector<PortRule> rules = {{ports::kInputsEmbeds, "float32", {kAny, kAny, text.hidden_size}}};
  if (text.per_layer_width > 0) {
    rules.push_back({ports::kPerLayerInputs, "float32", {kAny, kAny, text.per_layer_width}});
  }
  return rules;
}

std::vector<PortRule> decoder_inputs(const package::TextModel& text) {
  std::vector<PortRule> rules = embedded(text);
  rules.push_back({ports::kAttentionMask, "int64", {kAny, kAny}});
  rules.push_back({ports::kLogitsToKeep, "int64", {1}});
  bool sliding = false;
  for (const package::CacheSpec& cache : text.caches) {
    sliding = sliding || cache.sliding;
    const std::vector<int64_t> dims = {kAny, cache.kv_heads, kAny, cache.head_dim};
    rules.push_back({ports::past_key(cache.layer), "float32", dims});
    rules.push_back({ports::past_value(cache.layer), "float32", dims});
  }
  if (text.vision_bidirectional_attention) {
    rules.push_back({ports::kMmTokenTypeIds, "int64", {kAny, kAny}});
  }
  rules.push_back({ports::kSlidingWindowOffset,
                   "int64",
                   {1},
                   sliding ? Presence::kRequired : Presence::kMayBeAbsent});
  return rules;
}

std::vector<PortRule> decoder_outputs(const package::TextModel& text) {
  std::vector<PortRule> rules = {{ports::kLogits, "float32", {kAny, kAny, text.vocab_size}}};
  for (const package::CacheSpec& cache : text.caches) {
    const std::vector<int64_t> dims = {kAny, cache.kv_heads, kAny, cache.head_dim};
    rules.push_back({ports::present_key(cache.layer), "float32", dims});
    rules.push_back({ports::present_value(cache.layer), "float32", dims});
  }
  return rules;
}

}  // namespace

Result<ort::Session> open_embedding(const package::Package& package,
                                    const ort::SessionOptions& options) {
  const package::TextModel& text = package.manifest.text;
  // The embedding is little work and runs between the decoder's steps: a second pool of spinning
  // threads would take the cores from the decoder's.
  ort::SessionOptions quiet = options;
  quiet.threads = 1;
  quiet.spinning = false;
  return open_component(package, name_of(contract::Component::kEmbedding), embedding_inputs(text),
                        embedded(text), quiet);
}

Result<std::shared_ptr<const TextGraphs>> TextGraphs::open(const package::Package& package,
                                                           const ort::SessionOptions& options,
                                                           const Work& work) {
  const package::TextModel& text = package.manifest.text;
  work.stage("load", 2, Unit::kGraphs);
  LAP_ASSIGN_OR_RETURN(ort::Session embedding, open_embedding(package, options));
  work.advance(1);
  if (work.is_cancelled()) return cancelled();
  LAP_ASSIGN_OR_RETURN(ort::Session decoder,
                       open_component(package, name_of(contract::Component::kDecoder),
                                      decoder_inputs(text), decoder_outputs(text), options));
  work.advance(1);
  LAP_RETURN_IF_ERROR(package.unchanged());
  return std::shared_ptr<const TextGraphs>(
      std::make_shared<TextGraphs>(TextGraphs{text, std::move(embedding), std::move(decoder)}));
}

}  // namespace lapidary::engine
