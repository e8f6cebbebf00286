// `lapidary plan`: what a person, and a script that chooses a recipe by size, reads before a build.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "e2e/child.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> plan(const std::vector<std::string>& more) {
  std::vector<std::string> out = {"plan", tiny("checkpoint")};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

const std::vector<std::string> kHtp = {"--recipe", "htp-w8a16",
                                       "--arch",   "v81",
                                       "--set",    "static.context_length=256",
                                       "--set",    "static.prefill_length=32"};

TEST(Plan, OfAPackageForTheCpu) {
  const Json json = json_of(lapidary(plan({"--recipe", "cpu-int4", "--json"})));
  EXPECT_TRUE(json["chip"].is_null());
  EXPECT_TRUE(json["contexts"].empty());
  EXPECT_EQ(json["compile_memory"]["peak_resident_bytes"], 0);
  int64_t sum = json["other_bytes"].get<int64_t>();
  for (const Json& component : json["components"]) sum += component["bytes"].get<int64_t>();
  EXPECT_EQ(json["package_bytes"], sum);
  const Outcome text = lapidary(plan({}));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("read for a token"));
}

TEST(Plan, OfContextsForTheHtp) {
  auto flags = kHtp;
  flags.insert(flags.end(), {"--set", "split.num_splits=2", "--set", "split.max_bytes=null"});
  const Outcome text = lapidary(plan(flags));
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"decoder part 0 (prefill, decode)", "split of decoder", "part 1: layer",
                           "v81 (SM8850)", "lowered:"}) {
    EXPECT_THAT(text.out, HasSubstr(part));
  }
  flags.push_back("--json");
  const Json json = json_of(lapidary(plan(flags)));
  EXPECT_EQ(json["split"]["parts"].size(), 2U);
  EXPECT_EQ(json["context_length"], 256);
}

TEST(Plan, RefusesWithOneLine) {
  const struct {
    std::vector<std::string> flags;
    const char* part;
  } rows[] = {
      {{"--recipe", "htp-w8a16"}, "--arch"},
      {{"--recipe", "htp-w8a16", "--arch", "v99"}, "v73, v75, v79, v81"},
      {{"--recipe", "cpu-int4", "--arch", "v81"}, "htp-w8a16"},
      {{"--recipe", "htp-w8a16", "--arch", "v81", "--set", "split.max_bytes=1000"}, "max_bytes"},
      {{"--recipe", "cpu-int4", "--context", "99999999"}, "positions"},
      {{"--recipe", "nothing"}, "cpu-int4"}};
  for (const auto& row : rows) {
    const Outcome outcome = lapidary(plan(row.flags));
    EXPECT_EQ(outcome.exit_code, 2) << row.part;
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_THAT(outcome.err, HasSubstr(row.part));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

}  // namespace
}  // namespace lapidary::e2e
