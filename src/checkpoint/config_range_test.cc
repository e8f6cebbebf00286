// Numbers of config.json that JSON can hold and float32 cannot. Each would be infinite, or anything,
// in the graph that it ends up in.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "checkpoint/config.h"
#include "checkpoint/test_files.h"

namespace lapidary::checkpoint {
namespace {

using ::testing::HasSubstr;

struct Place {
  const char* section;
  const char* key;  // with a point: of an object in the section
};
constexpr Place kPlaces[] = {
    {"text_config", "rms_norm_eps"},
    {"text_config", "final_logit_softcapping"},
    {"text_config", "rope_parameters.sliding_attention.rope_theta"},
    {"text_config", "rope_parameters.full_attention.rope_theta"},
    {"vision_config", "rms_norm_eps"},
    {"vision_config", "rope_parameters.rope_theta"},
    {"audio_config", "rms_norm_eps"},
    {"audio_config", "residual_weight"},
    {"audio_config", "attention_logit_cap"},
    {"audio_config", "attention_invalid_logits_value"},
};

Result<Config> with(const std::string& path, double value) {
  Json json = *parse_json(read_file(tiny_checkpoint() / "config.json"), "config.json");
  std::string pointer = "/" + path;
  std::replace(pointer.begin(), pointer.end(), '.', '/');
  json[Json::json_pointer(pointer)] = value;
  return Config::parse(json.dump(), "config.json");
}

TEST(ConfigRangeTest, RefusesNumbersBeyondFloat32) {
  for (const Place& place : kPlaces) {
    const std::string path = fmt::format("{}.{}", place.section, place.key);
    for (const double value : {3.5e38, 1e300, -1e300}) {
      const auto config = with(path, value);
      ASSERT_FALSE(config.ok()) << path << " = " << value;
      EXPECT_THAT(config.error().message(), HasSubstr(fmt::format("config.json: '{}' is ", path)));
      EXPECT_THAT(config.error().message(), HasSubstr("outside the allowed range"));
    }
  }
}

// Catches a bound that takes away what is good: the largest numbers that are finite in float32, and
// the value that means "no clipping", which no graph holds.
TEST(ConfigRangeTest, TakesNumbersWithinFloat32) {
  for (const Place& place : kPlaces) {
    const std::string path = fmt::format("{}.{}", place.section, place.key);
    const auto config = with(path, 3.4e38);
    EXPECT_TRUE(config.ok()) << config.error().message();
  }
  const auto unclipped = with("audio_config.gradient_clipping", 1e300);
  EXPECT_TRUE(unclipped.ok()) << unclipped.error().message();
}

}  // namespace
}  // namespace lapidary::checkpoint
