// The tiny model sees and hears on the emulated HTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/testing/compare.h"
#include "base/testing/source_dir.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "encoders/media_encoder.h"
#include "htp_e2e/packages.h"
#include "package/package.h"

namespace lapidary::e2e {
namespace {

namespace fs = std::filesystem;
using encoders::MediaItem;
using encoders::MediaKind;
using engine::Device;

std::vector<float> features_of(encoders::MediaEncoder& encoder, const MediaItem& item) {
  return encoder.encode(item).value().blocks.front()->features;
}

// Against Hugging Face, that is fp32 in graphs of any length: those give Hugging Face's features to
// 1e-3 (tests/golden_vision_test.cc, golden_audio_encoder_test.cc). Catches encoders that run
// elsewhere, or whose inputs are fed to the device in another form.
TEST(HtpMedia, FeaturesOfEverySampleAreThoseOfFp32) {
  const runtime::Model emulated = open_on(htp_package("v81"), Device::kHtpEmulated);
  for (const char* component : {"vision_encoder", "audio_encoder"}) {
    EXPECT_TRUE(emulated.resolved_device().runs(*emulated.manifest().component(component)));
  }
  encoders::MediaEncoder on_htp(emulated.media_model());
  encoders::MediaEncoder in_fp32(model().media_model());
  const auto hidden = static_cast<size_t>(emulated.manifest().text.hidden_size);
  for (int i = 0; i < 8; ++i) {
    for (const MediaItem& item :
         {MediaItem{MediaKind::kImage, tiny("samples/image" + std::to_string(i) + ".png")},
          MediaItem{MediaKind::kAudio, tiny("samples/audio" + std::to_string(i) + ".wav")}}) {
      const std::vector<float> found = features_of(on_htp, item);
      EXPECT_GE(lowest_cosine(found, features_of(in_fp32, item), hidden), 0.9999)
          << item.path.filename();
    }
  }
}

// The same integers on ONNX Runtime's CPU.
TEST(HtpMedia, FeaturesAreThoseOfTheQuantizedGraphsOnTheCpu) {
  const runtime::Model emulated = open_on(htp_package("v81"), Device::kHtpEmulated);
  const runtime::Model cpu = open_on(htp_package("v81"), Device::kCpu);
  EXPECT_FALSE(cpu.resolved_device().runs(*cpu.manifest().component("vision_encoder")));
  encoders::MediaEncoder on_htp(emulated.media_model());
  encoders::MediaEncoder on_cpu(cpu.media_model());
  const auto hidden = static_cast<size_t>(cpu.manifest().text.hidden_size);
  for (const MediaItem& item : {MediaItem{MediaKind::kImage, tiny("samples/image2.png")},
                                MediaItem{MediaKind::kAudio, tiny("samples/audio1.wav")}}) {
    EXPECT_GE(lowest_cosine(features_of(on_htp, item), features_of(on_cpu, item), hidden), 0.9999)
        << item.path.filename();
  }
}

// What Hugging Face answered (samples/expected.json).
TEST(HtpMedia, RunAnswersAsRecorded) {
  const Json samples = load_json(tiny("samples/expected.json")).value()["samples"];
  for (const Json& sample : samples) {
    const std::string id = sample["id"].get<std::string>();
    if (id != "image2" && id != "audio1") continue;
    const Json reply =
        json_of(lapidary({"run", htp_package("v81"), sample["question"].get<std::string>(),
                          sample["kind"] == "image" ? "--image" : "--audio",
                          tiny("samples/" + sample["file"].get<std::string>()), "--greedy",
                          "--device", "htp-emulated", "--json"}));
    EXPECT_EQ(reply["text"], sample["output_text"]) << id;
    EXPECT_EQ(reply["device"], "htp-emulated v81 (SM8850)");
  }
}

// The program: what is said of a picture and of a clip, one after the other in one chat.
TEST(HtpMedia, AChatAboutAPictureAndAClipAnswersAsInFp32) {
  const std::string turns = "/image " + tiny("samples/image2.png") +
                            "\nWhat is in the picture?\n/audio " + tiny("samples/audio1.wav") +
                            "\nTranscribe the audio.\n";
  const Outcome emulated = lapidary(
      {"chat", htp_package("v81"), "--greedy", "--device", "htp-emulated"}, {.input = turns});
  EXPECT_EQ(emulated.exit_code, 0) << emulated.err;
  const Outcome cpu = lapidary({"chat", package("cpu-fp32"), "--greedy"}, {.input = turns});
  EXPECT_EQ(emulated.out, cpu.out);
}

// Frames have fewer soft tokens than the encoder has room for. On the CPU: the graph is the same.
TEST(HtpMedia, FramesOfAVideoArePadded) {
  const runtime::Model cpu = open_on(htp_package("v81"), Device::kCpu);
  const MediaItem video = {MediaKind::kVideo, (source_dir() / "tests/golden/media/video").string()};
  const auto frames = encoders::MediaEncoder(cpu.media_model()).encode(video).value().blocks;
  const auto expected = encoders::MediaEncoder(model().media_model()).encode(video).value().blocks;
  ASSERT_EQ(frames.size(), expected.size());
  ASSERT_LT(frames[0]->count, cpu.manifest().vision->fixed_encoder->soft_tokens);
  const auto hidden = static_cast<size_t>(cpu.manifest().text.hidden_size);
  EXPECT_GT(lowest_cosine(frames[0]->features, expected[0]->features, hidden), 0.999);
}

// Of a copy: the packages serve other tests. The links share what is large; a manifest is replaced
// and not written over.
class HtpRecord : public ::testing::Test {
 protected:
  HtpRecord() : copy_(fs::path(testing::TempDir()) / ("recorded_" + std::to_string(getpid()))) {
    fs::copy(htp_package("v81"), copy_,
             fs::copy_options::recursive | fs::copy_options::create_hard_links);
  }
  ~HtpRecord() override { fs::remove_all(copy_); }

