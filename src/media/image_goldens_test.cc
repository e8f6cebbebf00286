// The image front end against transformers' Gemma4ImageProcessor, on files of every kind that it
// reads; tests/oracle/make_image_goldens.py made them and says what the numbers are.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json.h"
#include "base/testing/compare.h"
#include "base/testing/source_dir.h"
#include "media/image_decoder.h"
#include "media/image_patches.h"

namespace lapidary::media {
namespace {

const std::filesystem::path& folder() {
  static const auto path = source_dir() / "tests/golden/media/images";
  return path;
}

checkpoint::ImageProcessorConfig config_of(const Json& options) {
  checkpoint::ImageProcessorConfig c;
  c.do_resize = options.value("do_resize", c.do_resize);
  c.resample = options.value("resample", c.resample);
  c.do_rescale = options.value("do_rescale", c.do_rescale);
  c.rescale_factor = options.value("rescale_factor", c.rescale_factor);
  c.do_normalize = options.value("do_normalize", c.do_normalize);
  c.image_mean = options.value("image_mean", c.image_mean);
  c.image_std = options.value("image_std", c.image_std);
  c.patch_size = options.value("patch_size", c.patch_size);
  c.max_soft_tokens = options.value("max_soft_tokens", c.max_soft_tokens);
  c.pooling_kernel_size = options.value("pooling_kernel_size", c.pooling_kernel_size);
  return c;
}

std::string hash_of(const std::vector<float>& values) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < values.size(); ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, &values[i], sizeof bits);
    sum += bits * ((2 * i + 1) * 0x9E3779B97F4A7C15U);
  }
  return fmt::format("{:016x}", sum);
}

std::vector<float> read_samples() {
  std::ifstream file(folder() / "expected.f32", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

struct Worst {
  double difference = 0.0;
  int64_t above = 0;  // by more than 1e-3
};

Worst compare(const std::vector<float>& values, std::span<const float> samples) {
  if (values.empty()) return {kNoMeasure, 0};
  std::vector<float> some;
  for (size_t k = 0; k < samples.size(); ++k) {
    some.push_back(values[k * size_t{2654435761} % values.size()]);
  }
  Worst worst{max_difference(some, samples), 0};
  for (size_t k = 0; k < samples.size(); ++k) {
    worst.above += all_near({&some[k], 1}, {&samples[k], 1}, 1e-3) ? 0 : 1;
  }
  return worst;
}

void check_positions(const ImagePatches& patches, int64_t columns) {
  for (int64_t i = 0; i < patches.patches; ++i) {
    const auto at = static_cast<size_t>(2 * i);
    ASSERT_EQ(patches.position_ids[at], i % columns) << "patch " << i;
    ASSERT_EQ(patches.position_ids[at + 1], i / columns) << "patch " << i;
  }
}

// Would catch: any change of decoding, of the choice of size, of the filter, of the order of
// channels, pixels or patches, and of the arithmetic after them. The decoders' libraries are not
// the reference's own builds; still every value is equal to the last bit, which the hash tells.
TEST(ImageGoldens, EqualTheReference) {
  const auto doc = load_json(folder() / "cases.json");
  ASSERT_TRUE(doc.ok()) << doc.error().message();
  const std::vector<float> samples = read_samples();
  const auto per_case = doc->at("samples").get<size_t>();
  size_t next = 0;
  for (const Json& c : doc->at("cases")) {
    SCOPED_TRACE(fmt::format("{} {}", c.at("file").get<std::string>(), c.at("options").dump()));
    const auto path = folder() / c.at("file").get<std::string>();
    const checkpoint::ImageProcessorConfig config = config_of(c.at("options"));
    const auto image = load_image(path);
    const Json& expected = c.at("expected");
    if (expected.is_null()) {
      EXPECT_FALSE(image.ok() && image_patches(*image, config, path.string()).ok());
      if (!image.ok()) {
        EXPECT_NE(image.error().message().find(path.filename().string()), std::string::npos);
      }
      continue;
    }
    ASSERT_LE(next + per_case, samples.size());
    const auto wanted = std::span(samples).subspan(next, per_case);
    next += per_case;
    ASSERT_TRUE(image.ok()) << image.error().message();
    EXPECT_EQ(image->width, expected.at("width"));
    EXPECT_EQ(image->height, expected.at("height"));
    const auto patches = image_patches(*image, config, path.string());
    ASSERT_TRUE(patches.ok()) << patches.error().message();
    const int64_t columns = expected.at("columns");
    ASSERT_EQ(patches->patches, columns * expected.at("rows").get<int64_t>());
    EXPECT_EQ(patches->soft_tokens, expected.at("soft_tokens"));
    ASSERT_NO_FATAL_FAILURE(check_positions(*patches, columns));
    const Worst worst = compare(patches->pixel_values, wanted);
    EXPECT_LE(worst.difference, 1.0 / 255.0);
    EXPECT_LE(worst.above * 1000, static_cast<int64_t>(per_case));
    EXPECT_EQ(hash_of(patches->pixel_values), expected.at("hash"));
  }
  EXPECT_EQ(next, samples.size());
}

}  // namespace
}  // namespace lapidary::media
