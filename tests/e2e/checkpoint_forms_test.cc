// What people type for the checkpoints that they have: adapters, and weights on a grid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checkpoint/test_files.h"
#include "e2e/child.h"
#include "forms/folders.h"
#include "forms/gguf_file.h"

namespace lapidary::e2e {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CheckpointForms : public testing::Test {
 protected:
  std::string output() const { return (scratch_.path() / "package").string(); }
  Outcome build(const std::string& checkpoint, std::vector<std::string> flags) const {
    std::vector<std::string> arguments = {"build", checkpoint, "-o", output(), "--force"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return lapidary(arguments);
  }
  void expect_refused(const Outcome& outcome, const std::string& part) const {
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("lapidary: error: "), HasSubstr(part)));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(output()));
  }

  checkpoint::TempDir form_, scratch_;
};

// What transformers answers with the adapters of a case in text_model/adapters.json, through the
// program; and the record of them. Catches a flag that is read but not followed, or in another
// order.
TEST_F(CheckpointForms, AdaptersAnswerAsInPeft) {
  const Json golden = load_json(source_dir() / "tests/golden/text_model/adapters.json").value();
  size_t several = 0;  // cases of more than one adapter
  for (const Json& one : golden["cases"]) {
    if (one["name"] == "towers") continue;  // text does not show them
    SCOPED_TRACE(one["name"].get<std::string>());
    std::vector<std::string> flags = {"--recipe", "cpu-fp32"};
    for (const Json& adapter : one["adapters"]) {
      const std::string name = adapter[0];
      const std::string path = (source_dir() / "tests/golden/adapters" / name).string();
      flags.push_back("--adapter");
      flags.push_back(adapter[1] == 1.0 ? path : path + "=" + adapter[1].dump());
    }
    const Outcome built = build((source_dir() / golden["checkpoint"]).string(), flags);
    ASSERT_EQ(built.exit_code, 0) << built.err;
    const Json record = json_of(lapidary({"inspect", output(), "--json"}))["adapters"];
    ASSERT_EQ(record.size(), one["adapters"].size());
    for (size_t i = 0; i < record.size(); ++i) {
      EXPECT_EQ(record[i]["name"], one["adapters"][i][0]);
      EXPECT_EQ(record[i]["weight"], one["adapters"][i][1]);
      EXPECT_EQ(record[i]["xxh3"].get<std::string>().size(), 32U);
    }
    several += record.size() > 1 ? 1 : 0;
    const std::string count = std::to_string(one["greedy"]["tokens"].size());
    const Json reply = json_of(lapidary({"run", output(), "--raw", one["prompt"], "--greedy",
                                         "--min-tokens", count, "--max-tokens", count, "--json"}));
    EXPECT_EQ(reply["tokens"], one["greedy"]["tokens"]);
  }
  EXPECT_GE(several, 2U);
}

TEST_F(CheckpointForms, AdaptersOfAnotherBaseAreRefused) {
  expect_refused(build(tiny("checkpoint"), {"--adapter", tiny("checkpoint")}),
                 "adapter_config.json");
}

// All blocks of all matrices, and what is said of it.
TEST_F(CheckpointForms, GridsAreKeptWholeOrRefused) {
  ASSERT_NE(golden::write_folder("qat_q4_0", form_), "");
  const Outcome built = build(form_.path().string(), {"--recipe", "cpu-int4", "--require-grid"});
  EXPECT_EQ(built.exit_code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("kept the checkpoint's own codes: 49 of 49 weights"));
  std::filesystem::remove_all(output());
  expect_refused(build(tiny("checkpoint"), {"--recipe", "cpu-int4", "--require-grid"}),
                 "per_layer_model_projection.weight' lies on no grid (leave out --require-grid to "
                 "have it rounded, or nodes_to_exclude its node)");
}

// A GGUF file that is typed where a folder is.
TEST_F(CheckpointForms, GgufFilesAreCheckpoints) {
  const auto file = form_.path() / "tiny-q4_0.gguf";
  ASSERT_NE(golden::write_gguf("gguf_Q4_0", file), "");
  const Outcome built = build(file.string(), {"--recipe", "cpu-int4", "--require-grid"});
  ASSERT_EQ(built.exit_code, 0) << built.err;
  EXPECT_THAT(built.out, HasSubstr("kept the checkpoint's own codes: 49 of 49 weights"));
  const Outcome reply = lapidary({"run", output(), "Tell me a story about a fox named Lily.",
                                  "--greedy", "--max-tokens", "12"});
  EXPECT_EQ(reply.exit_code, 0) << reply.err;
  EXPECT_THAT(reply.out, HasSubstr("fox named Lily"));
}

}  // namespace
}  // namespace lapidary::e2e
