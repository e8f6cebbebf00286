// Stands between a program and the C library's file calls (LD_PRELOAD): counts them, kills the
// program at one of them, lets one fail, slows them, or writes a journal of them.
//
//   LAPIDARY_CRASH_ROOT     only calls for paths in this folder (absolute, without links) matter
//   LAPIDARY_CRASH          what to do:
//     kill:N kill-after:N   SIGKILL at the N-th call that changes something, before or behind it
//     ENOSPC:N EIO:N EINTR:N  the N-th call that can fail so does, and changes nothing
//     full:N                ENOSPC from the N-th call on that takes space
//     short:N               the N-th call that moves bytes moves half of them
//     slow:N                N microseconds of sleep before every call
//     record                appends to LAPIDARY_CRASH_JOURNAL (record.h)
//   LAPIDARY_CRASH_COUNTER  file of 8 bytes: the number of calls so far, of all processes. N = 0 only
//                           counts.
//
// Child processes inherit all of it. Not seen: what the C library does inside (fwrite's and fclose's
// flushing; streams of the C++ library do call write), direct system calls, mapped files. The driver
// compares the count with strace's. Nothing of the C++ library is used.
#include "crash/shim_core.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

uint64_t inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

uint64_t inode_at(const char* path) {
  struct stat status;
  return fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_ino : 0;
}

// The call, unless it is its turn to fail. `note` writes it to the journal, when it went well.
template <typename Call, typename Note>
auto guarded(unsigned traits, Call call, Note note) -> decltype(call()) {
  const Turn turn = take_turn(traits);
  if (turn.fails) {
    errno = error;
    return -1;
  }
  if (records) pthread_mutex_lock(&record_lock);
  const auto result = call();
  const int saved = errno;
  if (records) {
    if (result >= 0) note(result);
    pthread_mutex_unlock(&record_lock);
  }
  if (turn.kill_after) die();
  errno = saved;
  return result;
}

const auto silent = [](auto /*result*/) {};

// `bytes`: how many a call is asked to move; `call` takes how many it may.
template <typename Call, typename Note>
ssize_t moved(unsigned traits, size_t bytes, Call call, Note note) {
  const Turn turn = take_turn(bytes > 1 ? traits | kBytes : traits);
  if (turn.fails) {
    errno = error;
    return -1;
  }
  if (records) pthread_mutex_lock(&record_lock);
  const ssize_t result = call(turn.shortened ? bytes / 2 : bytes);
  const int saved = errno;
  if (records) {
    if (result > 0) note(static_cast<size_t>(result));
    pthread_mutex_unlock(&record_lock);
  }
  if (turn.kill_after) die();
  errno = saved;
  return result;
}

bool changes(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0; }

template <typename Call>
int opened(const Path& path, int flags, Call call) {
  if (!path.ours) return call();
  uint64_t before = 0;
  return guarded((changes(flags) ? kChanges | kSpace : 0U) | kInterrupts,
                 [&] {
                   if (records) before = inode_at(path.text);
                   return call();
                 },
                 [&](int fd) {
                   if ((flags & O_TMPFILE) == O_TMPFILE)
                     return record(RecordKind::kUnseen, 0, path.text);
                   if (!changes(flags)) return;
                   const uint64_t inode = inode_of(fd);
                   if (before == 0) record(RecordKind::kCreate, inode, path.text);
                   if (before != 0 && (flags & O_TRUNC) != 0) record(RecordKind::kTruncate, inode);
                 });
}

void note_written(int fd, int64_t offset, const void* bytes, size_t size) {
  record(RecordKind::kWrite, inode_of(fd), "", "", offset, 0, bytes, size);
}

int64_t written_from(int fd, size_t size) {
  return lseek(fd, 0, SEEK_CUR) - static_cast<int64_t>(size);
}

// What another call put there.
void note_copied(int fd, int64_t offset, size_t size) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long reader = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
  char piece[1 << 16];
  while (size > 0) {
    const long got =
        syscall(SYS_pread64, reader, piece, size < sizeof piece ? size : sizeof piece, offset);
    if (got <= 0) return record(RecordKind::kUnseen, inode_of(fd));
    note_written(fd, offset, piece, static_cast<size_t>(got));
    offset += got;
    size -= static_cast<size_t>(got);
  }
  syscall(SYS_close, reader);
}

mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

int open_flags(const char* mode) {
  if (mode[0] == 'r') return 0;
  return mode[0] == 'w' ? O_CREAT | O_TRUNC : O_CREAT;
}

