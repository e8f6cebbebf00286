// The container: what is accepted, and each damage refused by name, before memory is taken.
#include "gguf/header.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "gguf/testing/gguf_bytes.h"

namespace lapidary::gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kF32Type = 0;
constexpr uint32_t kQ4_0Type = 2;

Result<Header> parse(const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  LAP_ASSIGN_OR_RETURN(const size_t length, header_bytes(bytes, "model.gguf"));
  return parse_header({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)},
                      file.size(), "model.gguf");
}

GgufBytes two_tensors() {
  GgufBytes gguf;
  gguf.key("general.architecture", ValueType::kString, text("gemma3"));
  gguf.tensor("blk.0.attn_q.weight", {64, 3}, kQ4_0Type, 64);  // 3 rows of 36 bytes
  gguf.tensor("norm", {5}, kF32Type, 0);
  return gguf;
}
const std::string kTwoTensorsData(64 + 108, 'x');

// Catches dims that are not reversed, offsets from the wrong place, another order of tensors.
TEST(GgufHeader, ReadsTensorInfos) {
  for (const uint32_t version : {2U, 3U}) {
    GgufBytes gguf = two_tensors();
    gguf.version = version;
    const auto header = parse(gguf.bytes(kTwoTensorsData));
    ASSERT_TRUE(header.ok()) << header.error().message();
    ASSERT_EQ(header->tensors.size(), 2U);
    const TensorInfo& q = header->tensors[0];
    EXPECT_EQ(q.name, "blk.0.attn_q.weight");
    EXPECT_THAT(q.shape, ElementsAre(3, 64));
    EXPECT_EQ(q.format->name, "Q4_0");
    EXPECT_EQ(q.row_bytes(), 36);
    EXPECT_EQ(q.bytes(), 108);
    EXPECT_EQ(header->data_begin % 32, 0);
    EXPECT_EQ(q.offset, header->data_begin + 64);
    EXPECT_EQ(header->tensors[1].offset, header->data_begin);
    EXPECT_EQ(header->metadata.string("general.architecture").value(), "gemma3");
  }
}

TEST(GgufHeader, TakesScalarsEmptyTensorsAndFourDims) {
  GgufBytes gguf;
  gguf.tensor("scalar", {}, kF32Type, 0);
  gguf.tensor("none", {0, 7}, kF32Type, 0);
  gguf.tensor("no rows", {32, 0}, kQ4_0Type, 0);
  gguf.tensor("experts", {2, 3, 2, 2}, kF32Type, 32);
  const auto header = parse(gguf.bytes(std::string(32 + 96, 'x')));
  ASSERT_TRUE(header.ok()) << header.error().message();
  EXPECT_EQ(header->tensors[0].bytes(), 4);
  EXPECT_EQ(header->tensors[1].bytes(), 0);
  EXPECT_EQ(header->tensors[2].bytes(), 0);
  EXPECT_THAT(header->tensors[3].shape, ElementsAre(2, 2, 3, 2));
}

TEST(GgufHeader, AlignsAsItsKeySays) {
  for (const uint32_t alignment : {1U, 8U, 64U, 4096U}) {
    GgufBytes gguf = two_tensors();
    gguf.alignment = alignment;
    gguf.key("general.alignment", ValueType::kUint32, raw(alignment));
    if (alignment > 64)
      gguf = [&] {
        GgufBytes other;
        other.alignment = alignment;
        other.key("general.alignment", ValueType::kUint32, raw(alignment));
        other.tensor("a", {1}, kF32Type, alignment);
        return other;
      }();
    const auto header = parse(gguf.bytes(std::string(5000, 'x')));
    ASSERT_TRUE(header.ok()) << header.error().message();
    EXPECT_EQ(header->alignment, alignment);
    EXPECT_EQ(header->data_begin % alignment, 0);
  }
  // Only tensors need what follows the header.
  GgufBytes nothing;
  nothing.key("general.architecture", ValueType::kString, text("gemma3"));
  EXPECT_TRUE(parse(nothing.header()).ok());
}

struct Damage {
  std::string name;
  std::string file;
  std::string message;  // part of it
  ErrorKind kind = ErrorKind::kBadInput;
};

