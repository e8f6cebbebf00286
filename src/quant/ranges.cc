#include "quant/ranges.h"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace lapidary::quant {
namespace {

constexpr int64_t kFormat = 1;

class Fnv {
 public:
  void add(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) hash_ = (hash_ ^ (value >> (8 * i) & 255U)) * 1099511628211U;
  }
  void add(std::string_view text) {
    add(text.size(), 8);
    for (const char c : text) add(static_cast<unsigned char>(c), 1);
  }
  std::string hex() const { return fmt::format("{:016x}", hash_); }

 private:
  uint64_t hash_ = 14695981039346656037U;
};

}  // namespace

Status Ranges::set(const std::string& value, const Range& range) {
  if (!std::isfinite(range.min) || !std::isfinite(range.max) || range.min > range.max) {
    return bad_input(
        fmt::format("value '{}'", value),
        fmt::format("[{:f}, {:f}] is not a range of finite numbers", range.min, range.max),
        "check the calibration data and the graph for infinities and NaN");
  }
  ranges_.insert_or_assign(value, range);
  return {};
}

const Range* Ranges::find(const std::string& value) const {
  const auto it = ranges_.find(value);
  return it == ranges_.end() ? nullptr : &it->second;
}

std::string Ranges::digest() const {
  Fnv fnv;
  for (const auto& [value, range] : ranges_) {
    fnv.add(value);
    fnv.add(std::bit_cast<uint32_t>(range.min), 4);
    fnv.add(std::bit_cast<uint32_t>(range.max), 4);
  }
  return fnv.hex();
}

Json Ranges::to_json() const {
  Json ranges = Json::object();
  for (const auto& [value, range] : ranges_) {
    ranges[value] = {static_cast<double>(range.min), static_cast<double>(range.max)};
  }
  return {{"format", kFormat}, {"digest", digest()}, {"ranges", std::move(ranges)}};
}

Result<Ranges> Ranges::from_json(const Json& json, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::parse(json.dump(), where));
  JsonReader reader = document.root();
  reader.integer("format", {kFormat, kFormat});
  const std::string digest = reader.string("digest");
  Ranges out;
  JsonReader ranges = reader.child("ranges");
  for (const auto& [value, unused] : ranges.json().items()) {
    const std::vector<double> limits = ranges.numbers(value, kFloat32Range);
    LAP_RETURN_IF_ERROR(ranges.status());
    if (limits.size() != 2) {
      return bad_input(fmt::format("{}: ranges: '{}'", where, value), "is not [min, max]");
    }
    LAP_RETURN_IF_ERROR(
        out.set(value, {static_cast<float>(limits[0]), static_cast<float>(limits[1])}));
  }
  reader.reject_unknown();
  LAP_RETURN_IF_ERROR(document.finish());
  if (digest != out.digest()) {
    return bad_input(where, fmt::format("the digest {} does not fit the ranges", digest),
                     "calibrate again instead of editing the file");
  }
  return out;
}

}  // namespace lapidary::quant
