// The vision encoder against transformers: float32, eager attention. See
// oracle/make_vision_goldens.py for what the files hold.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/testing/source_dir.h"
#include "checkpoint/config.h"
#include "checkpoint/weights.h"
#include "encoders/fixed_vision_inputs.h"
#include "gemma4/fixed_vision_encoder.h"
#include "gemma4/vision_encoder.h"
#include "golden_check.h"
#include "graph/onnx_writer.h"
#include "ort/session.h"

namespace lapidary::golden {
namespace {

using Path = std::filesystem::path;
using ort::Binding;
using ort::Session;

constexpr double kMinCosine = 0.999999;
constexpr double kMaxDifference = 1e-3;

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.error().message());
}

Path folder() { return source_dir() / "tests/golden/vision"; }

struct VisionCase {
  std::string name;
  int64_t batch = 0, patches = 0;
  std::vector<int64_t> positions;  // [batch, patches, 2]
  std::vector<float> pixels;       // [batch, patches, values per patch]
  std::vector<float> features;     // [soft tokens, hidden]
  int64_t soft_tokens = 0;
};

uint32_t scrambled(uint32_t i) {
  const uint32_t h = i * 2654435761U;
  return (h ^ (h >> 15U)) * 2246822519U;
}

// Byte i of what the case's recipe makes, padding skipped.
class PixelBytes {
 public:
  PixelBytes(const Json& recipe, size_t per_patch) : per_patch_(per_patch) {
    if (recipe.contains("pixels")) {
      file_ = take(MappedFile::open(folder() / recipe.at("pixels").get<std::string>()));
    } else {
      seed_ = recipe.at("seed").get<uint32_t>();
    }
  }
  float value(size_t i) const {
    return static_cast<float>(byte(i)) * static_cast<float>(1.0 / 255);
  }

 private:
  uint32_t byte(size_t i) const {
    if (file_) return std::to_integer<uint32_t>(file_->bytes()[i]);
    const auto patch = static_cast<uint32_t>(i / per_patch_);
    return (scrambled(patch + seed_) >> 25U) + (scrambled(static_cast<uint32_t>(i) + seed_) >> 25U);
  }

  size_t per_patch_;
  uint32_t seed_ = 0;
  std::shared_ptr<const MappedFile> file_;
};

VisionCase read_case(const Json& json, size_t per_patch) {
  VisionCase one;
  one.name = json.at("name");
  one.soft_tokens = json.at("soft_tokens");
  for (const Json& image : json.at("positions")) {
    ++one.batch;
    one.patches = static_cast<int64_t>(image.size());
    for (const Json& xy : image) {
      one.positions.push_back(xy.at(0));
      one.positions.push_back(xy.at(1));
    }
  }
  one.pixels.assign(one.positions.size() / 2 * per_patch, 0.0F);
  const PixelBytes bytes(json, per_patch);
  size_t real = 0;
  for (size_t patch = 0; patch < one.positions.size() / 2; ++patch) {
    if (one.positions[2 * patch] < 0) continue;
    for (size_t i = 0; i < per_patch; ++i) {
      one.pixels[patch * per_patch + i] = bytes.value(real++);
    }
  }
  return one;
}

