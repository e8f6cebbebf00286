#include "bad_input/bad_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

#include "base/testing/source_dir.h"

namespace lapidary::refusals {
namespace {

namespace fs = std::filesystem;

// Gives the child a file system of its own that holds 1 MiB. False where that is not allowed.
bool mount_tiny_disk(const char* folder) {
  return unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder, "tmpfs", 0, "size=1m") == 0;
}

// In the child: only calls that are safe between fork and exec.
[[noreturn]] void become_program(std::vector<char*>& argv, int out, int err, const Limits& limits) {
  const int in = open("/dev/null", O_RDONLY);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (limits.file_bytes >= 0) {
    const auto bytes = static_cast<rlim_t>(limits.file_bytes);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  if (!limits.tiny_disk.empty() && !mount_tiny_disk(limits.tiny_disk.c_str())) {
    _exit(kCannotMount);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

// A pipe holds all that these children print, so that nobody need read while they run.
struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  }
  ~Pipe() {
    for (const int end : ends) close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string text() {
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    std::string out(1 << 16, '\0');
    const ssize_t count = read(ends[0], out.data(), out.size());
    out.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return out;
  }
};

}  // namespace

Outcome run_program(const std::vector<std::string>& arguments, const Limits& limits) {
  Pipe out;
  Pipe err;
  std::vector<std::string> words = {(build_dir() / "lapidary").string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) become_program(argv, out.ends[1], err.ends[1], limits);
  if (limits.kill_after_us >= 0) {
    usleep(static_cast<useconds_t>(limits.kill_after_us));
    kill(pid, SIGKILL);
  }
  int status = 0;
  rusage usage = {};
  wait4(pid, &status, 0, &usage);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.text(), err.text(),
          int64_t{usage.ru_maxrss} * 1024};
}

void Scratch::add_checkpoint() {
  fs::create_directories(at("checkpoint"));
  for (const auto& file : fs::directory_iterator(checkpoint::tiny_checkpoint())) {
    const fs::path target = fs::path(at("checkpoint")) / file.path().filename();
    if (file.path().extension() == ".safetensors") {
      fs::create_symlink(file.path(), target);
    } else {
      fs::copy_file(file.path(), target);
    }
  }
}

void Scratch::add_package() {
  fs::copy((build_dir() / "e2e-packages/cpu-int4").string(), at("package"),
           fs::copy_options::recursive);
}

void Scratch::write(const std::string& name, const std::string& content) {
  fs::remove(at(name));  // never write through a link into the source tree
  fs::create_directories(fs::path(at(name)).parent_path());
  std::ofstream(at(name), std::ios::binary) << content;
}

void Scratch::remove(const std::string& name) {
  ASSERT_GT(fs::remove_all(at(name)), 0u) << name << " was not there";
}

void Scratch::truncate(const std::string& name, size_t bytes) {
  const std::string content = read(name);
  ASSERT_LT(bytes, content.size());
  write(name, content.substr(0, bytes));
}

void Scratch::replace(const std::string& name, const std::string& from, const std::string& to) {
  std::string content = read(name);
  const size_t position = content.find(from);
  ASSERT_NE(position, std::string::npos) << from;
  write(name, content.replace(position, from.size(), to));
}

void Scratch::edit_json(const std::string& name, const std::function<void(Json&)>& edit) {
  Json json = Json::parse(read(name));
  edit(json);
  write(name, json.dump());
}

void Scratch::edit_header(const std::string& name, const std::function<void(Json&)>& edit) {
  const std::string content = read(name);
  size_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= size_t{static_cast<uint8_t>(content[i])} << (8 * i);
  Json header = Json::parse(content.substr(8, length));
  edit(header);
  write(name, checkpoint::safetensors_bytes(header.dump(), content.substr(8 + length)));
}

std::vector<std::string> Scratch::listing() const {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
    out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void Scratch::expect_refused(const std::vector<std::string>& arguments,
                             const std::vector<std::string>& parts, const Limits& limits) const {
  const std::vector<std::string> before = listing();
  const Outcome outcome = run_program(arguments, limits);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_THAT(outcome.err, ::testing::StartsWith("lapidary: error: "));
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  for (const std::string& part : parts) EXPECT_THAT(outcome.err, ::testing::HasSubstr(part));
  if (limits.resident_bytes > 0) {
    EXPECT_LT(outcome.resident_bytes, limits.resident_bytes);
  }
  EXPECT_EQ(listing(), before);
}

}  // namespace lapidary::refusals
