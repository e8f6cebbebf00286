#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary {
namespace {

using ::testing::HasSubstr;

std::string error_of(const Result<Json>& result) {
  return result.ok() ? "" : result.error().message();
}

// nlohmann's own parser keeps the last of two equal keys in silence.
TEST(ParseJson, RefusesWhatOthersAcceptInSilence) {
  EXPECT_THAT(error_of(parse_json(R"({"a": 1, "a": 2})", "f")), HasSubstr("'a' appears twice"));
  EXPECT_THAT(error_of(parse_json("{} {}", "f")), HasSubstr("f: not valid JSON"));
  EXPECT_THAT(error_of(parse_json("{\"a\": 1,}", "f")), HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(error_of(parse_json(std::string(100000, '['), "f")), HasSubstr("levels deep"));
  EXPECT_THAT(error_of(parse_json("", "f")), HasSubstr("not valid JSON"));
  EXPECT_TRUE(parse_json(R"([1, {"a": {"a": null}}, "x"])", "f").ok());
}

// Catches sizes that are looked at after the memory was taken, and documents that take far more of
// it than their text: each value costs 16 bytes at least, and a text of "0,0,0" has one in two.
// nlohmann's parser ends at a zero byte, so that whatever stands behind it would go unread.
TEST(ParseJson, EndsAtNoZeroByte) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"{}\0"sv, "{}\0{}"sv, "[1\0]"sv, "\0"sv, "[\"a\0b\"]"sv}) {
    EXPECT_FALSE(parse_json(text, "x.json").ok()) << text.size();
  }
}

TEST(ParseJson, BoundsBytesAndValues) {
  constexpr uint64_t kBytes = 64 << 10;
  EXPECT_THAT(error_of(parse_json(std::string(kBytes + 1, ' '), "f", kBytes)),
              HasSubstr("f: is 65537 bytes, more than the 65536 a file of this kind may have"));
  for (const char* item : {"0,", "[],", "{},", "\"\",", "[[[0]]],"}) {
    std::string text = "[";
    while (text.size() < kBytes - 10) text += item;
    text.back() = ']';
    EXPECT_THAT(error_of(parse_json(text, "f", kBytes)), HasSubstr("more than the 4096 values"));
  }
  std::string text = "[";
  for (int i = 0; i < 4094; ++i) text += "0,";
  EXPECT_TRUE(parse_json(text + "0]", "f", kBytes).ok());
  EXPECT_THAT(error_of(parse_json(text + "0,0]", "f", kBytes)), HasSubstr("values"));
}

TEST(ParseJson, DismantlesEverything) {
  Json json = parse_json(R"([1, {"a": [[], [{"b": "c"}]], "d": null}, "x"])", "f").value();
  dismantle(json);
  EXPECT_EQ(json, Json::array());
  json = parse_json(R"({"a": {"b": {}}})", "f").value();
  dismantle(json);
  EXPECT_EQ(json, Json::object());
  json = "text";
  dismantle(json);
  EXPECT_EQ(json, "text");
}

TEST(JsonReader, NamesFileKeyAndExpectation) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "f: 'n' is missing"},
      {R"({"n": "x"})", "'n' must be an integer, is a string"},
      {R"({"n": 1.5})", "'n' must be an integer"},
      {R"({"n": 0})", "'n' is 0, must be 1 to 9"},
      {R"({"n": 18446744073709551615})", "'n' is out of range"},
      {R"({"n": 1, "m": 2})", "'m' is not a known key (known keys: n)"},
  };
  for (const auto& [text, message] : cases) {
    const JsonDocument doc = JsonDocument::parse(text, "f").value();
    JsonReader root = doc.root();
    root.integer("n", {.min = 1, .max = 9});
    root.reject_unknown();
    ASSERT_FALSE(doc.finish().ok()) << text;
    EXPECT_THAT(doc.finish().error().message(), HasSubstr(message));
  }
}

