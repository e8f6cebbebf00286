#include "cli/terminal.h"

#include <fmt/core.h>
#include <semaphore.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include "base/files.h"
#include "base/input_file.h"
#include "base/scratch_folder.h"

namespace lapidary::cli {
namespace {

constexpr uint64_t kMostTextBytes = 1U << 30;  // what a tokenizer takes at a time
// The rest of the second within which the program ends, when it is asked to, is for the ending.
constexpr std::chrono::milliseconds kGrace{800};

CancelToken interrupt_token;
std::atomic<bool> terminated{false};
std::atomic<bool> ctrl_c_ends_program{true};
sem_t asked_to_end;   // posted by the signal handler
int write_error = 0;  // errno of the first write to standard output that failed

// Stores to lock-free atomics and posts to a semaphore, which a signal handler may do.
extern "C" void on_interrupt(int signal) {
  interrupt_token.cancel();
  if (signal == SIGTERM) terminated.store(true);
  if (signal == SIGTERM || ctrl_c_ends_program.load()) sem_post(&asked_to_end);
}

// Past the streams, whose locks a blocked thread may hold.
[[noreturn]] void end_here() {
  ScratchFolder::remove_all();
  const std::string line = (::isatty(STDERR_FILENO) == 1 ? "\n" : "") +
                           fmt::format("lapidary: error: {}\n", cancelled().message());
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(kExitInterrupted);
}

// A thread that ends the process when the one that works does not.
bool start_watch() {
  sem_init(&asked_to_end, 0, 0);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Signals are for the thread that may wait in a read.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([] {
    while (sem_wait(&asked_to_end) != 0) {
    }
    std::this_thread::sleep_for(kGrace);
    end_here();
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return true;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

bool write_bytes(std::string_view bytes) {
  if (write_error != 0) return false;
  errno = 0;
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) write_error = errno != 0 ? errno : EIO;
  return write_error == 0;
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
      if (text.size() > kMostTextBytes) {
        return bad_input(where, fmt::format("has more than {} bytes", kMostTextBytes),
                         "give it in parts");
      }
      text.append(buffer.data(), static_cast<size_t>(count));
    } else if (errno == EINTR && interrupt_token.cancelled()) {
      return cancelled();
    } else if (errno != EINTR) {
      return cannot_read(where, errno);
    }
  }
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
  write_err(fmt::format("lapidary: error: {}\n", one_line(error.message())));
  return exit_code_of(error);
}

CancelToken& catch_interrupts(CtrlC ctrl_c) {
  [[maybe_unused]] static const bool watched = start_watch();
  if (!terminated.load()) interrupt_token.reset();
  ctrl_c_ends_program.store(ctrl_c == CtrlC::kEndsProgram);
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
  const bool fine = find_unprintable(text) == std::string_view::npos;
  return write_bytes(fine ? text : printable(text));
}

bool write_json(const Json& json) {
  return write_out(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void write_err(std::string_view text) {
  const std::string shown = printable(text);
  std::fwrite(shown.data(), 1, shown.size(), stderr);
}

ModelText::ModelText() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

bool ModelText::write(std::string_view piece) {
  if (!terminal_) return write_bytes(piece);
  return write_bytes(stream_.push(piece));
}

bool ModelText::finish() { return write_bytes(stream_.flush()); }

int finish_output() {
  write_out("");
  if (write_error == 0) return kExitOk;
  if (write_error == EPIPE) return kExitPipe;  // `lapidary inspect ... | head`: nothing is wrong
  Error error = system_error("standard output", write_error);
  if (error.remedy.empty()) error.remedy = "free some space or choose another target";
  return report(error);
}

int code_or_report(const Result<int>& code) {
  return code.ok() ? code.value() : report(code.error());
}

int print_or_report(const Result<std::string>& text) {
  if (!text.ok()) return report(text.error());
  write_out(text.value());
  return finish_output();
}

Result<std::string> read_stdin() { return read_to_end(STDIN_FILENO, "standard input"); }

Result<std::string> read_text_file(const std::string& path) {
  return read_file(path, kMostTextBytes);
}

}  // namespace lapidary::cli
