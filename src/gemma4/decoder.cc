#include "gemma4/decoder.h"

#include <fmt/core.h>

#include <limits>
#include <map>
#include <vector>

#include "contract/component.h"
#include "contract/ports.h"
#include "gemma4/rotary_kinds.h"
#include "gemma4/text_weights.h"
#include "graph/builder.h"
#include "nn/attention.h"
#include "nn/block_attention.h"
#include "nn/gated_mlp.h"
#include "nn/linear.h"
#include "nn/rms_norm.h"
#include "nn/rope.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {
namespace {

namespace ports = contract::ports;

using checkpoint::TextConfig;
using graph::Builder;
using graph::Ref;

// Values of mm_token_type_ids whose tokens attend to each other.
constexpr int64_t kImageType = 1;
constexpr int64_t kVideoType = 2;

// What the layers of one kind (sliding or full attention) share in a step.
struct AttentionKind {
  nn::KvLength length;
  nn::RopeTable rope;
  Ref none;  // [batch, 0, kv_heads * head_dim]
};

class DecoderBuilder {
 public:
  DecoderBuilder(const checkpoint::Config& config, const DecoderWeights& weights)
      : text_(config.text), w_(weights), b_(name_of(contract::Component::kDecoder)) {}

  graph::Graph build() {
    declare_inputs();
    {
      const auto scope = b_.enter(kLanguageModel);
      describe_step();
      for (int64_t i = 0; i < text_.num_layers(); ++i) {
        const auto layer_scope = b_.enter(fmt::format("layers.{}", i));
        layer(i);
      }
      hidden_ = norm(hidden_, "norm", w_.norm);
    }
    declare_outputs(logits());
    return std::move(b_).finish();
  }

 private:
  const LayerWeights& weights(int64_t i) const { return w_.layers[static_cast<size_t>(i)]; }
  AttentionKind& kind(int64_t i) { return text_.is_full(i) ? full_ : sliding_; }

  Ref norm(const Ref& x, const std::string& name, const tensor::Tensor& weight) {
    return nn::rms_norm(b_, x, name, weight, text_.rms_norm_eps);
  }

  void declare_inputs() {
    const std::string batch = "batch";
    const std::string sequence = "sequence_len";
    hidden_ = b_.input(ports::kInputsEmbeds, DType::kFloat, {batch, sequence, text_.hidden_size});
    if (text_.has_per_layer_inputs()) {
      const int64_t width = text_.num_layers() * text_.hidden_size_per_layer_input;
      per_layer_inputs_ = b_.input(ports::kPerLayerInputs, DType::kFloat, {batch, sequence, width});
    }
    attention_mask_ = b_.input(ports::kAttentionMask, DType::kInt64, {batch, "total_sequence_len"});
    for (const int64_t i : text_.cache_layers()) {
      // Sliding layers may hold fewer positions than full ones, so their length is another symbol.
      const graph::SymbolicShape shape = {
          batch, text_.kv_heads(i),
          std::string(text_.is_full(i) ? "past_sequence_len" : "sliding_past_sequence_len"),
          text_.head_dim(i)};
      past_[i] = {b_.input(ports::past_key(i), DType::kFloat, shape),
                  b_.input(ports::past_value(i), DType::kFloat, shape)};
    }
    logits_to_keep_ =
        b_.optional_input(ports::kLogitsToKeep, {int64_t{1}}, tensor::integers({1}, {0}));
    sliding_window_offset_ =
        b_.optional_input(ports::kSlidingWindowOffset, {int64_t{1}}, tensor::integers({1}, {0}));
    if (text_.vision_bidirectional_attention) {
      mm_token_type_ids_ = b_.optional_input(ports::kMmTokenTypeIds, {batch, sequence},
                                             tensor::integers({1, 1}, {0}));
    }
  }

