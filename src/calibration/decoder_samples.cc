#include "calibration/decoder_samples.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "contract/ports.h"
#include "engine/rotary_rows.h"
#include "engine/soft_blocks.h"
#include "engine/text_graphs.h"
#include "engine/token_check.h"

namespace lapidary::calibration {
namespace {

using ort::HostTensor;
namespace ports = contract::ports;

Error bad_port(const std::string& name, const std::string& what) {
  return bad_input(fmt::format("input '{}'", name), what,
                   "calibrate a decoder of fixed length, as StaticLLM makes it");
}

// "rotary_emb.full_attention.cos" -> the kind's frequencies; nullptr for other names.
const package::RotaryKind* rotary_kind(const std::string& name, const package::FixedModel& model) {
  for (const package::RotaryKind& kind : model.rotary) {
    if (name == ports::rotary_cos(kind.kind) || name == ports::rotary_sin(kind.kind)) return &kind;
  }
  return nullptr;
}

HostTensor floats(const std::string& name, const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t dim : shape) count *= static_cast<size_t>(dim);
  return {name, DType::kFloat, shape, std::vector<std::byte>(count * sizeof(float))};
}

std::span<float> values_of(HostTensor& tensor) {
  return {static_cast<float*>(static_cast<void*>(tensor.data.data())),
          tensor.data.size() / sizeof(float)};
}

bool has_port(const std::vector<ort::Port>& ports, const std::string& name) {
  return std::any_of(ports.begin(), ports.end(),
                     [&](const ort::Port& port) { return port.name == name; });
}

}  // namespace

Result<DecoderSamples> DecoderSamples::create(const graph::Graph& graph, ort::Session embedding,
                                              package::TextModel text, package::FixedModel model,
                                              std::vector<engine::Prompt> sequences) {
  DecoderSamples out(std::move(embedding), std::move(text), std::move(model), std::move(sequences));
  LAP_RETURN_IF_ERROR(out.check_sequences());
  LAP_RETURN_IF_ERROR(out.read_inputs(graph));
  std::vector<int64_t> lengths;
  for (const engine::Prompt& each : out.sequences_) {
    lengths.push_back(static_cast<int64_t>(each.ids.size()));
  }
  out.rows_ = pack_rows(lengths, out.length_);
  int64_t pieces = 0;
  for (const Row& row : out.rows_) {
    out.first_pieces_.push_back(pieces);
    pieces += static_cast<int64_t>(row.size());
  }
  return out;
}

Status DecoderSamples::check_sequences() const {
  if (sequences_.empty()) return bad_input("calibration", "no sequences", "give it texts or chats");
  for (size_t i = 0; i < sequences_.size(); ++i) {
    const engine::Prompt& each = sequences_[i];
    const std::string where = fmt::format("calibration sequence {}", i);
    if (each.ids.empty()) return bad_input(where, "has no tokens");
    for (const int32_t id : each.ids) {
      if (id >= 0 && id < text_.vocab_size) continue;
      return bad_input(where,
                       fmt::format("has token {}; the model has {} tokens", id, text_.vocab_size),
                       "tokenizer and model must be of one checkpoint");
    }
    if (const auto id = engine::first_without_row(each, text_)) {
      return bad_input(where,
                       fmt::format("has token {}; the model's per-layer table has {} rows only",
                                   *id, text_.embedded_limit()),
                       "leave the token out, or resize that table as well as the other");
    }
    if (!each.blocks.empty() && each.blocks[0].begin == 0) {
      return bad_input(where, "begins with a soft token", "begin it with <bos>");
    }
    if (const Status status = engine::check_blocks(each, text_.hidden_size); !status.ok()) {
      return bad_input(where, status.error().what);
    }
  }
  return {};
}

