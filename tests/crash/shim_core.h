// Where the file calls of shim.cc ask which path they are for, what is to become of them, and write the
// journal. The one file that includes it is shim.cc.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crash/record.h"

namespace {

using lapidary::crash::RecordHead;
using lapidary::crash::RecordKind;

// What a call is, by which modes choose.
enum : unsigned {
  kChanges = 1,     // the file system; where it matters to be killed
  kSpace = 2,       // it may take space, and find none
  kInterrupts = 4,  // a signal may end it
  kBytes = 8,       // it may move fewer bytes than asked
  kAny = 16,        // every call of ours
};

char root[PATH_MAX];
size_t root_size;
unsigned wanted;  // traits that count
uint64_t at;
int error;  // what the call fails with
bool kills, kills_after, shortens, onwards, records;
useconds_t slow;
uint64_t no_counter;
uint64_t* counter = &no_counter;
pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_once_t once = PTHREAD_ONCE_INIT;

void set_mode(const char* text) {
  const char* colon = strchr(text, ':');
  const size_t size = colon != nullptr ? static_cast<size_t>(colon - text) : strlen(text);
  const auto is = [&](const char* name) {
    return strlen(name) == size && strncmp(text, name, size) == 0;
  };
  at = colon != nullptr ? strtoull(colon + 1, nullptr, 10) : 0;
  if (is("kill") || is("kill-after")) wanted = kChanges;
  kills = is("kill");
  kills_after = is("kill-after");
  if (is("ENOSPC") || is("full")) wanted = kSpace, error = ENOSPC;
  onwards = is("full");
  if (is("EIO")) wanted = kAny, error = EIO;
  if (is("EINTR")) wanted = kInterrupts, error = EINTR;
  if (is("short")) wanted = kBytes, shortens = true;
  if (is("slow")) wanted = kAny, slow = static_cast<useconds_t>(at), at = 0;
  records = is("record");
}

void init() {
  const char* mode = getenv("LAPIDARY_CRASH");
  const char* folder = getenv("LAPIDARY_CRASH_ROOT");
  if (mode == nullptr || folder == nullptr || strlen(folder) >= sizeof root) return;
  strcpy(root, folder);
  set_mode(mode);
  if (const char* file = getenv("LAPIDARY_CRASH_COUNTER"); file != nullptr) {
    const long fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    const long map = fd < 0 ? -1
                            : syscall(SYS_mmap, nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE,
                                      MAP_SHARED, fd, 0);
    if (map > 0) counter = reinterpret_cast<uint64_t*>(map);
    if (fd >= 0) syscall(SYS_close, fd);
  }
  root_size = strlen(root);
}

template <typename Function>
Function* next(Function* /*like*/, const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define REAL(name) static auto* const real = next(&::name, #name)

bool is_below(const char* path) {
  return root_size > 0 && strncmp(path, root, root_size) == 0 &&
         (path[root_size] == '/' || path[root_size] == '\0');
}

// Where a descriptor leads; false when it is no file.
bool path_of(int fd, char* out) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long size = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
  if (size <= 0) return false;
  out[size] = '\0';
  return out[0] == '/';
}

// Absolute and without "." and "..".
bool resolve(int dir, const char* path, char* out) {
  char whole[2 * PATH_MAX] = "";
  if (path == nullptr || strlen(path) >= PATH_MAX) return false;
  if (path[0] != '/') {
    if (dir == AT_FDCWD ? syscall(SYS_getcwd, whole, PATH_MAX) <= 0 : !path_of(dir, whole)) {
      return false;
    }
    strcat(whole, "/");
  }
  strcat(whole, path);
  size_t size = 0;
  for (const char* part = whole; *part != '\0';) {
    while (*part == '/') ++part;
    const size_t length = strcspn(part, "/");
    if (length == 2 && part[0] == '.' && part[1] == '.') {
      while (size > 0 && out[--size] != '/') continue;
    } else if (length > 0 && !(length == 1 && part[0] == '.')) {
      if (size + length + 2 >= PATH_MAX) return false;
      out[size++] = '/';
      memcpy(out + size, part, length);
      size += length;
    }
    part += length;
  }
  out[size] = '\0';
  return true;
}

struct Path {
  char text[PATH_MAX];
  bool ours;
  Path(int dir, const char* path) {
    pthread_once(&once, init);
    ours = root_size > 0 && resolve(dir, path, text) && is_below(text);
  }
};

bool is_ours(int fd) {
  pthread_once(&once, init);
  const int saved = errno;
  char path[PATH_MAX];
  const bool ours = root_size > 0 && path_of(fd, path) && is_below(path);
  errno = saved;
  return ours;
}

struct Turn {
  bool fails = false, shortened = false, kill_after = false;
};

[[noreturn]] void die() {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

Turn take_turn(unsigned traits) {
  Turn turn;
  if (((traits | kAny) & wanted) == 0) return turn;
  const uint64_t number = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
  if (slow > 0) usleep(slow);
  if (at == 0 || (onwards ? number < at : number != at)) return turn;
  if (kills) die();
  turn.kill_after = kills_after;
  turn.fails = error != 0;
  turn.shortened = shortens;
  return turn;
}

void record(RecordKind kind, uint64_t inode, const char* path = "", const char* other = "",
            int64_t offset = 0, uint64_t size = 0, const void* data = nullptr,
            size_t data_bytes = 0) {
  const char* file = getenv("LAPIDARY_CRASH_JOURNAL");
  if (file == nullptr) return;
  RecordHead head = {};
  head.kind = kind;
  head.path_bytes = static_cast<uint32_t>(strlen(path));
  head.other_bytes = static_cast<uint32_t>(strlen(other));
  head.inode = inode;
  head.offset = offset;
  head.size = size;
  head.data_bytes = data_bytes;
  const iovec parts[] = {{&head, sizeof head},
                         {const_cast<char*>(path), head.path_bytes},
                         {const_cast<char*>(other), head.other_bytes},
                         {const_cast<void*>(data), data_bytes}};
  const long fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CLOEXEC);
  const size_t all = sizeof head + head.path_bytes + head.other_bytes + data_bytes;
  const long written = fd < 0 ? -1 : syscall(SYS_writev, fd, parts, 4);
  if (written != static_cast<long>(all)) {
    fprintf(stderr, "crash shim: cannot write %s\n", file);
    abort();
  }
  syscall(SYS_close, fd);
}

}  // namespace
