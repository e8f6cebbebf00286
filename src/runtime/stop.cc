#include "runtime/stop.h"

#include <algorithm>
#include <utility>

namespace lapidary::runtime {

StopScanner::StopScanner(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

size_t StopScanner::find_stop() const {
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) first = std::min(first, pending_.find(stop));
  return first;
}

// The longest end of `pending_` that is the beginning of a stop string.
size_t StopScanner::held_back() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; --n) {
      if (pending_.ends_with(std::string_view(stop).substr(0, n))) longest = n;
    }
  }
  return longest;
}

StopScanner::Output StopScanner::push(std::string_view piece) {
  pending_ += piece;
  if (const size_t at = find_stop(); at != std::string::npos) {
    Output output{pending_.substr(0, at), true};
    pending_.clear();
    return output;
  }
  const size_t ready = pending_.size() - held_back();
  Output output{pending_.substr(0, ready), false};
  pending_.erase(0, ready);
  return output;
}

std::string StopScanner::finish() { return std::exchange(pending_, {}); }

}  // namespace lapidary::runtime
