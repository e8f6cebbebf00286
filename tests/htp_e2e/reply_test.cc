// The tiny model on the emulated HTP answers as in fp32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;

std::vector<int32_t> tokens_of(const Json& reply) {
  return reply["tokens"].get<std::vector<int32_t>>();
}

void expect_answers_like_fp32(const std::string& package, const std::string& device) {
  const auto samples = text_samples();
  ASSERT_EQ(samples.size(), 8u);
  for (const Json& sample : samples) {
    SCOPED_TRACE(sample["id"].get<std::string>() + " on " + device);
    const Json reply = json_of(lapidary(reply_command(sample, htp_package(package), device)));
    EXPECT_EQ(reply["prompt_tokens"], sample["input_ids"]);
    EXPECT_EQ(difference_to_fp32(sample["input_ids"], sample["output_ids"], tokens_of(reply)), "");
  }
}

TEST(HtpReply, EverySampleAsInFp32OnTheEmulatedHtp) {
  expect_answers_like_fp32("v81", "htp-emulated");
}
TEST(HtpReply, EverySampleAsInFp32OnTheOldestArch) {
  expect_answers_like_fp32("v73", "htp-emulated");
}
// Catches a quantized graph that is right only where it was compiled, or the other way round.
TEST(HtpReply, EverySampleAsInFp32WithTheQuantizedGraphsOnTheCpu) {
  expect_answers_like_fp32("v81", "cpu");
}

// Several times the sliding window (32) and several chunks (32), the last of them padded.
const std::string kLongPrompt =
    "Mia has a yellow shoe. Anna has a red key. Rosa has a green cup. Sam has an orange ball. Leo "
    "has a blue kite. Lily has a purple drum. Tom has a white box. Ben has a black lamp. Mia has a "
    "yellow shoe. Anna has a red key. Who has the kite?";

Json long_reply(const std::string& package, const std::string& device) {
  return json_of(lapidary({"run", package, kLongPrompt, "--greedy", "--max-tokens", "24", "--json",
                           "--device", device}));
}

TEST(HtpReply, PromptsOfManyWindowsAndChunks) {
  const Json expected = long_reply(package("cpu-fp32"), "cpu");
  const auto prompt = expected["prompt_tokens"].get<std::vector<int32_t>>();
  ASSERT_GT(prompt.size(), 4u * 32u);
  for (const char* name : {"v81", "two_parts", "three_parts"}) {
    SCOPED_TRACE(name);
    const Json reply = long_reply(htp_package(name), "htp-emulated");
    EXPECT_EQ(difference_to_fp32(prompt, tokens_of(expected), tokens_of(reply)), "");
  }
}

// Parts hand on 16-bit codes: nothing may change, not even in the last bit.
TEST(HtpReply, PartsGiveTheSameTokensAsOne) {
  for (const Json& sample : text_samples()) {
    SCOPED_TRACE(sample["id"].get<std::string>());
    const auto reply = [&](const std::string& name) {
      return tokens_of(json_of(lapidary(reply_command(sample, htp_package(name), "htp-emulated"))));
    };
    const auto whole = reply("v81");
    EXPECT_EQ(reply("two_parts"), whole);
    EXPECT_EQ(reply("three_parts"), whole);
  }
}

// A chat goes back to what its turns have in common, as far as the rings of sliding layers allow.
TEST(HtpReply, AChatOfSeveralTurnsAnswersAsOnTheCpu) {
  const std::string turns = "What color is the sky?\nWhat is seven plus eight?\n";
  const Outcome emulated = lapidary(
      {"chat", htp_package("v81"), "--greedy", "--device", "htp-emulated"}, {.input = turns});
  const Outcome cpu =
      lapidary({"chat", package("cpu-fp32"), "--greedy", "--device", "cpu"}, {.input = turns});
  EXPECT_EQ(emulated.exit_code, 0) << emulated.err;
  EXPECT_EQ(emulated.out, cpu.out);
}

}  // namespace
}  // namespace lapidary::e2e
