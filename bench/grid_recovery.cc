// Weights on a grid of 4-bit blocks of 32, stored as bfloat16, at the dims of Gemma 4 E2B: how many
// blocks come back, how long that takes on one core, and what each form costs against the grid.
//
//   build/release/bench_grid_recovery [SHARE]     one table, to paste into RESULTS.md
//
// SHARE: of the rows of each matrix that are made and measured (default 0.02). Errors are relative,
// root of the summed squares, against (code - 8) * step. "kept": MatMulNBits and INT4 QDQ with the
// recovered codes, in float32. "stored": the bfloat16 values themselves. "LPBQ": steps that are
// integers 1 .. 16 times one of the channel, codes anew. "max / 7.5": rounded again by the largest
// weight of a block.
#include "quant/grid_recovery.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <span>
#include <vector>

#include "base/float_types.h"
#include "quant/kquant.h"
#include "quant/lpbq.h"

namespace {

using lapidary::bfloat16_to_float;
using lapidary::float_to_bfloat16;

constexpr size_t kBlock = 32;
using Floats = std::vector<float>;

struct Matrix {
  const char* name;
  size_t n, k;
};
constexpr Matrix kMatrices[] = {{"q_proj", 2048, 1536},          {"o_proj", 1536, 2048},
                                {"gate_proj", 6144, 1536},       {"down_proj", 1536, 6144},
                                {"wide down_proj", 1536, 12288}, {"lm_head", 262144, 1536}};

// Trained-like weights as Q4_0 rounds them: the truth, and what a checkpoint stores.
struct Gridded {
  Floats truth;
  std::vector<uint16_t> stored;
};

Gridded gridded(std::mt19937& random, size_t count) {
  std::normal_distribution<float> normal(0, 0.02F);
  Gridded out{Floats(count), std::vector<uint16_t>(count)};
  for (size_t first = 0; first < count; first += kBlock) {
    float largest = 0;
    for (size_t i = first; i < first + kBlock; ++i) {
      out.truth[i] = normal(random);
      if (std::abs(out.truth[i]) > std::abs(largest)) largest = out.truth[i];
    }
    const float step = lapidary::float16_to_float(lapidary::float_to_float16(largest / -8));
    for (size_t i = first; i < first + kBlock; ++i) {
      const float code = std::clamp(std::nearbyint(out.truth[i] / step), -8.0F, 7.0F);
      out.truth[i] = code * step;
      out.stored[i] = float_to_bfloat16(out.truth[i]);
    }
  }
  return out;
}

double error(const Floats& made, const Floats& truth) {
  double off = 0;
  double norm = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    off += std::pow(double{made[i]} - double{truth[i]}, 2);
    norm += std::pow(double{truth[i]}, 2);
  }
  return std::sqrt(off / norm);
}

Floats rounded_again(const Floats& stored) {
  Floats out(stored.size());
  for (size_t first = 0; first < stored.size(); first += kBlock) {
    float largest = 0;
    for (size_t i = first; i < first + kBlock; ++i) {
      largest = std::max(largest, std::abs(stored[i]));
    }
    const float step = largest / 7.5F;
    for (size_t i = first; i < first + kBlock; ++i) {
      out[i] = std::clamp(std::nearbyint(stored[i] / step), -8.0F, 7.0F) * step;
    }
  }
  return out;
}

Floats lpbq(const Floats& stored, const Floats& steps, size_t k) {
  Floats out(stored.size());
  std::vector<int8_t> codes(k);
  std::vector<uint8_t> integers(k / kBlock);
  for (size_t row = 0; row < stored.size() / k; ++row) {
    const auto channel = lapidary::quant::lpbq_channel(
        std::span(stored).subspan(row * k, k),
        std::span(steps).subspan(row * (k / kBlock), k / kBlock), kBlock, {codes, integers});
    for (size_t i = 0; i < k; ++i) {
      out[row * k + i] =
          static_cast<float>(codes[i]) * static_cast<float>(integers[i / kBlock]) * *channel;
    }
  }
  return out;
}

Floats kquant(const Floats& stored, size_t k) {
  const lapidary::quant::BlockFormat format{.bits = 4, .block_size = 32, .symmetric = false};
  const auto shape = *lapidary::quant::quantized_shape(stored.size() / k, k, format);
  std::vector<uint8_t> codes(shape.codes);
  std::vector<uint8_t> zeros(shape.zero_points);
  Floats scales(shape.scales);
  Floats out(stored.size());
  if (!lapidary::quant::kquant_rows(stored, k, format, {codes, scales, zeros}).ok() ||
      !lapidary::quant::dequantize_rows({codes, scales, zeros}, k, format, out).ok()) {
    std::abort();
  }
  return out;
}

void measure(const Matrix& matrix, double share, std::mt19937& random) {
  const size_t rows =
      std::max<size_t>(1, static_cast<size_t>(share * static_cast<double>(matrix.n)));
  const Gridded weights = gridded(random, rows * matrix.k);
  const size_t blocks = weights.stored.size() / kBlock;
  Floats steps(blocks);
  std::vector<uint8_t> codes(weights.stored.size());
  size_t found = 0;
  const std::clock_t begin = std::clock();  // of the processor: others may be busy
  for (size_t b = 0; b < blocks; ++b) {
    const auto step =
        lapidary::quant::recover_block(std::span(weights.stored).subspan(b * kBlock, kBlock),
                                       std::span(codes).subspan(b * kBlock, kBlock));
    found += step ? 1 : 0;
    steps[b] = step.value_or(0);
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  Floats stored(weights.stored.size());
  Floats kept(stored.size());
  for (size_t i = 0; i < stored.size(); ++i) {
    stored[i] = bfloat16_to_float(weights.stored[i]);
    kept[i] = static_cast<float>(int{codes[i]} - 8) * steps[i / kBlock];
  }
  const double gigabytes = 2e-9 * static_cast<double>(weights.stored.size());
  std::printf(
      "| %s [%zu, %zu] | %.4f %% | %.2f | %.2g | %.2g | %.2g | %.2g | %.2g |\n", matrix.name,
      matrix.n, matrix.k, 100 * static_cast<double>(found) / static_cast<double>(blocks),
      seconds / gigabytes, error(kept, weights.truth), error(stored, weights.truth),
      error(lpbq(stored, steps, matrix.k), weights.truth),
      error(kquant(stored, matrix.k), weights.truth), error(rounded_again(stored), weights.truth));
}

}  // namespace

int main(int argc, char** argv) {
  const double share = argc > 1 ? std::atof(argv[1]) : 0.02;
  std::mt19937 random(1);
  std::printf(
      "| matrix | blocks recovered | s per GB | kept | stored | LPBQ | k-quant | max / 7.5 |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const Matrix& matrix : kMatrices) measure(matrix, share, random);
  return 0;
}
