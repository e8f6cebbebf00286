#include "cli/terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace lapidary::cli {
namespace {

CancelToken interrupt_token;
int write_error = 0;  // errno of the first write to standard output that failed

// Stores to a lock-free atomic, which a signal handler may do.
extern "C" void on_interrupt(int) { interrupt_token.cancel(); }

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

Error cannot_read(const std::string& where, int code) {
  return io_error(where, std::string("cannot read: ") + std::strerror(code));
}

Result<std::string> read_to_end(int fd, const std::string& where) {
  std::string text;
  std::array<char, 1 << 16> buffer{};
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count > 0) {
      text.append(buffer.data(), static_cast<size_t>(count));
    } else if (errno == EINTR && interrupt_token.cancelled()) {
      return cancelled();
    } else if (errno != EINTR) {
      return cannot_read(where, errno);
    }
  }
}

std::string human_rate(uint64_t bytes, double seconds) {
  const double rate = static_cast<double>(bytes) / std::max(seconds, 1e-6);
  return human_bytes(static_cast<uint64_t>(rate)) + "/s";
}

}  // namespace

int exit_code_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kBadInput:
    case ErrorKind::kUnsupported:
    case ErrorKind::kIo:
      return kExitUsage;
    case ErrorKind::kCancelled:
      return kExitInterrupted;
    case ErrorKind::kInternal:
      break;
  }
  return kExitInternal;
}

int report(const Error& error) {
  std::fprintf(stderr, "lapidary: error: %s\n", one_line(error.message()).c_str());
  return exit_code_of(error);
}

CancelToken& catch_interrupts() {
  interrupt_token.reset();
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  // The first signal puts the default action back. No SA_RESTART: a read that waits for the user
  // is to return.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return interrupt_token;
}

bool write_out(std::string_view text) {
  if (write_error != 0) return false;
  errno = 0;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) write_error = errno != 0 ? errno : EIO;
  return write_error == 0;
}

int finish_output() {
  write_out("");
  if (write_error == 0) return kExitOk;
  return report(io_error("standard output", std::strerror(write_error),
                         "free some space or choose another target"));
}

int print_or_report(const Result<std::string>& text) {
  if (!text.ok()) return report(text.error());
  write_out(text.value());
  return finish_output();
}

Result<std::string> read_stdin() { return read_to_end(STDIN_FILENO, "standard input"); }

Result<std::string> read_text_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return cannot_read(path, errno);
  auto text = read_to_end(fd, path);
  ::close(fd);
  return text;
}

TerminalProgress::TerminalProgress(std::FILE* to) : to_(to), live_(isatty(fileno(to)) == 1) {}
TerminalProgress::~TerminalProgress() { finish(); }

void TerminalProgress::stage(const std::string& name, uint64_t total) {
  const std::lock_guard lock(mutex_);
  end_stage();
  name_ = name;
  total_ = total;
  done_ = 0;
  start_ = Clock::now();
  if (live_) draw();
}

void TerminalProgress::advance(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  done_ += bytes;
  if (live_ && Clock::now() - last_draw_ > std::chrono::milliseconds(100)) draw();
}

void TerminalProgress::note(const std::string& line) {
  const std::lock_guard lock(mutex_);
  erase();
  std::fprintf(to_, "%s\n", line.c_str());
  std::fflush(to_);
}

void TerminalProgress::finish() {
  const std::lock_guard lock(mutex_);
  end_stage();
}

void TerminalProgress::end_stage() {
  if (name_.empty()) return;
  erase();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const std::string bytes =
      done_ > 0 ? human_bytes(done_) + ", " + human_rate(done_, seconds) + ", " : "";
  std::fprintf(to_, "%s: %s%s\n", name_.c_str(), bytes.c_str(), human_seconds(seconds).c_str());
  std::fflush(to_);
  name_.clear();
}

void TerminalProgress::draw() {
  last_draw_ = Clock::now();
  std::string line = name_;
  if (done_ > 0) line += ": " + human_bytes(done_);
  if (total_ > 0 && done_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const double seconds = std::chrono::duration<double>(last_draw_ - start_).count();
    line += " of " + human_bytes(total_) + " (" + fixed(share * 100, 0) + " %)";
    line += ", " + human_rate(done_, seconds);
    line += ", " + human_seconds(seconds * (1 - share) / share) + " left";
  }
  std::fprintf(to_, "\r\x1b[K%s", line.c_str());
  std::fflush(to_);
  drawn_ = true;
}

void TerminalProgress::erase() {
  if (drawn_) std::fputs("\r\x1b[K", to_);
  drawn_ = false;
}

}  // namespace lapidary::cli