  fs::path copy_;
};

TEST_F(HtpRecord, QualityOfTheDeviceIsInTheManifestAndShown) {
  const Json result =
      json_of(lapidary({"eval", copy_.string(), "--media", tiny("eval/eval.json"), "--limit", "1",
                        "--device", "htp-emulated", "--record", "--json"}));
  EXPECT_EQ(result["images"]["equal_to_recorded"], 1);
  EXPECT_EQ(result["audio"]["equal_to_recorded"], 1);
  const Json shown = json_of(lapidary({"inspect", copy_.string(), "--json"}));
  ASSERT_EQ(shown["quality"].size(), 3U);
  EXPECT_EQ(shown["quality"][0]["measure"], "caption_exact_match");
  EXPECT_EQ(shown["quality"][0]["device"], "htp-emulated v81 (SM8850)");
  EXPECT_THAT(shown["quality"][0]["data"].get<std::string>(),
              testing::StartsWith("eval.json, first 1 (xxh3 "));
  for (const char* modality : {"images", "sound"}) {
    const Json& encoder = shown["modalities"][modality]["components"][0];
    SCOPED_TRACE(modality);
    EXPECT_GT(encoder["soft_tokens"].get<int>(), 0);
    EXPECT_EQ(encoder["contexts"]["device"]["binaries"], 1);
    EXPECT_EQ(encoder["claims"]["cpu"], 0);
    EXPECT_EQ(encoder["claims"]["percent_on_htp"], 100.0);
  }
  const Outcome text = lapidary({"inspect", copy_.string()});
  EXPECT_THAT(text.out, testing::HasSubstr("caption_exact_match"));
  EXPECT_THAT(text.out, testing::HasSubstr("100.0 % of"));
  EXPECT_EQ(lapidary({"inspect", copy_.string(), "--verify"}).exit_code, 0);
  EXPECT_EQ(package::Package::open(htp_package("v81"))->manifest.quality.size(), 0U)
      << "the manifest of the package itself";
}

}  // namespace
}  // namespace lapidary::e2e
