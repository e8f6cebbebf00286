#include "crash/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <system_error>
#include <utility>

namespace lapidary::crash {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
  }
  ~Pipe() {
    for (size_t i = 0; i < 2; ++i) close_end(i);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(size_t i) {
    if (ends[i] >= 0) ::close(ends[i]);
    ends[i] = -1;
  }
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> merged_environment(const std::vector<std::string>& own) {
  std::vector<std::string> out;
  for (char** at = environ; *at != nullptr; ++at) out.emplace_back(*at);
  for (const std::string& each : own) {
    const std::string name = each.substr(0, each.find('=') + 1);
    std::erase_if(out, [&](const std::string& other) { return other.starts_with(name); });
    out.push_back(each);
  }
  return out;
}

// In a process group of its own, so that it can be killed with what it started.
pid_t start(const Process& process, Pipe& out, Pipe& err) {
  std::vector<std::string> words = process.words;
  std::vector<std::string> environment = merged_environment(process.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  const int code = posix_spawn(&pid, words[0].c_str(), &actions, &attributes,
                               pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0) throw std::system_error(code, std::generic_category(), words[0]);
  return pid;
}

// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 1 << 16> buffer{};
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count > 0) into.append(buffer.data(), static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

}  // namespace

End run(const Process& process) {
  Pipe out;
  Pipe err;
  const auto begin = Clock::now();
  const pid_t pid = start(process, out, err);
  out.close_end(1);
  err.close_end(1);
  End end;
  const bool timed = process.kill_after.count() >= 0;
  auto due = begin + (timed ? process.kill_after : std::chrono::microseconds(process.limit));
  std::array<pollfd, 2> streams = {pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&end.out, &end.err};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::nanoseconds>(due - Clock::now());
    const timespec wait = {left.count() > 0 ? left.count() / 1000000000 : 0,
                           left.count() > 0 ? left.count() % 1000000000 : 0};
    if (ppoll(streams.data(), streams.size(), &wait, nullptr) == 0) {
      end.hung = !timed;
      kill(-pid, SIGKILL);
      due = Clock::now() + std::chrono::seconds(10);
      if (std::exchange(streams[0].revents, 0) == 0 && end.seconds++ > 1) break;  // an orphan's
      continue;
    }
    for (size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].fd >= 0 && streams[i].revents != 0 && !drain(streams[i].fd, *texts[i])) {
        streams[i].fd = -1;
      }
    }
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status)) end.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return end;
}

}  // namespace lapidary::crash
