// Speed of weight quantization on one core, next to a plain copy of the same floats.
//
//   ninja bench_quantize && ./bench_quantize
//
// items_per_second counts weights. The kernels run as they do in a build, on the best instruction
// set of the machine, and then a few once more on each of the others. The weights (16 MiB) come
// from beyond the second-level cache, as they do in a build.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "hwy/targets.h"
#include "quant/block_kernels.h"
#include "quant/block_rows.h"

namespace lapidary::quant {
namespace {

constexpr size_t kRows = 2048;
constexpr size_t kColumns = 2048;

const std::vector<float>& weights() {
  static const std::vector<float> values = [] {
    std::vector<float> v(kRows * kColumns);
    uint32_t state = 1;
    for (float& w : v) {
      int sum = 0;
      for (int i = 0; i < 4; ++i) {
        state = state * 1664525u + 1013904223u;
        sum += static_cast<int>(state >> 20);
      }
      w = static_cast<float>(sum - 8190) * 1e-5f;
    }
    return v;
  }();
  return values;
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * weights().size()));
}

void copy(benchmark::State& state) {
  std::vector<float> to(weights().size());
  for (auto _ : state) {
    std::memcpy(to.data(), weights().data(), to.size() * sizeof(float));
    benchmark::ClobberMemory();
  }
  count(state);
}
BENCHMARK(copy);

// Arguments: bits, block size, symmetric.
void run(benchmark::State& state, const RowJob& job, const BlockFormat& format) {
  const auto shape = quantized_shape(kRows, kColumns, format);
  if (!shape.ok()) return state.SkipWithError(shape.error().message().c_str());
  std::vector<uint8_t> codes(shape->codes), zero_points(shape->zero_points);
  std::vector<float> scales(shape->scales);
  for (auto _ : state) {
    const Status status =
        quantize_blocks(job, weights(), kColumns, format, {codes, scales, zero_points});
    if (!status.ok()) return state.SkipWithError(status.error().message().c_str());
    benchmark::ClobberMemory();
  }
  count(state);
}

BlockFormat format_of(const benchmark::State& state, Layout layout) {
  return {.bits = static_cast<int>(state.range(0)),
          .block_size = static_cast<int>(state.range(1)),
          .symmetric = state.range(2) != 0,
          .layout = layout};
}

void kquant(benchmark::State& state) {
  run(state, {.kernel = kquant_group}, format_of(state, Layout::kMatMulNBits));
}
void rtn_matmul(benchmark::State& state) {
  run(state, {.kernel = rtn_group}, format_of(state, Layout::kMatMulNBits));
}
void rtn_gather(benchmark::State& state) {
  run(state, {.kernel = rtn_group}, format_of(state, Layout::kGatherBlockQuantized));
}

// The fourth argument counts kernel_targets().
template <void (*kBenchmark)(benchmark::State&)>
void on_target(benchmark::State& state) {
  const int64_t target = kernel_targets()[static_cast<size_t>(state.range(3))];
  hwy::SetSupportedTargetsForTest(target);
  kBenchmark(state);
  hwy::SetSupportedTargetsForTest(0);
  state.SetLabel(hwy::TargetName(target));
}

void formats(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bits", "block", "symmetric"});
  for (const int block : {16, 32, 64, 128, 256}) b->Args({4, block, 0});
  b->Args({8, 32, 0})->Args({4, 32, 1});
}
BENCHMARK(kquant)->Apply(formats);
BENCHMARK(rtn_matmul)->Apply(formats);
BENCHMARK(rtn_gather)->Apply(formats);

void targets(benchmark::internal::Benchmark* b) {
  b->ArgNames({"bits", "block", "symmetric", "target"});
  const auto count = static_cast<int64_t>(kernel_targets().size());
  for (int64_t target = 1; target < count; ++target) b->Args({4, 32, 0, target});
}
BENCHMARK(on_target<kquant>)->Apply(targets);
BENCHMARK(on_target<rtn_matmul>)->Apply(targets);
BENCHMARK(on_target<rtn_gather>)->Apply(targets);

}  // namespace
}  // namespace lapidary::quant

BENCHMARK_MAIN();
