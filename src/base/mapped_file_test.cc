// Files that are read in pieces: what has been read stops counting as memory of the process.
#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"

namespace lapidary {
namespace {

constexpr size_t kBytes = 8 << 20;

class Scratch {
 public:
  explicit Scratch(const std::string& name)
      : path_(std::filesystem::path(::testing::TempDir()) / name) {
    std::string bytes(kBytes, '\0');
    for (size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(i / 4096 % 251);
    EXPECT_TRUE(write_file(path_, bytes).ok());
  }
  ~Scratch() { std::filesystem::remove(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Bytes of the file that are mapped into this process and count against it.
size_t resident(const std::filesystem::path& path) {
  std::ifstream smaps("/proc/self/smaps");
  size_t kilobytes = 0;
  bool here = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find(path.string()) != std::string::npos) here = true;
    if (!here || !line.starts_with("Rss:")) continue;
    std::istringstream(line.substr(4)) >> kilobytes;
    break;
  }
  return kilobytes << 10;
}

unsigned sum(std::span<const std::byte> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0U, [](unsigned total, std::byte each) {
    return total + std::to_integer<unsigned>(each);
  });
}

// Pieces that end within pages, as rows of a weight do. What is mapped around each piece, and pages
// that two pieces share, would add up to most of the file.
TEST(MappedFile, KeepsNothingOfPiecesThatWereReleased) {
  const Scratch scratch("mapped_file_pieces");
  const auto file = MappedFile::open(scratch.path()).value();
  const auto bytes = file->bytes();
  ASSERT_EQ(bytes.size(), kBytes);
  const unsigned all = sum(bytes);
  EXPECT_GE(resident(scratch.path()), kBytes / 2);  // the measure sees what is mapped
  file->release(0, kBytes);
  for (const size_t piece : {size_t{125'440}, size_t{5000}}) {
    unsigned read = 0;
    for (size_t at = 0; at < kBytes; at += piece) {
      const size_t length = std::min(piece, kBytes - at);
      read += sum(bytes.subspan(at, length));
      file->release(at, length);
    }
    EXPECT_EQ(read, all);
    EXPECT_LE(resident(scratch.path()), kBytes / 100) << "pieces of " << piece;
  }
}

TEST(MappedFile, CopiesWithoutMapping) {
  const Scratch scratch("mapped_file_copies");
  const auto file = MappedFile::open(scratch.path()).value();
  unsigned read = 0;
  std::vector<std::byte> piece(125'440);
  for (size_t at = 0; at < kBytes; at += piece.size()) {
    const auto part = std::span(piece).first(std::min(piece.size(), kBytes - at));
    ASSERT_TRUE(file->read(at, part).ok());
    read += sum(part);
  }
  EXPECT_EQ(resident(scratch.path()), 0U);
  EXPECT_EQ(read, sum(file->bytes()));
}

// A file cut short under our feet: an error that names it, no crash and no stale bytes.
TEST(MappedFile, SaysThatAFileGotShorter) {
  const Scratch scratch("mapped_file_shorter");
  const auto file = MappedFile::open(scratch.path()).value();
  std::filesystem::resize_file(scratch.path(), 100);
  std::vector<std::byte> out(200);
  const Status status = file->read(0, out);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kIo);
  EXPECT_NE(status.error().message().find(scratch.path().string()), std::string::npos);
  EXPECT_NE(status.error().message().find("byte 100"), std::string::npos);
}

// Catches SIGBUS: a checkpoint that is cut short while a build reads it ended the build without a
// word. Every thread goes on, and the file says what happened; other files are not concerned.
TEST(MappedFile, OutlivesAFileThatGetsShorter) {
  guard_mappings();
  const Scratch scratch("mapped_file_cut");
  const Scratch other("mapped_file_whole");
  const auto file = MappedFile::open(scratch.path()).value();
  const auto whole = MappedFile::open(other.path()).value();
  EXPECT_TRUE(file->intact().ok());
  const unsigned all = sum(whole->bytes());
  std::filesystem::resize_file(scratch.path(), 4096);
  std::vector<std::jthread> readers;
  std::array<unsigned, 4> sums{};
  for (unsigned& each : sums) readers.emplace_back([&] { each = sum(file->bytes()); });
  readers.clear();
  for (const unsigned each : sums) EXPECT_EQ(each, 0U);  // page 0 holds zeros, the others are lost
  const Status status = file->intact();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kIo);
  EXPECT_NE(status.error().message().find(scratch.path().string()), std::string::npos);
  EXPECT_NE(status.error().message().find("got shorter while it was read"), std::string::npos);
  EXPECT_EQ(sum(whole->bytes()), all);
  EXPECT_TRUE(whole->intact().ok());
  // The place in the table is free again, for a file that is whole.
  EXPECT_TRUE(MappedFile::open(other.path()).value()->intact().ok());
}

// A fault elsewhere is none of ours: it ends the process as it did before, be that by the kernel or by
// a sanitizer that tells of it.
TEST(MappedFileDeathTest, LeavesOtherFaultsAlone) {
#if defined(__SANITIZE_ADDRESS__)
  const ::testing::ExitedWithCode as_before(1);
  const char* const said = "AddressSanitizer: BUS";
#elif defined(__SANITIZE_THREAD__)
  const ::testing::ExitedWithCode as_before(66);
  const char* const said = "ThreadSanitizer: BUS";
#else
  const ::testing::KilledBySignal as_before(SIGBUS);
  const char* const said = "";
#endif
  const Scratch scratch("mapped_file_foreign");
  EXPECT_EXIT(
      {
        guard_mappings();
        const auto file = InputFile::open(scratch.path()).value();
        void* const data = ::mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
        std::filesystem::resize_file(scratch.path(), 0);
        const volatile char* const bytes = static_cast<const char*>(data);
        ::_exit(bytes[kBytes - 1] == 0 ? 0 : 1);
      },
      as_before, said);
}

TEST(MappedFile, TakesAdviceAboutAnyRange) {
  const Scratch scratch("mapped_file_ranges");
  const auto file = MappedFile::open(scratch.path()).value();
  const unsigned all = sum(file->bytes());
  for (const size_t offset : {size_t{0}, size_t{1}, kBytes - 1, kBytes, kBytes + 1}) {
    for (const size_t length : {size_t{0}, size_t{1}, size_t{4096}, kBytes}) {
      file->prefetch(offset, length);
      file->release(offset, length);
    }
  }
  EXPECT_EQ(sum(file->bytes()), all);
}

}  // namespace
}  // namespace lapidary
