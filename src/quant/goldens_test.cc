// Compares with what Olive 0.13 made of the same weights (tests/oracle/make_quant_goldens.py), bit
// for bit. Would catch any change of rounding, of summation order, of packing or of padding.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/float_types.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/testing/source_dir.h"
#include "quant/kquant.h"
#include "quant/rtn.h"

namespace lapidary::quant {
namespace {

const std::string kGoldens = (source_dir() / "tests/golden/quant/").string();

// The generator of make_quant_goldens.py: splitmix64, four 16-bit uniforms summed, exact in float.
float bell(uint64_t seed, uint64_t index) {
  uint64_t z = (index + 1 + (seed << 32)) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  int64_t total = -131070;
  for (int shift = 0; shift < 64; shift += 16) total += static_cast<int64_t>((z >> shift) & 0xffff);
  return std::ldexp(static_cast<float>(total), -20);
}

float weight(const std::string& kind, uint64_t seed, uint64_t i) {
  // The mask is chosen, not the result: GCC 12.2 from -O1 on turns
  // `condition ? float(bits(g) & mask) : g` into g.
  const uint32_t mask = kind == "bf16" ? 0xffff0000u : 0xffffffffu;
  const float g = std::bit_cast<float>(std::bit_cast<uint32_t>(bell(seed, i)) & mask);
  if (kind == "heavy") return (g * g) * (g * 4096.0f);
  if (kind == "ternary") return g > 0.03125f ? 0.5f : (g < -0.03125f ? -0.5f : 0.0f);
  if (kind == "positive") return std::fabs(g) + 1.0f;
  if (kind == "tiny") return std::ldexp(g, -60);
  if (kind == "subnormal") return std::ldexp(g, -140);
  if (kind == "huge") return std::ldexp(g, 80);
  if (kind == "coarse") return std::floor(g * 128.0f) * 0.125f;
  if (kind == "runs") {
    const uint64_t run = i / 48;
    return run % 3 == 0 ? bell(seed, run * 48) : (run % 3 == 1 ? 0.0f : g);
  }
  EXPECT_TRUE(kind == "gaussian" || kind == "bf16") << kind;
  return g;
}

template <typename T>
std::string digest(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  uint64_t sum = 0, power = 1;
  for (const uint8_t byte : bytes) {
    power *= 0x9E3779B97F4A7C15u;
    sum += (byte + uint64_t{1}) * power;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(sum));
  return text;
}

template <typename T>
std::string head(const std::vector<T>& values, size_t count) {
  std::string hex;
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(values.data()),
                                       std::min(values.size() * sizeof(T), count));
  for (const uint8_t byte : bytes) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", byte);
    hex += text;
  }
  return hex;
}

void check_case(const Json& golden, std::span<const float> weights) {
  SCOPED_TRACE(golden.dump());
  const size_t rows = golden.at("rows"), k = golden.at("k");
  const bool gather = golden.at("layout") == "gather";
  const BlockFormat format{
      .bits = golden.at("bits"),
      .block_size = golden.at("block"),
      .symmetric = golden.at("symmetric"),
      .layout = gather ? Layout::kGatherBlockQuantized : Layout::kMatMulNBits,
  };
  const auto shape = quantized_shape(rows, k, format);
  ASSERT_TRUE(shape.ok());
  std::vector<uint8_t> codes(shape->codes, 0xaa), zero_points(shape->zero_points, 0xaa);
  std::vector<float> scales(shape->scales);
  const auto method = golden.at("method") == "kquant" ? kquant_rows : rtn_rows;
  const Status status = method(weights, k, format, {codes, scales, zero_points});
  ASSERT_TRUE(status.ok()) << status.error().message();

  // The heads are there to read when a hash differs.
  EXPECT_EQ(head(scales, 16), golden.at("scales_head"));
  EXPECT_EQ(digest(scales), golden.at("scales"));
  EXPECT_EQ(head(codes, 24), golden.at("codes_head"));
  EXPECT_EQ(digest(codes), golden.at("codes"));
  ASSERT_EQ(golden.contains("zero_points"), !format.symmetric);
  if (!format.symmetric) {
    EXPECT_EQ(head(zero_points, 8), golden.at("zero_points_head"));
    EXPECT_EQ(digest(zero_points), golden.at("zero_points"));
  }
}

TEST(QuantGoldens, EqualOliveOnGeneratedWeights) {
  const auto cases = load_json(kGoldens + "cases.json");
  ASSERT_TRUE(cases.ok()) << cases.error().message();
  ASSERT_EQ(cases->size(), 11u * 50u);
  for (const Json& golden : *cases) {
    std::vector<float> weights(golden.at("rows").get<size_t>() * golden.at("k").get<size_t>());
    const std::string kind = golden.at("kind");
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = weight(kind, golden.at("seed"), i);
    check_case(golden, weights);
    if (HasFailure()) return;  // one case is enough to read
  }
}

TEST(QuantGoldens, EqualOliveOnTrainedWeights) {
  const auto cases = load_json(kGoldens + "tiny_cases.json");
  ASSERT_TRUE(cases.ok()) << cases.error().message();
  const auto file = MappedFile::open(kGoldens + "tiny_rows.bin");
  ASSERT_TRUE(file.ok());
  ASSERT_GE(cases->size(), 4u * 50u);
  for (const Json& golden : *cases) {
    std::vector<float> weights(golden.at("rows").get<size_t>() * golden.at("k").get<size_t>());
    const auto bytes =
        (*file)->bytes().subspan(golden.at("offset").get<size_t>(), weights.size() * 2);
    for (size_t i = 0; i < weights.size(); ++i) {
      uint16_t bits = 0;
      std::memcpy(&bits, &bytes[2 * i], 2);
      weights[i] = bfloat16_to_float(bits);
    }
    check_case(golden, weights);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace lapidary::quant
