// Inputs of a graph, one set after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "ort/session.h"

namespace lapidary::calibration {

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  // All required inputs of the graph, by name; nothing after the last sample.
  virtual Result<std::optional<std::vector<ort::HostTensor>>> next() = 0;
  // From the first sample again.
  virtual Status rewind() = 0;
  // How many there are, 0 if that is not known: for progress alone.
  virtual int64_t count() const { return 0; }
};

}  // namespace lapidary::calibration
