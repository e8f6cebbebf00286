// `lapidary targets`: what it prints is what a person or a script chooses a chip by.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Targets, ListsArchsAndSocs) {
  const Outcome text = lapidary({"targets"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("SM8850"));
  const Json json = json_of(lapidary({"targets", "--json"}));
  EXPECT_EQ(json["archs"].size(), 4U);
  bool found = false;
  for (const Json& soc : json["socs"]) {
    if (soc["name"] != "SM8750") continue;
    found = true;
    EXPECT_EQ(soc["soc_model"], 69);
    EXPECT_EQ(soc["arch"], "v79");
  }
  EXPECT_TRUE(found);
}

TEST(Targets, ShowsTheRulesOfOne) {
  const Outcome text = lapidary({"targets", "--soc", "SM8850"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"v81 (SM8850)", "QNN 2.51.0", "FastGelu", "wrong numbers", "-65504"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const Json json = json_of(lapidary({"targets", "--arch", "v79", "--json"}));
  EXPECT_EQ(json["arch"], "v79");
  EXPECT_EQ(json["soc_model"], 69);
  std::map<std::string, std::string> verdicts;
  for (const Json& rule : json["rules"]) verdicts[rule["id"]] = rule["verdict"];
  EXPECT_EQ(verdicts["matmul.dynamic_uint16_uint16"], "wrong numbers");
  EXPECT_EQ(verdicts["matmul.dynamic_uint16_int16"], "native");
  EXPECT_FALSE(verdicts.contains("nbits.a16_4_bits_integer"));  // of v81 alone
}

TEST(Targets, RefusesChipsThatItDoesNotKnow) {
  const struct {
    std::vector<std::string> flags;
    const char* part;
  } rows[] = {{{"--arch", "v99"}, "v73, v75, v79, v81"},
              {{"--soc", "SM9999"}, "SM8850"},
              {{"--soc", "9999", "--json"}, "SC8380XP"},
              {{"--arch", "v79", "--soc", "SM8850"}, "contradicts"}};
  for (const auto& row : rows) {
    std::vector<std::string> words = {"targets"};
    words.insert(words.end(), row.flags.begin(), row.flags.end());
    const Outcome outcome = lapidary(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr("lapidary: error: "));
    EXPECT_THAT(outcome.err, HasSubstr(row.part));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

// Catches a measurement that is printed as a change, or a change that scripts do not see.
TEST(Targets, ProbesItsRules) {
  const Outcome text = lapidary({"targets", "--probe", "--arch", "v81", "--only", "op.e?f"});
  if (text.exit_code == 2 && text.err.find("bootstrap --qnn") != std::string::npos) {
    GTEST_SKIP() << text.err;
  }
  EXPECT_EQ(text.exit_code, 0) << text.err << text.out;
  for (const char* part : {"installed: onnxruntime ", "v81 (SM8850): unchanged: 2, changed: 0",
                           "not probed: limit.most_weight_bytes_measured"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  const Json json = json_of(
      lapidary({"targets", "--probe", "--arch", "all", "--only", "op.fast_gelu", "--json"}));
  ASSERT_EQ(json["reports"].size(), 4U);
  EXPECT_EQ(json["reports"][0]["results"][0]["measured"], "refused");
  EXPECT_EQ(lapidary({"targets", "--probe", "--only", "nothing"}).exit_code, 2);
}

}  // namespace
}  // namespace lapidary::e2e
