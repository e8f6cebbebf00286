// Opening what someone calls a file.
#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/mapped_file.h"

namespace lapidary {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class InputFileTest : public ::testing::Test {
 protected:
  InputFileTest() : dir_(fs::path(::testing::TempDir()) / fmt::format("input_{}", getpid())) {
    fs::create_directories(dir_);
  }
  ~InputFileTest() override { fs::remove_all(dir_); }

  // What opening says, and reading, mapping and copying too.
  std::string refusal(const fs::path& path) const {
    auto opened = InputFile::open(path);
    if (opened.ok()) return "";
    EXPECT_EQ(opened.error().kind, ErrorKind::kIo);
    const std::string message = opened.error().message();
    EXPECT_EQ(read_file(path, 1 << 20).error().message(), message);
    EXPECT_EQ(MappedFile::open(path).error().message(), message);
    EXPECT_EQ(lapidary::copy_file(path, dir_ / "copy").error().message(), message);
    EXPECT_FALSE(fs::exists(dir_ / "copy"));
    return message;
  }

  fs::path dir_;
};

// Catches waiting for a writer: the test would never end.
TEST_F(InputFileTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(dir_ / "pipe"),
            (dir_ / "pipe").string() + ": is not a regular file but a pipe");
  fs::create_symlink("pipe", dir_ / "link");
  EXPECT_THAT(refusal(dir_ / "link"), HasSubstr("a pipe"));
  EXPECT_THAT(refusal(dir_), HasSubstr("a folder"));
  EXPECT_THAT(refusal("/dev/zero"), HasSubstr("a device"));
  EXPECT_THAT(refusal(dir_ / "none"), HasSubstr("No such file"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("/tmp/input_file_test_{}", getpid());  // at most 107 bytes
  std::copy(name.begin(), name.end(), std::begin(address.sun_path));
  const int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(refusal(name), HasSubstr("a socket"));
  close(socket_fd);
  fs::remove(name);
}

TEST_F(InputFileTest, ReadsParts) {
  ASSERT_TRUE(write_file(dir_ / "a", "0123456789").ok());
  const InputFile file = InputFile::open(dir_ / "a").value();
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(file.read_all().value(), "0123456789");
  std::string part(3, ' ');
  ASSERT_TRUE(file.read(6, std::as_writable_bytes(std::span(part))).ok());
  EXPECT_EQ(part, "678");
  EXPECT_FALSE(file.read(8, std::as_writable_bytes(std::span(part))).ok());
  fs::resize_file(dir_ / "a", 5);
  EXPECT_THAT(file.read_all().error().message(), HasSubstr("ends at byte 5, before its 10 bytes"));
  EXPECT_THAT(file.lost_bytes().message(), HasSubstr("it had 10 bytes and has 5"));
}

// Catches memory taken before the size is looked at: this file claims four terabytes.
TEST_F(InputFileTest, SizesAreBoundedFirst) {
  ASSERT_TRUE(write_file(dir_ / "a", "1234").ok());
  EXPECT_EQ(read_file(dir_ / "a", 4).value(), "1234");
  const auto refused = read_file(dir_ / "a", 3);
  EXPECT_EQ(refused.error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(refused.error().message(), (dir_ / "a").string() +
                                           ": is 4 bytes, more than the 3 a file of this kind may "
                                           "have");
  std::error_code sparse;
  fs::resize_file(dir_ / "a", uintmax_t{1} << 42, sparse);
  if (!sparse) {
    EXPECT_THAT(read_file(dir_ / "a", 1 << 20).error().message(), HasSubstr("4398046511104 bytes"));
  }
}

}  // namespace
}  // namespace lapidary
