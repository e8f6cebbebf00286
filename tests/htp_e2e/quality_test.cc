// What quantization costs a package with eyes and ears: captions and transcripts of the tiny
// model's held-out files, and perplexity, on the CPU in the same integers as on the HTP.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

// fp32 on the same files (tests/e2e/media_eval_test.cc): 45 of 50 captions, 50 of 50 transcripts.
constexpr double kCaptions = 0.90;
constexpr double kTranscripts = 1.00;

void expect_within(const std::string& package, double points) {
  const Json result =
      json_of(lapidary({"eval", htp_package(package), "--media", tiny("eval/eval.json"), "--device",
                        "cpu", "--unpack-weights", "--json"}));
  ASSERT_EQ(result["images"]["items"], 50);
  ASSERT_EQ(result["audio"]["items"], 50);
  const double allowed = points / 100 + 1e-9;
  EXPECT_GE(result["images"]["exact_match"].get<double>(), kCaptions - allowed);
  EXPECT_GE(result["audio"]["exact_match"].get<double>(), kTranscripts - allowed);
  EXPECT_LE(result["audio"]["word_error_rate"].get<double>(), allowed);
}

double perplexity(const std::string& package) {
  return json_of(lapidary({"eval", package, "--text", tiny("corpus/eval.txt"), "--limit", "40",
                           "--device", "cpu", "--unpack-weights", "--json"}))["perplexity"]
      .get<double>();
}

TEST(HtpQuality, CaptionsAndTranscriptsWithinOnePointOfFp32) { expect_within("v81", 1); }

struct Recipe {
  const char* package;
  double perplexity;  // largest increase over fp32
};
class Htp4bitQuality : public ::testing::TestWithParam<Recipe> {};

TEST_P(Htp4bitQuality, CaptionsAndTranscriptsWithinTwoPointsOfFp32) {
  expect_within(GetParam().package, 2);
}

// Of the whole text: fp32 1.753625, w4a16 1.757494, lpbq 1.757723, mixed 1.754931. This is a part.
TEST_P(Htp4bitQuality, Perplexity) {
  const double fp32 = perplexity(package("cpu-fp32"));
  const double quantized = perplexity(htp_package(GetParam().package));
  EXPECT_LE(quantized / fp32 - 1, GetParam().perplexity) << quantized << " against " << fp32;
}

INSTANTIATE_TEST_SUITE_P(Recipes, Htp4bitQuality,
                         ::testing::Values(Recipe{"htp-w4a16-v81", 0.015},
                                           Recipe{"htp-lpbq-v81", 0.01},
                                           Recipe{"htp-mixed-v81", 0.005}),
                         [](const auto& each) {
                           const std::string name = each.param.package;
                           return name.substr(4, name.size() - 8);
                         });

// Catches weights in blocks, or in one block a channel, that the emulated HTP reads otherwise than
// ONNX Runtime's CPU: scales of channels must not be negative.
TEST(Htp4bitReply, BlocksAnswerAsInFp32OnTheEmulatedHtp) {
  const std::string question = "What is seven plus eight?";
  const Reply expected = reply_to(model(), question, 12);
  const runtime::Model quantized =
      open_on(htp_package("htp-lpbq-v81"), engine::Device::kHtpEmulated);
  const Reply reply = reply_to(quantized, question, 12);
  EXPECT_EQ(difference_to_fp32(expected.prompt, expected.tokens, reply.tokens), "");
}

}  // namespace
}  // namespace lapidary::e2e