template <typename Call>
FILE* stream_opened(const char* name, const char* mode, Call call) {
  const Path path(AT_FDCWD, name);
  FILE* stream = nullptr;
  opened(path, open_flags(mode), [&] {
    stream = call();
    return stream != nullptr ? fileno(stream) : -1;
  });
  return stream;
}

const unsigned kNames = kChanges | kSpace;
const unsigned kWrites = kChanges | kSpace | kInterrupts;

}  // namespace

// Opening. The C library has two names of most calls, and one more for checked ones.
#define OPEN(name)                                                                       \
  EXPORT int name(const char* file, int flags, ...) {                                    \
    REAL(name);                                                                          \
    va_list list;                                                                        \
    va_start(list, flags);                                                               \
    const mode_t mode = mode_of(flags, list);                                            \
    va_end(list);                                                                        \
    return opened(Path(AT_FDCWD, file), flags, [&] { return real(file, flags, mode); }); \
  }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                     \
  EXPORT int name(int dir, const char* file, int flags, ...) {                           \
    REAL(name);                                                                          \
    va_list list;                                                                        \
    va_start(list, flags);                                                               \
    const mode_t mode = mode_of(flags, list);                                            \
    va_end(list);                                                                        \
    return opened(Path(dir, file), flags, [&] { return real(dir, file, flags, mode); }); \
  }
