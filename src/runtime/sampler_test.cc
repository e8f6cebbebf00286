#include "runtime/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "base/json.h"
#include "base/testing/source_dir.h"

namespace lapidary::runtime {
namespace {

using ::testing::HasSubstr;

Json goldens() {
  auto json = load_json(source_dir() / "tests/golden/sampler.json");
  EXPECT_TRUE(json.ok());
  return std::move(json).value();
}

// Against transformers' LogitsProcessor classes: the same tokens survive, with the same
// probabilities. Catches a wrong order of filters and every off-by-one at a threshold.
TEST(Sampler, FiltersLikeTransformers) {
  const Json all = goldens();
  for (const Json& golden : all["cases"]) {
    const Json& o = golden["options"];
    SCOPED_TRACE(o.dump());
    SamplingOptions options;
    options.temperature = o.value("temperature", 1.0);
    options.top_k = o.value("top_k", int64_t{0});
    options.top_p = o.value("top_p", 1.0);
    options.min_p = o.value("min_p", 0.0);
    options.repetition_penalty = o.value("repetition_penalty", 1.0);
    const auto logits = golden["logits"].get<std::vector<float>>();
    Sampler sampler(options, static_cast<int64_t>(logits.size()));
    sampler.observe(golden["history"].get<std::vector<int32_t>>());
    auto kept = sampler.candidates(logits, golden["masked"].get<std::vector<int32_t>>());
    ASSERT_TRUE(kept.ok()) << kept.error().message();
    std::map<int32_t, double> ours;
    for (const Candidate& c : *kept) ours[c.id] = c.probability;
    ASSERT_EQ(ours.size(), golden["kept"].size());
    // Of tokens with one logit, torch.sort leaves open which comes first, and is cut last.
    const auto is_tied = [&](int32_t a, int32_t b) {
      return logits[static_cast<size_t>(a)] == logits[static_cast<size_t>(b)];
    };
    for (size_t i = 0; i < golden["kept"].size(); ++i) {
      const int32_t id = golden["kept"][i];
      const auto found = std::find_if(ours.begin(), ours.end(), [&](const auto& candidate) {
        return candidate.first == id || is_tied(candidate.first, id);
      });
      ASSERT_NE(found, ours.end()) << id;
      EXPECT_NEAR(found->second, golden["probabilities"][i].get<double>(), 1e-6);
      ours.erase(ours.contains(id) ? ours.find(id) : found);
    }
  }
}

TEST(Sampler, SameSeedSameTokens) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = std::sin(static_cast<float>(i)) * 2;
  const auto draw = [&](uint64_t seed) {
    Sampler sampler({.top_k = 50, .seed = seed}, 1000);
    std::vector<int32_t> ids;
    for (int i = 0; i < 50; ++i) ids.push_back(sampler.pick(logits, {}).value());
    return ids;
  };
  EXPECT_EQ(draw(7), draw(7));
  EXPECT_NE(draw(7), draw(8));
}

// Catches a draw that ignores the probabilities or is off by one candidate.
TEST(Sampler, FrequenciesFollowTheProbabilities) {
  const std::vector<float> logits = {0.0f, std::log(2.0f), std::log(7.0f)};
  Sampler sampler({.seed = 1}, 3);
  std::vector<int> count(3);
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) ++count[static_cast<size_t>(sampler.pick(logits, {}).value())];
  EXPECT_NEAR(count[0], 0.1 * kDraws, 0.01 * kDraws);
  EXPECT_NEAR(count[1], 0.2 * kDraws, 0.01 * kDraws);
  EXPECT_NEAR(count[2], 0.7 * kDraws, 0.01 * kDraws);
}

TEST(Sampler, GreedyTakesTheFirstOfEqualMaxima) {
  std::vector<float> logits(100, -5.0f);
  logits[40] = logits[77] = 3.0f;
  Sampler sampler({.greedy = true}, 100);
  EXPECT_EQ(sampler.pick(logits, {}).value(), 40);
  EXPECT_EQ(sampler.pick(logits, std::vector<int32_t>{40}).value(), 77);
}

TEST(Sampler, GreedyHeedsTheRepetitionPenalty) {
  const std::vector<float> logits = {2.0f, 1.9f, -1.0f};
  Sampler sampler({.greedy = true, .repetition_penalty = 1.5}, 3);
  EXPECT_EQ(sampler.pick(logits, {}).value(), 0);
  sampler.observe(0);
  EXPECT_EQ(sampler.pick(logits, {}).value(), 1);
}

// The lanes of the maximum: every position must be looked at, whatever the length.
TEST(Sampler, ArgmaxFindsEveryPosition) {
  for (size_t n = 1; n < 100; ++n) {
    for (size_t at = 0; at < n; ++at) {
      std::vector<float> values(n, -1.0f);
      values[at] = 1.0f;
      ASSERT_EQ(argmax(values), static_cast<int64_t>(at));
    }
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(argmax(std::vector<float>{nan, nan}), -1);
  EXPECT_EQ(argmax({}), -1);
}

TEST(Sampler, NoFiniteLogitIsAnError) {
  const std::vector<float> logits(10, std::numeric_limits<float>::quiet_NaN());
  for (const bool greedy : {true, false}) {
    Sampler sampler({.greedy = greedy}, 10);
    auto picked = sampler.pick(logits, {});
    ASSERT_FALSE(picked.ok());
    EXPECT_EQ(picked.error().kind, ErrorKind::kInternal);
  }
}

TEST(Sampler, OptionsOutOfRangeAreRefusedByName) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::pair<SamplingOptions, const char*> bad[] = {
      {{.temperature = 0}, "temperature"},
      {{.temperature = nan}, "temperature"},
      {{.top_k = -1}, "top-k"},
      {{.top_p = 1.1}, "top-p"},
      {{.top_p = nan}, "top-p"},
      {{.min_p = -0.1}, "min-p"},
      {{.repetition_penalty = 0}, "repetition-penalty"},
  };
  for (const auto& [options, name] : bad) {
    const Status status = validate(options);
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_THAT(status.error().message(), HasSubstr(name));
  }
  EXPECT_TRUE(validate({}).ok());
}

}  // namespace
}  // namespace lapidary::runtime
