// A GGUF file opened: its tensors' values against the gguf package, in any pieces, and files that
// are not what they were.
#include "gguf/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/guarded_mapping.h"
#include "base/parallel.h"
#include "base/scratch_folder.h"
#include "base/testing/source_dir.h"
#include "gguf/block_codes.h"
#include "gguf/dequantized.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::gguf {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kBlockGoldens = source_dir() / "tests/golden/gguf";

std::shared_ptr<const GgufFile> golden_file() {
  return GgufFile::open(kBlockGoldens / "blocks.gguf").value();
}

std::vector<uint32_t> bits_of_floats(const std::vector<float>& values) {
  std::vector<uint32_t> out(values.size());
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size() * sizeof(float));
  return out;
}

std::vector<float> read_box(const tensor::Tensor& x, const tensor::Box& box) {
  std::vector<float> out(static_cast<size_t>(box.rows() * box.cols()));
  const Status status = x.producer()->read_box(box, std::as_writable_bytes(std::span(out)));
  EXPECT_TRUE(status.ok());
  return out;
}

// Bit for bit what gguf.quants.dequantize makes of the same bytes (tools/gguf_goldens/make.py),
// zeros of both signs and subnormal scales among them. Catches any change of layout or of an
// operation.
TEST(GgufFile, DequantizesAsThePackageDoes) {
  const auto file = golden_file();
  const auto golden = MappedFile::open(kBlockGoldens / "blocks.f32").value();
  std::vector<float> expected(golden->bytes().size() / sizeof(float));
  std::memcpy(expected.data(), golden->bytes().data(), golden->bytes().size());
  size_t at = 0;
  ASSERT_EQ(file->tensors().size(), 18U);
  for (const TensorInfo& info : file->tensors()) {
    const auto values = dequantized(*file, info).to_floats();
    ASSERT_TRUE(values.ok()) << values.error().message();
    ASSERT_LE(at + values->size(), expected.size());
    const std::vector<float> want(
        expected.begin() + static_cast<std::ptrdiff_t>(at),
        expected.begin() + static_cast<std::ptrdiff_t>(at + values->size()));
    EXPECT_EQ(bits_of_floats(*values), bits_of_floats(want)) << info.name;
    at += values->size();
  }
  EXPECT_EQ(at, expected.size());
}

TEST(GgufFile, KeepsPlainTypes) {
  const auto file = golden_file();
  EXPECT_EQ(dequantized(*file, *file->find("plain.F32")).dtype(), DType::kFloat);
  EXPECT_EQ(dequantized(*file, *file->find("plain.F16")).dtype(), DType::kFloat16);
  EXPECT_EQ(dequantized(*file, *file->find("plain.BF16")).dtype(), DType::kBfloat16);
  const tensor::Tensor packed = dequantized(*file, *file->find("packed.Q6_K"));
  EXPECT_EQ(packed.dtype(), DType::kFloat);
  EXPECT_EQ(packed.shape(), (tensor::Shape{5, 768}));
  EXPECT_EQ(packed.describe(), "dequantize<Q6_K>(packed.Q6_K)");
  EXPECT_EQ(file->find("packed.Q7_K"), nullptr);
}

// Catches a box that begins within a block, or ends there, with the wrong values.
TEST(GgufFile, ReadsBoxesOfAnySize) {
  const auto file = golden_file();
  for (const TensorInfo& info : file->tensors()) {
    const tensor::Tensor x = dequantized(*file, info);
    if (x.dtype() != DType::kFloat) continue;
    const std::vector<float> all = x.to_floats().value();
    const int64_t cols = info.cols();
    for (const auto& [begin, end] : std::vector<std::pair<int64_t, int64_t>>{
             {0, 1}, {31, 33}, {1, cols}, {0, cols}, {cols - 1, cols}, {32, 64}, {7, 7}}) {
      const std::vector<float> box = read_box(x, {1, 3, begin, end});
      std::vector<float> want;
      for (int64_t r = 1; r < 3; ++r) {
        want.insert(want.end(), all.begin() + r * cols + begin, all.begin() + r * cols + end);
      }
      EXPECT_EQ(bits_of_floats(box), bits_of_floats(want)) << info.name << " " << begin;
    }
  }
}

