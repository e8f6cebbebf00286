// `lapidary features`: the files, against the same encoder called as a library.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "e2e/child.h"
#include "encoders/media_encoder.h"
#include "runtime/model.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const runtime::Model& model() {
  static const runtime::Model opened = [] {
    runtime::ModelOptions options;
    options.session.threads = 1;
    auto result = runtime::Model::open(package("cpu-fp32"), options);
    if (!result.ok()) throw std::runtime_error(result.error().message());
    return std::move(result).value();
  }();
  return opened;
}

class Features : public ::testing::Test {
 protected:
  Features() : dir_(fs::path(testing::TempDir()) / ("features_" + std::to_string(getpid()))) {
    fs::create_directories(dir_);
  }
  ~Features() override { fs::remove_all(dir_); }

  std::string at(const std::string& name) const { return (dir_ / name).string(); }

  Json features(std::vector<std::string> words) const {
    words.insert(words.begin(), {"features", package("cpu-fp32"), "--threads", "1", "--json"});
    return json_of(lapidary(words));
  }

  // The values of a .npy file whose header says `header`.
  template <typename T>
  std::vector<T> values(const std::string& name, const std::string& header) const {
    std::ifstream in(at(name), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    const std::string file = text.str();
    EXPECT_GE(file.size(), 128u) << name;
    if (file.size() < 128) return {};
    EXPECT_THAT(file.substr(0, 128), HasSubstr(header)) << name;
    std::vector<T> out((file.size() - 128) / sizeof(T));
    std::memcpy(out.data(), file.data() + 128, out.size() * sizeof(T));
    return out;
  }

  fs::path dir_;
};

TEST_F(Features, AreTheEncodersSoftTokens) {
  encoders::MediaEncoder encoder(model().media_model());
  const struct {
    encoders::MediaKind kind;
    const char* option;
    const char* file;
  } cases[] = {{encoders::MediaKind::kImage, "--image", "samples/image6.png"},
               {encoders::MediaKind::kAudio, "--audio", "samples/audio2.wav"}};
  for (const auto& [kind, option, file] : cases) {
    const auto expected = encoder.encode({kind, tiny(file)});
    ASSERT_TRUE(expected.ok()) << expected.error().message();
    const engine::SoftTokens& tokens = *expected->blocks.front();
    const Json json = features({option, tiny(file), "-o", at("x.npy")});
    const std::string shape = fmt::format("({}, 128)", tokens.count);
    EXPECT_EQ(values<float>("x.npy", "'<f4', 'fortran_order': False, 'shape': " + shape),
              tokens.features);
    EXPECT_EQ(json["outputs"][0]["shape"], Json::array({tokens.count, 128}));
    EXPECT_EQ(json["content_hash"], tokens.content_hash);
    EXPECT_GT(json["timings"]["encoder_seconds"].get<double>(), 0);
  }
}

// image6 is smaller than the budget of 70 soft tokens and is enlarged to 24 x 24 patches.
TEST_F(Features, FrontendWritesPixelsAndPositions) {
  const Json json =
      features({"--image", tiny("samples/image6.png"), "-o", at("x.npy"), "--frontend"});
  ASSERT_EQ(json["outputs"].size(), 2u);
  const int64_t patches = json["outputs"][0]["shape"][0];
  const auto pixels = values<float>(
      "x.npy", fmt::format("'<f4', 'fortran_order': False, 'shape': ({}, 768)", patches));
  const auto positions =
      values<int64_t>("x.position_ids.npy",
                      fmt::format("'<i8', 'fortran_order': False, 'shape': ({}, 2)", patches));
  const auto expected =
      encoders::MediaEncoder(model().media_model()).image_frontend(tiny("samples/image6.png"));
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(pixels, expected->pixel_values);
  EXPECT_EQ(positions, expected->position_ids);
  EXPECT_EQ(pixels.size(), static_cast<size_t>(patches) * 768);
}

TEST_F(Features, FrontendWritesLogMelAndMask) {
  const Json json =
      features({"--audio", tiny("samples/audio2.wav"), "-o", at("x.npy"), "--frontend"});
  ASSERT_EQ(json["outputs"].size(), 2u);
  const int64_t frames = json["outputs"][0]["shape"][0];
  const auto mel = values<float>(
      "x.npy", fmt::format("'<f4', 'fortran_order': False, 'shape': ({}, 128)", frames));
  const auto mask =
      values<uint8_t>("x.input_features_mask.npy",
                      fmt::format("'|b1', 'fortran_order': False, 'shape': ({},)", frames));
  const auto expected =
      encoders::MediaEncoder(model().media_model()).audio_frontend(tiny("samples/audio2.wav"));
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(mel, expected->input_features);
  EXPECT_EQ(mask, expected->input_features_mask);
}

TEST_F(Features, RefusesWhatMakesNoSense) {
  const std::string image = tiny("samples/image6.png");
  const std::string audio = tiny("samples/audio2.wav");
  const std::vector<std::pair<std::vector<std::string>, std::string>> bad = {
      {{"-o", at("x.npy")}, "one --image or one --audio"},
      {{"--image", image, "--audio", audio, "-o", at("x.npy")}, "one --image or one --audio"},
      {{"--image", image}, "--output is required"},
      {{"--image", image, "-o", at("x.txt")}, "x.txt"},
      {{"--image", image, "-o", at("no/such/x.npy")}, "no/such/x.npy"},
      {{"--image", audio, "-o", at("x.npy")}, "audio2.wav"},
      {{"--image", at("missing.png"), "-o", at("x.npy")}, "missing.png"},
  };
  for (const auto& [more, part] : bad) {
    std::vector<std::string> words = {"features", package("cpu-fp32")};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = lapidary(words);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(part));
    EXPECT_TRUE(fs::is_empty(dir_)) << "left a file behind";
  }
}

}  // namespace
}  // namespace lapidary::e2e
