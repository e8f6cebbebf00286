#include "engine/fixed_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "engine/fixed_ports.h"
#include "engine/rotary_rows.h"
#include "engine/text_graphs.h"

namespace lapidary::engine {

namespace ports = contract::ports;
namespace {

template <typename T>
T element_of(const PortCodec& codec, float value) {
  T out{};
  std::array<std::byte, sizeof(float)> bytes{};
  codec.encode(std::span(&value, 1), bytes.data());
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

// The mask of a run, in the elements of its port; T has their size.
template <typename T>
void write_port_mask(const CacheRing& rows, int64_t past, int64_t held, float masked,
                     FixedBuffer& port) {
  const auto count = static_cast<size_t>(port.elements());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): a buffer of such elements
  const std::span<T> out(reinterpret_cast<T*>(port.data), count);
  write_mask<T>(rows, past, held, port.dims[2], element_of<T>(port.codec, 0.0F),
                element_of<T>(port.codec, masked), out);
}

void encode(std::span<const float> values, FixedBuffer* port) {
  if (port != nullptr) port->codec.encode(values, port->data);
}

}  // namespace

FixedEngine::FixedEngine(std::shared_ptr<const FixedGraphs> graphs, int64_t max_context,
                         int64_t max_step, FixedCaches caches)
    : graphs_(std::move(graphs)),
      max_context_(max_context),
      max_step_(max_step),
      caches_(std::move(caches)) {}

Result<std::unique_ptr<DecoderEngine>> FixedEngine::create(
    std::shared_ptr<const FixedGraphs> graphs, const DecoderOptions& options) {
  const package::TextModel& text = graphs->text;
  if (text.vision_bidirectional_attention) {
    return unsupported(name_of(contract::Component::kDecoder),
                       "images attend to themselves in this model, and its graphs are "
                       "of fixed lengths",
                       "use a package with a decoder of any length");
  }
  const int64_t most = std::min(graphs->model.context_length, text.max_positions);
  const int64_t context = options.max_context == 0 ? most : options.max_context;
  if (context < 1 || context > most) {
    return bad_input(
        "context", fmt::format("{} tokens; the package is built for {}", options.max_context, most),
        fmt::format("choose a context in [1, {}], or build it with a larger context_length", most));
  }
  if (options.chunk < 1) return bad_input("chunk", "must be at least one token");
  const int64_t step = std::min(options.chunk, graphs->model.prefill_length);
  LAP_ASSIGN_OR_RETURN(const std::vector<CachePort> ports, cache_ports(*graphs));
  std::vector<FixedCaches::Tensor> tensors;
  tensors.reserve(ports.size());
  for (const CachePort& port : ports) tensors.push_back({port.spec, port.codec.element_bytes()});
  LAP_ASSIGN_OR_RETURN(
      FixedCaches caches,
      FixedCaches::create(std::move(tensors), {.context_length = graphs->model.context_length,
                                               .prefill_length = graphs->model.prefill_length,
                                               .sliding_window = text.sliding_window,
                                               .rewind_rows = options.rewind_rows}));
  std::unique_ptr<FixedEngine> engine(
      new FixedEngine(std::move(graphs), context, step, std::move(caches)));
  for (const contract::Role role : {contract::Role::kPrefill, contract::Role::kDecode}) {
    LAP_ASSIGN_OR_RETURN(Runner runner, engine->make_runner(role));
    engine->runners_.push_back(std::move(runner));
  }
  return std::unique_ptr<DecoderEngine>(std::move(engine));
}

Result<FixedEngine::Runner> FixedEngine::make_runner(contract::Role role) {
  const bool decode = role == contract::Role::kDecode;
  const int64_t length = decode ? 1 : graphs_->model.prefill_length;
  LAP_ASSIGN_OR_RETURN(const std::vector<CachePort> ports, cache_ports(*graphs_));
  LAP_ASSIGN_OR_RETURN(Embedder embedder, Embedder::create(graphs_->embedding, text(), length));
  FixedPorts inputs = input_ports(*graphs_, ports, role, caches_);
  LAP_ASSIGN_OR_RETURN(FixedChain chain,
                       FixedChain::create(decode ? graphs_->decode : graphs_->prefill, inputs,
                                          output_ports(*graphs_, ports, role)));
  Runner out{role, length, std::move(embedder), std::move(chain), nullptr, nullptr, {}, {},
             {},   nullptr};
  out.embeds = out.chain.find(ports::kInputsEmbeds);
  out.per_layer = out.chain.find(ports::kPerLayerInputs);
  out.logits = out.chain.find(ports::kLogits);
  for (const bool sliding : {true, false}) {
    FixedBuffer* const mask = out.chain.find(ports::attention_mask(sliding));
    if (mask != nullptr) out.masks.push_back({mask, sliding});
  }
  for (const package::RotaryKind& kind : graphs_->model.rotary) {
    out.rotary.push_back({&kind, out.chain.find(ports::rotary_cos(kind.kind)),
                          out.chain.find(ports::rotary_sin(kind.kind))});
  }
  out.present.reserve(ports.size());
  for (const CachePort& cache : ports) {
    out.present.push_back(out.chain.find(cache.present)->data);
  }
  return out;
}

Status FixedEngine::check_room(int64_t tokens) const {
  if (tokens > max_step()) {
    return internal_error("key/value cache",
                          fmt::format("a step of {} tokens; at most {} fit", tokens, max_step()));
  }
  if (size() + tokens > max_context_) {
    return bad_input(
        "context",
        fmt::format("{} tokens do not fit into a context of {}", size() + tokens, max_context_),
        "shorten the prompt or choose a larger context");
  }
  return {};
}

// What a run reads besides its tokens.
void FixedEngine::write_inputs(Runner& runner) {
  const auto rows = static_cast<size_t>(runner.length);
  encode({runner.embedder.embeds(), rows * static_cast<size_t>(text().hidden_size)}, runner.embeds);
  encode({runner.embedder.per_layer(), rows * static_cast<size_t>(text().per_layer_width)},
         runner.per_layer);
  positions_.resize(rows);
  std::iota(positions_.begin(), positions_.end(), size());
  for (const Rotary& rotary : runner.rotary) {
    cos_.resize(rows * rotary.kind->inv_freq.size());
    sin_.resize(cos_.size());
    write_rotary_rows(*rotary.kind, positions_, cos_, sin_);
    encode(cos_, rotary.cos);
    encode(sin_, rotary.sin);
  }
  const auto masked = static_cast<float>(graphs_->model.masked);
  for (const Mask& mask : runner.masks) {
    const CacheRing seen = caches_.rows(mask.sliding);
    const int64_t past = caches_.past(mask.sliding, runner.role);
    switch (mask.buffer->codec.element_bytes()) {
      case 1:
        write_port_mask<uint8_t>(seen, past, size(), masked, *mask.buffer);
        break;
      case 2:
        write_port_mask<uint16_t>(seen, past, size(), masked, *mask.buffer);
        break;
      default:
        write_port_mask<uint32_t>(seen, past, size(), masked, *mask.buffer);
    }
  }
}

Status FixedEngine::run(Runner& runner, std::span<const int32_t> tokens,
                        std::span<const SoftBlock> blocks) {
  const auto count = static_cast<int64_t>(tokens.size());
  LAP_RETURN_IF_ERROR(runner.embedder.run(tokens, runner.length, blocks, {size(), size() + count}));
  caches_.lay_out_for(runner.role);
  write_inputs(runner);
  LAP_RETURN_IF_ERROR(runner.chain.run());
  caches_.append(runner.present, runner.length, count);
  return {};
}

Status FixedEngine::append_all(std::span<const int32_t> tokens, int64_t kept,
                               std::span<const SoftBlock> blocks) {
  Runner& prefill = runners_.front();
  Runner& decode = runners_.back();
  const auto vocab = static_cast<size_t>(text().vocab_size);
  const auto wanted = static_cast<size_t>(kept);
  // Where the prefill graph has too few past rows left, every token goes alone.
  if (tokens.size() > wanted && caches_.fits(contract::Role::kPrefill)) {
    const size_t lead = tokens.size() - wanted;
    LAP_RETURN_IF_ERROR(run(prefill, tokens.first(lead), blocks));
    tokens = tokens.subspan(lead);
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    LAP_RETURN_IF_ERROR(run(decode, tokens.subspan(i, 1), blocks));
    const size_t behind = tokens.size() - i;  // with this one
    if (behind > wanted) continue;
    take_logits(std::span(logits_).subspan((wanted - behind) * vocab, vocab));
  }
  return {};
}

Result<std::span<const float>> FixedEngine::append(std::span<const int32_t> tokens, int64_t kept,
                                                   std::span<const SoftBlock> blocks) {
  LAP_RETURN_IF_ERROR(check_room(static_cast<int64_t>(tokens.size())));
  const int64_t before = size();
  const auto floats = static_cast<size_t>(kept * text().vocab_size);
  if (logits_.size() < floats) logits_.resize(floats);
  if (Status status = append_all(tokens, kept, blocks); !status.ok()) {
    truncate(before);
    return status.take_error();
  }
  return std::span<const float>(logits_.data(), floats);
}

void FixedEngine::take_logits(std::span<float> out) {
  const FixedBuffer& port = *runners_.back().logits;
  port.codec.decode(port.data, out);
  const auto cap = static_cast<float>(graphs_->model.host_logit_softcap);
  if (cap == 0) return;
  for (float& logit : out) logit = cap * std::tanh(logit / cap);
}

}  // namespace lapidary::engine