  // Lengths, positions, rotary tables: the same for every layer of a kind.
  void describe_step() {
    const auto scope = b_.enter("step");
    const Ref axis = b_.constant({1});
    const Ref valid = b_.op("ReduceSum", {attention_mask_, axis}, "valid",
                            {{"keepdims", int64_t{0}}});  // [batch]
    const Ref total = b_.op("Shape", {attention_mask_}, "total",
                            {{"start", int64_t{1}}, {"end", int64_t{2}}});  // [1]
    const Ref steps =
        b_.op("Shape", {hidden_}, "sequence", {{"start", int64_t{1}}, {"end", int64_t{2}}});  // [1]

    // Row b of a batch ends at position valid[b] - 1; a first prompt, padded on the right, starts
    // at 0.
    const Ref past = b_.op(
        "Max", {b_.op("Sub", {valid, steps}, "past"), b_.constant_scalar(int64_t{0})}, "past");
    const Ref offsets =
        b_.op("Range",
              {b_.constant_scalar(int64_t{0}), b_.op("Squeeze", {steps}, "sequence"),
               b_.constant_scalar(int64_t{1})},
              "positions");
    const Ref positions =
        b_.op("Add", {b_.op("Unsqueeze", {past, axis}, "past"), offsets}, "positions");

    full_.length = length(valid, total, ports::kFullAttention);
    sliding_.length =
        length(b_.op("Sub", {valid, sliding_window_offset_}, ports::kSlidingAttention),
               b_.op("Sub", {total, sliding_window_offset_}, ports::kSlidingAttention),
               ports::kSlidingAttention);
    if (text_.vision_bidirectional_attention) describe_blocks(past, total);
    for (const RotaryKind& kind : rotary_kinds(text_)) {
      (kind.full_attention ? full_ : sliding_).rope =
          nn::rope_table(b_, positions, ports::rotary_table(kind.name), kind.frequencies);
    }
  }

  // past: [batch], total: [1]; positions before and after the step.
  void describe_blocks(const Ref& past, const Ref& total) {
    const auto scope = b_.enter("vision_blocks");
    const auto has_type = [&](int64_t type) {
      return b_.op("Equal", {mm_token_type_ids_, b_.constant_scalar(type)}, "in_block");
    };
    const Ref shape = b_.op("Shape", {hidden_}, "sequence", {{"end", int64_t{2}}});
    const Ref in_block = b_.op(
        "Expand", {b_.op("Or", {has_type(kImageType), has_type(kVideoType)}, "in_block"), shape},
        "in_block");
    const Ref rows_before = b_.op("Sub", {past, sliding_window_offset_}, "past");
    const Ref rows = b_.op("Sub", {total, sliding_window_offset_}, "total");
    blocks_ = nn::block_mask(b_, in_block, rows_before, rows, text_.sliding_window, "mask");
  }

  nn::KvLength length(const Ref& valid, const Ref& total, const std::string& at) {
    const graph::Attributes to_int32 = {{"to", static_cast<int64_t>(DType::kInt32)}};
    const Ref last = b_.op("Sub", {valid, b_.constant({1})}, at);
    return {b_.op("Cast", {last}, at, to_int32),
            b_.op("Cast", {b_.op("Squeeze", {total}, at)}, at, to_int32)};
  }

  // The kept positions of a value with the sequence at `axis`.
  Ref keep(const Ref& x, const std::string& at, int64_t axis = 1) {
    return b_.op(
        "Slice",
        {x, keep_from_, b_.constant({std::numeric_limits<int64_t>::max()}), b_.constant({axis})},
        at);
  }

  // From here on only the positions whose logits are wanted are computed.
  void narrow_to_kept(Ref& normed) {
    const auto scope = b_.enter(ports::kLogitsToKeep);
    keep_from_ = b_.op("Neg", {logits_to_keep_});
    hidden_ = keep(hidden_, "hidden_states");
    normed = keep(normed, "normed");
    if (!per_layer_inputs_.omitted())
      per_layer_inputs_ = keep(per_layer_inputs_, ports::kPerLayerInputs);
    for (AttentionKind* each : {&sliding_, &full_}) {
      if (each->rope.cos.omitted()) continue;
      each->rope = {keep(each->rope.cos, "cos"), keep(each->rope.sin, "sin")};
    }
    if (!blocks_.visible.omitted()) blocks_.visible = keep(blocks_.visible, "visible", 2);
  }

