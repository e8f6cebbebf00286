// What is changed about a recipe for the HTP, and that nothing is changed in silence.
#include "recipe/htp_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"
#include "recipe/recipe.h"

namespace lapidary::recipe {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

HtpForm form_of(const std::string& passes) {
  return htp_form(Json::parse(R"({"input_model": {"type": "HfModel"}, "passes": )" + passes + "}"));
}

std::vector<std::string> types(const HtpForm& form) {
  std::vector<std::string> out;
  for (const auto& [name, pass] : form.recipe["passes"].items()) out.push_back(pass["type"]);
  return out;
}

// A recipe for the CPU must come out as it went in.
TEST(HtpForm, LeavesOtherRecipesAlone) {
  const std::string passes = R"({"q": {"type": "OnnxStaticQuantization", "precision": "uint8"},
                                 "s": {"type": "StaticLLM"}})";
  const HtpForm form = form_of(passes);
  EXPECT_EQ(form.recipe["passes"], Json::parse(passes));
  EXPECT_THAT(form.notes, IsEmpty());
}

TEST(HtpForm, LengthsAreFixedBeforeRangesAreFound) {
  const HtpForm form = form_of(R"({
      "b": {"type": "MobiusBuilder"}, "k": {"type": "OnnxKQuantQuantization"},
      "q": {"type": "OnnxStaticQuantization"}, "s": {"type": "StaticLLM", "context_length": 64},
      "c": {"type": "EPContextBinaryGenerator"}})");
  EXPECT_THAT(types(form), ElementsAre("MobiusBuilder", "StaticLLM", "LowerRotaryEmbedding",
                                       "LowerRMSNormalization", "OnnxKQuantQuantization",
                                       "OnnxStaticQuantization", "EPContextBinaryGenerator"));
  const Json& passes = form.recipe["passes"];
  EXPECT_EQ(passes["s"]["prefill_length"], 32);
  EXPECT_EQ(passes["s"]["calibration_length"], 64);
  EXPECT_EQ(passes["s"]["components"], Json({"decoder"}));
  EXPECT_EQ(passes["b"]["image_soft_tokens"], "auto");
  EXPECT_EQ(passes["q"]["quantized_io"], Json({"*"}));
  EXPECT_THAT(form.notes, Contains(HasSubstr("'s': runs first")));
}

// Weights that the HTP refuses, and blocks that it computes wrong.
TEST(HtpForm, ReplacesWhatTheHtpGetsWrong) {
  const HtpForm form = form_of(R"({
      "s": {"type": "StaticLLM", "components": ["decoder"]},
      "m": {"type": "MatMulNBitsToQDQ", "use_int4": true, "add_zero_point": true},
      "q": {"type": "OnnxStaticQuantization", "config": {"precision": "uint8"}},
      "c": {"type": "EPContextBinaryGenerator"}})");
  const Json& passes = form.recipe["passes"];
  EXPECT_EQ(passes["q"]["config"]["precision"], "int8");
  EXPECT_EQ(passes["m"]["on_unsafe"], "recode");
  EXPECT_THAT(form.notes, Contains(HasSubstr("'q': precision is int8")));
  EXPECT_THAT(form.notes, Contains(HasSubstr("'m': asymmetric blocks")));
  EXPECT_FALSE(passes.contains("build")) << "encoders were not asked for";
}

TEST(HtpForm, ConvertsBlocksWhenAskedTo) {
  const std::string before = R"({"s": {"type": "StaticLLM", "components": ["decoder"]},
      "c": {"type": "EPContextBinaryGenerator", "components": ["decoder"], "convert_bq_to_lpbq": )";
  EXPECT_THAT(types(form_of(before + "true}}")), Contains("BlockQuantToLpbq"));
  EXPECT_THAT(types(form_of(before + "false}}")), ::testing::Not(Contains("BlockQuantToLpbq")));
}

// What a person reads about Olive's published recipe. Catches a change that is made and not said.
TEST(HtpForm, SaysAllThatItChangesAboutOlivesRecipe) {
  const auto recipe =
      load_recipe((source_dir() / "tests/recipes/gemma4-e2b-qnn.olive.json").string());
  ASSERT_TRUE(recipe.ok()) << recipe.error().message();
  std::string notes;
  for (const std::string& note : recipe->notes) notes += note + "\n";
  EXPECT_EQ(
      notes,
      "'cache_dir' has no meaning here\n"
      "'st': runs first: ranges are found, and weights quantized, at fixed lengths\n"
      "'st': prefill_length is 32, half the context_length\n"
      "'st': calibration_length is the context_length, 64\n"
      "'st': encoders get the length of the checkpoint's longest image and clip\n"
      "'st': is followed by LowerRMSNormalization, which the HTP needs\n"
      "'st': is followed by LowerRotaryEmbedding, which the HTP needs\n"
      "'mnb_to_qdq': leaves the embedding alone, which stays on the CPU\n"
      "'sq': leaves the embedding alone, which stays on the CPU\n"
      "'cb': leaves the embedding alone, which stays on the CPU\n"
      "'sq': precision is int8, symmetric: the HTP refuses asymmetric weights per channel\n"
      "'sq': quantizes the graphs' inputs and outputs too\n"
      "'mnb_to_qdq': asymmetric blocks are quantized again, symmetric: the HTP computes wrong "
      "numbers with their zero points\n");
}

// Malformed recipes are the parser's to refuse: nothing here may crash on them.
TEST(HtpForm, PassesOnWhatItDoesNotUnderstand) {
  for (const char* text :
       {"[]", "{}", R"({"passes": 3})", R"({"passes": {"a": 1, "b": [1, 2], "c": {"type": 5}}})",
        R"({"passes": {"s": {"type": "StaticLLM", "context_length": "x"},
                       "c": {"type": "EPContextBinaryGenerator", "convert_bq_to_lpbq": 7}}})"}) {
    EXPECT_NO_THROW(htp_form(Json::parse(text))) << text;
  }
}

// 2^64 - 1 is no context of -1: StaticLLM refuses it, and nothing is derived from it before.
TEST(HtpForm, DerivesNothingFromALengthBeyond64Bits) {
  const auto form = htp_form(Json::parse(
      R"({"passes": {"q": {"type": "OnnxStaticQuantization"},
                     "s": {"type": "StaticLLM", "context_length": 18446744073709551615},
                     "c": {"type": "EPContextBinaryGenerator"}}})"));
  EXPECT_EQ(form.recipe.dump().find("calibration_length"), std::string::npos);
}

}  // namespace
}  // namespace lapidary::recipe
