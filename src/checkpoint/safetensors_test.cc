#include "checkpoint/safetensors.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <random>
#include <span>

#include "checkpoint/test_files.h"
#include "tensor/tensor.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kHeader = R"({"__metadata__":{"format":"pt"},)"
                                R"("b":{"dtype":"F32","shape":[2,2],"data_offsets":[6,22]},)"
                                R"("a":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]},)"
                                R"("empty":{"dtype":"I64","shape":[0,7],"data_offsets":[22,22]},)"
                                R"("scalar":{"dtype":"U8","shape":[],"data_offsets":[22,23]}}  )";

std::string valid_data() {
  const float values[4] = {1, 2, 3, 4};
  std::string data = {'\x80', '\x3f', '\x00', '\x40', '\x40', '\x40'};  // 1, 2, 3 as bfloat16
  data.append(reinterpret_cast<const char*>(values), sizeof values);
  return data + '\x07';
}

Result<SafetensorsHeader> parse(const std::string& bytes) {
  return parse_safetensors_header(std::as_bytes(std::span(bytes)), "model.safetensors");
}

// Catches: wrong offsets (header length not added), lost dtypes, order of the JSON kept instead of
// that of the bytes, scalars and empty tensors refused.
TEST(SafetensorsTest, ReadsTensorsOfEveryShape) {
  TempDir dir;
  const auto path = dir.write("model.safetensors", safetensors_bytes(kHeader, valid_data()));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.error().message();
  const auto& f = **file;
  std::vector<std::string> names;
  for (const TensorEntry& entry : f.entries()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "empty", "scalar"));
  EXPECT_EQ(f.metadata().at("format"), "pt");
  EXPECT_EQ(f.find("c"), nullptr);
  const auto a = f.tensor(*f.find("a"));
  EXPECT_EQ(a.dtype(), DType::kBfloat16);
  EXPECT_THAT(*a.to_floats(), ElementsAre(1, 2, 3));
  const auto b = f.tensor(*f.find("b"));
  EXPECT_EQ(b.shape(), (tensor::Shape{2, 2}));
  EXPECT_THAT(*b.to_floats(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(*f.tensor(*f.find("scalar")).to_integers(), ElementsAre(7));
  EXPECT_EQ(f.find("empty")->type.bytes(), 0);
}

TEST(SafetensorsTest, KnowsEveryDType) {
  const std::map<std::string, std::pair<DType, int>> sizes = {
      {"F64", {DType::kDouble, 8}},    {"F32", {DType::kFloat, 4}},  {"F16", {DType::kFloat16, 2}},
      {"BF16", {DType::kBfloat16, 2}}, {"I64", {DType::kInt64, 8}},  {"I32", {DType::kInt32, 4}},
      {"I16", {DType::kInt16, 2}},     {"I8", {DType::kInt8, 1}},    {"U64", {DType::kUint64, 8}},
      {"U32", {DType::kUint32, 4}},    {"U16", {DType::kUint16, 2}}, {"U8", {DType::kUint8, 1}},
      {"BOOL", {DType::kBool, 1}}};
  for (const auto& [name, expected] : sizes) {
    const std::string header = R"({"x":{"dtype":")" + name + R"(","shape":[3],"data_offsets":[0,)" +
                               std::to_string(3 * expected.second) + "]}}";
    const auto bytes = safetensors_bytes(header, std::string(3 * expected.second, '\0'));
    const auto parsed = parse(bytes);
    ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.error().message();
    EXPECT_EQ(parsed->entries[0].type.dtype, expected.first) << name;
  }
}

struct Damage {
  const char* name;
  std::string header;
  std::string data;
  std::string message;  // part of it
  ErrorKind kind = ErrorKind::kBadInput;
};

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

std::vector<Damage> damages() {
  const std::string four(4, '\0');
  const std::string f32 = R"("F32")";
  std::vector<Damage> out = {
      {"not JSON", "{oops}", "", "header: not valid JSON"},
      {"starts with a space", R"( {"x":1})", "", "does not start with '{'"},
      {"an array", "[]", "", "does not start with '{'"},
      {"empty header", "", "", "does not start with '{'"},
      {"bytes after the object", "{}x", "", "not valid JSON"},
      {"invalid UTF-8", "{\"\xff\":{}}", "", "not valid JSON"},
      {"duplicate tensor", R"({"x":{},"x":{}})", "", "'x' appears twice"},
      {"duplicate key in an entry", R"({"x":{"dtype":"F32","dtype":"F32"}})", "",
       "'dtype' appears twice"},
      {"entry not an object", R"({"x":3})", "", "tensor 'x': must be an object"},
      {"metadata not an object", R"({"__metadata__":3})", "", "__metadata__ must be an object"},
      {"metadata not a string", R"({"__metadata__":{"k":3}})", "", "'k' must be a string"},
      {"no dtype", R"({"x":{"shape":[1],"data_offsets":[0,4]}})", four, "dtype is missing"},
      {"no shape", R"({"x":{"dtype":"F32","data_offsets":[0,4]}})", four, "shape is missing"},
      {"no offsets", R"({"x":{"dtype":"F32","shape":[1]}})", four, "data_offsets is missing"},
      {"unknown key", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"q":1}})", four,
       "key 'q' is unknown"},
      {"dtype a number", entry("3", "[1]", "[0,4]"), four, "dtype must be a string"},
      {"dtype unknown", entry(R"("F33")", "[1]", "[0,4]"), four, "dtype 'F33' is unknown"},
      {"shape not an array", entry(f32, "1", "[0,4]"), four, "shape must be an array"},
      {"dim negative", entry(f32, "[-1]", "[0,4]"), four, "shape holds -1"},
      {"dim a float", entry(f32, "[1.0]", "[0,4]"), four, "shape holds 1.0"},
      {"dim a string", entry(f32, R"(["1"])", "[0,4]"), four, "shape holds \"1\""},
      {"dim null", entry(f32, "[null]", "[0,4]"), four, "shape holds null"},
      {"dim above 2^63", entry(f32, "[9223372036854775808]", "[0,4]"), four, "shape holds 92233"},
      {"dim above 2^64", entry(f32, "[18446744073709551617]", "[0,4]"), four, "shape holds 1.84"},
      {"product overflows", entry(f32, "[4294967296,4294967296]", "[0,4]"), four, "overflows"},
      {"product wraps to the right size", entry(f32, "[4611686018427387905]", "[0,4]"), four,
       "overflows"},
      {"overflow hidden by a zero", entry(f32, "[0,4294967296,4294967296]", "[0,0]"), "",
       "overflows"},
      {"bits overflow behind a zero", entry(f32, "[0,648659083829706784]", "[0,0]"), "",
       "overflows"},
      {"offsets not an array", entry(f32, "[1]", "4"), four, "must be [begin, end]"},
      {"one offset", entry(f32, "[1]", "[4]"), four, "must be [begin, end]"},
      {"three offsets", entry(f32, "[1]", "[0,4,4]"), four, "must be [begin, end]"},
      {"offset NaN", entry(f32, "[1]", "[NaN,4]"), four, "not valid JSON"},
      {"offset a float", entry(f32, "[1]", "[0,4.0]"), four, "[0,4.0] must be integers"},
      {"offset exponent", entry(f32, "[1]", "[0,4e0]"), four, "must be integers"},
      {"offset negative", entry(f32, "[1]", "[-4,0]"), four, "[-4,0] must be integers"},
      {"offset huge", entry(f32, "[1]", "[18446744073709551612,0]"), four, "must be integers"},
      {"offset null", entry(f32, "[1]", "[null,4]"), four, "must be integers"},
      {"offsets reversed", entry(f32, "[1]", "[4,0]"), four, "[4, 0] are reversed"},
      {"offset beyond the file", entry(f32, "[2]", "[0,8]"), four, "reach beyond the 4 bytes"},
      {"size differs from shape", entry(f32, "[2]", "[0,4]"), four,
       "hold 4 bytes, dtype and shape"},
      {"hole at the start", entry(f32, "[1]", "[4,8]"), four + four, "there is a hole"},
      {"trailing bytes", entry(f32, "[1]", "[0,4]"), four + "zz", "2 bytes follow the last tensor"},
      {"no tensors but data", "{}", "zz", "2 bytes follow"},
      {"overlap",
       R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       four + four + four, "tensor 'y': data_offsets begin at 4, the tensor before ends at 8"},
      {"same bytes twice",
       R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       four, "they overlap"},
      {"hole in the middle",
       R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
       R"("y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       "abc", "there is a hole"},
      {"deep nesting", "{\"x\":" + std::string(100000, '['), "", "header: nested"},
  };
  for (const char* dtype : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "F6_E2M3", "C64"}) {
    out.push_back({dtype, entry(fmt::format("\"{}\"", dtype), "[4]", "[0,4]"), four,
                   fmt::format("dtype {} is not supported", dtype), ErrorKind::kUnsupported});
  }
  return out;
}