std::string with_key(const std::string& name, ValueType type, const std::string& value) {
  GgufBytes gguf = two_tensors();
  gguf.key(name, type, value);
  return gguf.bytes(kTwoTensorsData);
}

std::string with_tensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type,
                        uint64_t offset) {
  GgufBytes gguf;
  gguf.tensor(name, dims, type, offset);
  return gguf.bytes(std::string(4096, 'x'));
}

std::string changed(const std::function<void(GgufBytes&)>& change) {
  GgufBytes gguf = two_tensors();
  change(gguf);
  return gguf.bytes(kTwoTensorsData);
}

std::vector<Damage> damaged_starts() {
  const std::string lfs =
      "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 253113024\n";
  return {
      {"empty", "", "does not begin with 'GGUF'"},
      {"another file", std::string(100, 'x'), "does not begin with 'GGUF'"},
      {"Git LFS pointer", lfs, "is a Git LFS pointer"},
      {"Git LFS remedy", lfs, "`git lfs pull`"},
      {"version 1", changed([](GgufBytes& g) { g.version = 1; }), "is GGUF version 1",
       ErrorKind::kUnsupported},
      {"version 4", changed([](GgufBytes& g) { g.version = 4; }), "is GGUF version 4",
       ErrorKind::kUnsupported},
      {"version 0", changed([](GgufBytes& g) { g.version = 0; }), "is GGUF version 0",
       ErrorKind::kUnsupported},
      {"big endian", changed([](GgufBytes& g) { g.version = 3U << 24; }), "big-endian",
       ErrorKind::kUnsupported},
      {"too many tensors", changed([](GgufBytes& g) { g.said_tensors = 65537; }),
       "says 65537 tensors, more than the 65536"},
      {"2^63 tensors", changed([](GgufBytes& g) { g.said_tensors = INT64_MAX; }),
       "tensors, more than the 65536"},
      {"more tensors than bytes", changed([](GgufBytes& g) { g.said_tensors = 60000; }),
       "says 60000 tensors, for which"},
      {"too many keys", changed([](GgufBytes& g) { g.said_keys = 65537; }),
       "says 65537 metadata keys, more than the 65536"},
      {"more keys than bytes", changed([](GgufBytes& g) { g.said_keys = 60000; }),
       "says 60000 metadata keys, for which"},
      {"split", with_key("split.count", ValueType::kUint16, raw(uint16_t{3})),
       "is file 1 of the 3 of a split model (join them: `llama-gguf-split --merge",
       ErrorKind::kUnsupported},
      {"split without a number", with_key("split.count", ValueType::kString, text("3")),
       "'split.count' is of type string"},
  };
}

std::vector<Damage> damaged_metadata() {
  std::string nested = array_of(ValueType::kUint8, 1, "x");
  for (int i = 0; i < 9; ++i) nested = array_of(ValueType::kArray, 1, nested);
  const auto uint8s = [](uint64_t count) { return array_of(ValueType::kUint8, count, "abc"); };
  const auto alignment = [](uint32_t value) {
    return with_key("general.alignment", ValueType::kUint32, raw(value));
  };
  return {
      {"unknown type", with_key("k", static_cast<ValueType>(13), "x"),
       "metadata key 'k': has a value of the unknown type 13"},
      {"unknown element", with_key("k", ValueType::kArray, raw(uint32_t{99}) + raw(uint64_t{0})),
       "metadata key 'k': has a value of the unknown type 99"},
      {"long array", with_key("k", ValueType::kArray, uint8s(uint64_t{1} << 40)),
       "metadata key 'k': the file ends within it"},
      {"array that overflows",
       with_key("k", ValueType::kArray, array_of(ValueType::kUint64, (uint64_t{1} << 61) + 1, "")),
       "metadata key 'k': the file ends within it"},
      {"strings that are not there",
       with_key("k", ValueType::kArray, array_of(ValueType::kString, uint64_t{1} << 60, text("a"))),
       "the file ends within it"},
      {"long string", with_key("k", ValueType::kString, raw(~uint64_t{0}) + "abc"),
       "metadata key 'k': the file ends within it"},
      {"deep nesting", with_key("k", ValueType::kArray, nested), "nested more than 8 deep"},
      {"empty key", with_key("", ValueType::kBool, "\1"), "metadata key 1: has an empty name"},
      {"long key", with_key(std::string(65537, 'k'), ValueType::kBool, "\1"),
       "its name has 65537 bytes"},
      {"key no UTF-8", with_key("\xff", ValueType::kBool, "\1"), "no valid UTF-8"},
      {"key twice", with_key("general.architecture", ValueType::kBool, "\1"),
       "metadata key 'general.architecture' is there twice"},
      {"alignment 0", alignment(0), "'general.alignment' is 0"},
      {"alignment 48", alignment(48), "'general.alignment' is 48, not a power of two"},
      {"alignment 2^31", alignment(1U << 31), "'general.alignment' is 2147483648"},
      {"alignment a string", with_key("general.alignment", ValueType::kString, text("32")),
       "'general.alignment' is of type string"},
  };
}