  void layer(int64_t i) {
    const LayerWeights& w = weights(i);
    Ref normed = norm(hidden_, "input_layernorm", w.input_layernorm);
    const Ref attention = self_attention(i, normed);
    hidden_ = b_.op(
        "Add", {hidden_, norm(attention, "post_attention_layernorm", w.post_attention_layernorm)},
        "self_attn");

    const Ref mlp =
        nn::gated_mlp(b_, norm(hidden_, "pre_feedforward_layernorm", w.pre_feedforward_layernorm),
                      "mlp", {w.gate_proj, w.up_proj, w.down_proj});
    hidden_ = b_.op(
        "Add", {hidden_, norm(mlp, "post_feedforward_layernorm", w.post_feedforward_layernorm)},
        "mlp");

    if (text_.has_per_layer_inputs()) add_per_layer_input(i);
    if (w.layer_scalar) {
      const Ref scalar = b_.weight("layer_scalar", tensor::cast(*w.layer_scalar, DType::kFloat));
      hidden_ = b_.op("Mul", {hidden_, scalar}, "layer_scalar");
    }
  }

  void add_per_layer_input(int64_t i) {
    const LayerWeights& w = weights(i);
    const int64_t ple = text_.hidden_size_per_layer_input;
    const Ref input = b_.op(
        "Slice",
        {per_layer_inputs_, b_.constant({i * ple}), b_.constant({(i + 1) * ple}), b_.constant({2})},
        "per_layer_input");
    const Ref gate = nn::gelu_tanh(
        b_, nn::linear(b_, hidden_, "per_layer_input_gate", *w.per_layer_input_gate), "act_fn");
    const Ref projected = nn::linear(b_, b_.op("Mul", {gate, input}, "per_layer_input"),
                                     "per_layer_projection", *w.per_layer_projection);
    hidden_ =
        b_.op("Add",
              {hidden_, norm(projected, "post_per_layer_input_norm", *w.post_per_layer_input_norm)},
              "per_layer_input");
  }

  // [batch, s, heads * head_dim], each head normed.
  Ref normed_heads(const Ref& x, int64_t heads, int64_t head_dim, const std::string& name,
                   const tensor::Tensor* weight) {
    const Ref split = b_.op("Reshape", {x, b_.constant({0, 0, heads, head_dim})}, name);
    const Ref normed = weight != nullptr
                           ? norm(split, name, *weight)
                           : nn::rms_norm_unscaled(b_, split, name, head_dim, text_.rms_norm_eps);
    return b_.op("Reshape", {normed, b_.constant({0, 0, heads * head_dim})}, name);
  }

  Ref query(int64_t i, const Ref& x) {
    const LayerWeights& w = weights(i);
    const Ref q = normed_heads(nn::linear(b_, x, "q_proj", w.q_proj), text_.num_attention_heads,
                               text_.head_dim(i), "q_norm", &w.q_norm);
    return nn::apply_rope(b_, q, kind(i).rope, text_.num_attention_heads, "q_rope");
  }

  Ref key(int64_t i, const Ref& x) {
    const LayerWeights& w = weights(i);
    const Ref k = normed_heads(nn::linear(b_, x, "k_proj", *w.k_proj), text_.kv_heads(i),
                               text_.head_dim(i), "k_norm", &*w.k_norm);
    return nn::apply_rope(b_, k, kind(i).rope, text_.kv_heads(i), "k_rope");
  }

  Ref value(int64_t i, const Ref& x) {
    Ref v = nn::linear(b_, x, "v_proj", *weights(i).v_proj);
    if (!text_.value_norm) return v;
    return normed_heads(v, text_.kv_heads(i), text_.head_dim(i), "v_norm", nullptr);
  }

