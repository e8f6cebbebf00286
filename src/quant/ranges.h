// What calibration found: the range of each activation, by value name.
//
//   LAP_ASSIGN_OR_RETURN(Ranges ranges, Ranges::from_json(json, "calibration.json"));
//   const Range* r = ranges.find("model.norm/RMSNormalization");
//
// As JSON: {"format": 1, "digest": "<16 hex digits>", "ranges": {"<value>": [min, max], ...}}. The
// digest covers names and limits, so that a file that was edited by hand, and a cache key that
// should have changed, are noticed. Limits survive the round trip bit for bit.
#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "quant/affine.h"

namespace lapidary::quant {

class Ranges {
 public:
  // Errors: another format number, limits that are no finite range, a digest that does not fit.
  static Result<Ranges> from_json(const Json& json, const std::string& where);
  Json to_json() const;

  // Sets or replaces. kBadInput, naming the value: limits that are no finite range.
  Status set(const std::string& value, const Range& range);
  const Range* find(const std::string& value) const;  // nullptr: not calibrated
  const std::map<std::string, Range>& all() const { return ranges_; }
  std::string digest() const;

  bool operator==(const Ranges&) const = default;

 private:
  std::map<std::string, Range> ranges_;
};

}  // namespace lapidary::quant
