// Names of content: what is written into packages and caches.
#include "base/hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace lapidary {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileHash : public ::testing::Test {
 protected:
  FileHash() : dir_(fs::path(::testing::TempDir()) / ("hash_test_" + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~FileHash() override { fs::remove_all(dir_); }
  fs::path write(const std::string& content) const {
    std::ofstream(dir_ / "hashed", std::ios::binary) << content;
    return dir_ / "hashed";
  }
  std::string hash_of(const std::string& content, size_t threads = 0) const {
    return file_hash(write(content), {.threads = threads}).value();
  }
  fs::path dir_;
};

std::string noise(size_t size) {
  std::string out(size, '\0');
  uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return out;
}

std::string bytes_of_hex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return out;
}

// Chunks are hashed in any order by any number of threads: the result must not tell.
TEST_F(FileHash, DependsOnContentOnly) {
  const std::string content = noise(static_cast<size_t>(kHashChunkBytes) * 2 + 12345);
  const std::string one = hash_of(content, 1);
  EXPECT_EQ(one.size(), 32u);
  EXPECT_EQ(one, hash_of(content, 4));
  for (const size_t at : {size_t{0}, content.size() / 2, content.size() - 1}) {
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_NE(one, hash_of(damaged)) << "flipped a bit of byte " << at;
  }
  // Whole chunks swapped: a sum of digests would not notice.
  const auto chunk = static_cast<size_t>(kHashChunkBytes);
  std::string swapped = content.substr(chunk, chunk) + content.substr(0, chunk);
  swapped += content.substr(2 * chunk);
  EXPECT_NE(one, hash_of(swapped));
  EXPECT_NE(hash_of(""), hash_of(std::string(1, '\0')));
}

// Written into packages: another value would make every package that exists look damaged.
TEST_F(FileHash, IsStable) {
  EXPECT_EQ(hash_of("lapidary"), "8145b9db420d112459dac90ae526e03d");
  EXPECT_EQ(hash_of(""), "99aa06d3014798d86001c324468d497f");
}

TEST_F(FileHash, ReportsWhatItCannotRead) {
  EXPECT_EQ(file_hash(dir_ / "none", {}).error().kind, ErrorKind::kIo);
  EXPECT_THAT(file_hash(dir_, {}).error().message(), HasSubstr("not a regular file"));
  CancelToken cancel;
  cancel.cancel();
  EXPECT_EQ(file_hash(write("bytes"), {.cancel = &cancel}).error().kind, ErrorKind::kCancelled);
}

// Would catch digits in another order, or of another hash: caches would be empty overnight.
TEST_F(FileHash, IsTheContentHashOfTheChunksDigests) {
  EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
  for (const std::string& content : {std::string("lapidary"), noise(12345)}) {
    EXPECT_EQ(hash_of(content), content_hash(bytes_of_hex(content_hash(content))));
  }
}

// Each piece is hashed behind its length, 8 bytes in little endian.
TEST(Fingerprint, IsTheContentHashOfPiecesWithTheirLengths) {
  Fingerprint print;
  print.add("ab");
  print.add("");
  const std::string zeros(7, '\0');
  EXPECT_EQ(print.hex(), content_hash("\2" + zeros + "ab" + std::string(8, '\0')));
}

// Would catch pieces that are joined: "a", "bc" and "ab", "c" are different things.
TEST(Fingerprint, BoundariesCount) {
  const auto of = [](const std::string& a, const std::string& b) {
    Fingerprint print;
    print.add(a);
    print.add(b);
    return print.hex();
  };
  EXPECT_EQ(of("a", "bc"), of("a", "bc"));
  EXPECT_NE(of("a", "bc"), of("ab", "c"));
  EXPECT_NE(of("a", ""), of("", "a"));
}

}  // namespace
}  // namespace lapidary
