// What Olive's published QNN recipe makes of the tiny model: it speaks, sees and hears on the
// emulated HTP of the chip that the recipe names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/compare.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "encoders/media_encoder.h"
#include "htp_e2e/packages.h"

namespace lapidary::e2e {
namespace {

using encoders::MediaItem;
using encoders::MediaKind;
using engine::Device;

const std::string kName = "olive";

// "soc_model": "60" is the SC8380XP.
TEST(HtpOlive, EveryNodeOfEveryComponentRunsOnTheHtp) {
  for (const char* component : {"vision_encoder", "audio_encoder", "decoder"}) {
    SCOPED_TRACE(component);
    const Json claims = load_json(htp_package(kName) + "/" + component + "/claims.json").value();
    EXPECT_EQ(claims["target"], "v73 (SC8380XP)");
    for (const Json& graph : claims["graphs"]) {
      EXPECT_EQ(graph["totals"]["cpu"], 0);
      EXPECT_EQ(graph["totals"]["percent_on_htp"], 100.0);
      EXPECT_GT(graph["totals"]["htp"].get<int>(), 100);
    }
  }
}

// The recipe's context_length is 64, which holds short prompts and short clips.
TEST(HtpOlive, AnswersAsHuggingFaceWhereThatIsSure) {
  const Json expected = load_json(tiny("samples/expected.json")).value();
  int asked = 0;
  for (const Json& sample : expected["samples"]) {
    const std::string id = sample["id"].get<std::string>();
    if (id != "text1" && id != "text6" && id != "audio1") continue;
    ++asked;
    std::vector<std::string> words = {"run",      htp_package(kName), sample["question"],
                                      "--greedy", "--device",         "htp-emulated"};
    if (id == "text6") words.insert(words.end(), {"--system", sample["system"]});
    if (id == "audio1") words.insert(words.end(), {"--audio", tiny("samples/audio1.wav")});
    const Outcome reply = lapidary(words);
    EXPECT_EQ(reply.exit_code, 0) << reply.err;
    EXPECT_EQ(reply.out, sample["output_text"].get<std::string>() + "\n");
  }
  EXPECT_EQ(asked, 3);
}

// Catches blocks of weights that the HTP computes with wrong zero points: cosines of 0.75.
TEST(HtpOlive, FeaturesAreThoseOfTheCpuAndNearThoseOfFp32) {
  const runtime::Model emulated = open_on(htp_package(kName), Device::kHtpEmulated);
  const runtime::Model cpu = open_on(htp_package(kName), Device::kCpu);
  for (const MediaItem& item : {MediaItem{MediaKind::kImage, tiny("samples/image2.png")},
                                MediaItem{MediaKind::kAudio, tiny("samples/audio1.wav")}}) {
    SCOPED_TRACE(item.path.string());
    const auto features = [&](const runtime::Model& of) {
      return encoders::MediaEncoder(of.media_model()).encode(item).value().blocks.front()->features;
    };
    const std::vector<float> on_htp = features(emulated);
    EXPECT_GT(cosine(on_htp, features(cpu)), 0.999);
    EXPECT_GT(cosine(on_htp, features(model())), 0.98);
  }
}

// A prompt of 82 tokens.
TEST(HtpOlive, ImagesThatDoNotFitTheContextAreRefused) {
  const Outcome reply = lapidary({"run", htp_package(kName), "What is in the picture?", "--image",
                                  tiny("samples/image2.png"), "--device", "htp-emulated"});
  EXPECT_EQ(reply.exit_code, 2);
  EXPECT_THAT(reply.err, ::testing::HasSubstr("64"));
}

}  // namespace
}  // namespace lapidary::e2e