Status DecoderSamples::read_inputs(const graph::Graph& graph) {
  for (const graph::ValueInfo& input : graph.inputs) {
    if (graph.initializers.contains(input.name)) continue;  // has a default
    Port port{input.name, {}};
    if (input.dtype != DType::kFloat) return bad_port(input.name, "is not float32");
    for (const graph::Dim& dim : input.shape) {
      const auto* size = std::get_if<int64_t>(&dim);
      if (size == nullptr) return bad_port(input.name, "has no fixed shape");
      port.shape.push_back(*size);
    }
    if (port.name == ports::kInputsEmbeds && port.shape.size() == 3) length_ = port.shape[1];
    ports_.push_back(std::move(port));
  }
  if (length_ < 2) {
    return bad_port(ports::kInputsEmbeds, "has fewer than two tokens, or is missing");
  }
  for (const Port& port : ports_) LAP_RETURN_IF_ERROR(check_port(port));
  return {};
}

Status DecoderSamples::check_port(const Port& port) const {
  std::vector<int64_t> expected;
  if (port.name == ports::kInputsEmbeds) {
    expected = {1, length_, text_.hidden_size};
  } else if (port.name == ports::kPerLayerInputs) {
    expected = {1, length_, text_.per_layer_width};
  } else if (const auto* kind = rotary_kind(port.name, model_)) {
    expected = {1, length_, static_cast<int64_t>(kind->inv_freq.size())};
  } else if (port.name == ports::attention_mask(true) ||
             port.name == ports::attention_mask(false)) {
    if (port.name.ends_with(ports::kSlidingAttention) && text_.sliding_window < 1) {
      return bad_port(port.name, "is for a window, and the model has none");
    }
    const int64_t columns = port.shape.empty() ? 0 : port.shape.back();
    expected = {1, 1, length_, std::max(columns, length_)};
  } else if (port.name.starts_with(ports::kPastPrefix)) {
    return port.shape.size() == 4 ? Status() : bad_port(port.name, "does not have four dims");
  } else {
    return bad_port(port.name, "is nothing that calibration knows to feed");
  }
  return port.shape == expected ? Status() : bad_port(port.name, "has an unexpected shape");
}

Status DecoderSamples::rewind() {
  at_ = 0;
  return {};
}

Result<std::optional<std::vector<HostTensor>>> DecoderSamples::next() {
  if (at_ == rows_.size()) return std::optional<std::vector<HostTensor>>{};
  const size_t row = at_++;
  LAP_ASSIGN_OR_RETURN(std::vector<HostTensor> embedded, embed(rows_[row]));
  std::vector<HostTensor> sample;
  for (const Port& port : ports_) {
    const auto made = std::find_if(embedded.begin(), embedded.end(),
                                   [&](const HostTensor& each) { return each.name == port.name; });
    if (made != embedded.end()) {
      sample.push_back(std::move(*made));
      continue;
    }
    sample.push_back(floats(port.name, port.shape));
    fill(port, row, values_of(sample.back()));
  }
  return std::optional(std::move(sample));
}