std::vector<Damage> damaged_tensors() {
  const auto pair = [](const char* second, uint64_t offset) {
    GgufBytes gguf;
    gguf.tensor("a", {64}, kF32Type, 0);
    gguf.tensor(second, {64}, kF32Type, offset);
    return gguf.bytes(std::string(4096, 'x'));
  };
  constexpr uint64_t kBillion = uint64_t{1} << 32;
  return {
      {"empty name", with_tensor("", {1}, kF32Type, 0), "tensor 0: has an empty name"},
      {"name no UTF-8", with_tensor("\xc0", {1}, kF32Type, 0), "no valid UTF-8"},
      {"twice", pair("a", 256), "tensor 'a': is there twice"},
      {"five dims", with_tensor("t", {1, 1, 1, 1, 1}, kF32Type, 0), "tensor 't': has 5 dims"},
      {"2^63", with_tensor("t", {uint64_t{1} << 63}, kF32Type, 0), "dim 9223372036854775808"},
      {"product", with_tensor("t", {kBillion, kBillion}, kF32Type, 0), "overflows"},
      {"overflow behind a zero", with_tensor("t", {0, kBillion, kBillion}, kF32Type, 0),
       "overflows"},
      {"float32 bytes overflow", with_tensor("t", {kBillion, kBillion / 8}, 10, 0), "overflows"},
      // Found by the fuzzer: a row's bits were no int64.
      {"bits overflow behind a zero", with_tensor("t", {648659083829706784, 0}, kF32Type, 0),
       "overflows"},
      {"half a block", with_tensor("t", {48, 2}, kQ4_0Type, 0),
       "rows have 48 values, no multiple of the 32 of a block of Q4_0"},
      {"half a K block", with_tensor("t", {128, 2}, 12, 0), "the 256 of a block of Q4_K"},
      {"scalar block", with_tensor("t", {}, kQ4_0Type, 0), "rows have 1 values"},
      {"off the alignment", with_tensor("t", {1}, kF32Type, 4), "no multiple of the alignment 32"},
      {"offset 2^63", with_tensor("t", {1}, kF32Type, uint64_t{1} << 63), "offset 92233"},
      {"offset overflows", with_tensor("t", {1}, kF32Type, (uint64_t{1} << 63) - 32),
       "its offset overflows"},
      {"outside", with_tensor("t", {1024}, kF32Type, 32), "tensor 't' ends at byte"},
      {"far outside", with_tensor("t", {1}, kF32Type, kBillion), "the download did not finish"},
      {"overlap", pair("b", 224), "tensor 'b': begins at byte"},
      {"same bytes", pair("b", 0), "they overlap"},
      {"unknown type", with_tensor("t", {32}, 999, 0), "tensor 't': ggml type 999 is unknown"},
      {"IQ4_NL", with_tensor("t", {32}, 20, 0), "tensor 't': type IQ4_NL is not supported",
       ErrorKind::kUnsupported},
      {"TQ1_0", with_tensor("t", {256}, 34, 0), "type TQ1_0", ErrorKind::kUnsupported},
      {"MXFP4", with_tensor("t", {32}, 39, 0), "type MXFP4", ErrorKind::kUnsupported},
      {"removed type", with_tensor("t", {32}, 31, 0), "type Q4_0_4_4", ErrorKind::kUnsupported},
  };
}

