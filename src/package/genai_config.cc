#include "package/genai_config.h"

#include <algorithm>
#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "package/genai_processors.h"

namespace lapidary::package {
namespace {

using contract::Component;
namespace ports = contract::ports;

// What GenAI puts a layer's number in the place of. The members of its file are its own names, some
// of them the same as those of our ports.
constexpr const char* kAnyLayer = "%d";
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

const GraphRecord* graph_of(const Manifest& manifest, Component component) {
  return manifest.component(name_of(component));
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
           {{"attention_mask", ports::kAttentionMask},
            {"past_key_names", ports::past_key(kAnyLayer)},
            {"past_value_names", ports::past_value(kAnyLayer)}}},
          {"outputs",
           {{"logits", ports::kLogits},
            {"present_key_names", ports::present_key(kAnyLayer)},
            {"present_value_names", ports::present_value(kAnyLayer)}}}};
}

// One graph after the other, each output an input of a later one.
void describe_pipeline(Json& model, const Manifest& manifest) {
  model["decoder"]["inputs"]["input_ids"] = ports::kInputIds;
  Json pipeline = Json::array();
  for (const Component each : {Component::kEmbedding, Component::kDecoder}) {
    if (const GraphRecord* component = graph_of(manifest, each)) {
      pipeline.push_back(stage(*component));
    }
  }
  model["decoder"]["pipeline"] = std::move(pipeline);
}

void describe_audio(Json& model, const Manifest& manifest) {
  const GraphRecord* encoder = graph_of(manifest, Component::kAudioEncoder);
  if (encoder == nullptr) {
    // Its default names a file, and GenAI then misses the model.
    model["speech"] = {{"config_filename", ""}};
    return;
  }
  model["audio_token_id"] = manifest.audio->audio_token_id;
  if (manifest.audio->boa_token_id >= 0) model["boa_token_id"] = manifest.audio->boa_token_id;
  model["embedding"]["inputs"]["audio_features"] = ports::kAudioFeatures;
  model["speech"] = {
      {"filename", encoder->file},
      {"config_filename", kAudioProcessorFile},
      {"inputs",
       {{"audio_embeds", ports::kInputFeatures}, {"attention_mask", ports::kInputFeaturesMask}}},
      {"outputs", {{"audio_features", ports::kAudioFeatures}}}};
}

void describe_gemma4(Json& model, const Manifest& manifest,
                     const checkpoint::VisionConfig& vision) {
  const GraphRecord* encoder = graph_of(manifest, Component::kVisionEncoder);
  model["image_token_id"] = manifest.vision->image_token_id;
  if (manifest.vision->video_token_id >= 0) {
    model["video_token_id"] = manifest.vision->video_token_id;
  }
  model["decoder"]["filename"] = graph_of(manifest, Component::kDecoder)->file;
  model["decoder"]["inputs"]["inputs_embeds"] = ports::kInputsEmbeds;
  model["embedding"] = {
      {"filename", graph_of(manifest, Component::kEmbedding)->file},
      {"inputs", {{"input_ids", ports::kInputIds}, {"image_features", ports::kImageFeatures}}},
      {"outputs", {{"inputs_embeds", ports::kInputsEmbeds}}}};
  if (manifest.text.per_layer_width > 0) {
    model["decoder"]["inputs"]["per_layer_inputs"] = ports::kPerLayerInputs;
    model["embedding"]["outputs"]["per_layer_inputs"] = ports::kPerLayerInputs;
  }
  model["vision"] = {
      {"filename", encoder->file},
      {"config_filename", kImageProcessorFile},
      {"spatial_merge_size", vision.pooling_kernel_size},
      {"patch_size", vision.patch_size},
      {"inputs",
       {{"pixel_values", ports::kPixelValues}, {"pixel_position_ids", ports::kPixelPositionIds}}},
      {"outputs", {{"image_features", ports::kImageFeatures}}}};
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
  const bool sees = graph_of(manifest, Component::kVisionEncoder) != nullptr;
  Json model = {{"type", sees ? "gemma4" : "decoder-pipeline"}, {"pad_token_id", text.pad_token_id},
                {"eos_token_id", generation.eos_token_ids},     {"vocab_size", text.vocab_size},
                {"context_length", text.max_positions},         {"decoder", decoder(config.text)}};
  if (generation.bos_token_id) model["bos_token_id"] = *generation.bos_token_id;
  sees ? describe_gemma4(model, manifest, *config.vision) : describe_pipeline(model, manifest);
  return {{"model", std::move(model)},
          {"search", search(generation, std::min(text.max_positions, kDefaultMaxLength))}};
}

}  // namespace lapidary::package
