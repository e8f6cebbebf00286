#include "htp/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "base/files.h"
#include "base/stopwatch.h"

extern char** environ;

namespace lapidary::htp {
namespace {

// Owns the two records of posix_spawn.
class Spawn {
 public:
  explicit Spawn(const std::filesystem::path& log) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes_, 0);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  // 0, or the system's error number.
  int start(const std::filesystem::path& program, std::vector<std::string> words, pid_t& pid) {
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return posix_spawn(&pid, program.c_str(), &actions_, &attributes_, argv.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

int64_t resident_bytes(pid_t pid) {
  std::ifstream statm(fmt::format("/proc/{}/statm", pid));
  int64_t all = 0;
  int64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<int64_t>(sysconf(_SC_PAGESIZE));
}

// Watches one child until it ends.
class Watch {
 public:
  Watch(pid_t pid, const ChildCommand& command) : pid_(pid), command_(command) {}

  Result<ChildEnd> wait() {
    int status = 0;
    rusage usage{};
    for (;;) {
      const pid_t done = wait4(pid_, &status, WNOHANG, &usage);
      if (done == pid_) break;
      if (done < 0 && errno != EINTR) return system_error(command_.program, errno);
      stop_if_due();
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (cancelled_) return cancelled();
    ChildEnd end;
    end.seconds = start_.seconds();
    end.peak_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
    end.reason = WIFSIGNALED(status) ? ChildEnd::Reason::kSignal : ChildEnd::Reason::kExit;
    end.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (stopped_) end.reason = *stopped_;
    if (stopped_ == ChildEnd::Reason::kTime) end.seconds = command_.limits.seconds;
    return end;
  }

 private:
  void stop_if_due() {
    if (cancelled_ || stopped_) return;
    if (command_.cancel != nullptr && command_.cancel->cancelled()) {
      cancelled_ = true;
      kill(-pid_, SIGKILL);
      return;
    }
    const uint64_t progress = command_.progress ? command_.progress() : 0;
    if (progress != progress_) moved_ = Stopwatch();
    progress_ = progress;
    if (moved_.seconds() > command_.limits.seconds) stopped_ = ChildEnd::Reason::kTime;
    const int64_t limit = command_.limits.memory_bytes;
    if (limit > 0 && resident_bytes(pid_) > limit) stopped_ = ChildEnd::Reason::kMemory;
    if (command_.watch && told_.seconds() > 1) {
      told_ = Stopwatch();
      command_.watch(start_.seconds(), resident_bytes(pid_));
    }
    if (stopped_) kill(-pid_, SIGKILL);
  }

  pid_t pid_;
  const ChildCommand& command_;
  Stopwatch start_;
  Stopwatch moved_;  // when there was progress
  Stopwatch told_;   // when `watch` was
  uint64_t progress_ = 0;
  bool cancelled_ = false;
  std::optional<ChildEnd::Reason> stopped_;
};

std::string mebibytes(int64_t bytes) { return fmt::format("{} MiB", bytes / (int64_t{1} << 20)); }

}  // namespace

std::string ChildEnd::describe() const {
  switch (reason) {
    case Reason::kExit:
      return fmt::format("ended with exit code {}", code);
    case Reason::kSignal: {
      const std::string taken =
          code == SIGKILL ? ", which the system sends when memory runs out; it had taken " +
                                mebibytes(peak_bytes)
                          : "";
      // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's text of a known signal is constant
      return fmt::format("died of signal {} ({}){}", code, strsignal(code), taken);
    }
    case Reason::kTime:
      return fmt::format("was stopped after {:.4g} s without progress", seconds);
    case Reason::kMemory:
      break;
  }
  return "was stopped at its memory limit, having taken " + mebibytes(peak_bytes);
}

Result<ChildEnd> run_child(const ChildCommand& command) {
  if (!std::ofstream(command.log).good()) {
    return io_error(command.log.string(), "cannot write the log of a child process");
  }
  std::vector<std::string> words = {command.program.string()};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  Spawn spawn(command.log);
  pid_t pid = 0;
  if (const int code = spawn.start(command.program, std::move(words), pid); code != 0) {
    return system_error(command.program, code);
  }
  return Watch(pid, command).wait();
}

std::string log_text(const std::filesystem::path& log) {
  std::ostringstream text;
  text << std::ifstream(log, std::ios::binary).rdbuf();
  return text.str();
}

std::string log_tail(const std::filesystem::path& log, size_t bytes) {
  std::ifstream stream(log, std::ios::binary | std::ios::ate);
  if (!stream) return "";
  const auto size = static_cast<int64_t>(stream.tellg());
  const int64_t begin = std::max<int64_t>(0, size - static_cast<int64_t>(bytes));
  stream.seekg(begin);
  std::string out;
  std::string line;
  if (begin > 0) std::getline(stream, line);  // most likely the rest of one
  while (std::getline(stream, line)) {
    if (line.empty()) continue;
    if (!out.empty()) out += " | ";
    for (const char c : line) out.push_back(static_cast<unsigned char>(c) < ' ' ? ' ' : c);
  }
  return out;
}

std::filesystem::path own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

}  // namespace lapidary::htp
