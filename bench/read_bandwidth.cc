// How fast this machine reads memory: the ceiling of decoding, which reads every weight once a
// token.
//
//   bench_read_bandwidth [THREADS [MEGABYTES]]      default: 2 threads, 1536 MB
//
// Each thread sums its share of a buffer larger than any cache, with four independent
// accumulators. Prints the best and the median of seven passes as one JSON line, in bytes per
// second. Uses only the standard library, so the scripts compile it on the spot.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

constexpr int kPasses = 7;

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint64_t sum_avx2(std::span<const uint64_t> words) {
  __m256i a = _mm256_setzero_si256();
  __m256i b = a;
  __m256i c = a;
  __m256i d = a;
  for (size_t i = 0; i + 16 <= words.size(); i += 16) {
    const auto* p = reinterpret_cast<const __m256i*>(words.data() + i);
    a = _mm256_add_epi64(a, _mm256_load_si256(p));
    b = _mm256_add_epi64(b, _mm256_load_si256(p + 1));
    c = _mm256_add_epi64(c, _mm256_load_si256(p + 2));
    d = _mm256_add_epi64(d, _mm256_load_si256(p + 3));
  }
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes),
                     _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d)));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}
#endif

uint64_t sum_portable(std::span<const uint64_t> words) {
  uint64_t a = 0;
  uint64_t b = 0;
  uint64_t c = 0;
  uint64_t d = 0;
  for (size_t i = 0; i + 4 <= words.size(); i += 4) {
    a += words[i];
    b += words[i + 1];
    c += words[i + 2];
    d += words[i + 3];
  }
  return a + b + c + d;
}

uint64_t sum(std::span<const uint64_t> words) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return sum_avx2(words);
#endif
  return sum_portable(words);
}

double one_pass(std::span<const uint64_t> words, size_t threads, uint64_t* sink) {
  const size_t share = words.size() / threads / 16 * 16;
  std::vector<uint64_t> sums(threads);
  std::vector<std::thread> pool;
  const auto start = std::chrono::steady_clock::now();
  for (size_t t = 0; t < threads; ++t) {
    pool.emplace_back([&, t] { sums[t] = sum(words.subspan(t * share, share)); });
  }
  for (std::thread& thread : pool) thread.join();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  for (uint64_t part : sums) *sink += part;
  return static_cast<double>(threads * share * sizeof(uint64_t)) / spent.count();
}

}  // namespace

int main(int argc, char** argv) {
  const size_t threads = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 2;
  const size_t megabytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1536;
  if (threads == 0 || megabytes == 0) {
    std::fprintf(stderr, "usage: bench_read_bandwidth [THREADS [MEGABYTES]]\n");
    return 2;
  }
  const size_t words = megabytes * 1'000'000 / sizeof(uint64_t);
  auto* data =
      static_cast<uint64_t*>(std::aligned_alloc(64, (words * sizeof(uint64_t) + 63) / 64 * 64));
  if (data == nullptr) {
    std::fprintf(stderr, "cannot allocate %zu MB\n", megabytes);
    return 1;
  }
  for (size_t i = 0; i < words; ++i) data[i] = i * 0x9E3779B97F4A7C15u;
  uint64_t sink = 0;
  std::vector<double> rates;
  for (int pass = 0; pass < kPasses; ++pass) {
    rates.push_back(one_pass({data, words}, threads, &sink));
  }
  std::free(data);
  std::sort(rates.begin(), rates.end());
  std::printf(
      "{\"threads\": %zu, \"megabytes\": %zu, \"best\": %.0f, \"median\": %.0f, \"checksum\": "
      "%llu}\n",
      threads, megabytes, rates.back(), rates[kPasses / 2], static_cast<unsigned long long>(sink));
  return 0;
}