  // Reads `normed`; at the last donor, replaces hidden_ and the step's tables by their kept
  // positions.
  Ref self_attention(int64_t i, Ref normed) {
    const auto scope = b_.enter("self_attn");
    const nn::AttentionShape shape = {
        text_.num_attention_heads, text_.kv_heads(i), text_.head_dim(i),
        text_.is_full(i) ? 0 : text_.sliding_window, static_cast<float>(text_.attention_scale)};
    const nn::KvLength& len = kind(i).length;
    const bool in_blocks = text_.vision_bidirectional_attention && !text_.is_full(i);
    Ref attended;
    if (text_.is_kv_shared(i)) {
      attended = attend(i, normed, present_.at(text_.donor_of(i)), shape);
    } else if (i == text_.last_donor() || in_blocks) {
      const Ref k = key(i, normed);
      present_[i] = nn::append(b_, k, value(i, normed), past_.at(i), len, shape, "kv_cache");
      if (i == text_.last_donor()) narrow_to_kept(normed);
      attended = attend(i, normed, present_.at(i), shape);
    } else {
      const Ref q = query(i, normed);
      const Ref k = key(i, normed);
      const nn::Attended out =
          nn::attend_and_append(b_, q, k, value(i, normed), past_.at(i), len, shape, "attention");
      present_[i] = out.present;
      attended = out.output;
    }
    return nn::linear(b_, attended, "o_proj", weights(i).o_proj);
  }

  // Attention to a cache that holds the step's keys and values already.
  Ref attend(int64_t i, const Ref& normed, const nn::KvCache& cache,
             const nn::AttentionShape& shape) {
    if (text_.vision_bidirectional_attention && !text_.is_full(i)) {
      return nn::attend_in_blocks(b_, query(i, normed), cache, blocks_, shape, "attention");
    }
    const Ref& no_kv = none(i);
    return nn::attend(b_, query(i, normed), cache, no_kv, kind(i).length, shape, "attention");
  }

  // [batch, 0, kv_heads * head_dim]: no new keys or values.
  const Ref& none(int64_t i) {
    AttentionKind& k = kind(i);
    if (k.none.omitted()) {
      const Ref batch =
          b_.op("Shape", {hidden_}, "no_kv", {{"start", int64_t{0}}, {"end", int64_t{1}}});
      const Ref shape =
          b_.op("Concat", {batch, b_.constant({0, text_.kv_heads(i) * text_.head_dim(i)})}, "no_kv",
                {{"axis", int64_t{0}}});
      k.none = b_.op("ConstantOfShape", {shape}, "no_kv");
    }
    return k.none;
  }

  Ref logits() {
    Ref out = nn::linear(b_, hidden_, "lm_head", w_.lm_head);
    if (text_.final_logit_softcapping) {
      const Ref cap = b_.constant_scalar(static_cast<float>(*text_.final_logit_softcapping));
      const auto scope = b_.enter("final_logit_softcapping");
      out = b_.op("Mul", {b_.op("Tanh", {b_.op("Div", {out, cap})}), cap});
    }
    return out;
  }

  void declare_outputs(const Ref& logits) {
    const std::string batch = "batch";
    b_.output(ports::kLogits, logits, DType::kFloat, {batch, "kept_len", text_.vocab_size});
    for (const auto& [i, cache] : present_) {
      const graph::SymbolicShape shape = {
          batch, text_.kv_heads(i),
          std::string(text_.is_full(i) ? "total_sequence_len" : "sliding_total_sequence_len"),
          text_.head_dim(i)};
      b_.output(ports::present_key(i), cache.key, DType::kFloat, shape);
      b_.output(ports::present_value(i), cache.value, DType::kFloat, shape);
    }
  }

  const TextConfig& text_;
  const DecoderWeights& w_;
  Builder b_;
  Ref hidden_;            // the residual stream
  Ref per_layer_inputs_;  // omitted when the model has none
  Ref attention_mask_, logits_to_keep_, sliding_window_offset_, keep_from_;
  AttentionKind sliding_, full_;
  Ref mm_token_type_ids_;  // both only with bidirectional attention
  nn::BlockMask blocks_;
  std::map<int64_t, nn::KvCache> past_, present_;  // by layer
};

}  // namespace

Result<graph::Graph> build_decoder(const checkpoint::Config& config,
                                   const checkpoint::Weights& weights) {
  LAP_ASSIGN_OR_RETURN(const DecoderWeights w, decoder_weights(config, weights));
  return DecoderBuilder(config, w).build();
}

}  // namespace lapidary::gemma4
