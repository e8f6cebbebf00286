#include "ort/quiet_stdout.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace lapidary::ort {

QuietStdout::QuietStdout() {
  std::fflush(stdout);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  saved_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  if (saved_ >= 0) ::dup2(nowhere, STDOUT_FILENO);
  ::close(nowhere);
}

QuietStdout::~QuietStdout() {
  if (saved_ < 0) return;
  std::fflush(stdout);  // what the library left in the buffer
  ::dup2(saved_, STDOUT_FILENO);
  ::close(saved_);
}

}  // namespace lapidary::ort