// Codes and scales are the values.
TEST(GgufFile, CodesAndScalesMakeTheValues) {
  const auto file = golden_file();
  int with_codes = 0;
  for (const TensorInfo& info : file->tensors()) {
    const auto codes = block_codes(*file, info);
    const bool expected = info.name.ends_with("_0") || info.name.ends_with("_1");
    ASSERT_EQ(codes.has_value(), expected) << info.name;
    ASSERT_EQ(tensor::grid_of(dequantized(*file, info)).has_value(), expected) << info.name;
    if (!codes) continue;
    ++with_codes;
    const int64_t cols = info.cols();
    ASSERT_EQ(codes->codes.dtype(), DType::kUint8);
    ASSERT_EQ(codes->codes.shape(), info.shape);
    ASSERT_EQ(codes->scales.shape(), (tensor::Shape{info.rows(), cols / 32}));
    const auto integers = codes->codes.to_integers().value();
    const auto scales = codes->scales.to_floats().value();
    const auto minimums =
        codes->minimums.valid() ? codes->minimums.to_floats().value() : std::vector<float>();
    std::vector<float> values;
    for (size_t i = 0; i < integers.size(); ++i) {
      ASSERT_GE(integers[i], 0);
      ASSERT_LT(integers[i], int64_t{1} << codes->bits);
      const int64_t middle = minimums.empty() ? int64_t{1} << (codes->bits - 1) : 0;
      const float value = scales[i / 32] * static_cast<float>(integers[i] - middle);
      values.push_back(minimums.empty() ? value : value + minimums[i / 32]);
    }
    const auto want = dequantized(*file, info).to_floats().value();
    EXPECT_EQ(bits_of_floats(values), bits_of_floats(want)) << info.name;
  }
  EXPECT_EQ(with_codes, 10);
}

// Whoever reads, the digest of what the file holds is the same, and is not read again.
TEST(GgufFile, DigestsWhatIsRead) {
  for (const char* name : {"packed.Q4_K", "plain.BF16", "quantized.Q8_0"}) {
    const auto unread = golden_file();
    const TensorInfo& same = *unread->find(name);
    EXPECT_FALSE(unread->digest(same).was_read());
    ASSERT_TRUE(unread->digest(same).complete(unread->mapped_file(), same.offset, nullptr).ok());
    const auto file = golden_file();
    const TensorInfo& info = *file->find(name);
    ASSERT_TRUE(dequantized(*file, info).materialize().ok());
    EXPECT_TRUE(file->digest(info).was_read());
    ASSERT_TRUE(file->digest(info).complete(file->mapped_file(), info.offset, nullptr).ok());
    EXPECT_EQ(file->digest(info).hex(), unread->digest(same).hex()) << name;
  }
}

// A file of one Q4_0 tensor of many rows.
std::filesystem::path many_rows(const ScratchFolder& folder, uint64_t rows) {
  GgufBytes gguf;
  gguf.tensor("w", {64, rows}, 2, 0);
  std::string data(36 * rows, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 % 61);
  const auto path = folder.path() / "model.gguf";
  std::ofstream(path, std::ios::binary) << gguf.bytes(data);
  return path;
}

TEST(GgufFile, ThreadsShareIt) {
  const auto folder = ScratchFolder::create().value();
  const auto file = GgufFile::open(many_rows(*folder, 5000)).value();
  const tensor::Tensor w = dequantized(*file, *file->find("w"));
  const auto expected = w.to_floats().value();
  const auto piece = [&](size_t i) -> Status {
    const auto row = static_cast<int64_t>(i) * 50;
    const auto rows = read_box(w, {row, row + 50, 0, 64});
    const bool same = std::equal(rows.begin(), rows.end(), expected.begin() + row * 64);
    return same ? Status() : Status(internal_error("", "other values"));
  };
  EXPECT_TRUE(parallel_for(100, piece, 4).ok());
}

// Catches zeros taken for weights, or SIGBUS, when a file gets shorter behind our back.
TEST(GgufFile, NoticesAFileThatGetsShorter) {
  guard_mappings();
  const auto folder = ScratchFolder::create().value();
  const auto path = many_rows(*folder, 5000);
  const auto file = GgufFile::open(path).value();
  std::filesystem::resize_file(path, 200);
  const tensor::Tensor w = dequantized(*file, *file->find("w"));
  const auto rows = w.materialize();
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().kind, ErrorKind::kIo);
  EXPECT_THAT(rows.error().message(), HasSubstr("model.gguf"));
  std::vector<std::byte> column(5000 * sizeof(float));
  EXPECT_FALSE(w.producer()->read_box({0, 5000, 0, 1}, column).ok());
  // What was read when it was opened is still there.
  EXPECT_EQ(file->find("w")->rows(), 5000);
}

TEST(GgufFile, NamesFilesThatAreNone) {
  const auto folder = ScratchFolder::create().value();
  const auto missing = GgufFile::open(folder->path() / "none.gguf");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.gguf"));
  const auto path = many_rows(*folder, 5000);
  std::filesystem::resize_file(path, 100'000);
  const auto half = GgufFile::open(path);
  ASSERT_FALSE(half.ok());
  EXPECT_THAT(half.error().message(),
              HasSubstr("model.gguf: is 100000 bytes, but tensor 'w' ends at byte 180"));
}

}  // namespace
}  // namespace lapidary::gguf
