// What quantization costs: within 0.3 % of fp32 (tests/golden: 1.753625).
#include <gtest/gtest.h>

#include <cmath>

#include "e2e/child.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

double perplexity(const std::string& package, const std::string& device,
                  const std::vector<std::string>& more) {
  std::vector<std::string> words = {"eval",     package, "--text", tiny("corpus/eval.txt"),
                                    "--device", device,  "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return json_of(lapidary(words))["perplexity"].get<double>();
}

// On the CPU, in the same integers. (The whole text takes minutes: 1.753652 against 1.753625.)
TEST(HtpPerplexity, ManyLinesOnTheCpuWithinThreePerMille) {
  const std::vector<std::string> many = {"--limit", "40"};
  const double fp32 = perplexity(package("cpu-fp32"), "cpu", many);
  const double quantized = perplexity(htp_package("v81"), "cpu", many);
  EXPECT_LT(std::abs(quantized / fp32 - 1), 0.003) << quantized << " against " << fp32;
  // The same integers, ten times as fast. Catches codes that are unpacked otherwise than at a run.
  const double unpacked =
      perplexity(htp_package("v81"), "cpu", {"--limit", "40", "--unpack-weights"});
  EXPECT_NEAR(unpacked / quantized, 1, 1e-5) << unpacked << " against " << quantized;
}

TEST(HtpPerplexity, SomeLinesOnTheEmulatedHtp) {
  const std::vector<std::string> some = {"--limit", "4"};
  const double fp32 = perplexity(package("cpu-fp32"), "cpu", some);
  const double emulated = perplexity(htp_package("v81"), "htp-emulated", some);
  EXPECT_LT(std::abs(emulated / fp32 - 1), 0.003) << emulated << " against " << fp32;
}

}  // namespace
}  // namespace lapidary::e2e
