// The tiny model on the emulated HTP answers as in fp32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

using engine::Device;

void expect_answers_like_fp32(const std::string& package, Device device, int64_t tokens = 110) {
  const auto samples = text_samples();
  ASSERT_EQ(samples.size(), 8u);
  const runtime::Model model = open_on(htp_package(package), device);
  for (const Json& sample : samples) {
    SCOPED_TRACE(sample["id"].get<std::string>());
    const Reply reply = reply_to(model, sample, tokens);
    auto expected = sample["output_ids"].get<std::vector<int32_t>>();
    if (expected.size() > static_cast<size_t>(tokens)) expected.resize(tokens);
    EXPECT_EQ(reply.prompt, sample["input_ids"].get<std::vector<int32_t>>());
    EXPECT_EQ(difference_to_fp32(reply.prompt, expected, reply.tokens), "");
  }
}

TEST(HtpReply, EverySampleAsInFp32OnTheEmulatedHtp) {
  expect_answers_like_fp32("v81", Device::kHtpEmulated);
}
TEST(HtpReply, EverySampleAsInFp32OnTheOldestArch) {
  expect_answers_like_fp32("v73", Device::kHtpEmulated, 12);
}
// Catches a quantized graph that is right only where it was compiled, or the other way round.
TEST(HtpReply, EverySampleAsInFp32WithTheQuantizedGraphsOnTheCpu) {
  expect_answers_like_fp32("v81", Device::kCpu);
}

// Several times the sliding window (32) and several chunks (32), the last of them padded.
TEST(HtpReply, PromptsOfManyWindowsAndChunks) {
  const std::string things =
      "Mia has a yellow shoe. Anna has a red key. Rosa has a green cup. Sam has an orange ball. "
      "Leo has a blue kite. Lily has a purple drum. ";
  const std::string question = things + things + things + things + "Who has the kite?";
  const Reply expected = reply_to(model(), question, 24);
  ASSERT_GT(expected.prompt.size(), 4u * 32u);
  for (const char* name : {"v81", "two_parts", "three_parts"}) {
    SCOPED_TRACE(name);
    const runtime::Model quantized = open_on(htp_package(name), Device::kHtpEmulated);
    const Reply reply = reply_to(quantized, question, 24);
    EXPECT_EQ(difference_to_fp32(expected.prompt, expected.tokens, reply.tokens), "");
  }
}

// The first tokens of the first samples, one package in memory at a time.
std::vector<std::vector<int32_t>> first_tokens(const std::string& package) {
  const runtime::Model model = open_on(htp_package(package), Device::kHtpEmulated);
  std::vector<std::vector<int32_t>> out;
  for (const Json& sample : text_samples()) {
    if (out.size() < 4) out.push_back(reply_to(model, sample, 8).tokens);
  }
  return out;
}

// Parts hand on 16-bit codes: nothing may change, not even in the last bit.
TEST(HtpReply, PartsGiveTheSameTokensAsOne) {
  const auto whole = first_tokens("v81");
  EXPECT_EQ(whole.size(), 4u);
  EXPECT_EQ(first_tokens("two_parts"), whole);
  EXPECT_EQ(first_tokens("three_parts"), whole);
}

// The program itself: nothing but the reply on standard output.
TEST(HtpReply, StandardOutputHoldsTheReplyAlone) {
  const Outcome outcome = lapidary({"run", htp_package("v81"), "What color is the sky?", "--greedy",
                                    "--device", "htp-emulated"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "The sky is blue.\n");
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
