#include "built_model.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "contract/ports.h"
#include "engine/soft_blocks.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"
#include "graph/onnx_writer.h"
#include "package/text_model.h"

namespace lapidary::golden {
namespace {

using ort::Binding;
using ort::Session;

Result<Session> save_and_open(const graph::Graph& graph, const std::filesystem::path& model) {
  std::filesystem::create_directories(model.parent_path());
  LAP_ASSIGN_OR_RETURN([[maybe_unused]] const auto saved, graph::save(graph, model, {}));
  return Session::open(model, {.threads = 1});
}

// Binds the rows of one medium; none at all when the prompt has none.
Status feed(Binding& binding, const Session& embedding, const char* name,
            std::span<const float> rows, int64_t width) {
  const auto& inputs = embedding.inputs();
  const bool taken = std::any_of(inputs.begin(), inputs.end(),
                                 [&](const ort::Port& port) { return port.name == name; });
  if (!taken) return {};
  return binding.input(name,
                       ort::input_view(rows, {static_cast<int64_t>(rows.size()) / width, width}));
}

// Each run of `placeholder` takes the next rows of `features`.
void add_blocks(engine::Prompt& prompt, int64_t placeholder, engine::Medium medium,
                std::span<const float> features, size_t hidden) {
  const auto id = static_cast<int32_t>(placeholder);
  for (auto at = prompt.ids.begin(); !features.empty();) {
    at = std::find(at, prompt.ids.end(), id);
    const auto end = std::find_if(at, prompt.ids.end(), [&](int32_t other) { return other != id; });
    const auto rows = features.first(static_cast<size_t>(end - at) * hidden);
    auto tokens = std::make_shared<engine::SoftTokens>();
    tokens->count = end - at;
    tokens->features.assign(rows.begin(), rows.end());
    prompt.blocks.push_back({at - prompt.ids.begin(), medium, std::move(tokens)});
    features = features.subspan(rows.size());
    at = end;
  }
}

}  // namespace

Result<BuiltModel> build_model(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& scratch,
                               const checkpoint::OpenOptions& options) {
  LAP_ASSIGN_OR_RETURN(const auto source, checkpoint::Checkpoint::open(checkpoint, options));
  LAP_ASSIGN_OR_RETURN(const auto embedding,
                       gemma4::build_embedding(source.config, source.weights));
  LAP_ASSIGN_OR_RETURN(const auto decoder, gemma4::build_decoder(source.config, source.weights));
  LAP_ASSIGN_OR_RETURN(Session embedding_session,
                       save_and_open(embedding, scratch / "embedding/model.onnx"));
  LAP_ASSIGN_OR_RETURN(Session decoder_session,
                       save_and_open(decoder, scratch / "decoder/model.onnx"));
  return BuiltModel(std::make_shared<engine::TextGraphs>(
      engine::TextGraphs{package::text_model(source.config), std::move(embedding_session),
                         std::move(decoder_session)}));
}

engine::Prompt prompt_with(const checkpoint::Config& config, const std::vector<int64_t>& ids,
                           const std::vector<float>& image_features,
                           const std::vector<float>& audio_features) {
  engine::Prompt prompt(std::vector<int32_t>(ids.begin(), ids.end()));
  const auto hidden = static_cast<size_t>(config.text.hidden_size);
  add_blocks(prompt, config.image_token_id.value_or(-1), engine::Medium::kImage, image_features,
             hidden);
  add_blocks(prompt, config.audio_token_id.value_or(-1), engine::Medium::kAudio, audio_features,
             hidden);
  std::sort(prompt.blocks.begin(), prompt.blocks.end(),
            [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return prompt;
}

Result<Embedded> embed(const engine::TextGraphs& model, const engine::Prompt& prompt) {
  namespace ports = contract::ports;
  using engine::Medium;
  const auto count = static_cast<int64_t>(prompt.ids.size());
  const int64_t hidden = model.text.hidden_size;
  const int64_t width = model.text.per_layer_width;
  const std::vector<int64_t> ids(prompt.ids.begin(), prompt.ids.end());
  std::vector<float> images;
  std::vector<float> sounds;
  Embedded out;
  out.inputs_embeds.resize(static_cast<size_t>(count * hidden));
  out.per_layer_inputs.resize(static_cast<size_t>(count * width));
  LAP_ASSIGN_OR_RETURN(Binding binding, model.embedding.bind());
  LAP_RETURN_IF_ERROR(binding.input(ports::kInputIds, ort::input_view(ids, {1, count})));
  LAP_RETURN_IF_ERROR(
      feed(binding, model.embedding, ports::kImageFeatures,
           engine::soft_rows(prompt.blocks, Medium::kImage, {0, count}, hidden, images), hidden));
  LAP_RETURN_IF_ERROR(
      feed(binding, model.embedding, ports::kAudioFeatures,
           engine::soft_rows(prompt.blocks, Medium::kAudio, {0, count}, hidden, sounds), hidden));
  LAP_RETURN_IF_ERROR(binding.output(
      ports::kInputsEmbeds, {DType::kFloat, out.inputs_embeds.data(), {1, count, hidden}}));
  if (width > 0) {
    LAP_RETURN_IF_ERROR(binding.output(
        ports::kPerLayerInputs, {DType::kFloat, out.per_layer_inputs.data(), {1, count, width}}));
  }
  LAP_RETURN_IF_ERROR(binding.run());
  return out;
}

}  // namespace lapidary::golden
