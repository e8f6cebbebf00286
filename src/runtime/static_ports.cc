#include "runtime/static_ports.h"

#include <string>
#include <utility>

#include "runtime/text_graphs.h"

namespace lapidary::runtime {

namespace port {
std::string attention_mask(bool sliding) {
  return sliding ? "attention_mask.sliding_attention" : "attention_mask.full_attention";
}
std::string rotary_cos(const std::string& kind) { return "rotary_emb." + kind + ".cos"; }
std::string rotary_sin(const std::string& kind) { return "rotary_emb." + kind + ".sin"; }
}  // namespace port

namespace {

int64_t length_of(const StaticGraphs& graphs, StaticRole role) {
  return role == StaticRole::kDecode ? 1 : graphs.model.prefill_length;
}

Result<PortCodec> codec_of_output(const StaticGraphs& graphs, const std::string& name) {
  for (const StaticPart& part : graphs.decode) {
    for (const package::Port& output : part.record.outputs) {
      if (output.name != name) continue;
      return PortCodec::create(output.dtype, output.encoding,
                               part.session.path().string() + ": output '" + name + "'");
    }
  }
  return bad_input("decoder", "no decode graph has the output '" + name + "'",
                   "build the package again");
}

}  // namespace

Result<std::vector<CachePort>> cache_ports(const StaticGraphs& graphs) {
  std::vector<CachePort> out;
  for (const package::CacheSpec& spec : graphs.text.caches) {
    const std::pair<std::string, std::string> names[] = {
        {port::past_key(spec.layer), port::present_key(spec.layer)},
        {port::past_value(spec.layer), port::present_value(spec.layer)}};
    for (const auto& [past, present] : names) {
      LAP_ASSIGN_OR_RETURN(const PortCodec codec, codec_of_output(graphs, present));
      out.push_back({spec, past, present, codec});
    }
  }
  return out;
}

StaticPorts input_ports(const StaticGraphs& graphs, const std::vector<CachePort>& ports,
                        StaticRole role, StaticCaches& caches) {
  const int64_t length = length_of(graphs, role);
  StaticPorts out;
  out[port::kInputsEmbeds].dims = {1, length, graphs.text.hidden_size};
  if (graphs.text.per_layer_width > 0) {
    out[port::kPerLayerInputs].dims = {1, length, graphs.text.per_layer_width};
  }
  for (const bool sliding : {true, false}) {
    out[port::attention_mask(sliding)].dims = {1, 1, length, caches.past(sliding, role) + length};
  }
  for (const package::RotaryKind& kind : graphs.model.rotary) {
    const auto pairs = static_cast<int64_t>(kind.inv_freq.size());
    out[port::rotary_cos(kind.kind)].dims = {1, length, pairs};
    out[port::rotary_sin(kind.kind)].dims = {1, length, pairs};
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const CachePort& cache = ports[i];
    const std::vector<int64_t> dims = {1, cache.spec.kv_heads,
                                       caches.past(cache.spec.sliding, role), cache.spec.head_dim};
    out[cache.past] = {dims, caches.data(i), cache.codec};
  }
  return out;
}

StaticPorts output_ports(const StaticGraphs& graphs, const std::vector<CachePort>& ports,
                         StaticRole role) {
  const int64_t length = length_of(graphs, role);
  StaticPorts out;
  for (const CachePort& cache : ports) {
    out[cache.present] = {
        {1, cache.spec.kv_heads, length, cache.spec.head_dim}, nullptr, cache.codec};
  }
  if (role == StaticRole::kDecode) out[port::kLogits].dims = {1, 1, graphs.text.vocab_size};
  return out;
}

}  // namespace lapidary::runtime
