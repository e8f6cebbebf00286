#include "forms/packed_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/float_types.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::golden {
namespace {

using checkpoint::TestTensors;
using gguf::raw;
using Stored = TestTensors::Stored;

struct Scheme {
  int bits;
  size_t group;  // 0: a channel
  bool symmetric;
  const char* dtype;  // of scales
};

Scheme scheme_named(const std::string& name) {
  if (name == "int4_group") return {4, 32, true, "BF16"};
  if (name == "int4_group_asymmetric") return {4, 32, false, "BF16"};
  if (name == "int4_channel") return {4, 0, true, "F16"};
  if (name == "int8_channel") return {8, 0, true, "BF16"};
  return {8, 64, false, "F32"};
}

// A scale as it is stored, and what that means.
std::pair<std::string, float> stored_scale(float scale, const std::string& dtype) {
  if (dtype == "F32") return {raw(scale), scale};
  if (dtype == "F16") {
    const uint16_t bits = float_to_float16(scale);
    return {raw(bits), float16_to_float(bits)};
  }
  const uint16_t bits = float_to_bfloat16(scale);
  return {raw(bits), bfloat16_to_float(bits)};
}

// [rows, cols] of codes in int32 words, along the columns from the lowest bits on.
std::string words_of(const std::vector<uint32_t>& codes, size_t cols, int bits) {
  const size_t per_word = 32 / static_cast<size_t>(bits);
  std::string out;
  for (size_t row = 0; row < codes.size(); row += cols) {
    for (size_t col = 0; col < cols; col += per_word) {
      uint32_t word = 0;
      for (size_t i = col; i < std::min(cols, col + per_word); ++i) {
        word |= codes[row + i] << (static_cast<size_t>(bits) * (i - col));
      }
      out += raw(word);
    }
  }
  return out;
}

// int32 [rows, cols] the other way round.
std::string transposed_words(const std::string& words, size_t cols) {
  const size_t rows = words.size() / sizeof(uint32_t) / cols;
  std::string out;
  for (size_t col = 0; col < cols; ++col) {
    for (size_t row = 0; row < rows; ++row) {
      out += words.substr((row * cols + col) * sizeof(uint32_t), sizeof(uint32_t));
    }
  }
  return out;
}

struct GroupGrid {
  float scale = 0;
  float zero = 0;
};

GroupGrid grid_of_group(std::span<const float> group, const Scheme& scheme) {
  const auto top = static_cast<float>((1 << scheme.bits) - 1);
  if (scheme.symmetric) {
    float largest = 0;
    for (const float x : group) largest = std::max(largest, std::abs(x));
    return {largest / (top / 2), static_cast<float>(1 << (scheme.bits - 1))};
  }
  const float low = std::min(0.0F, *std::min_element(group.begin(), group.end()));
  const float high = std::max(0.0F, *std::max_element(group.begin(), group.end()));
  const float scale = (high - low) / top;
  return {scale, std::clamp(std::nearbyint(-low / std::max(scale, 1e-12F)), 0.0F, top)};
}

}  // namespace

std::vector<float> floats_of(const Stored& stored) {
  std::vector<float> out;
  const size_t size = stored.dtype == "F32" ? sizeof(float) : sizeof(uint16_t);
  for (size_t at = 0; at < stored.bytes.size(); at += size) {
    float value = 0;
    uint16_t bits = 0;
    std::memcpy(size == sizeof value ? static_cast<void*>(&value) : &bits, &stored.bytes[at], size);
    out.push_back(size == sizeof value ? value : bfloat16_to_float(bits));
  }
  return out;
}

void round_to_q4_0(Stored& weight) {
  const std::vector<float> values = floats_of(weight);
  weight.dtype = "BF16";
  weight.bytes.clear();
  for (size_t at = 0; at < values.size(); at += 32) {
    const auto block = std::span(values).subspan(at, 32);
    const float largest = *std::max_element(
        block.begin(), block.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    const float step = largest / -8;
    const float inverse = step == 0 ? 0 : 1 / step;
    const float kept = float16_to_float(float_to_float16(step));
    for (const float x : block) {
      const int code = std::min(15, static_cast<int>(x * inverse + 8.5F));
      weight.bytes += raw(float_to_bfloat16(static_cast<float>(code - 8) * kept));
    }
  }
}

bool is_packed_here(const std::string& name, const Stored& stored) {
  return name.starts_with("model.language_model.layers.") && name.ends_with("_proj.weight") &&
         stored.shape.size() == 2 && stored.shape[1] % 64 == 0;
}

void pack_weight(TestTensors& tensors, const std::string& name, const std::string& scheme_name) {
  const Scheme scheme = scheme_named(scheme_name);
  const Stored weight = tensors.all.at(name + ".weight");
  tensors.all.erase(name + ".weight");
  const std::vector<float> values = floats_of(weight);
  const auto rows = static_cast<size_t>(weight.shape[0]);
  const auto cols = static_cast<size_t>(weight.shape[1]);
  const size_t width = scheme.group == 0 ? cols : scheme.group;
  const size_t groups = cols / width;
  const auto top = static_cast<float>((1 << scheme.bits) - 1);
  std::vector<uint32_t> codes;
  std::vector<uint32_t> zeros(rows * groups);  // [groups, rows]
  std::string scales;
  for (size_t group = 0; group < rows * groups; ++group) {
    const auto part = std::span(values).subspan(group * width, width);
    const GroupGrid grid = grid_of_group(part, scheme);
    const auto [bytes, scale] = stored_scale(std::max(grid.scale, 1e-8F), scheme.dtype);
    scales += bytes;
    zeros[group % groups * rows + group / groups] = static_cast<uint32_t>(grid.zero);
    for (const float x : part) {
      codes.push_back(
          static_cast<uint32_t>(std::clamp(std::nearbyint(x / scale) + grid.zero, 0.0F, top)));
    }
  }
  const auto words = [&](size_t count) {
    const auto per_word = 32 / static_cast<size_t>(scheme.bits);
    return static_cast<int64_t>((count + per_word - 1) / per_word);
  };
  const auto n = static_cast<int64_t>(rows);
  const auto parts = static_cast<int64_t>(groups);
  tensors.all[name + ".weight_packed"] = {
      "I32", {n, words(cols)}, words_of(codes, cols, scheme.bits)};
  tensors.all[name + ".weight_scale"] = {scheme.dtype, {n, parts}, scales};
  tensors.all[name + ".weight_shape"] = {"I64", {2}, raw(n) + raw(static_cast<int64_t>(cols))};
  if (scheme.symmetric) return;
  tensors.all[name + ".weight_zero_point"] = {
      "I32",
      {words(rows), parts},
      transposed_words(words_of(zeros, rows, scheme.bits), static_cast<size_t>(words(rows)))};
}

}  // namespace lapidary::golden
