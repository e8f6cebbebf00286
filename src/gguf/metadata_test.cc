// Typed values of the metadata: those that the gguf package wrote, and each wrong one by name.
#include "gguf/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/testing/source_dir.h"
#include "gguf/file.h"
#include "gguf/testing/gguf_bytes.h"

namespace lapidary::gguf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

Metadata metadata_of(const GgufBytes& gguf) {
  const std::string header = gguf.header();
  const auto bytes = std::as_bytes(std::span(header));
  return parse_header({bytes.begin(), bytes.end()}, bytes.size(), "m.gguf").value().metadata;
}

// Catches a type read with another's width or sign (tools/gguf_goldens/make.py).
TEST(GgufMetadata, ReadsEveryTypeThatThePackageWrites) {
  const auto file = GgufFile::open(source_dir() / "tests/golden/gguf/blocks.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message();
  const Metadata& metadata = (*file)->metadata();
  const auto integer = [&](const char* key) {
    return metadata.integer(key, kLeast, kMost).value();
  };
  EXPECT_EQ(metadata.string("general.architecture").value(), "gemma3");
  EXPECT_EQ(integer("test.uint8"), 200);
  EXPECT_EQ(integer("test.int8"), -100);
  EXPECT_EQ(integer("test.uint16"), 60000);
  EXPECT_EQ(integer("test.int16"), -30000);
  EXPECT_EQ(integer("test.uint32"), 4000000000);
  EXPECT_EQ(integer("test.int32"), -2000000000);
  EXPECT_EQ(integer("test.uint64"), int64_t{1} << 62);
  EXPECT_EQ(integer("test.int64"), -(int64_t{1} << 62));
  EXPECT_EQ(metadata.number("test.float32").value(), static_cast<double>(0.1F));
  EXPECT_EQ(metadata.number("test.float64").value(), 0.1);
  EXPECT_TRUE(metadata.boolean("test.bool").value());
  EXPECT_EQ(metadata.string("test.string").value(), "na\u00efve \U0001f98a");
  const StringArray strings = metadata.strings("test.strings").value();
  ASSERT_EQ(strings.size(), 4U);
  EXPECT_EQ(strings[0], "<pad>");
  EXPECT_EQ(strings[1], "");
  EXPECT_EQ(strings[2], "\u2581the");
  EXPECT_EQ(strings[3], "line\n");
  EXPECT_THAT(metadata.integers("test.integers", -2, 3).value(), ElementsAre(1, -2, 3));
  EXPECT_THAT(metadata.floats("test.floats").value(), ElementsAre(0.5F, -1000.0F));
  EXPECT_THAT(metadata.booleans("test.bools").value(), ElementsAre(true, false, true));
  ASSERT_TRUE(metadata.has("test.nested"));
  EXPECT_EQ(metadata.find("test.nested")->element, ValueType::kArray);
  EXPECT_EQ(metadata.find("test.nested")->count, 2U);
}

// Catches a value of another type taken for a number, and a message without file, key and type.
TEST(GgufMetadata, NamesWhatIsNotThere) {
  GgufBytes gguf;
  gguf.key("text", ValueType::kString, text("gemma3"));
  gguf.key("latin", ValueType::kString, text("na\xefve"));
  gguf.key("count", ValueType::kUint32, raw(uint32_t{7}));
  gguf.key("huge", ValueType::kUint64, raw(~uint64_t{0}));
  gguf.key("real", ValueType::kFloat32, raw(1.5F));
  gguf.key("flag", ValueType::kBool, "\1");
  gguf.key("counts", ValueType::kArray, array_of(ValueType::kInt8, 2, "\x05\xff"));
  gguf.key("texts", ValueType::kArray, array_of(ValueType::kString, 1, text("a")));
  gguf.key("huges", ValueType::kArray, array_of(ValueType::kUint64, 1, raw(~uint64_t{0})));
  gguf.key("lists", ValueType::kArray,
           array_of(ValueType::kArray, 1, array_of(ValueType::kUint8, 1, "x")));
  const Metadata metadata = metadata_of(gguf);
  const auto message = [](const auto& result) {
    return result.ok() ? std::string("accepted") : result.error().message();
  };
  const auto expect = [](const std::string& actual, const std::string& part) {
    EXPECT_THAT(actual, HasSubstr("m.gguf: metadata key '" + part));
  };
  expect(message(metadata.string("none")), "none' is missing");
  expect(message(metadata.string("count")), "count' is of type uint32, expected string");
  expect(message(metadata.string("texts")), "texts' is of type array of string, expected string");
  expect(message(metadata.string("latin")), "latin' is no valid UTF-8");
  expect(message(metadata.integer("real", 0, 9)), "real' is of type float32, expected an integer");
  expect(message(metadata.integer("flag", 0, 9)), "flag' is of type bool, expected an integer");
  expect(message(metadata.integer("count", 8, 9)), "count' is 7, expected 8 to 9");
  expect(message(metadata.integer("count", 1, 6)), "count' is 7, expected 1 to 6");
  expect(message(metadata.integer("huge", kLeast, kMost)), "huge' is 18446744073709551615, expe");
  expect(message(metadata.number("count")), "count' is of type uint32, expected a float");
  expect(message(metadata.boolean("count")), "count' is of type uint32, expected bool");
  expect(message(metadata.strings("counts")),
         "counts' is of type array of int8, expected an array");
  expect(message(metadata.strings("text")),
         "text' is of type string, expected an array of strings");
  expect(message(metadata.integers("texts", 0, 9)), "texts' is of type array of string, expected");
  expect(message(metadata.integers("lists", 0, 9)), "lists' is of type array of array, expected");
  expect(message(metadata.integers("counts", 0, 9)), "counts' holds at 1 -1, expected 0 to 9");
  expect(message(metadata.integers("huges", 0, kMost)), "huges' holds at 0 18446744073709551615");
  expect(message(metadata.floats("counts")), "counts' is of type array of int8, expected an array");
  expect(message(metadata.booleans("counts")), "counts' is of type array of int8, expected an arr");
}

// Bounded before memory is taken: eight bytes of memory for one of the file would be too many.
TEST(GgufMetadata, BoundsArraysThatAreCopied) {
  constexpr uint64_t kCount = uint64_t{kMostArrayValues} + 1;
  GgufBytes gguf;
  gguf.key("bytes", ValueType::kArray,
           array_of(ValueType::kUint8, kCount, std::string(kCount, '\1')));
  const auto integers = metadata_of(gguf).integers("bytes", 0, 255);
  ASSERT_FALSE(integers.ok());
  EXPECT_THAT(integers.error().message(), HasSubstr("holds 16777217 values, more than"));
}

// An array's views outlive the metadata.
TEST(GgufMetadata, StringsHoldWhatTheyView) {
  GgufBytes gguf;
  gguf.key("tokens", ValueType::kArray, array_of(ValueType::kString, 2, text("a") + text("bc")));
  const StringArray tokens = metadata_of(gguf).strings("tokens").value();
  EXPECT_EQ(tokens[1], "bc");
}

}  // namespace
}  // namespace lapidary::gguf
