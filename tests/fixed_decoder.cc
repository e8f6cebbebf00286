#include "fixed_decoder.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "gemma4/decoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "nn/rope.h"
#include "passes/fixed_shapes/lower_rms_norm.h"
#include "passes/fixed_shapes/lower_rotary_embedding.h"
#include "target/record.h"

namespace lapidary::golden {
namespace {

constexpr float kHidden = -1e4F;  // added to the scores of rows that are not seen

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

size_t elements(const std::vector<int64_t>& dims) {
  return static_cast<size_t>(tensor::element_count(dims));
}

// Of the layers with full attention, or of those with a sliding window.
std::vector<float> rotary_frequencies(const checkpoint::TextConfig& text, bool full) {
  int64_t layer = 0;
  while (text.is_full(layer) != full) ++layer;
  const auto& rope = text.rope(layer);
  const int64_t width = text.head_dim(layer);
  return nn::rope_frequencies(width, rope.theta, rope.rotated_pairs(width), rope.factor);
}

}  // namespace

graph::Graph fixed_decoder_graph(const checkpoint::Checkpoint& source,
                                 const passes::StaticLlmOptions& options) {
  auto graph = take(gemma4::build_decoder(source.config, source.weights));
  graph = take(passes::static_llm(std::move(graph), options)).graph;
  graph = take(passes::lower_rotary_embedding(std::move(graph))).graph;
  return take(passes::lower_rms_norm(std::move(graph), take(target::traits_of(std::nullopt))))
      .graph;
}

passes::GraphSet fixed_decoder_graphs(const checkpoint::Checkpoint& source, int64_t context,
                                      int64_t chunk) {
  const auto make = [&](int64_t length, bool logits) {
    return fixed_decoder_graph(
        source, {.context_length = context, .sequence_length = length, .logits = logits});
  };
  passes::GraphSet out;
  out.push_back({contract::Role::kPrefill, 0, make(chunk, false)});
  out.push_back({contract::Role::kDecode, 0, make(1, true)});
  return out;
}

package::FixedModel fixed_model(const checkpoint::TextConfig& config, int64_t context,
                                int64_t chunk) {
  package::FixedModel out;
  out.context_length = context;
  out.prefill_length = chunk;
  out.masked = -1e4;
  out.rotary.push_back({"sliding_attention", rotary_frequencies(config, false)});
  out.rotary.push_back({"full_attention", rotary_frequencies(config, true)});
  return out;
}

FixedDecoder::FixedDecoder(checkpoint::Checkpoint source, BuiltModel model,
                           const FixedDecoderOptions& options, const std::filesystem::path& scratch)
    : source_(std::move(source)),
      model_(std::move(model)),
      options_(options),
      chunk_(make(options.chunk, options.chunk_logits, scratch / "chunk/model.onnx")),
      token_(make(1, true, scratch / "token/model.onnx")) {}

FixedDecoder::FixedGraph FixedDecoder::make(int64_t length, bool logits,
                                            const std::filesystem::path& path) const {
  const graph::Graph graph = fixed_decoder_graph(
      source_, {.context_length = options_.context, .sequence_length = length, .logits = logits});
  std::filesystem::create_directories(path.parent_path());
  take(graph::save(graph, path, {}));
  return {take(ort::Session::open(path, {.threads = 1})), length};
}

std::vector<float> FixedDecoder::prefill(std::span<const int32_t> ids) {
  std::vector<float> logits;
  while (!ids.empty()) {
    const auto count = std::min(ids.size(), static_cast<size_t>(options_.chunk));
    const std::vector<float> some = run(chunk_, ids.first(count));
    logits.insert(logits.end(), some.begin(), some.end());
    ids = ids.subspan(count);
  }
  return logits;
}

std::vector<float> FixedDecoder::step(int32_t id) { return run(token_, std::span(&id, 1)); }

std::vector<float> FixedDecoder::run(const FixedGraph& graph, std::span<const int32_t> ids) {
  if (held_ + graph.length > options_.context) throw std::runtime_error("the context is full");
  std::vector<int32_t> filled(ids.begin(), ids.end());
  filled.resize(static_cast<size_t>(graph.length), 0);
  const Embedded embedded = take(embed(*model_, engine::Prompt(filled)));
  ort::Binding binding = take(graph.session.bind());
  std::map<std::string, std::vector<float>> buffers;
  for (const ort::Port& port : graph.session.inputs()) {
    std::vector<float>& values = buffers[port.name] = input_of(port, embedded, graph.length);
    if (values.size() != elements(port.dims)) throw std::runtime_error(port.name + ": size");
    take(binding.input(port.name, {DType::kFloat, values.data(), port.dims}));
  }
  for (const ort::Port& port : graph.session.outputs()) {
    std::vector<float>& values = buffers[port.name];
    values.resize(elements(port.dims));
    take(binding.output(port.name, {DType::kFloat, values.data(), port.dims}));
  }
  take(binding.run());
  const auto count = static_cast<int64_t>(ids.size());
  std::vector<float> logits;
  for (const ort::Port& port : graph.session.outputs()) {
    const std::string prefix = "present.";
    if (port.name == "logits") {
      logits = buffers.at(port.name);
      logits.resize(static_cast<size_t>(count * port.dims.back()));
    } else {
      append(port.name.substr(prefix.size()), buffers.at(port.name), port.dims, count);
    }
  }
  held_ += count;
  return logits;
}

std::vector<float> FixedDecoder::input_of(const ort::Port& port, const Embedded& embedded,
                                          int64_t length) {
  const std::string prefix = "past_key_values.";
  const bool full = contains(port.name, "full_attention");
  if (port.name == "inputs_embeds") return embedded.inputs_embeds;
  if (port.name == "per_layer_inputs") return embedded.per_layer_inputs;
  if (port.name.starts_with(prefix)) return past_rows(port.name.substr(prefix.size()), port.dims);
  if (port.name.starts_with("attention_mask.")) return mask(full, port.dims);
  if (port.name.starts_with("rotary_emb.")) return table(full, contains(port.name, ".cos"), length);
  throw std::runtime_error("an input nobody spoke of: " + port.name);
}

// The last positions held, as many as there is room for, from row 0; filler behind them.
std::vector<float> FixedDecoder::past_rows(const std::string& cache,
                                           const std::vector<int64_t>& dims) const {
  const int64_t rows = dims[2];
  const auto width = static_cast<size_t>(dims[3]);
  const auto count = static_cast<size_t>(std::min(rows, held_)) * width;
  std::vector<float> out(elements(dims), 7.0F);  // must not be seen
  const auto found = caches_.find(cache);
  if (found == caches_.end()) return out;
  for (size_t head = 0; head < found->second.size(); ++head) {
    const std::vector<float>& all = found->second[head];
    std::copy(all.end() - static_cast<std::ptrdiff_t>(count), all.end(),
              out.begin() + static_cast<std::ptrdiff_t>(head * static_cast<size_t>(rows) * width));
  }
  return out;
}

std::vector<float> FixedDecoder::mask(bool full, const std::vector<int64_t>& dims) const {
  const int64_t queries = dims[2];
  const int64_t past = dims[3] - queries;
  const int64_t filled = std::min(past, held_);
  std::vector<float> out;
  for (int64_t query = held_; query < held_ + queries; ++query) {
    for (int64_t column = 0; column < dims[3]; ++column) {
      const bool is_new = column >= past;
      const int64_t position = is_new ? held_ + column - past : held_ - filled + column;
      const bool real = is_new || column < filled;
      const bool near = full || query - position < source_.config.text.sliding_window;
      out.push_back(real && near && position <= query ? 0.0F : kHidden);
    }
  }
  return out;
}

std::vector<float> FixedDecoder::table(bool full, bool cosine, int64_t length) const {
  const std::vector<float> frequencies = rotary_frequencies(source_.config.text, full);
  std::vector<float> out;
  for (int64_t position = held_; position < held_ + length; ++position) {
    for (const float frequency : frequencies) {
      const float angle = static_cast<float>(position) * frequency;
      out.push_back(cosine ? std::cos(angle) : std::sin(angle));
    }
  }
  return out;
}

void FixedDecoder::append(const std::string& cache, const std::vector<float>& rows,
                          const std::vector<int64_t>& dims, int64_t count) {
  Rows& all = caches_[cache];
  all.resize(static_cast<size_t>(dims[1]));
  const int64_t stride = dims[2] * dims[3];
  for (size_t head = 0; head < all.size(); ++head) {
    const auto first = rows.begin() + static_cast<int64_t>(head) * stride;
    all[head].insert(all[head].end(), first, first + count * dims[3]);
  }
}

}  // namespace lapidary::golden
