#include "checkpoint/expected_tensors.h"

#include <fmt/core.h>

#include <string_view>
#include <unordered_map>
#include <utility>

namespace lapidary::checkpoint {
namespace {

using tensor::Shape;

class SpecList {
 public:
  void add(const std::string& name, Shape shape, bool optional = false) {
    specs_.push_back({name, std::move(shape), optional});
  }
  void linear(const std::string& name, int64_t out, int64_t in, bool optional = false) {
    add(name + ".weight", {out, in}, optional);
  }
  void norm(const std::string& name, int64_t size, bool optional = false) {
    add(name + ".weight", {size}, optional);
  }
  // A linear layer with bounds on its input and output.
  void clippable(const std::string& name, int64_t out, int64_t in, bool clipped) {
    linear(name + ".linear", out, in);
    if (!clipped) return;
    for (const char* bound : {"input_min", "input_max", "output_min", "output_max"}) {
      add(fmt::format("{}.{}", name, bound), {});
    }
  }
  std::vector<TensorSpec> take() { return std::move(specs_); }

 private:
  std::vector<TensorSpec> specs_;
};

void add_sandwich_norms(SpecList& list, const std::string& layer, int64_t hidden) {
  for (const char* name : {"input_layernorm", "post_attention_layernorm",
                           "pre_feedforward_layernorm", "post_feedforward_layernorm"}) {
    list.norm(layer + name, hidden);
  }
}

void add_text_layer(SpecList& list, const TextConfig& text, int64_t i, const std::string& layer) {
  const int64_t hidden = text.hidden_size;
  const int64_t head_dim = text.head_dim(i);
  const int64_t q = text.num_attention_heads * head_dim;
  const int64_t kv = text.kv_heads(i) * head_dim;
  const bool shared = text.is_kv_shared(i);
  const std::string attention = layer + "self_attn.";
  list.linear(attention + "q_proj", q, hidden);
  list.norm(attention + "q_norm", head_dim);
  list.linear(attention + "k_proj", kv, hidden, shared);
  list.norm(attention + "k_norm", head_dim, shared);
  list.linear(attention + "v_proj", kv, hidden, shared);
  list.linear(attention + "o_proj", hidden, q);
  const int64_t ff = text.intermediate_size(i);
  list.linear(layer + "mlp.gate_proj", ff, hidden);
  list.linear(layer + "mlp.up_proj", ff, hidden);
  list.linear(layer + "mlp.down_proj", hidden, ff);
  add_sandwich_norms(list, layer, hidden);
  if (text.layer_scalar) list.add(layer + "layer_scalar", {1});
  if (text.has_per_layer_inputs()) {
    const int64_t ple = text.hidden_size_per_layer_input;
    list.linear(layer + "per_layer_input_gate", ple, hidden);
    list.linear(layer + "per_layer_projection", hidden, ple);
    list.norm(layer + "post_per_layer_input_norm", hidden);
  }
}

void add_audio_layer(SpecList& list, const AudioConfig& audio, const std::string& layer) {
  const int64_t hidden = audio.hidden_size;
  const bool clipped = audio.use_clipped_linears;
  for (const char* name : {"feed_forward1.", "feed_forward2."}) {
    list.clippable(layer + name + "ffw_layer_1", 4 * hidden, hidden, clipped);
    list.clippable(layer + name + "ffw_layer_2", hidden, 4 * hidden, clipped);
    list.norm(layer + name + "pre_layer_norm", hidden);
    list.norm(layer + name + "post_layer_norm", hidden);
  }
  for (const char* name : {"q_proj", "k_proj", "v_proj", "post"}) {
    list.clippable(layer + "self_attn." + name, hidden, hidden, clipped);
  }
  list.linear(layer + "self_attn.relative_k_proj", hidden, hidden);
  list.add(layer + "self_attn.per_dim_scale", {audio.head_dim()});
  list.clippable(layer + "lconv1d.linear_start", 2 * hidden, hidden, clipped);
  list.clippable(layer + "lconv1d.linear_end", hidden, hidden, clipped);
  list.add(layer + "lconv1d.depthwise_conv1d.weight", {hidden, 1, audio.conv_kernel_size});
  for (const char* name : {"lconv1d.pre_layer_norm", "lconv1d.conv_norm", "norm_pre_attn",
                           "norm_post_attn", "norm_out"}) {
    list.norm(layer + name, hidden);
  }
}

std::string layer_prefix(const std::string& tower, int64_t i) {
  return fmt::format("{}layers.{}.", tower, i);
}

void append(std::vector<TensorSpec>& to, std::vector<TensorSpec> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// A tensor for messages: with its name in the file, where that is another.
std::string shown(const std::string& name, const Weight& weight) {
  if (weight.stored_as == name) return fmt::format("tensor '{}'", name);
  return fmt::format("tensor '{}' (stored as '{}')", name, weight.stored_as);
}

}  // namespace

std::vector<TensorSpec> expected_text_tensors(const Config& config) {
  const TextConfig& text = config.text;
  const std::string model = "model.language_model.";
  SpecList list;
  list.linear(model + "embed_tokens", text.vocab_size, text.hidden_size);
  if (text.has_per_layer_inputs()) {
    const int64_t ple = text.hidden_size_per_layer_input;
    const int64_t width = text.num_layers() * ple;
    list.linear(model + "embed_tokens_per_layer", text.vocab_size_per_layer_input, width);
    list.linear(model + "per_layer_model_projection", width, text.hidden_size);
    list.norm(model + "per_layer_projection_norm", ple);
  }
  list.norm(model + "norm", text.hidden_size);
  for (int64_t i = 0; i < text.num_layers(); ++i) {
    add_text_layer(list, text, i, layer_prefix(model, i));
  }
  list.linear("lm_head", text.vocab_size, text.hidden_size, config.tie_word_embeddings);
  return list.take();
}

std::vector<TensorSpec> expected_vision_tensors(const VisionConfig& vision, int64_t text_hidden) {
  const std::string tower = "model.vision_tower.";
  const int64_t hidden = vision.hidden_size;
  const int64_t q = vision.num_attention_heads * vision.head_dim;
  const int64_t kv = vision.num_key_value_heads * vision.head_dim;
  const bool clipped = vision.use_clipped_linears;
  SpecList list;
  list.linear(tower + "patch_embedder.input_proj", hidden, vision.patch_elements());
  list.add(tower + "patch_embedder.position_embedding_table",
           {2, vision.position_embedding_size, hidden});
  for (int64_t i = 0; i < vision.num_hidden_layers; ++i) {
    const std::string layer = layer_prefix(tower + "encoder.", i);
    list.clippable(layer + "self_attn.q_proj", q, hidden, clipped);
    list.clippable(layer + "self_attn.k_proj", kv, hidden, clipped);
    list.clippable(layer + "self_attn.v_proj", kv, hidden, clipped);
    list.clippable(layer + "self_attn.o_proj", hidden, q, clipped);
    list.norm(layer + "self_attn.q_norm", vision.head_dim);
    list.norm(layer + "self_attn.k_norm", vision.head_dim);
    list.clippable(layer + "mlp.gate_proj", vision.intermediate_size, hidden, clipped);
    list.clippable(layer + "mlp.up_proj", vision.intermediate_size, hidden, clipped);
    list.clippable(layer + "mlp.down_proj", hidden, vision.intermediate_size, clipped);
    add_sandwich_norms(list, layer, hidden);
  }
  if (vision.standardize) {
    list.add(tower + "std_bias", {hidden});
    list.add(tower + "std_scale", {hidden});
  }
  list.linear("model.embed_vision.embedding_projection", text_hidden, hidden);
  return list.take();
}

std::vector<TensorSpec> expected_audio_tensors(const AudioConfig& audio, int64_t text_hidden) {
  const std::string tower = "model.audio_tower.";
  const auto [first, second] = audio.subsampling_conv_channels;
  SpecList list;
  const std::string subsample = tower + "subsample_conv_projection.";
  list.add(subsample + "layer0.conv.weight", {first, 1, 3, 3});
  list.norm(subsample + "layer0.norm", first);
  list.add(subsample + "layer1.conv.weight", {second, first, 3, 3});
  list.norm(subsample + "layer1.norm", second);
  list.linear(subsample + "input_proj_linear", audio.hidden_size, audio.subsampled_size());
  for (int64_t i = 0; i < audio.num_hidden_layers; ++i) {
    add_audio_layer(list, audio, layer_prefix(tower, i));
  }
  list.linear(tower + "output_proj", audio.output_proj_dims, audio.hidden_size);
  list.add(tower + "output_proj.bias", {audio.output_proj_dims});
  list.linear("model.embed_audio.embedding_projection", text_hidden, audio.output_proj_dims);
  return list.take();
}

std::vector<TensorSpec> expected_tensors(const Config& config) {
  std::vector<TensorSpec> specs = expected_text_tensors(config);
  if (config.vision)
    append(specs, expected_vision_tensors(*config.vision, config.text.hidden_size));
  if (config.audio) append(specs, expected_audio_tensors(*config.audio, config.text.hidden_size));
  return specs;
}

Status check_tensors(const Config& config, const Weights& weights) {
  const std::vector<TensorSpec> specs = expected_tensors(config);
  std::unordered_map<std::string_view, const TensorSpec*> known;
  for (const TensorSpec& spec : specs) {
    known.emplace(spec.name, &spec);
    if (!spec.optional && weights.find(spec.name) == nullptr) {
      return bad_input(
          weights.path().string(),
          fmt::format("tensor '{}' {} is missing", spec.name, tensor::to_string(spec.shape)),
          "config.json asks for it: download both again");
    }
  }
  for (const std::string& name : weights.names()) {
    const Weight& weight = *weights.find(name);
    const tensor::TensorType& type = weight.value.type();
    const std::string where = weight.file.string();
    const auto it = known.find(name);
    if (it == known.end()) {
      return bad_input(where,
                       fmt::format("{} {} does not belong to the model that config.json describes",
                                   shown(name, weight), tensor::to_string(type.shape)));
    }
    const Shape& shape = it->second->shape;
    if (type.shape != shape) {
      return bad_input(where,
                       fmt::format("{} has shape {}, config.json makes it {}", shown(name, weight),
                                   tensor::to_string(type.shape), tensor::to_string(shape)));
    }
    if (type.dtype != DType::kBfloat16 && type.dtype != DType::kFloat16 &&
        type.dtype != DType::kFloat) {
      return unsupported(where,
                         fmt::format("{} has dtype {}, expected bfloat16, float16 or float32",
                                     shown(name, weight), name_of(type.dtype)));
    }
  }
  return {};
}

}  // namespace lapidary::checkpoint