OPENAT(openat)
OPENAT(openat64)
EXPORT int __open_2(const char* file, int flags) { return open(file, flags); }
EXPORT int __open64_2(const char* file, int flags) { return open64(file, flags); }
EXPORT int __openat_2(int dir, const char* file, int flags) { return openat(dir, file, flags); }
EXPORT int __openat64_2(int dir, const char* file, int flags) { return openat64(dir, file, flags); }
EXPORT int creat(const char* file, mode_t mode) {
  return open(file, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int creat64(const char* file, mode_t mode) { return creat(file, mode); }
EXPORT FILE* fopen(const char* file, const char* mode) {
  REAL(fopen);
  return stream_opened(file, mode, [&] { return real(file, mode); });
}
EXPORT FILE* fopen64(const char* file, const char* mode) {
  REAL(fopen64);
  return stream_opened(file, mode, [&] { return real(file, mode); });
}
EXPORT int close(int fd) {
  REAL(close);
  // Whatever it says, the descriptor is gone.
  if (is_ours(fd) && take_turn(kInterrupts).fails) {
    real(fd);
    errno = error;
    return -1;
  }
  return real(fd);
}

// Bytes.
EXPORT ssize_t write(int fd, const void* bytes, size_t size) {
  REAL(write);
  if (!is_ours(fd)) return real(fd, bytes, size);
  return moved(
      kWrites, size, [&](size_t count) { return real(fd, bytes, count); },
      [&](size_t count) { note_written(fd, written_from(fd, count), bytes, count); });
}
#define PWRITE(name, off)                                                            \
  EXPORT ssize_t name(int fd, const void* bytes, size_t size, off offset) {          \
    REAL(name);                                                                      \
    if (!is_ours(fd)) return real(fd, bytes, size, offset);                          \
    return moved(                                                                    \
        kWrites, size, [&](size_t count) { return real(fd, bytes, count, offset); }, \
        [&](size_t count) { note_written(fd, offset, bytes, count); });              \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
EXPORT ssize_t writev(int fd, const iovec* parts, int number) {
  REAL(writev);
  if (!is_ours(fd)) return real(fd, parts, number);
  size_t size = 0;
  for (int i = 0; i < number; ++i) size += parts[i].iov_len;
  return moved(
      kWrites, size,
      [&](size_t count) {
        if (count == size) return real(fd, parts, number);
        for (int i = 0; i < number; ++i) {  // short: the first part that has bytes, half of it
          const size_t half = parts[i].iov_len - parts[i].iov_len / 2;
          if (half > 0)
            return static_cast<ssize_t>(syscall(SYS_write, fd, parts[i].iov_base, half));
        }
        return ssize_t{0};
      },
      [&](size_t count) { note_copied(fd, written_from(fd, count), count); });
}
EXPORT ssize_t read(int fd, void* bytes, size_t size) {
  REAL(read);
  if (!is_ours(fd)) return real(fd, bytes, size);
  return moved(
      kInterrupts, size, [&](size_t count) { return real(fd, bytes, count); }, silent);
}
#define PREAD(name, off)                                                                          \
  EXPORT ssize_t name(int fd, void* bytes, size_t size, off offset) {                             \
    REAL(name);                                                                                   \
    if (!is_ours(fd)) return real(fd, bytes, size, offset);                                       \
    return moved(                                                                                 \
        kInterrupts, size, [&](size_t count) { return real(fd, bytes, count, offset); }, silent); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)
EXPORT ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t size,
                               unsigned flags) {
  REAL(copy_file_range);
  if (!is_ours(out)) return real(in, in_at, out, out_at, size, flags);
  const int64_t from = out_at != nullptr ? *out_at : lseek(out, 0, SEEK_CUR);
  return moved(
      kWrites, size, [&](size_t count) { return real(in, in_at, out, out_at, count, flags); },
      [&](size_t count) { note_copied(out, from, count); });
}
#define SENDFILE(name, off)                                                        \
  EXPORT ssize_t name(int out, int in, off* in_at, size_t size) {                  \
    REAL(name);                                                                    \
    if (!is_ours(out)) return real(out, in, in_at, size);                          \
    return moved(                                                                  \
        kWrites, size, [&](size_t count) { return real(out, in, in_at, count); },  \
        [&](size_t count) { note_copied(out, written_from(out, count), count); }); \
  }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

// Sizes.
#define FTRUNCATE(name, off)                                                                   \
  EXPORT int name(int fd, off size) {                                                          \
    REAL(name);                                                                                \
    if (!is_ours(fd)) return real(fd, size);                                                   \
    return guarded(                                                                            \
        kWrites, [&] { return real(fd, size); },                                               \
        [&](int) {                                                                             \
          record(RecordKind::kTruncate, inode_of(fd), "", "", 0, static_cast<uint64_t>(size)); \
        });                                                                                    \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)
#define TRUNCATE(name, off)                                             \
  EXPORT int name(const char* file, off size) {                         \
    REAL(name);                                                         \
    const Path path(AT_FDCWD, file);                                    \
    if (!path.ours) return real(file, size);                            \
    return guarded(                                                     \
        kWrites, [&] { return real(file, size); },                      \
        [&](int) {                                                      \
          record(RecordKind::kTruncate, inode_at(path.text), "", "", 0, \
                 static_cast<uint64_t>(size));                          \
        });                                                             \
  }
TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)
#define FALLOCATE(name, off)                                               \
  EXPORT int name(int fd, int mode, off offset, off size) {                \
    REAL(name);                                                            \
    if (!is_ours(fd)) return real(fd, mode, offset, size);                 \
    return guarded(                                                        \
        kWrites, [&] { return real(fd, mode, offset, size); },             \
        [&](int) {                                                         \
          if (mode != 0) return record(RecordKind::kUnseen, inode_of(fd)); \
          record(RecordKind::kAllocate, inode_of(fd), "", "", 0,           \
                 static_cast<uint64_t>(offset + size));                    \
        });                                                                \
  }
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)
// These return the error.
#define POSIX_FALLOCATE(name, off)                                              \
  EXPORT int name(int fd, off offset, off size) {                               \
    REAL(name);                                                                 \
    if (!is_ours(fd)) return real(fd, offset, size);                            \
    int code = 0;                                                               \
    const int done = guarded(                                                   \
        kWrites, [&] { return (code = real(fd, offset, size)) == 0 ? 0 : -1; }, \
        [&](int) {                                                              \
          record(RecordKind::kAllocate, inode_of(fd), "", "", 0,                \
                 static_cast<uint64_t>(offset + size));                         \
        });                                                                     \
    return done == 0 ? 0 : (code != 0 ? code : error);                          \
  }
POSIX_FALLOCATE(posix_fallocate, off_t)
POSIX_FALLOCATE(posix_fallocate64, off64_t)

// Names.
EXPORT int mkdirat(int dir, const char* folder, mode_t mode) {
  REAL(mkdirat);
  const Path path(dir, folder);
  if (!path.ours) return real(dir, folder, mode);
  return guarded(
      kNames, [&] { return real(dir, folder, mode); },
      [&](int) { record(RecordKind::kMkdir, inode_at(path.text), path.text); });
}
EXPORT int mkdir(const char* folder, mode_t mode) { return mkdirat(AT_FDCWD, folder, mode); }

