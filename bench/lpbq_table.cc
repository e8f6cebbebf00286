// Error of a product against the float weights, for the ways in which a weight of 4 bits in blocks
// reaches the HTP: the weights' own relative error and that of the product with gaussian inputs.
//
//   build/release/bench_lpbq_table            one table, to paste into RESULTS.md
//
// "blocks": float scales (largest magnitude / 7), what int4 in blocks stands for. "kept codes": the
// same with scales snapped to the grid and the codes as they were, which is what the execution
// provider's option enable_block_quant_weight_optimization computes (measured: docs/int4.md).
// "from codes", "from floats": BlockQuantToLpbq of what the codes stand for, and of the weights.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "quant/lpbq.h"
#include "quant/symmetric_blocks.h"

namespace {

using lapidary::quant::lpbq_block_scale;
using lapidary::quant::lpbq_channel;
using lapidary::quant::lpbq_channel_scale;
using lapidary::quant::symmetric_block;

constexpr size_t kBlock = 32;
constexpr size_t kRows = 16;          // of the input
constexpr size_t kMostOutputs = 256;  // of each weight: the error of a channel knows no other

using Floats = std::vector<float>;

// One channel of K weights. Heavy tails: Student's t with 3 degrees of freedom.
Floats channel(std::mt19937& random, size_t k, bool heavy) {
  std::normal_distribution<float> normal(0, 0.02F);
  std::student_t_distribution<float> tails(3);
  Floats out(k);
  for (float& w : out) w = heavy ? 0.02F * tails(random) : normal(random);
  return out;
}

struct Forms {
  Floats blocks, kept, from_codes, searched, from_floats;
};

Floats lpbq(const Floats& weights, const Floats& scales) {
  std::vector<int8_t> codes(weights.size());
  std::vector<uint8_t> integers(scales.size());
  const float step = *lpbq_channel(weights, scales, kBlock, {codes, integers});
  Floats out(weights.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(codes[i]) * static_cast<float>(integers[i / kBlock]) * step;
  }
  return out;
}

Forms forms_of(const Floats& weights) {
  const size_t blocks = weights.size() / kBlock;
  Floats scales(blocks);
  Forms out{Floats(weights.size()), Floats(weights.size()), {}, Floats(weights.size()), {}};
  std::vector<int8_t> codes(kBlock);
  Floats best(blocks);
  for (size_t b = 0; b < blocks; ++b) {
    const auto part = std::span(weights).subspan(b * kBlock, kBlock);
    float largest = 0;
    for (const float w : part) largest = std::max(largest, std::abs(w));
    scales[b] = largest / 7;
    best[b] = *symmetric_block(part, 4, codes);
    for (size_t i = 0; i < kBlock; ++i) {
      out.searched[b * kBlock + i] = static_cast<float>(codes[i]) * best[b];
    }
  }
  const float step = lpbq_channel_scale(scales);
  for (size_t i = 0; i < weights.size(); ++i) {
    const float scale = scales[i / kBlock];
    const float code = std::nearbyint(weights[i] / scale);
    out.blocks[i] = code * scale;
    out.kept[i] = code * static_cast<float>(lpbq_block_scale(scale, step)) * step;
  }
  out.from_codes = lpbq(out.blocks, scales);
  out.from_floats = lpbq(weights, best);
  return out;
}

// Sums of squares of x (w' - w) and of x w, over rows and channels.
struct Error {
  double difference = 0, norm = 0;
  void add(const std::vector<Floats>& x, const Floats& other, const Floats& weights) {
    for (const Floats& row : x) {
      double product = 0;
      double off = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        product += double{row[i]} * double{weights[i]};
        off += double{row[i]} * (double{other[i]} - double{weights[i]});
      }
      difference += off * off;
      norm += product * product;
    }
  }
  double relative() const { return std::sqrt(difference / norm); }
};

void table_row(const char* name, size_t k, size_t n, bool heavy) {
  std::mt19937 random(static_cast<unsigned>(k * 31 + n + (heavy ? 1 : 0)));
  std::normal_distribution<float> normal;
  std::vector<Floats> x(kRows, Floats(k));
  for (Floats& row : x) {
    for (float& value : row) value = normal(random);
  }
  Error blocks;
  Error kept;
  Error from_codes;
  Error searched;
  Error from_floats;
  for (size_t i = 0; i < std::min(n, kMostOutputs); ++i) {
    const Floats weights = channel(random, k, heavy);
    const Forms forms = forms_of(weights);
    blocks.add(x, forms.blocks, weights);
    kept.add(x, forms.kept, weights);
    from_codes.add(x, forms.from_codes, weights);
    searched.add(x, forms.searched, weights);
    from_floats.add(x, forms.from_floats, weights);
  }
  std::printf("| %s, %s | %zu x %zu | %.4f | %.4f | %.4f | %.4f | **%.4f** |\n", name,
              heavy ? "heavy tails" : "gaussian", k, n, blocks.relative(), kept.relative(),
              from_codes.relative(), searched.relative(), from_floats.relative());
}

}  // namespace

int main() {
  std::printf(
      "| weight | K x N | blocks | kept codes (the provider's LPBQ) | LPBQ from codes | "
      "blocks, scales searched | LPBQ from floats |\n|---|---|---|---|---|---|---|\n");
  for (const bool heavy : {false, true}) {
    table_row("q_proj", 1536, 2048, heavy);
    table_row("o_proj", 2048, 1536, heavy);
    table_row("gate_proj, up_proj", 1536, 6144, heavy);
    table_row("gate_proj, up_proj (wide)", 1536, 12288, heavy);
    table_row("down_proj", 6144, 1536, heavy);
    table_row("down_proj (wide)", 12288, 1536, heavy);
  }
  return 0;
}
