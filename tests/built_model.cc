#include "built_model.h"

#include <string>
#include <utility>

#include "checkpoint/checkpoint.h"
#include "gemma4/decoder.h"
#include "gemma4/embedding.h"
#include "graph/onnx_writer.h"

namespace lapidary::golden {
namespace {

using runtime::ort::Binding;
using runtime::ort::ElementType;
using runtime::ort::Session;

Result<Session> save_and_open(const graph::Graph& graph, const std::filesystem::path& model) {
  std::filesystem::create_directories(model.parent_path());
  LAP_ASSIGN_OR_RETURN([[maybe_unused]] const auto saved, graph::save(graph, model, {}));
  return Session::open(model, {.threads = 1});
}

package::TextModel describe(const checkpoint::TextConfig& text) {
  package::TextModel model;
  model.vocab_size = text.vocab_size;
  model.hidden_size = text.hidden_size;
  model.per_layer_width = text.num_layers() * text.hidden_size_per_layer_input;
  model.sliding_window = text.sliding_window;
  model.max_positions = text.max_position_embeddings;
  for (int64_t layer : text.cache_layers()) {
    model.caches.push_back(
        {layer, text.kv_heads(layer), text.head_dim(layer), !text.is_full(layer)});
  }
  return model;
}

// Bindings take mutable memory; inputs are not written.
Status feed(Binding& binding, const char* name, std::span<const float> rows, int64_t width) {
  if (rows.empty()) return {};
  const int64_t count = static_cast<int64_t>(rows.size()) / width;
  return binding.input(name,
                       {ElementType::kFloat32, const_cast<float*>(rows.data()), {count, width}});
}

}  // namespace

Result<BuiltModel> build_model(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& scratch) {
  LAP_ASSIGN_OR_RETURN(const auto source, checkpoint::Checkpoint::open(checkpoint));
  LAP_ASSIGN_OR_RETURN(const auto embedding,
                       gemma4::build_embedding(source.config, source.weights));
  LAP_ASSIGN_OR_RETURN(const auto decoder, gemma4::build_decoder(source.config, source.weights));
  LAP_ASSIGN_OR_RETURN(Session embedding_session,
                       save_and_open(embedding, scratch / "embedding/model.onnx"));
  LAP_ASSIGN_OR_RETURN(Session decoder_session,
                       save_and_open(decoder, scratch / "decoder/model.onnx"));
  return BuiltModel(std::make_shared<runtime::TextGraphs>(runtime::TextGraphs{
      describe(source.config.text), std::move(embedding_session), std::move(decoder_session)}));
}

Result<Embedded> embed(const runtime::TextGraphs& model, std::vector<int64_t> ids,
                       const runtime::SoftFeatures& features) {
  namespace port = runtime::port;
  const auto count = static_cast<int64_t>(ids.size());
  const int64_t hidden = model.text.hidden_size;
  const int64_t width = model.text.per_layer_width;
  Embedded out;
  out.inputs_embeds.resize(static_cast<size_t>(count * hidden));
  out.per_layer_inputs.resize(static_cast<size_t>(count * width));
  LAP_ASSIGN_OR_RETURN(Binding binding, model.embedding.bind());
  LAP_RETURN_IF_ERROR(
      binding.input(port::kInputIds, {ElementType::kInt64, ids.data(), {1, count}}));
  LAP_RETURN_IF_ERROR(feed(binding, port::kImageFeatures, features.image, hidden));
  LAP_RETURN_IF_ERROR(feed(binding, port::kAudioFeatures, features.audio, hidden));
  LAP_RETURN_IF_ERROR(binding.output(
      port::kInputsEmbeds, {ElementType::kFloat32, out.inputs_embeds.data(), {1, count, hidden}}));
  if (width > 0) {
    LAP_RETURN_IF_ERROR(
        binding.output(port::kPerLayerInputs,
                       {ElementType::kFloat32, out.per_layer_inputs.data(), {1, count, width}}));
  }
  LAP_RETURN_IF_ERROR(binding.run());
  return out;
}

}  // namespace lapidary::golden