EXPORT int renameat2(int from_dir, const char* from, int to_dir, const char* to,
                     unsigned flags) noexcept {
  REAL(renameat2);
  const Path a(from_dir, from);
  const Path b(to_dir, to);
  if (!a.ours && !b.ours) return real(from_dir, from, to_dir, to, flags);
  return guarded(
      kNames, [&] { return real(from_dir, from, to_dir, to, flags); },
      [&](int) {
        record(a.ours && b.ours ? RecordKind::kRename : RecordKind::kUnseen, 0, a.text, b.text, 0,
               (flags & RENAME_EXCHANGE) != 0 ? 1 : 0);
      });
}
EXPORT int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  return renameat2(from_dir, from, to_dir, to, 0);
}
EXPORT int rename(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

template <typename Call>
static int removed(const Path& path, Call call) {
  if (!path.ours) return call();
  return guarded(kChanges, call, [&](int) { record(RecordKind::kRemove, 0, path.text); });
}
EXPORT int unlinkat(int dir, const char* name, int flags) {
  REAL(unlinkat);
  return removed(Path(dir, name), [&] { return real(dir, name, flags); });
}
EXPORT int unlink(const char* name) {
  REAL(unlink);
  return removed(Path(AT_FDCWD, name), [&] { return real(name); });
}
EXPORT int rmdir(const char* name) {
  REAL(rmdir);
  return removed(Path(AT_FDCWD, name), [&] { return real(name); });
}
EXPORT int remove(const char* name) {
  REAL(remove);
  return removed(Path(AT_FDCWD, name), [&] { return real(name); });
}

EXPORT int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  REAL(linkat);
  const Path path(to_dir, to);
  if (!path.ours) return real(from_dir, from, to_dir, to, flags);
  return guarded(
      kNames, [&] { return real(from_dir, from, to_dir, to, flags); },
      [&](int) { record(RecordKind::kLink, inode_at(path.text), path.text); });
}
EXPORT int link(const char* from, const char* to) {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int symlinkat(const char* target, int dir, const char* name) {
  REAL(symlinkat);
  const Path path(dir, name);
  if (!path.ours) return real(target, dir, name);
  return guarded(
      kNames, [&] { return real(target, dir, name); },
      [&](int) { record(RecordKind::kSymlink, inode_at(path.text), path.text, target); });
}
EXPORT int symlink(const char* target, const char* name) {
  return symlinkat(target, AT_FDCWD, name);
}

// Flushing. sync_file_range promises nothing about sizes and names.
#define SYNC(name)                                                                                 \
  EXPORT int name(int fd) {                                                                        \
    REAL(name);                                                                                    \
    if (!is_ours(fd)) return real(fd);                                                             \
    return guarded(                                                                                \
        kWrites, [&] { return real(fd); }, [&](int) { record(RecordKind::kSync, inode_of(fd)); }); \
  }
SYNC(fsync)
SYNC(fdatasync)
EXPORT int syncfs(int fd) {
  REAL(syncfs);
  if (!is_ours(fd)) return real(fd);
  return guarded(
      kWrites, [&] { return real(fd); }, [&](int) { record(RecordKind::kSyncAll, 0); });
}
EXPORT int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags) {
  REAL(sync_file_range);
  if (!is_ours(fd)) return real(fd, offset, size, flags);
  return guarded(
      kWrites, [&] { return real(fd, offset, size, flags); }, silent);
}

// Without a journal of their own: locks, permissions, which no promise hangs on; and shared mappings,
// which no journal can follow.
EXPORT int flock(int fd, int operation) {
  REAL(flock);
  if (!is_ours(fd)) return real(fd, operation);
  if (take_turn(kInterrupts).fails) {
    errno = error;
    return -1;
  }
  return real(fd, operation);
}
EXPORT int fchmod(int fd, mode_t mode) {
  REAL(fchmod);
  if (!is_ours(fd)) return real(fd, mode);
  return guarded(
      kChanges, [&] { return real(fd, mode); }, silent);
}
EXPORT int chmod(const char* name, mode_t mode) {
  REAL(chmod);
  if (!Path(AT_FDCWD, name).ours) return real(name, mode);
  return guarded(
      kChanges, [&] { return real(name, mode); }, silent);
}
#define MMAP(name, off)                                                                          \
  EXPORT void* name(void* address, size_t size, int protection, int flags, int fd, off offset) { \
    REAL(name);                                                                                  \
    const bool writes = (flags & MAP_SHARED) != 0 && (protection & PROT_WRITE) != 0;             \
    if (writes && fd >= 0 && is_ours(fd) && records) record(RecordKind::kUnseen, inode_of(fd));  \
    return real(address, size, protection, flags, fd, offset);                                   \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)
