#include "package/genai_config.h"

#include <algorithm>
#include <utility>

#include "package/genai_processors.h"

namespace lapidary::package {
namespace {

// GenAI allocates its caches for this many positions at once, unless its caller asks for less.
constexpr int64_t kDefaultMaxLength = 4096;
// Silences ONNX Runtime's warning about initializers that are inputs as well: ours are meant to be.
constexpr int kLogErrorsOnly = 3;

Json stage(const GraphRecord& component) {
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

// Head dims and cache heads differ by layer: GenAI takes them from the graph's input shapes; what
// stands here is a default that no layer of ours uses.
Json decoder(const checkpoint::TextConfig& text) {
  return {{"hidden_size", text.hidden_size},
          {"num_attention_heads", text.num_attention_heads},
          {"num_key_value_heads", text.base_kv_heads},
          {"num_hidden_layers", text.num_layers()},
          {"head_size", text.base_head_dim},
          {"session_options", {{"log_severity_level", kLogErrorsOnly}}},
          {"inputs",
           {{"attention_mask", "attention_mask"},
            {"past_key_names", "past_key_values.%d.key"},
            {"past_value_names", "past_key_values.%d.value"}}},
          {"outputs",
           {{"logits", "logits"},
            {"present_key_names", "present.%d.key"},
            {"present_value_names", "present.%d.value"}}}};
}

// One graph after the other, each output an input of a later one.
void describe_pipeline(Json& model, const Manifest& manifest) {
  model["decoder"]["inputs"]["input_ids"] = "input_ids";
  Json pipeline = Json::array();
  for (const char* name : {"embedding", "decoder"}) {
    if (const GraphRecord* component = manifest.component(name)) {
      pipeline.push_back(stage(*component));
    }
  }
  model["decoder"]["pipeline"] = std::move(pipeline);
}

void describe_audio(Json& model, const Manifest& manifest) {
  const GraphRecord* encoder = manifest.component("audio_encoder");
  if (encoder == nullptr) {
    // Its default names a file, and GenAI then misses the model.
    model["speech"] = {{"config_filename", ""}};
    return;
  }
  model["audio_token_id"] = manifest.audio->audio_token_id;
  if (manifest.audio->boa_token_id >= 0) model["boa_token_id"] = manifest.audio->boa_token_id;
  model["embedding"]["inputs"]["audio_features"] = "audio_features";
  model["speech"] = {
      {"filename", encoder->file},
      {"config_filename", kAudioProcessorFile},
      {"inputs", {{"audio_embeds", "input_features"}, {"attention_mask", "input_features_mask"}}},
      {"outputs", {{"audio_features", "audio_features"}}}};
}

void describe_gemma4(Json& model, const Manifest& manifest,
                     const checkpoint::VisionConfig& vision) {
  const GraphRecord* encoder = manifest.component("vision_encoder");
  model["image_token_id"] = manifest.vision->image_token_id;
  if (manifest.vision->video_token_id >= 0) {
    model["video_token_id"] = manifest.vision->video_token_id;
  }
  model["decoder"]["filename"] = manifest.component("decoder")->file;
  model["decoder"]["inputs"]["inputs_embeds"] = "inputs_embeds";
  model["embedding"] = {
      {"filename", manifest.component("embedding")->file},
      {"inputs", {{"input_ids", "input_ids"}, {"image_features", "image_features"}}},
      {"outputs", {{"inputs_embeds", "inputs_embeds"}}}};
  if (manifest.text.per_layer_width > 0) {
    model["decoder"]["inputs"]["per_layer_inputs"] = "per_layer_inputs";
    model["embedding"]["outputs"]["per_layer_inputs"] = "per_layer_inputs";
  }
  model["vision"] = {
      {"filename", encoder->file},
      {"config_filename", kImageProcessorFile},
      {"spatial_merge_size", vision.pooling_kernel_size},
      {"patch_size", vision.patch_size},
      {"inputs", {{"pixel_values", "pixel_values"}, {"pixel_position_ids", "pixel_position_ids"}}},
      {"outputs", {{"image_features", "image_features"}}}};
  describe_audio(model, manifest);
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
  const bool sees = manifest.component("vision_encoder") != nullptr;
  Json model = {{"type", sees ? "gemma4" : "decoder-pipeline"}, {"pad_token_id", text.pad_token_id},
                {"eos_token_id", generation.eos_token_ids},     {"vocab_size", text.vocab_size},
                {"context_length", text.max_positions},         {"decoder", decoder(config.text)}};
  if (generation.bos_token_id) model["bos_token_id"] = *generation.bos_token_id;
  sees ? describe_gemma4(model, manifest, *config.vision) : describe_pipeline(model, manifest);
  return {{"model", std::move(model)},
          {"search", search(generation, std::min(text.max_positions, kDefaultMaxLength))}};
}

}  // namespace lapidary::package
