// What the manifest says of a decoder of fixed lengths.
#include "build/fixed_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/test_files.h"
#include "contract/notes.h"

namespace lapidary::build {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Result<std::optional<package::FixedModel>> with_softcap(const std::string& text) {
  const auto source = checkpoint::Checkpoint::open(checkpoint::tiny_checkpoint()).value();
  passes::GraphSet graphs(1);
  graphs[0].role = contract::Role::kDecode;
  graphs[0].part = 1;
  graphs[0].graph.metadata[contract::notes::kHostLogitSoftcap] = text;
  return fixed_model(recipe::load_recipe("htp-w8a16").value(), "decoder", source.config, graphs,
                     {});
}

// The host would leave logits uncapped, or make NaNs of them, without a word.
TEST(FixedModel, SoftcapIsAPositiveNumberOrAnError) {
  const auto model = with_softcap("30.0");
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ((*model)->host_logit_softcap, 30);
  for (const char* text : {"", "thirty", "30.0x", " 30", "nan", "inf", "0", "-30.0", "1e999"}) {
    const auto wrong = with_softcap(text);
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_EQ(wrong.error().kind, ErrorKind::kInternal);
    EXPECT_THAT(wrong.error().message(),
                AllOf(HasSubstr("decoder/decode.1.onnx"), HasSubstr("'host_logit_softcap'"),
                      HasSubstr("'" + std::string(text) + "'")));
  }
}

}  // namespace
}  // namespace lapidary::build
