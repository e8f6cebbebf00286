// libFuzzer target: any bytes as calibration.json. No mutation would get past the digest, so it is
// mended: ranges that can be set are, and what they are written as must be read.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/testing/fuzz.h"
#include "quant/ranges.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
using lapidary::Json;
using lapidary::quant::Ranges;

void check_trip(const Ranges& ranges) {
  for (const auto& [value, range] : ranges.all()) {
    fuzzing::require(std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max,
                     "a range is none");
  }
  const auto json = lapidary::parse_json(ranges.to_json().dump(), "written");
  fuzzing::require(json.ok(), "ranges that were written are not JSON");
  const auto again = Ranges::from_json(*json, "written");
  fuzzing::require(again.ok() && *again == ranges, "ranges changed on their way through text");
}

// The ranges of a document whose digest may be wrong.
Ranges mended(const Json& json) {
  Ranges out;
  if (!json.is_object() || !json.contains("ranges") || !json["ranges"].is_object()) return out;
  for (const auto& [value, limits] : json["ranges"].items()) {
    if (!limits.is_array() || limits.size() != 2) continue;
    if (!limits[0].is_number() || !limits[1].is_number()) continue;
    const auto narrow = [](double limit) {
      return std::abs(limit) <= lapidary::kFloat32Range.max ? static_cast<float>(limit) : NAN;
    };
    fuzzing::accepted(
        out.set(value, {narrow(limits[0].get<double>()), narrow(limits[1].get<double>())}));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzzing::MemoryBound bound(size, 128);
  const auto json = lapidary::parse_json(fuzzing::text_of(data, size), "calibration.json");
  if (!fuzzing::accepted(json)) return 0;
  const auto ranges = Ranges::from_json(*json, "calibration.json");
  if (fuzzing::accepted(ranges)) check_trip(*ranges);
  check_trip(mended(*json));
  return 0;
}