// Catches integers that wrap around: 2^63 is no negative number, 2^64 no zero.
TEST(JsonReader, IntegersBeyond64BitsAreErrors) {
  for (const char* number : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                             "-9223372036854775809", "1.5", "1e300", "true", "\"1\""}) {
    const std::string text =
        R"({"one": )" + std::string(number) + R"(, "all": [1, )" + number + "]}";
    SCOPED_TRACE(text);
    const JsonDocument doc = JsonDocument::parse(text, "f").value();
    EXPECT_FALSE(integer_of(doc.json()["one"]));
    EXPECT_EQ(doc.root().integer("one"), 0);
    EXPECT_THAT(doc.finish().error().message(), HasSubstr("'one'"));
    const JsonDocument again = JsonDocument::parse(text, "f").value();
    EXPECT_TRUE(again.root().integers("all").empty());
    EXPECT_THAT(again.finish().error().message(), HasSubstr("'all' holds "));
  }
  const JsonDocument doc =
      JsonDocument::parse(R"({"a": [9223372036854775807, -9223372036854775808]})", "f").value();
  EXPECT_EQ(doc.root().integers("a"), (std::vector<int64_t>{std::numeric_limits<int64_t>::max(),
                                                            std::numeric_limits<int64_t>::min()}));
  EXPECT_EQ(integer_of(doc.json()["a"][0]), std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(doc.finish().ok());
}

// JSON has neither, and what is too large for a double would be infinite.
TEST(JsonReader, NoNumberIsInfiniteOrNan) {
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999", "-1e999", "nan", "inf"}) {
    EXPECT_THAT(error_of(parse_json(R"({"a": )" + std::string(number) + "}", "f")),
                HasSubstr("not valid JSON"))
        << number;
  }
}

TEST(JsonReader, NumbersKeepToTheirRange) {
  for (const char* number : {"3.5e38", "-3.5e38", "1e300"}) {
    const std::string text =
        R"({"one": )" + std::string(number) + R"(, "all": [1, )" + number + "]}";
    const JsonDocument doc = JsonDocument::parse(text, "f").value();
    doc.root().number("one", kFloat32Range);
    EXPECT_THAT(doc.finish().error().message(), HasSubstr("'one' is ")) << text;
    const JsonDocument again = JsonDocument::parse(text, "f").value();
    EXPECT_TRUE(again.root().numbers("all", kFloat32Range).empty());
    EXPECT_THAT(again.finish().error().message(), HasSubstr("outside the allowed range")) << text;
  }
}

TEST(JsonReader, NestedKeysCarryTheirPath) {
  const JsonDocument doc = JsonDocument::parse(R"({"a": {"b": {"c": true}}})", "f").value();
  doc.root().child("a").child("b").string("c");
  EXPECT_EQ(doc.finish().error().message(), "f: 'a.b.c' must be a string, is a boolean");
}

TEST(JsonReader, KeepsTheFirstError) {
  const JsonDocument doc = JsonDocument::parse(R"({"a": "x"})", "f").value();
  JsonReader root = doc.root();
  EXPECT_EQ(root.integer("a"), 0);
  root.integer("b");
  EXPECT_THAT(doc.finish().error().message(), HasSubstr("'a'"));
}

TEST(JsonReader, ObjectsOfAnArrayKnowTheirPlace) {
  const JsonDocument doc = JsonDocument::parse(R"({"a": [{"b": 1}, {"b": "x"}]})", "f").value();
  JsonReader root = doc.root();
  std::vector<JsonReader> list = root.objects("a");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].integer("b"), 1);
  list[1].integer("b");
  EXPECT_THAT(doc.finish().error().message(), HasSubstr("'a[1].b'"));
  for (const char* text : {R"({"a": {}})", R"({"a": [1]})", "{}"}) {
    const JsonDocument other = JsonDocument::parse(text, "f").value();
    EXPECT_TRUE(other.root().objects("a").empty()) << text;
    EXPECT_THAT(other.finish().error().message(), HasSubstr("'a' must")) << text;
  }
}

// Catches: a key passed over that was read, or one of an inner object that is lost.
TEST(JsonReader, UnknownKeysCanBePassedOver) {
  const JsonDocument doc =
      JsonDocument::parse(R"({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4}]})", "x").value();
  JsonReader root = doc.root();
  root.integer("a");
  JsonReader inner = root.child("b");
  inner.integer("c");
  inner.pass_over_unknown();
  root.objects("e").at(0).pass_over_unknown();
  root.pass_over_unknown();
  EXPECT_TRUE(doc.finish().ok());
  EXPECT_EQ(doc.passed_over(), (std::vector<std::string>{"b.d", "e[0].f"}));
}

TEST(JsonReader, NullMeansAbsentWhereADefaultIs) {
  const JsonDocument doc = JsonDocument::parse(R"({"a": null})", "f").value();
  EXPECT_EQ(doc.root().integer_or("a", 7), 7);
  EXPECT_FALSE(doc.root().has("a"));
  EXPECT_TRUE(doc.root().has_key("a"));
  EXPECT_TRUE(doc.finish().ok());
}

}  // namespace
}  // namespace lapidary
