#include "report/modalities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A decoder of fixed lengths as a context binary alone, an embedding on the CPU, an encoder of any
// length.
package::Package small_package() {
  package::Package out;
  package::Manifest& manifest = out.manifest;
  manifest.text.vocab_size = 512;
  manifest.fixed_model = package::FixedModel{256, 32, -100, 0, {}};
  manifest.vision = package::VisionModel{};
  manifest.files = {{"embedding/model.onnx", 10, ""},
                    {"vision_encoder/model.onnx", 20, ""},
                    {"decoder/htp/part.0.bin", 3'000'000, ""}};
  for (const char* name : {"embedding", "vision_encoder"}) {
    package::GraphRecord graph;
    graph.name = name;
    graph.file = std::string(name) + "/model.onnx";
    manifest.components.push_back(graph);
  }
  package::GraphRecord decode;
  decode.name = "decoder";
  decode.role = contract::Role::kDecode;
  decode.file = "decoder/decode.0.onnx";
  manifest.components.push_back(decode);
  manifest.htp = package::HtpModel{};
  manifest.htp->arch = "v81";
  manifest.htp->device = {{"decoder", contract::Role::kDecode, 0, "decoder/htp/decode.0.onnx",
                           "decoder/htp/part.0.bin"}};
  return out;
}

// Catches a component said to run where its files are not.
TEST(Modalities, SayWhereEachComponentRuns) {
  const auto text = modalities_text(small_package());
  ASSERT_TRUE(text.ok()) << text.error().message();
  EXPECT_THAT(*text, HasSubstr("256 positions, chunks of 32  HTP v81  3.0 MB in 1"));
  EXPECT_THAT(*text, HasSubstr("embedding  any                          CPU"));
  EXPECT_THAT(*text, HasSubstr("\nimages: "));
  EXPECT_THAT(*text, Not(HasSubstr("\nsound: ")));
}

TEST(Modalities, AsJsonLeaveOutWhatThePackageLacks) {
  const auto json = modalities_json(small_package());
  ASSERT_TRUE(json.ok()) << json.error().message();
  EXPECT_FALSE(json->contains("sound"));
  const Json& decoder = (*json)["text"]["components"][1];
  EXPECT_EQ(decoder["name"], "decoder");
  EXPECT_EQ(decoder["on_cpu"], false);
  EXPECT_EQ(decoder["contexts"]["device"]["arch"], "v81");
  EXPECT_EQ(decoder["contexts"]["device"]["bytes"], 3'000'000);
  EXPECT_FALSE(decoder.contains("claims"));
  EXPECT_EQ((*json)["images"]["components"][0]["on_cpu"], true);
}

}  // namespace
}  // namespace lapidary::report
