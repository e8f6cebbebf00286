#include "nn/axial_rope_rows.h"

#include <fmt/core.h>

#include <cmath>

#include "tensor/expressions.h"

namespace lapidary::nn {

using graph::Builder;
using graph::Ref;

RopeTable axial_rope_rows(Builder& b, const Ref& positions, int64_t patches, int64_t limit,
                          const std::string& name, const std::vector<float>& frequencies) {
  const auto pairs = static_cast<int64_t>(frequencies.size());
  std::vector<float> cos, sin;
  for (int64_t position = 0; position < limit; ++position) {
    for (const float sign : {-1.0F, 1.0F}) {
      for (const float frequency : frequencies) {
        const double angle = static_cast<double>(position) * static_cast<double>(frequency);
        cos.push_back(static_cast<float>(std::cos(angle)));
        sin.push_back(sign * static_cast<float>(std::sin(angle)));
      }
    }
  }
  const auto rows = [&](const std::string& which, const std::vector<float>& values) {
    const std::string at = fmt::format("{}.{}", name, which);
    const Ref table = b.weight(at, tensor::floats({limit, 2 * pairs}, values));
    const Ref found = b.op("Gather", {table, positions}, at, {{"axis", int64_t{0}}});
    return b.op("Reshape", {found, b.constant({1, 1, 2 * patches, 2 * pairs})}, at);
  };
  return {rows("cos", cos), rows("sin", sin)};
}

Ref apply_axial_rope_rows(Builder& b, const Ref& x, const RopeTable& table,
                          const tensor::Shape& shape, const std::string& name) {
  const int64_t width = shape[3] / 2;
  const Ref rows =
      b.op("Reshape", {x, b.constant({shape[0], shape[1], 2 * shape[2], width})}, name);
  const auto half = [&](int64_t begin, const char* which) {
    return b.op("Slice",
                {rows, b.constant({begin}), b.constant({begin + width / 2}), b.constant({3})},
                name + which);
  };
  const Ref swapped = b.op("Concat", {half(width / 2, ".second_half"), half(0, ".first_half")},
                           name, {{"axis", int64_t{3}}});
  const Ref rotated = b.op("Add",
                           {b.op("Mul", {rows, table.cos}, name + ".cos"),
                            b.op("Mul", {swapped, table.sin}, name + ".sin")},
                           name);
  return b.op("Reshape", {rotated, b.constant(shape)}, name);
}

}  // namespace lapidary::nn
