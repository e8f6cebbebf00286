#include "cli/progress_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace lapidary::cli {
namespace {

constexpr size_t kBarCells = 20;

// The word for one of it; one more letter makes the plural.
const char* word_of(Unit unit) {
  switch (unit) {
    case Unit::kBytes:
      return "byte";
    case Unit::kGraphs:
      return "graph";
    case Unit::kItems:
      return "item";
    case Unit::kLines:
      return "line";
    case Unit::kNodes:
      return "node";
    case Unit::kProbes:
      return "probe";
    case Unit::kSamples:
      return "sample";
    case Unit::kTokens:
      break;
  }
  return "token";
}

std::string number(double value) { return fixed(value, value < 10 ? 1 : 0); }

double share_of(const StageState& stage) {
  return std::min(1.0, static_cast<double>(stage.done) / static_cast<double>(stage.total));
}

// "30 of 69 samples", "412.0 MB of 2.1 GB", "30 samples".
std::string done_text(const StageState& stage) {
  const std::string all = amount_text(stage.total, stage.unit);
  if (stage.total == 0) return amount_text(stage.done, stage.unit);
  if (stage.unit == Unit::kBytes) return fmt::format("{} of {}", human_bytes(stage.done), all);
  return fmt::format("{} of {}", stage.done, all);
}

std::string percent_text(const StageState& stage) {
  return fmt::format("{} %", std::llround(std::floor(100 * share_of(stage))));
}

// ", 2.1 samples/s, 18.5 s left": as much of it as is known.
std::string pace_text(const StageState& stage) {
  if (stage.done == 0) return "";
  std::string out = ", " + rate_text(stage.done, stage.unit, stage.seconds);
  if (stage.total == 0 || stage.is_complete()) return out;
  const double share = share_of(stage);
  return fmt::format("{}, {} left", out, human_seconds(stage.seconds * (1 - share) / share));
}

std::string bar_text(const StageState& stage) {
  const auto full =
      static_cast<size_t>(std::floor(share_of(stage) * static_cast<double>(kBarCells)));
  return fmt::format("[{:.<{}}] ", std::string(full, '#'), kBarCells);
}

// At most so many bytes, and no part of a UTF-8 character.
std::string cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
  return text;
}

}  // namespace

std::string amount_text(uint64_t amount, Unit unit) {
  if (unit == Unit::kBytes) return human_bytes(amount);
  return counted(static_cast<int64_t>(amount), word_of(unit));
}

std::string rate_text(uint64_t done, Unit unit, double seconds) {
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-6);
  if (unit == Unit::kBytes) return human_bytes(static_cast<uint64_t>(rate)) + "/s";
  if (rate > 0 && rate < 1) return fmt::format("{} s/{}", number(1 / rate), word_of(unit));
  return fmt::format("{} {}s/s", number(rate), word_of(unit));
}

std::string progress_line(const StageState& stage) {
  if (stage.total == 0 && stage.done == 0) return stage.name + ": started";
  const bool share = stage.total > 0 && stage.done > 0;
  return fmt::format("{}: {}{}{}", stage.name, done_text(stage),
                     share ? fmt::format(" ({})", percent_text(stage)) : "", pace_text(stage));
}

std::string terminal_line(const StageState& stage, size_t columns) {
  // The last column stays free: some terminals begin a new line as soon as it is written.
  const size_t room = std::max<size_t>(columns, 2) - 1;
  if (stage.total == 0) return cut(progress_line(stage), room);
  const std::string line = fmt::format("{}: {}{}, {}{}", stage.name, bar_text(stage),
                                       percent_text(stage), done_text(stage), pace_text(stage));
  return line.size() <= room ? line : cut(progress_line(stage), room);
}

std::string end_line(const StageState& stage) {
  std::string out = stage.name + ": ";
  if (stage.done > 0) {
    // Some stages do a little more than was foreseen.
    const bool early = stage.total > 0 && !stage.is_complete();
    out += fmt::format("{}, {}, ", early ? done_text(stage) : amount_text(stage.done, stage.unit),
                       rate_text(stage.done, stage.unit, stage.seconds));
  }
  return out + human_seconds(stage.seconds);
}

}  // namespace lapidary::cli
