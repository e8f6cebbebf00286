// The progress of every command, by default on standard error: on a terminal one line that is
// redrawn; elsewhere plain lines, beside beginnings and ends at most one in five seconds.
//
//   ProgressDisplay progress;
//   const Work work{.progress = &progress, .cancel = &catch_interrupts()};
//   LAP_ASSIGN_OR_RETURN(const auto encoded, encoder.encode(items, work));
//   progress.finish();   // before anything else is printed
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>

#include "base/progress.h"
#include "cli/progress_text.h"

namespace lapidary::cli {

// What progress is shown on.
struct Screen {
  std::FILE* to = stderr;
  bool terminal = false;  // a line can be redrawn
  size_t columns = 80;

  static Screen of(std::FILE* to);
};

class ProgressDisplay final : public ProgressSink {
 public:
  enum class Keep {
    // Nothing stays on a terminal, and a stage is erased as soon as it is complete: what follows
    // may be the text of a reply. Elsewhere nothing is said before five seconds are over.
    kNothing,
    kStages,  // each stage leaves the line of how it went; elsewhere also one when it begins
  };
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  explicit ProgressDisplay(const Screen& screen = Screen::of(stderr), Keep keep = Keep::kNothing,
                           Now now = Clock::now);
  ~ProgressDisplay() override;
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void stage(const std::string& name, uint64_t total, Unit unit) override;
  void advance(uint64_t units) override;
  void note(const std::string& line) override;
  // Ends the last stage. Called by the destructor as well.
  void finish();

 private:
  void update();
  void say(const std::string& line);
  void draw();
  void erase();
  void end_stage();
  // Of the stage so far.
  StageState state();

  const Screen screen_;
  const Keep keep_;
  const Now now_;
  std::mutex mutex_;
  StageState stage_;  // its name is empty: there is none
  Clock::time_point start_;
  Clock::time_point shown_;  // drawn, or said
  bool drawn_ = false;       // the line is on the screen
  bool said_ = false;        // the stage has a line
};

}  // namespace lapidary::cli