class GoldenVision : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    scratch_ = Path(testing::TempDir()) /
               ("lapidary_golden_vision_" + std::to_string(getpid()) + GetParam());
    std::filesystem::create_directories(scratch_);
    const Json json = take(load_json(folder() / (std::string(GetParam()) + ".json")));
    const Path checkpoint = source_dir() / json.at("checkpoint").get<std::string>();
    const auto config = take(checkpoint::Config::load(checkpoint / "config.json"));
    const auto weights = take(checkpoint::Weights::open(checkpoint));
    hidden_ = config.text.hidden_size;
    per_patch_ = config.vision->patch_elements();
    model_ = scratch_ / "model.onnx";
    take(graph::save(take(gemma4::build_vision_encoder(config, weights)), model_, {}));
    read_cases(json);
    fixed_model_ = scratch_ / "static.onnx";
    fixed_.pooling_kernel_size = config.vision->pooling_kernel_size;
    fixed_.fixed_encoder = package::FixedEncoder{most_soft_tokens(), -100};
    const gemma4::FixedEncoderForm form = {most_soft_tokens(), -100};
    take(graph::save(take(gemma4::build_fixed_vision_encoder(config, weights, form)), fixed_model_,
                     {}));
  }
  void TearDown() override { std::filesystem::remove_all(scratch_); }

  std::vector<float> run(const Session& session, VisionCase& one, int64_t soft_tokens) const {
    std::vector<float> out(static_cast<size_t>(soft_tokens * hidden_));
    Binding binding = take(session.bind());
    require(binding.input(
        "pixel_values", {DType::kFloat, one.pixels.data(), {one.batch, one.patches, per_patch_}}));
    require(
        binding.input("pixel_position_ids",
                      {DType::kInt64, one.positions.data(), {one.batch, one.patches, int64_t{2}}}));
    require(binding.output("image_features", {DType::kFloat, out.data(), {soft_tokens, hidden_}}));
    require(binding.run());
    return out;
  }

  void expect_features(const VisionCase& one, const std::vector<float>& features) const {
    SCOPED_TRACE(one.name);
    ASSERT_TRUE(all_near(features, one.features, kMaxDifference));
    const auto width = static_cast<size_t>(hidden_);
    for (size_t at = 0; at < features.size(); at += width) {
      EXPECT_GE(cosine(std::span(features).subspan(at, width),
                       std::span(one.features).subspan(at, width)),
                kMinCosine)
          << "soft token " << at / width;
    }
  }

  // Without its padding.
  media::ImagePatches image(const VisionCase& one, int64_t index) const {
    media::ImagePatches out;
    const auto width = static_cast<size_t>(per_patch_);
    for (auto i = static_cast<size_t>(index * one.patches);
         i < static_cast<size_t>((index + 1) * one.patches); ++i) {
      if (one.positions[2 * i] < 0) continue;
      ++out.patches;
      out.position_ids.insert(out.position_ids.end(),
                              {one.positions[2 * i], one.positions[2 * i + 1]});
      const auto pixels = one.pixels.begin() + static_cast<std::ptrdiff_t>(i * width);
      out.pixel_values.insert(out.pixel_values.end(), pixels,
                              pixels + static_cast<std::ptrdiff_t>(width));
    }
    out.soft_tokens = out.patches / (fixed_.pooling_kernel_size * fixed_.pooling_kernel_size);
    return out;
  }

  // Of any image: for that one the fixed length has no padding, for all others it has.
  int64_t most_soft_tokens() const {
    int64_t most = 0;
    for (const VisionCase& one : cases_) {
      for (int64_t i = 0; i < one.batch; ++i) most = std::max(most, image(one, i).soft_tokens);
    }
    return most;
  }

  Path scratch_, model_, fixed_model_;
  package::VisionModel fixed_;  // of fixed_model_
  int64_t hidden_ = 0, per_patch_ = 0;
  std::vector<VisionCase> cases_;

 private:
  void read_cases(const Json& json) {
    const auto file = take(MappedFile::open(folder() / json.at("features").get<std::string>()));
    std::vector<float> features(file->bytes().size() / sizeof(float));
    std::memcpy(features.data(), file->bytes().data(), features.size() * sizeof(float));
    auto next = features.cbegin();
    for (const Json& each : json.at("cases")) {
      VisionCase& one = cases_.emplace_back(read_case(each, static_cast<size_t>(per_patch_)));
      const auto end = next + one.soft_tokens * hidden_;
      one.features.assign(next, end);
      next = end;
    }
    ASSERT_EQ(next, features.cend());
  }
};

// Catches a wrong position table, rotation, mask, clamp, norm, pooling or projection; a soft token
// too many or too few makes the run itself fail.
TEST_P(GoldenVision, SoftTokens) {
  const Session session = take(Session::open(model_, {.threads = 1}));
  for (VisionCase& one : cases_) {
    expect_features(one, run(session, one, one.soft_tokens));
  }
}

// The same for the graph of fixed length, an image at a time. Catches cells in another order than
// their soft tokens, padding that is attended to, tables that begin elsewhere, and the pooling's
// factor lost on its way into the norm or the standardization.
TEST_P(GoldenVision, SoftTokensOfTheFixedLength) {
  const Session session = take(Session::open(fixed_model_, {.threads = 1}));
  for (const VisionCase& one : cases_) {
    std::vector<float> features;
    for (int64_t i = 0; i < one.batch; ++i) {
      const media::ImagePatches patches = image(one, i);
      const auto inputs = take(encoders::fixed_vision_inputs(patches, fixed_));
      const auto outputs = take(session.run(inputs));
      std::vector<float> all(outputs.at(0).data.size() / sizeof(float));
      std::memcpy(all.data(), outputs.at(0).data.data(), outputs.at(0).data.size());
      features.insert(features.end(), all.begin(), all.begin() + patches.soft_tokens * hidden_);
    }
    expect_features(one, features);
  }
}

// Catches padding that is attended to or pooled: what it holds must not matter.
TEST_P(GoldenVision, PaddingMayHoldAnything) {
  const Session session = take(Session::open(model_, {.threads = 1}));
  const auto width = static_cast<size_t>(per_patch_);
  for (VisionCase& one : cases_) {
    SCOPED_TRACE(one.name);
    for (size_t patch = 0; patch < one.positions.size() / 2; ++patch) {
      if (one.positions[2 * patch] >= 0) continue;
      const auto begin = one.pixels.begin() + static_cast<std::ptrdiff_t>(patch * width);
      std::fill(begin, begin + static_cast<std::ptrdiff_t>(width), 7.0F);
    }
    EXPECT_TRUE(all_near(run(session, one, one.soft_tokens), one.features, kMaxDifference));
  }
}

// Catches a position beyond the table that takes a row of something else.
TEST_P(GoldenVision, PositionsBeyondTheTableAreAnError) {
  const Session session = take(Session::open(model_, {.threads = 1}));
  VisionCase one = cases_.front();
  one.positions[0] = 1 << 20;
  EXPECT_THROW(run(session, one, one.soft_tokens), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, GoldenVision,
                         testing::Values("tiny", "standardized", "clipped"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace lapidary::golden
