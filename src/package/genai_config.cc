#include "package/genai_config.h"

#include <algorithm>

namespace lapidary::package {
namespace {

// GenAI allocates its caches for this many positions at once, unless its caller asks for less.
constexpr int64_t kDefaultMaxLength = 4096;
// Silences ONNX Runtime's warning about initializers that are inputs as well: ours are meant to be.
constexpr int kLogErrorsOnly = 3;

Json stage(const Component& component) {
  Json inputs = Json::array();
  for (const Port& port : component.inputs) {
    if (!port.optional) inputs.push_back(port.name);
  }
  Json outputs = Json::array();
  for (const Port& port : component.outputs) outputs.push_back(port.name);
  return {{component.name,
           {{"filename", component.file},
            {"inputs", std::move(inputs)},
            {"outputs", std::move(outputs)}}}};
}

Json decoder(const Manifest& manifest, const checkpoint::TextConfig& text) {
  Json pipeline = Json::array();
  for (const Component& component : manifest.components) pipeline.push_back(stage(component));
  // Head dims and cache heads differ by layer: GenAI takes them from the graph's input shapes; what
  // stands here is a default that no layer of ours uses.
  return {{"hidden_size", text.hidden_size},
          {"num_attention_heads", text.num_attention_heads},
          {"num_key_value_heads", text.base_kv_heads},
          {"num_hidden_layers", text.num_layers()},
          {"head_size", text.base_head_dim},
          {"session_options", {{"log_severity_level", kLogErrorsOnly}}},
          {"inputs",
           {{"input_ids", "input_ids"},
            {"attention_mask", "attention_mask"},
            {"past_key_names", "past_key_values.%d.key"},
            {"past_value_names", "past_key_values.%d.value"}}},
          {"outputs",
           {{"logits", "logits"},
            {"present_key_names", "present.%d.key"},
            {"present_value_names", "present.%d.value"}}},
          {"pipeline", std::move(pipeline)}};
}

Json search(const checkpoint::GenerationConfig& generation, int64_t max_length) {
  return {{"do_sample", generation.do_sample},
          {"temperature", generation.temperature},
          {"top_k", generation.top_k},
          {"top_p", generation.top_p},
          {"repetition_penalty", generation.repetition_penalty},
          {"max_length", max_length},
          {"num_beams", 1},
          {"past_present_share_buffer", true}};
}

}  // namespace

Json genai_config(const Manifest& manifest, const checkpoint::Config& config,
                  const checkpoint::GenerationConfig& generation) {
  const TextModel& text = manifest.text;
  Json model = {{"type", "decoder-pipeline"},
                {"pad_token_id", text.pad_token_id},
                {"eos_token_id", generation.eos_token_ids},
                {"vocab_size", text.vocab_size},
                {"context_length", text.max_positions},
                {"decoder", decoder(manifest, config.text)}};
  if (generation.bos_token_id) model["bos_token_id"] = *generation.bos_token_id;
  return {{"model", std::move(model)},
          {"search", search(generation, std::min(text.max_positions, kDefaultMaxLength))}};
}

}  // namespace lapidary::package
