// Fingerprints of tensors: the same whoever read what, and another when a bit is.
#include "tensor/tensor_digest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "base/scratch_folder.h"

namespace lapidary::tensor {
namespace {

std::string made_up_bytes(int64_t count) {
  std::string out;
  uint32_t state = 7;
  for (int64_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    out += static_cast<char>(state >> 24);
  }
  return out;
}

std::shared_ptr<const MappedFile> file_of(const std::string& bytes) {
  const auto folder = ScratchFolder::create().value();
  const auto path = folder->path() / "t";
  std::ofstream(path, std::ios::binary) << bytes;
  return MappedFile::open(path).value();
}

// A tensor in a file of its own, three bytes into it.
class OneTensor {
 public:
  OneTensor(TensorType type, const std::string& bytes) : type_(std::move(type)) {
    file_ = file_of("xyz" + bytes);
    digest_ = std::make_shared<TensorDigest>(type_);
  }

  TensorDigest& digest() { return *digest_; }
  Status read_rows(int64_t begin, int64_t end) const {
    std::vector<std::byte> out(static_cast<size_t>(type_.bytes()));
    const std::span<std::byte> bytes = out;
    return tensor().producer()->read_tiles(begin, end, std::span(&bytes, 1));
  }
  Status read_columns(int64_t begin, int64_t end) const {
    std::vector<std::byte> out(static_cast<size_t>(type_.bytes()));
    return tensor().producer()->read_box({0, type_.rows(), begin, end}, out);
  }
  std::string hash() {
    const Status status = digest_->complete(*file_, 3, nullptr);
    return status.ok() ? digest_->hex() : status.error().message();
  }

 private:
  Tensor tensor() const { return from_file(file_, 3, type_, "t", digest_); }

  TensorType type_;
  std::shared_ptr<const MappedFile> file_;
  std::shared_ptr<TensorDigest> digest_;
};

std::string hash_of(const TensorType& type, const std::string& bytes) {
  return OneTensor(type, bytes).hash();
}

// Rows longer and shorter than a block, a short last block, one row beyond a read, no row at all.
const std::vector<TensorType> kForms = {
    {DType::kBfloat16, {100, 1024}}, {DType::kBfloat16, {5001, 3}}, {DType::kFloat, {7, 300}},
    {DType::kFloat, {200'000}},      {DType::kUint8, {}},           {DType::kFloat, {0, 4}},
    {DType::kFloat, {4, 0}},         {DType::kFloat, {64, 4, 3, 3}}};

// Catches a row that is hashed twice, at the wrong place or not at all, and a fingerprint that
// depends on the order or the pieces of reading.
TEST(TensorDigest, IsTheSameHoweverItIsRead) {
  for (const TensorType& type : kForms) {
    SCOPED_TRACE(to_string(type.shape));
    const std::string bytes = made_up_bytes(type.bytes());
    const std::string expected = hash_of(type, bytes);
    EXPECT_EQ(expected.size(), 32U);
    const int64_t rows = type.rows();
    for (const int64_t piece : {1, 3, 42, 4096}) {
      OneTensor read(type, bytes);
      for (int64_t end = rows; end > 0; end -= piece) {
        ASSERT_TRUE(read.read_rows(std::max<int64_t>(0, end - piece), end).ok());
      }
      if (rows > 4) {  // what was read already
        ASSERT_TRUE(read.read_rows(1, rows - 1).ok());
      }
      EXPECT_EQ(read.hash(), expected) << piece;
      EXPECT_EQ(read.hash(), expected) << "complete twice";
    }
  }
}

// What saw_rows was shown must not be read again: the second file has other bytes there.
TEST(TensorDigest, HashesWhatWasReadAsItWasRead) {
  const TensorType type{DType::kBfloat16, {100, 1024}};
  const std::string bytes = made_up_bytes(type.bytes());
  std::string other = bytes;
  other.replace(0, 50 * 2048, std::string(50 * 2048, 'z'));
  OneTensor read(type, other);
  read.digest().saw_rows(0, std::as_bytes(std::span(bytes)).first(50 * 2048));
  EXPECT_EQ(read.hash(), hash_of(type, bytes));
}

TEST(TensorDigest, ThreadsShareIt) {
  const TensorType type{DType::kBfloat16, {4000, 64}};
  const std::string bytes = made_up_bytes(type.bytes());
  OneTensor read(type, bytes);
  const auto piece = [&](size_t i) {
    const auto begin = static_cast<int64_t>(i) * 35;
    return read.read_rows(begin, std::min<int64_t>(begin + 77, 4000));
  };
  ASSERT_TRUE(parallel_for(115, piece, 4).ok());
  EXPECT_EQ(read.hash(), hash_of(type, bytes));
}

TEST(TensorDigest, SeesEveryBitAndEveryPlace) {
  for (const TensorType& type : kForms) {
    SCOPED_TRACE(to_string(type.shape));
    std::string bytes = made_up_bytes(type.bytes());
    if (bytes.empty()) continue;
    const std::string before = hash_of(type, bytes);
    for (const size_t at : {size_t{0}, bytes.size() / 3, bytes.size() / 2 + 1, bytes.size() - 1}) {
      if (at >= bytes.size()) continue;
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      EXPECT_NE(hash_of(type, bytes), before) << at;
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
    }
  }
  // Two rows that changed places.
  const TensorType type{DType::kFloat, {2, 1000}};
  const std::string rows = made_up_bytes(8000);
  EXPECT_NE(hash_of(type, rows), hash_of(type, rows.substr(4000) + rows.substr(0, 4000)));
}

TEST(TensorDigest, KnowsWhetherAnybodyRead) {
  const TensorType type{DType::kFloat, {8, 300}};
  OneTensor rows(type, made_up_bytes(type.bytes()));
  (void)rows.hash();
  EXPECT_FALSE(rows.digest().was_read());
  ASSERT_TRUE(rows.read_rows(2, 3).ok());
  EXPECT_TRUE(rows.digest().was_read());
  OneTensor columns(type, made_up_bytes(type.bytes()));
  ASSERT_TRUE(columns.read_columns(1, 2).ok());
  EXPECT_TRUE(columns.digest().was_read());
  EXPECT_EQ(columns.hash(), rows.hash());
}

TEST(TensorDigest, EndsEarly) {
  CancelToken cancel;
  cancel.cancel();
  const TensorType type{DType::kFloat, {8, 300}};
  const auto file = file_of(made_up_bytes(type.bytes()));
  const Status status = TensorDigest(type).complete(*file, 0, &cancel);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace lapidary::tensor