// Catches: any of these accepted, or refused without saying file and tensor.
TEST(SafetensorsTest, RefusesDamagedHeaders) {
  for (const Damage& damage : damages()) {
    const auto parsed = parse(safetensors_bytes(damage.header, damage.data));
    ASSERT_FALSE(parsed.ok()) << damage.name;
    EXPECT_EQ(parsed.error().kind, damage.kind) << damage.name;
    EXPECT_THAT(parsed.error().message(), HasSubstr("model.safetensors")) << damage.name;
    EXPECT_THAT(parsed.error().message(), HasSubstr(damage.message)) << damage.name;
    EXPECT_EQ(parsed.error().message().find('\n'), std::string::npos) << damage.name;
  }
}

// Catches a document of the whole header, which would take twenty times its bytes.
TEST(SafetensorsTest, BoundsEntriesAndMetadata) {
  const std::string many = "[" + std::string(70'000, ' ') + "0]";
  EXPECT_THAT(parse(safetensors_bytes(entry("\"F32\"", many, "[0,0]"), "")).error().message(),
              HasSubstr("header: 'x': is 70"));
  const std::string metadata = R"({"__metadata__":{"k":")" + std::string(5'000'000, 'v') + R"("}})";
  EXPECT_THAT(parse(safetensors_bytes(metadata, "")).error().message(),
              HasSubstr("header: '__metadata__': is 50000"));
}

// As many tensors as a header holds: all are read, in the order of their bytes.
TEST(SafetensorsTest, ReadsAFullHeader) {
  std::string header = "{";
  int64_t count = 0;
  for (; header.size() < (16U << 20) - 200; ++count) {
    header += fmt::format(R"("{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}},)", count,
                          count, count + 1);
  }
  header.back() = '}';
  const auto parsed =
      parse(safetensors_bytes(header, std::string(static_cast<size_t>(count), 'x')));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  ASSERT_EQ(parsed->entries.size(), static_cast<size_t>(count));
  EXPECT_EQ(parsed->entries.back().name, std::to_string(count - 1));
}

