#include "zero_checkpoint.h"

#include <fmt/core.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "golden_check.h"

namespace lapidary::golden {
namespace {

constexpr int64_t kBytes = 2;  // of a bfloat16

class Header {
 public:
  void add(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t size = kBytes;
    for (const int64_t dim : shape) size *= dim;
    json_["model.language_model." + name] = {
        {"dtype", "BF16"}, {"shape", shape}, {"data_offsets", {end_, end_ + size}}};
    end_ += size;
  }
  void write(const std::filesystem::path& path) const {
    const std::string text = json_.dump();
    const auto length = static_cast<uint64_t>(text.size());
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));  // NOLINT: as the format
    file << text;
    file.close();
    std::filesystem::resize_file(path, sizeof(length) + length + static_cast<uint64_t>(end_));
  }

 private:
  Json json_ = Json::object();
  int64_t end_ = 0;
};

void add_layer(const checkpoint::TextConfig& text, int64_t i, Header& header) {
  const std::string at = fmt::format("layers.{}.", i);
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape) {
    header.add(at + name, shape);
  };
  const int64_t hidden = text.hidden_size;
  const int64_t head = text.head_dim(i);
  const int64_t queries = text.num_attention_heads * head;
  const int64_t wide = text.intermediate_size(i);
  const int64_t ple = text.hidden_size_per_layer_input;
  for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight",
                           "pre_feedforward_layernorm.weight", "post_feedforward_layernorm.weight",
                           "post_per_layer_input_norm.weight"}) {
    add(norm, {hidden});
  }
  add("self_attn.q_proj.weight", {queries, hidden});
  add("self_attn.o_proj.weight", {hidden, queries});
  add("self_attn.q_norm.weight", {head});
  add("self_attn.k_norm.weight", {head});
  add("self_attn.k_proj.weight", {text.kv_heads(i) * head, hidden});
  add("self_attn.v_proj.weight", {text.kv_heads(i) * head, hidden});
  add("mlp.gate_proj.weight", {wide, hidden});
  add("mlp.up_proj.weight", {wide, hidden});
  add("mlp.down_proj.weight", {hidden, wide});
  add("layer_scalar", {1});
  add("per_layer_input_gate.weight", {ple, hidden});
  add("per_layer_projection.weight", {hidden, ple});
}

}  // namespace

checkpoint::Weights zero_weights(const checkpoint::TextConfig& config,
                                 const std::filesystem::path& folder) {
  Header header;
  for (int64_t i = 0; i < config.num_layers(); ++i) add_layer(config, i, header);
  header.add("norm.weight", {config.hidden_size});
  header.add("embed_tokens.weight", {config.vocab_size, config.hidden_size});
  std::filesystem::create_directories(folder);
  header.write(folder / "model.safetensors");
  return take(checkpoint::Weights::open(folder));
}

}  // namespace lapidary::golden
