// Attention, rotary embedding, GroupQueryAttention.
#include "probe/rule_probe_tables.h"

namespace lapidary::probe {
namespace {

using target::Arch;
using target::Verdict;
using Build = std::function<void(Form&)>;

constexpr const char* kTakesGroupQueryAttention = R"({"op_type":{"GroupQueryAttention":"htp"}})";

Build attention(const Attributes& attributes, bool mask, int64_t kv_heads = 4) {
  return [=](Form& f) {
    std::vector<Ref> inputs = {f.floats({1, 4, 8, 32}), f.floats({1, kv_heads, 16, 32}),
                               f.floats({1, kv_heads, 16, 32})};
    if (mask) {
      std::vector<float> values;
      for (int64_t i = 0; i < 128; ++i) values.push_back(i % 16 > i / 16 + 8 ? -1e4F : 0.0F);
      inputs.push_back(f.float_values({8, 16}, values));
    }
    f.output(f.op("Attention", inputs, attributes));
  };
}

Build attention_a16() {
  return [](Form& f) {
    const Ref q = f.a16({1, 4, 8, 32});
    const Ref k = f.a16({1, 4, 16, 32});
    f.quantized_output(f.op("Attention", {q, k, f.a16({1, 4, 16, 32})}), 4);
  };
}

Build rotary(bool quantized) {
  return [=](Form& f) {
    const Dims dims = {1, 4, 8, 32};
    const Ref x = quantized ? f.a16(dims) : f.floats(dims);
    const Dims rows = {1, 8, 16};
    const Ref cosines = quantized ? f.a16(rows, 1, 0.4F) : f.floats(rows, 0.4F);
    const Ref sines = quantized ? f.a16(rows, 1, 0.4F) : f.floats(rows, 0.4F);
    const Ref y = f.op("RotaryEmbedding", {x, cosines, sines});
    if (quantized) {
      f.quantized_output(y, 6);
    } else {
      f.output(y);
    }
  };
}

Build microsoft_rotary() {
  return [](Form& f) {
    const Ref x = f.floats({1, 4, 8, 32});
    const Ref positions = f.integer_constant(DType::kInt64, {1, 8}, {0, 1, 2, 3, 4, 5, 6, 7});
    f.output(f.microsoft_op("RotaryEmbedding", {x, positions, f.gaussian_constant({16, 16}, 0.4F),
                                                f.gaussian_constant({16, 16}, 0.4F)}));
  };
}

// One new token after 5, in buffers of 32 rows.
Build group_query_attention(const Attributes& attributes) {
  return [=](Form& f) {
    const Ref q = f.floats({1, 1, 128});
    const Ref k = f.floats({1, 1, 32});
    const Ref v = f.floats({1, 1, 32});
    const Ref past_k = f.floats({1, 1, 32, 32});
    const Ref past_v = f.floats({1, 1, 32, 32});
    Attributes all = attributes;
    all["num_heads"] = int64_t{4};
    all["kv_num_heads"] = int64_t{1};
    const Ref lengths = f.integers(DType::kInt32, {1}, {31});
    const Ref total = f.integer_constant(DType::kInt32, {1}, {32});
    const auto y = f.multi_op("GroupQueryAttention", {q, k, v, past_k, past_v, lengths, total}, 3,
                              all, graph::kMicrosoftDomain);
    f.output(y[0]);
    f.output(y[1], "present_key");
    f.output(y[2], "present_value");
  };
}

}  // namespace

std::vector<RuleProbe> attention_probes() {
  return {
      {"attention", "plain", 1.4e-3, attention({}, false)},
      {"attention", "mask, grouped heads", 1.4e-3, attention({}, true, 2)},
      {"attention", "soft-cap", 1.4e-3, attention({{"softcap", 30.0F}}, true)},
      {"attention.a16", "", 1.5e-3, attention_a16()},
      {"rotary", "float32", 4e-4, rotary(false)},
      {"rotary.a16", "", 4e-4, rotary(true)},
      {"rotary.microsoft", "", 0, microsoft_rotary()},
      {.id = "group_query_attention.softcap",
       .form = "with op_affinity",
       .build = group_query_attention({{"softcap", 30.0F}}),
       .provider_options = {{"op_affinity", kTakesGroupQueryAttention}}},
      {.id = "group_query_attention.window",
       .form = "with op_affinity",
       .build = group_query_attention({{"local_window_size", int64_t{16}}}),
       .provider_options = {{"op_affinity", kTakesGroupQueryAttention}}},
      {"group_query_attention.affinity", "without op_affinity", 0, group_query_attention({})},
      {.id = "group_query_attention.affinity",
       .form = "with op_affinity",
       .error = 1e-3,
       .build = group_query_attention({}),
       .expected = Verdict::kNative,
       .provider_options = {{"op_affinity", kTakesGroupQueryAttention}}},
  };
}

}  // namespace lapidary::probe
