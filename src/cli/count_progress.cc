#include "cli/count_progress.h"

#include <unistd.h>

namespace lapidary::cli {
namespace {

constexpr std::chrono::seconds kQuiet(5);  // between two lines where nothing is redrawn

}  // namespace

CountProgress::CountProgress(std::FILE* to)
    : to_(to), live_(isatty(fileno(to)) == 1), last_line_(Clock::now()) {}

CountProgress::~CountProgress() { erase(); }

void CountProgress::stage(const std::string& name, uint64_t total) {
  const std::lock_guard lock(mutex_);
  name_ = name;
  total_ = total;
  done_ = 0;
  draw();
}

void CountProgress::advance(uint64_t items) {
  const std::lock_guard lock(mutex_);
  done_ += items;
  draw();
}

void CountProgress::note(const std::string& line) {
  const std::lock_guard lock(mutex_);
  erase();
  std::fprintf(to_, "%s\n", line.c_str());
  std::fflush(to_);
}

std::string CountProgress::line() const {
  return name_ + ": " + std::to_string(done_) + " of " + std::to_string(total_);
}

void CountProgress::draw() {
  if (done_ >= total_) {
    erase();  // what follows may be the text of a reply
  } else if (live_) {
    std::fprintf(to_, "\r\x1b[K%s", line().c_str());
    drawn_ = true;
  } else if (Clock::now() - last_line_ >= kQuiet) {
    std::fprintf(to_, "%s\n", line().c_str());
    last_line_ = Clock::now();
  }
  std::fflush(to_);
}

void CountProgress::erase() {
  if (drawn_) std::fputs("\r\x1b[K", to_);
  std::fflush(to_);
  drawn_ = false;
}

}  // namespace lapidary::cli
