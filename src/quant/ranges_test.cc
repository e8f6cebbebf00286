#include "quant/ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace lapidary::quant {
namespace {

using ::testing::HasSubstr;

Ranges some() {
  Ranges out;
  EXPECT_TRUE(out.set("a/MatMul", {-1.1F, 3.0F}).ok());
  EXPECT_TRUE(out.set("b", {0.1F, 1.0F / 3.0F}).ok());
  EXPECT_TRUE(out.set("zero", {0, 0}).ok());
  return out;
}

TEST(Ranges, SurviveTheTripThroughTextBitForBit) {
  const Json json = parse_json(some().to_json().dump(2), "r.json").value();
  const auto back = Ranges::from_json(json, "r.json");
  ASSERT_TRUE(back.ok()) << back.error().message();
  EXPECT_EQ(*back, some());
  EXPECT_EQ(back->find("nobody"), nullptr);
  EXPECT_EQ(back->find("b")->min, 0.1F);
}

TEST(Ranges, DigestCoversNamesAndLimits) {
  Ranges other = some();
  EXPECT_EQ(other.digest(), some().digest());
  ASSERT_TRUE(other.set("zero", {0, 1e-30F}).ok());
  EXPECT_NE(other.digest(), some().digest());
  Ranges renamed;
  ASSERT_TRUE(renamed.set("c", {0.1F, 0.2F}).ok());
  Ranges named;
  ASSERT_TRUE(named.set("d", {0.1F, 0.2F}).ok());
  EXPECT_NE(named.digest(), renamed.digest());
}

TEST(Ranges, EditedFilesAreRefused) {
  Json json = some().to_json();
  json["ranges"]["b"][1] = 5.0;
  const auto back = Ranges::from_json(json, "r.json");
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().message(), HasSubstr("digest"));
}

TEST(Ranges, MalformedDocumentsAreErrorsNotCrashes) {
  for (const char* text : {"[]", "{}", R"({"format": 2, "digest": "", "ranges": {}})",
                           R"({"format": 1, "digest": "", "ranges": []})",
                           R"({"format": 1, "digest": "", "ranges": {"a": [1]}})",
                           R"({"format": 1, "digest": "", "ranges": {"a": [2, 1]}})",
                           R"({"format": 1, "digest": "", "ranges": {"a": [0, 1e300]}})",
                           R"({"format": 1, "digest": "", "ranges": {"a": "x"}})"}) {
    EXPECT_FALSE(Ranges::from_json(parse_json(text, "r").value(), "r.json").ok()) << text;
  }
}

TEST(Ranges, LimitsThatAreNotFiniteNameTheValue) {
  Ranges out;
  const Status status = out.set("bad/Exp", {0, std::numeric_limits<float>::infinity()});
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message(), HasSubstr("bad/Exp"));
}

}  // namespace
}  // namespace lapidary::quant