// What the embedding makes of a row's tokens.
Result<std::vector<HostTensor>> DecoderSamples::embed(const Row& row) const {
  std::vector<int64_t> ids;
  std::vector<float> images;
  std::vector<float> sounds;
  for (const Piece& piece : row) {
    const engine::Prompt& whole = sequences_[static_cast<size_t>(piece.sequence)];
    if (piece.begin > 0) ids.push_back(whole.ids[0]);
    ids.insert(ids.end(), whole.ids.begin() + piece.begin, whole.ids.begin() + piece.end);
    const auto add = [&](engine::Medium medium, std::vector<float>& rows) {
      std::vector<float> buffer;
      const auto some = engine::soft_rows(whole.blocks, medium, {piece.begin, piece.end},
                                          text_.hidden_size, buffer);
      rows.insert(rows.end(), some.begin(), some.end());
    };
    add(engine::Medium::kImage, images);
    add(engine::Medium::kAudio, sounds);
  }
  LAP_ASSIGN_OR_RETURN(ort::Binding binding, embedding_.bind());
  LAP_RETURN_IF_ERROR(binding.input(ports::kInputIds, ort::input_view(ids, {1, length_})));
  const std::pair<const char*, const std::vector<float>&> kinds[] = {
      {ports::kImageFeatures, images}, {ports::kAudioFeatures, sounds}};
  for (const auto& [name, rows] : kinds) {
    if (has_port(embedding_.inputs(), name)) {
      const int64_t count = static_cast<int64_t>(rows.size()) / text_.hidden_size;
      LAP_RETURN_IF_ERROR(binding.input(name, ort::input_view(rows, {count, text_.hidden_size})));
    } else if (!rows.empty()) {
      return unsupported(embedding_.path().string(),
                         fmt::format("has no input '{}' for soft tokens", name));
    }
  }
  std::vector<HostTensor> out;
  out.push_back(floats(ports::kInputsEmbeds, {1, length_, text_.hidden_size}));
  if (has_port(embedding_.outputs(), ports::kPerLayerInputs)) {
    out.push_back(floats(ports::kPerLayerInputs, {1, length_, text_.per_layer_width}));
  }
  for (HostTensor& tensor : out) {
    LAP_RETURN_IF_ERROR(
        binding.output(tensor.name, {tensor.type, tensor.data.data(), tensor.shape}));
  }
  LAP_RETURN_IF_ERROR(binding.run());
  return out;
}

// Of a row's tokens. The k-th piece of all begins at the fraction of the context that k times the
// golden ratio leaves: any few in a row are far apart.
std::vector<int64_t> DecoderSamples::positions(size_t row) const {
  constexpr double kGolden = 0.6180339887498949;
  const int64_t room = std::max<int64_t>(0, model_.context_length - length_);
  std::vector<int64_t> out;
  int64_t k = first_pieces_[row];
  for (const Piece& piece : rows_[row]) {
    const double turns = static_cast<double>(k++) * kGolden;
    auto position =
        static_cast<int64_t>((turns - std::floor(turns)) * static_cast<double>(room + 1));
    for (int64_t i = 0; i < piece.length(); ++i) out.push_back(position++);
  }
  return out;
}

void DecoderSamples::fill(const Port& port, size_t row, std::span<float> values) const {
  if (port.name.starts_with(ports::kMaskPrefix)) {
    const bool sliding = port.name.ends_with(ports::kSlidingAttention);
    fill_mask(rows_[row], sliding ? text_.sliding_window : length_, values);
  } else if (const package::RotaryKind* kind = rotary_kind(port.name, model_)) {
    std::vector<float> other(values.size());
    const bool cosine = port.name == ports::rotary_cos(kind->kind);
    engine::write_rotary_rows(*kind, positions(row), cosine ? values : std::span<float>(other),
                              cosine ? std::span<float>(other) : values);
  }
  // What is left is past keys and values: zeros, as made.
}

void DecoderSamples::fill_mask(const Row& row, int64_t window, std::span<float> values) const {
  std::fill(values.begin(), values.end(), static_cast<float>(model_.masked));
  const int64_t columns = static_cast<int64_t>(values.size()) / length_;
  const int64_t past = columns - length_;
  int64_t first = 0;  // token of the row
  for (const Piece& piece : row) {
    for (int64_t query = first; query < first + piece.length(); ++query) {
      const int64_t oldest = std::max(first, query - window + 1);
      const auto from = values.begin() + query * columns + past;
      std::fill(from + oldest, from + query + 1, 0.0F);
    }
    first += piece.length();
  }
}

Status set_fixed_ranges(const graph::Graph& graph, double masked, quant::Ranges& ranges) {
  for (const graph::ValueInfo& input : graph.inputs) {
    if (input.name.starts_with(ports::kMaskPrefix)) {
      LAP_RETURN_IF_ERROR(ranges.set(input.name, {static_cast<float>(masked), 0.0F}));
    } else if (input.name.starts_with(ports::kRotaryPrefix)) {
      LAP_RETURN_IF_ERROR(ranges.set(input.name, {-1.0F, 1.0F}));
    }
  }
  return {};
}

}  // namespace lapidary::calibration
