#include "engine/fixed_ports.h"

#include <fmt/core.h>

#include <string>
#include <utility>

#include "contract/component.h"
#include "contract/ports.h"
#include "engine/text_graphs.h"

namespace lapidary::engine {

namespace ports = contract::ports;

namespace {

int64_t length_of(const FixedGraphs& graphs, contract::Role role) {
  return role == contract::Role::kDecode ? 1 : graphs.model.prefill_length;
}

Result<PortCodec> codec_of_output(const FixedGraphs& graphs, const std::string& name) {
  for (const FixedPart& part : graphs.decode) {
    for (const package::Port& output : part.record.outputs) {
      if (output.name != name) continue;
      return PortCodec::create(output.dtype, output.encoding,
                               fmt::format("{}: output '{}'", part.session.path().string(), name));
    }
  }
  return bad_input(name_of(contract::Component::kDecoder),
                   fmt::format("no decode graph has the output '{}'", name),
                   "build the package again");
}

}  // namespace

Result<std::vector<CachePort>> cache_ports(const FixedGraphs& graphs) {
  std::vector<CachePort> out;
  for (const package::CacheSpec& spec : graphs.text.caches) {
    const std::pair<std::string, std::string> names[] = {
        {ports::past_key(spec.layer), ports::present_key(spec.layer)},
        {ports::past_value(spec.layer), ports::present_value(spec.layer)}};
    for (const auto& [past, present] : names) {
      LAP_ASSIGN_OR_RETURN(const PortCodec codec, codec_of_output(graphs, present));
      out.push_back({spec, past, present, codec});
    }
  }
  return out;
}

FixedPorts input_ports(const FixedGraphs& graphs, const std::vector<CachePort>& ports,
                       contract::Role role, FixedCaches& caches) {
  const int64_t length = length_of(graphs, role);
  FixedPorts out;
  out[ports::kInputsEmbeds].dims = {1, length, graphs.text.hidden_size};
  if (graphs.text.per_layer_width > 0) {
    out[ports::kPerLayerInputs].dims = {1, length, graphs.text.per_layer_width};
  }
  for (const bool sliding : {true, false}) {
    out[ports::attention_mask(sliding)].dims = {1, 1, length, caches.past(sliding, role) + length};
  }
  for (const package::RotaryKind& kind : graphs.model.rotary) {
    const auto pairs = static_cast<int64_t>(kind.inv_freq.size());
    out[ports::rotary_cos(kind.kind)].dims = {1, length, pairs};
    out[ports::rotary_sin(kind.kind)].dims = {1, length, pairs};
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const CachePort& cache = ports[i];
    const std::vector<int64_t> dims = {1, cache.spec.kv_heads,
                                       caches.past(cache.spec.sliding, role), cache.spec.head_dim};
    out[cache.past] = {dims, caches.data(i), cache.codec};
  }
  return out;
}

FixedPorts output_ports(const FixedGraphs& graphs, const std::vector<CachePort>& ports,
                        contract::Role role) {
  const int64_t length = length_of(graphs, role);
  FixedPorts out;
  for (const CachePort& cache : ports) {
    out[cache.present] = {
        {1, cache.spec.kv_heads, length, cache.spec.head_dim}, nullptr, cache.codec};
  }
  if (role == contract::Role::kDecode) out[ports::kLogits].dims = {1, 1, graphs.text.vocab_size};
  return out;
}

}  // namespace lapidary::engine
