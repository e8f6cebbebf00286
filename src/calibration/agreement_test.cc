#include "calibration/agreement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "calibration/decoder_agreement.h"

namespace lapidary::calibration {
namespace {

TEST(AgreementMeter, RowsAreComparedOneByOne) {
  AgreementMeter meter;
  // Equal, turned by 45 degrees, and both zero.
  ASSERT_TRUE(
      meter.add(std::vector<float>{1, 2, 3, 0, 0, 0}, std::vector<float>{1, 2, 3, 3, 0, 0}, 2)
          .ok());
  ASSERT_TRUE(meter.add(std::vector<float>{2, 2}, std::vector<float>{4, 4}, 2).ok());
  const package::Agreement found = meter.result("vision_encoder", "image_features");
  EXPECT_EQ(found.component, "vision_encoder");
  EXPECT_EQ(found.output, "image_features");
  EXPECT_EQ(found.samples, 2);
  EXPECT_NEAR(found.min_cosine, std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(found.mean_cosine, (3 + std::sqrt(0.5)) / 4, 1e-12);
  EXPECT_EQ(found.max_difference, 3);
}

TEST(AgreementMeter, ZerosAgreeWithZerosAlone) {
  AgreementMeter meter;
  ASSERT_TRUE(meter.add(std::vector<float>{0, 0}, std::vector<float>{1, 0}, 2).ok());
  EXPECT_EQ(meter.result("", "").min_cosine, 0);
}

TEST(AgreementMeter, OtherShapesAreErrors) {
  AgreementMeter meter;
  EXPECT_FALSE(meter.add(std::vector<float>{1, 2}, std::vector<float>{1}, 1).ok());
  EXPECT_FALSE(meter.add(std::vector<float>{1, 2, 3}, std::vector<float>{1, 2, 3}, 2).ok());
  EXPECT_FALSE(meter.add(std::vector<float>{}, std::vector<float>{}, 0).ok());
}

// Catches a model that yields NaN and passes for one that agrees.
TEST(AgreementMeter, WhatIsNotFiniteIsAnError) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    AgreementMeter meter;
    EXPECT_FALSE(meter.add(std::vector<float>{1, 2}, std::vector<float>{1, bad}, 2).ok());
    EXPECT_FALSE(meter.add(std::vector<float>{bad, 2}, std::vector<float>{1, 2}, 2).ok());
    EXPECT_FALSE(meter.add(std::vector<float>{bad, bad}, std::vector<float>{bad, bad}, 2).ok());
    EXPECT_EQ(meter.result("", "").samples, 0);
  }
}

// Whole ones that fit into one row together; others would be compared in another context.
TEST(AgreementPrompts, AreShortAndSpread) {
  std::vector<engine::Prompt> prompts;
  for (int32_t length = 1; length <= 20; ++length) {
    prompts.emplace_back(std::vector<int32_t>(static_cast<size_t>(length), length));
  }
  const auto some = agreement_prompts(prompts, 36, 3);
  ASSERT_EQ(some.size(), 3U);
  EXPECT_EQ(some[0].ids.size(), 2U);
  EXPECT_EQ(some[1].ids.size(), 5U);
  EXPECT_EQ(some[2].ids.size(), 9U);
  EXPECT_TRUE(agreement_prompts(prompts, 3, 3).empty());
}

// Catches a build at a short context that ends over data of long texts, and images cut in two.
TEST(AgreementPrompts, AreCutWhenAllAreLong) {
  const auto image = std::make_shared<engine::SoftTokens>(engine::SoftTokens{4, {}, ""});
  const auto block = [&](int64_t begin) {
    return engine::SoftBlock{begin, engine::Medium::kImage, image};
  };
  const std::vector<int32_t> ids(20, 7);
  const std::vector<engine::Prompt> prompts = {engine::Prompt(ids), engine::Prompt(ids, {block(3)}),
                                               engine::Prompt(ids, {block(3), block(7)}),
                                               engine::Prompt(ids, {block(1)})};
  const auto some = agreement_prompts(prompts, 32, 4);
  ASSERT_EQ(some.size(), 4U);
  EXPECT_EQ(some[0].ids.size(), 8U);
  EXPECT_EQ(some[1].blocks.size(), 1U);
  EXPECT_EQ(some[2].ids.size(), 7U);
  EXPECT_EQ(some[2].blocks.size(), 1U);
  EXPECT_EQ(some[3].blocks.size(), 1U);
  // An image of four tokens does not fit into three.
  const auto shorter = agreement_prompts(prompts, 12, 4);
  ASSERT_EQ(shorter.size(), 3U);
  EXPECT_EQ(shorter[1].ids.size(), 3U);
  EXPECT_TRUE(shorter[1].blocks.empty());
}

}  // namespace
}  // namespace lapidary::calibration
