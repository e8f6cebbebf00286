#include "cli/progress_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "base/printable.h"

namespace lapidary::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw(100);
constexpr std::chrono::seconds kQuiet(5);  // between two lines where nothing is redrawn

}  // namespace

Screen Screen::of(std::FILE* to) {
  Screen out;
  out.to = to;
  out.terminal = isatty(fileno(to)) == 1;
  winsize size{};
  if (out.terminal && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    out.columns = size.ws_col;
  }
  return out;
}

ProgressDisplay::ProgressDisplay(const Screen& screen, Keep keep, Now now)
    : screen_(screen), keep_(keep), now_(std::move(now)), start_(now_()), shown_(start_) {}

ProgressDisplay::~ProgressDisplay() { finish(); }

void ProgressDisplay::stage(const std::string& name, uint64_t total, Unit unit) {
  const std::lock_guard lock(mutex_);
  end_stage();
  stage_ = {printable(name), unit, total};
  start_ = now_();
  if (screen_.terminal) {
    draw();
  } else if (keep_ == Keep::kStages) {
    say(progress_line(state()));
  }
}

void ProgressDisplay::advance(uint64_t units) {
  const std::lock_guard lock(mutex_);
  stage_.done += units;
  if (!stage_.name.empty()) update();
}

void ProgressDisplay::note(const std::string& line) {
  const std::lock_guard lock(mutex_);
  const bool redraw = drawn_;
  erase();
  std::fprintf(screen_.to, "%s\n", printable(line).c_str());
  std::fflush(screen_.to);
  if (redraw) draw();
}

void ProgressDisplay::finish() {
  const std::lock_guard lock(mutex_);
  end_stage();
}

void ProgressDisplay::update() {
  const bool complete = stage_.is_complete();
  const auto since = now_() - shown_;
  if (screen_.terminal) {
    if (complete && keep_ == Keep::kNothing) {
      erase();
    } else if (since >= kRedraw) {
      draw();
    }
  } else if (!complete && since >= kQuiet) {
    say(progress_line(state()));
  }
}

void ProgressDisplay::say(const std::string& line) {
  std::fprintf(screen_.to, "%s\n", line.c_str());
  std::fflush(screen_.to);
  shown_ = now_();
  said_ = true;
}

void ProgressDisplay::draw() {
  std::fprintf(screen_.to, "\r\x1b[K%s", terminal_line(state(), screen_.columns).c_str());
  std::fflush(screen_.to);
  shown_ = now_();
  drawn_ = true;
}

void ProgressDisplay::erase() {
  if (drawn_) std::fputs("\r\x1b[K", screen_.to);
  std::fflush(screen_.to);
  drawn_ = false;
}

void ProgressDisplay::end_stage() {
  erase();
  if (!stage_.name.empty() && (said_ || keep_ == Keep::kStages)) say(end_line(state()));
  stage_ = {};
  said_ = false;
}

StageState ProgressDisplay::state() {
  StageState out = stage_;
  out.seconds = std::chrono::duration<double>(now_() - start_).count();
  return out;
}

}  // namespace lapidary::cli
