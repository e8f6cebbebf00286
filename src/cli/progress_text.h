// What is said of a stage of long work: how far it is, how fast, how long it will take. Functions
// of figures alone, so that every word is tested (progress_text_test.cc); progress_display.h shows
// them.
//
//   progress_line({"calibrate", Unit::kSamples, 69, 30, 14.2})
//       // "calibrate: 30 of 69 samples (43 %), 2.1 samples/s, 18.5 s left"
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/progress.h"

namespace lapidary::cli {

struct StageState {
  std::string name;
  Unit unit = Unit::kBytes;
  uint64_t total = 0;  // 0: unknown
  uint64_t done = 0;
  double seconds = 0;  // since the stage began

  bool is_complete() const { return total > 0 && done >= total; }
};

// "1.4 GB", "1 sample", "69 samples".
std::string amount_text(uint64_t amount, Unit unit);
// "1.2 GB/s", "2.1 samples/s"; of what takes longer than a second "3.4 s/sample".
std::string rate_text(uint64_t done, Unit unit, double seconds);

// How it goes. Without a total no share and no time left; nothing done yet, no rate.
std::string progress_line(const StageState& stage);
// The same with a bar, for a terminal of so many columns. Where there are too few the bar is left
// out, then the line is cut.
std::string terminal_line(const StageState& stage, size_t columns);
// How it went: "calibrate: 69 samples, 2.1 samples/s, 32.9 s". A stage that ended early says how
// far it came: "calibrate: 30 of 69 samples, ...".
std::string end_line(const StageState& stage);

}  // namespace lapidary::cli
