#include "recipe/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::recipe {
namespace {

using ::testing::HasSubstr;

Json recipe() {
  return Json::parse(R"({"passes": {
    "static": {"type": "StaticLLM", "context_length": 64},
    "old": {"type": "X", "config": {"bits": 4}},
    "listed": [{"type": "Y"}]}})");
}

TEST(Override, SetsAnOptionWhereThePassKeepsThem) {
  Json json = recipe();
  ASSERT_TRUE(apply_override(json, "static.context_length=512").ok());
  ASSERT_TRUE(apply_override(json, "static.attention=Attention").ok());
  ASSERT_TRUE(apply_override(json, "old.bits=8").ok());
  ASSERT_TRUE(apply_override(json, R"(listed.options={"a.b": "c=d"})").ok());
  EXPECT_EQ(json["passes"]["static"]["context_length"], 512);
  EXPECT_EQ(json["passes"]["static"]["attention"], "Attention");
  EXPECT_EQ(json["passes"]["old"]["config"]["bits"], 8);
  EXPECT_EQ(json["passes"]["listed"][0]["options"]["a.b"], "c=d");
}

// Catches a misspelt pass that would be added in silence.
TEST(Override, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"static", "PASS.OPTION=VALUE"},      {"static.x", "PASS.OPTION=VALUE"},
      {".x=1", "PASS.OPTION=VALUE"},        {"static.=1", "PASS.OPTION=VALUE"},
      {"sttic.x=1", "static, old, listed"},
  };
  for (const auto& [text, message] : cases) {
    Json json = recipe();
    const Status status = apply_override(json, text);
    ASSERT_FALSE(status.ok()) << text;
    EXPECT_THAT(status.error().message(), HasSubstr(message));
    EXPECT_EQ(json, recipe());
  }
}

}  // namespace
}  // namespace lapidary::recipe
