// Standard output belongs to the program: what a vendor's library prints there while it is loaded
// would stand in the middle of JSON or of a reply.
#pragma once

namespace lapidary::ort {

// While it lives, what is written to the process's standard output is dropped. Not for a time when
// other threads print.
class QuietStdout {
 public:
  QuietStdout();
  ~QuietStdout();
  QuietStdout(const QuietStdout&) = delete;
  QuietStdout& operator=(const QuietStdout&) = delete;

 private:
  int saved_ = -1;  // -1: nothing was changed
};

}  // namespace lapidary::ort
