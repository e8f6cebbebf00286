#include "e2e/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "base/testing/source_dir.h"

namespace lapidary::e2e {
namespace {

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_end(size_t i) {
    if (ends[i] >= 0) close(ends[i]);
    ends[i] = -1;
  }
  // What is written to the second end is still read at the first one, unchanged.
  void become_terminal() {
    close_end(0);
    close_end(1);
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[0] < 0 || grantpt(ends[0]) != 0 || unlockpt(ends[0]) != 0) {
      throw std::runtime_error("no terminal is to be had");
    }
    ends[1] = open(ptsname(ends[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    termios settings{};
    if (tcgetattr(ends[1], &settings) != 0) throw std::runtime_error("tcgetattr failed");
    cfmakeraw(&settings);
    tcsetattr(ends[1], TCSANOW, &settings);
  }
};

// Gives the child a file system of its own that holds 1 MiB. False where that is not allowed.
bool mount_tiny_disk(const char* folder) {
  return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

// In the child: only calls that are safe between fork and exec.
[[noreturn]] void become_program(std::vector<char*>& argv, const ChildOptions& options) {
  if (options.file_bytes >= 0) {
    const auto bytes = static_cast<rlim_t>(options.file_bytes);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (options.address_bytes >= 0) {
    const auto bytes = static_cast<rlim_t>(options.address_bytes);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
  }
  if (options.seconds > 0) alarm(options.seconds);
  if (!options.tiny_disk.empty() && !mount_tiny_disk(options.tiny_disk.c_str())) {
    _exit(kCannotMount);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

pid_t start(const std::vector<std::string>& arguments, const ChildOptions& options, Pipe& in,
            Pipe& out, Pipe& err) {
  std::vector<std::string> words = {(build_dir() / "lapidary").string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  dup2(in.ends[0], STDIN_FILENO);
  dup2(out.ends[1], STDOUT_FILENO);
  dup2(err.ends[1], STDERR_FILENO);
  become_program(argv, options);
}

// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(fd, buffer.data(), buffer.size());
  if (count > 0) into.append(buffer.data(), static_cast<size_t>(count));
  return count > 0;
}

}  // namespace

Outcome lapidary(const std::vector<std::string>& arguments, const ChildOptions& options) {
  Pipe in;
  Pipe out;
  Pipe err;
  if (options.terminal) out.become_terminal();
  if (options.no_reader) out.close_end(0);
  const pid_t pid = start(arguments, options, in, out, err);
  in.close_end(0);
  out.close_end(1);
  err.close_end(1);
  // Inputs of these tests fit a pipe's buffer.
  if (write(in.ends[1], options.input.data(), options.input.size()) < 0 && !options.input.empty()) {
    throw std::runtime_error("cannot write to the child");
  }
  in.close_end(1);
  if (options.kill_after_us >= 0) {
    usleep(static_cast<useconds_t>(options.kill_after_us));
    kill(pid, options.kill_signal);
  }
  Outcome outcome;
  bool interrupted = false;
  std::array<pollfd, 2> streams = {pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  std::array<std::string*, 2> texts = {&outcome.out, &outcome.err};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    poll(streams.data(), streams.size(), -1);
    for (size_t i = 0; i < streams.size(); ++i) {
      if (streams[i].fd >= 0 && streams[i].revents != 0 && !drain(streams[i].fd, *texts[i])) {
        streams[i].fd = -1;
      }
    }
    const bool due = options.interrupt_after > 0 && outcome.out.size() >= options.interrupt_after;
    if (due && !interrupted) kill(pid, SIGINT);
    interrupted = interrupted || due;
    if (!options.kill_at.empty() && outcome.out.find(options.kill_at) != std::string::npos) {
      kill(pid, SIGKILL);
    }
  }
  int status = 0;
  rusage usage = {};
  wait4(pid, &status, 0, &usage);
  outcome.resident_bytes = int64_t{usage.ru_maxrss} * 1024;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Json json_of(const Outcome& outcome) {
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  auto json = parse_json(outcome.out, "standard output");
  EXPECT_TRUE(json.ok()) << outcome.out;
  return json.ok() ? *json : Json::object();
}

std::string package(const std::string& recipe) {
  return (build_dir() / "e2e-packages" / recipe).string();
}

std::string tiny(const std::string& path) {
  return (source_dir() / "models/tiny-gemma4" / path).string();
}

std::vector<Json> text_samples() {
  auto json = load_json(tiny("samples/expected.json"));
  EXPECT_TRUE(json.ok());
  std::vector<Json> samples;
  for (const Json& sample : (*json)["samples"]) {
    if (sample["kind"] == "chat" || sample["kind"] == "completion") samples.push_back(sample);
  }
  return samples;
}

}  // namespace lapidary::e2e