// Catches: any of these accepted, or refused without saying file and key or tensor.
TEST(GgufHeader, RefusesDamage) {
  std::vector<Damage> all = damaged_starts();
  for (auto& more : {damaged_metadata(), damaged_tensors()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  for (const Damage& damage : all) {
    const auto header = parse(damage.file);
    ASSERT_FALSE(header.ok()) << damage.name;
    EXPECT_EQ(header.error().kind, damage.kind) << damage.name;
    EXPECT_THAT(header.error().message(), HasSubstr("model.gguf: ")) << damage.name;
    EXPECT_THAT(header.error().message(), HasSubstr(damage.message)) << damage.name;
    EXPECT_FALSE(header.error().remedy.empty()) << damage.name;
  }
}

// Bytes of padding, in holes and behind the last tensor are nobody's.
TEST(GgufHeader, AllowsHolesAndWhatFollows) {
  GgufBytes gguf;
  gguf.tensor("b", {8}, kF32Type, 1024);
  gguf.tensor("a", {8}, kF32Type, 64);
  EXPECT_TRUE(parse(gguf.bytes(std::string(4096, 'x'))).ok());
  EXPECT_TRUE(parse(gguf.bytes(std::string(1024 + 32, 'x'))).ok());
  EXPECT_FALSE(parse(gguf.bytes(std::string(1024 + 31, 'x'))).ok());
}

// Catches: a read past the end, or a shortened file taken for a whole one. Run under asan too.
TEST(GgufHeader, RefusesEveryTruncation) {
  GgufBytes gguf = two_tensors();
  gguf.key("tokens", ValueType::kArray, array_of(ValueType::kString, 2, text("a") + text("bc")));
  const std::string whole = gguf.bytes(kTwoTensorsData);
  ASSERT_TRUE(parse(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    // A heap copy of exactly this size, so that a sanitizer sees the end.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto bytes = std::as_bytes(std::span(cut));
    const auto length = header_bytes(bytes, "cut.gguf");
    if (size < gguf.header().size()) {
      ASSERT_FALSE(length.ok()) << size;
      EXPECT_THAT(length.error().message(), HasSubstr("cut.gguf")) << size;
      continue;
    }
    ASSERT_TRUE(length.ok()) << size;
    const auto header = parse_header(
        {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*length)}, size, "cut.gguf");
    ASSERT_FALSE(header.ok()) << size;
    EXPECT_THAT(header.error().message(), HasSubstr("the download did not finish")) << size;
  }
}

// Catches: crashes, and headers accepted that describe bytes outside the file.
TEST(GgufHeader, SurvivesRandomDamage) {
  GgufBytes gguf = two_tensors();
  gguf.key("tokens", ValueType::kArray, array_of(ValueType::kString, 2, text("a") + text("bc")));
  const std::string whole = gguf.bytes(kTwoTensorsData);
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (unsigned hit = 0; hit <= random() % 3; ++hit) {
      bytes[random() % gguf.header().size()] = static_cast<char>(random() % 256);
    }
    const auto header = parse(bytes);
    if (!header.ok()) continue;
    for (const TensorInfo& info : header->tensors) {
      ASSERT_GE(info.offset, header->data_begin);
      ASSERT_LE(info.offset + info.bytes(), static_cast<int64_t>(bytes.size()));
    }
  }
}

// As many tensors and keys as there may be.
TEST(GgufHeader, ReadsAFullHeader) {
  GgufBytes gguf;
  for (uint64_t i = 0; i < kMostTensors; ++i) {
    gguf.key(fmt::format("key.{}", i), ValueType::kBool, "\1");
    gguf.tensor(fmt::format("tensor.{}", i), {8}, kF32Type, 32 * i);
  }
  const auto header = parse(gguf.bytes(std::string(32 * kMostTensors, 'x')));
  ASSERT_TRUE(header.ok()) << header.error().message();
  EXPECT_EQ(header->tensors.back().name, "tensor.65535");
  EXPECT_TRUE(header->metadata.boolean("key.65535").value());
}

}  // namespace
}  // namespace lapidary::gguf