TEST(SafetensorsTest, RefusesAbsurdLengths) {
  const auto with_length = [](uint64_t length) {
    std::string bytes = safetensors_bytes(kHeader, valid_data());
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
    return bytes;
  };
  for (const uint64_t length : {(uint64_t{16} << 20) + 1, uint64_t{100'000'001}, uint64_t{1} << 40,
                                uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{0} - 7}) {
    const auto parsed = parse(with_length(length));
    ASSERT_FALSE(parsed.ok()) << length;
    EXPECT_THAT(parsed.error().message(), HasSubstr("more than the 16777216 that are allowed"))
        << length;
  }
  const auto parsed = parse(with_length(5000));
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.error().message(), HasSubstr("header: its length says 5000 bytes"));
}

// Catches: a read past the end, or a shortened file taken for a whole one. Run under asan too.
TEST(SafetensorsTest, RefusesEveryTruncation) {
  const std::string whole = safetensors_bytes(kHeader, valid_data());
  ASSERT_TRUE(parse(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    // A heap copy of exactly this size, so that a sanitizer sees the end.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto parsed = parse_safetensors_header(std::as_bytes(std::span(cut)), "cut.safetensors");
    ASSERT_FALSE(parsed.ok()) << size;
    EXPECT_THAT(parsed.error().message(), HasSubstr("cut.safetensors")) << size;
  }
}

// Catches: crashes, and headers accepted that describe bytes outside the file.
TEST(SafetensorsTest, SurvivesRandomDamage) {
  const std::string whole = safetensors_bytes(kHeader, valid_data());
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (unsigned hit = 0; hit <= random() % 3; ++hit) {
      bytes[random() % bytes.size()] = static_cast<char>(random() % 256);
    }
    const auto parsed = parse(bytes);
    if (!parsed.ok()) continue;
    for (const TensorEntry& e : parsed->entries) {
      ASSERT_GE(e.offset, parsed->data_begin);
      ASSERT_LE(e.offset + e.type.bytes(), static_cast<int64_t>(bytes.size()));
    }
  }
}

TEST(SafetensorsTest, NamesMissingAndEmptyFiles) {
  TempDir dir;
  const auto missing = SafetensorsFile::open(dir.path() / "none.safetensors");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.safetensors"));
  const auto empty = SafetensorsFile::open(dir.write("zero.safetensors", std::string()));
  ASSERT_FALSE(empty.ok());
  EXPECT_THAT(empty.error().message(), HasSubstr("zero.safetensors: is 0 bytes"));
}

// Processor seconds that a header of `count` entries takes.
double seconds_to_parse(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    header += (i ? ",\"" : "\"") + std::string("model.layers.") + std::to_string(i) +
              R"(.weight":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
  }
  const std::string bytes = safetensors_bytes(header + "}", std::string(count, '\0'));
  const std::clock_t begin = std::clock();
  const auto parsed = parse(bytes);
  const std::clock_t end = std::clock();
  EXPECT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->entries.size(), count);
  return static_cast<double>(end - begin) / CLOCKS_PER_SEC;
}

// Catches: a lookup or a check that is quadratic in the number of tensors (ratio 100). A ratio of
// processor times, since the absolute ones depend on the machine, its load and sanitizers.
TEST(SafetensorsTest, ReadsHundredThousandEntriesInLinearTime) {
  const double small = seconds_to_parse(10'000);
  EXPECT_LT(seconds_to_parse(100'000), 40 * small);
}

}  // namespace
}  // namespace lapidary::checkpoint
