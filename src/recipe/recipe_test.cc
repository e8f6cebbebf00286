// Reading recipes: what is understood, what is passed over, what is refused and how.
#include "recipe/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/source_dir.h"
#include "checkpoint/test_files.h"
#include "recipe/builtin_recipes.h"

namespace lapidary::recipe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string with_passes(const std::string& passes) {
  return R"({"input_model": {"type": "HfModel", "model_path": "m"}, "passes": )" + passes + "}";
}
std::string with_key(const std::string& key) {
  return R"({"input_model": {"type": "HfModel"}, "passes": {}, )" + key + "}";
}

Recipe parsed(const std::string& text) {
  auto recipe = parse_recipe(text, {.name = "r", .where = "r.json"});
  EXPECT_TRUE(recipe.ok()) << recipe.error().message();
  return recipe.ok() ? *recipe : Recipe{};
}

const Json& options(const Recipe& recipe, size_t step, const std::string& component) {
  return recipe.steps.at(step).pass_for(component)->options;
}

TEST(Recipe, EveryBuiltinParses) {
  std::vector<std::string> names;
  for (const BuiltinRecipe& builtin : builtin_recipes()) {
    names.emplace_back(builtin.name);
    const auto recipe = load_recipe(names.back());
    ASSERT_TRUE(recipe.ok()) << recipe.error().message();
    EXPECT_TRUE(recipe->notes.empty());
  }
  EXPECT_THAT(names, ElementsAre("cpu-fp32", "cpu-int4", "htp-lpbq", "htp-mixed", "htp-w4a16",
                                 "htp-w8a16"));
}

// What is embedded is what the file says, and files work by path.
TEST(Recipe, FilesAndBuiltinsAgree) {
  const auto file = load_recipe((source_dir() / "recipes/cpu-int4.json").string());
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_EQ(file->name, "cpu-int4");
  EXPECT_EQ(file->json, load_recipe("cpu-int4")->json);
}

TEST(Recipe, UnknownNameListsTheBuiltins) {
  EXPECT_THAT(load_recipe("cpu-int3").error().message(), HasSubstr("cpu-fp32, cpu-int4"));
}

TEST(Recipe, PassesKeepTheirOrder) {
  const Recipe recipe = parsed(with_passes(R"({
      "z": {"type": "OnnxBlockWiseRtnQuantization"},
      "a": {"type": "OnnxKQuantQuantization"}})"));
  ASSERT_EQ(recipe.steps.size(), 2u);
  EXPECT_EQ(recipe.steps[0].name, "z");
  EXPECT_EQ(recipe.steps[1].name, "a");
}

TEST(Recipe, ComponentsAreGlobs) {
  const Recipe recipe =
      parsed(with_passes(R"({"q": {"type": "OnnxKQuantQuantization", "components": ["dec*"]}})"));
  EXPECT_NE(recipe.steps[0].pass_for("decoder"), nullptr);
  EXPECT_EQ(recipe.steps[0].pass_for("embedding"), nullptr);
  const Recipe encoders = parsed(
      with_passes(R"({"q": {"type": "OnnxKQuantQuantization", "components": ["*_encoder"]}})"));
  EXPECT_NE(encoders.steps[0].pass_for("vision_encoder"), nullptr);
  EXPECT_NE(encoders.steps[0].pass_for("audio_encoder"), nullptr);
  EXPECT_EQ(encoders.steps[0].pass_for("decoder"), nullptr);
}

TEST(Recipe, ComponentOptionsOverrideOnlyThere) {
  const Recipe recipe = parsed(with_passes(R"({"q": {"type": "OnnxKQuantQuantization",
      "bits": 4, "block_size": 64, "component_options": {"embedding": {"bits": 8}}}})"));
  EXPECT_EQ(options(recipe, 0, "decoder")["bits"], 4);
  EXPECT_EQ(options(recipe, 0, "embedding")["bits"], 8);
  EXPECT_EQ(options(recipe, 0, "embedding")["block_size"], 64);
}

// Olive writes options beside the type or under "config", types in any case, and one pass as a list
// of one.
TEST(Recipe, OlivesSpellingsMeanTheSame) {
  const Recipe plain =
      parsed(with_passes(R"({"q": {"type": "OnnxKQuantQuantization", "bits": 8}})"));
  for (const char* other : {R"({"q": {"type": "OnnxKQuantQuantization", "config": {"bits": 8}}})",
                            R"({"q": {"type": "onnxkquantquantization", "bits": 8}})",
                            R"({"q": [{"type": "OnnxKQuantQuantization", "bits": 8}]})"}) {
    const Recipe recipe = parsed(with_passes(other));
    EXPECT_EQ(options(recipe, 0, "decoder"), options(plain, 0, "decoder")) << other;
    EXPECT_EQ(recipe.steps[0].type, "OnnxKQuantQuantization");
  }
}

TEST(Recipe, ModelAndOutputAreRead) {
  const Recipe recipe =
      parsed(R"({"input_model": {"type": "HfModel", "config": {"model_path": "m"}},
      "passes": {}, "engine": {"output_dir": "out"}})");
  EXPECT_EQ(recipe.model_path, "m");
  EXPECT_EQ(recipe.output_dir, "out");
}

TEST(Recipe, KeysWithoutMeaningAreNoted) {
  const Recipe recipe = parsed(with_key(
      R"("cache_dir": "c", "data_configs": [{"name": "d"}], "log_severity_level": 0,
         "no_artifacts": true, "workflow_id": "w", "clean_cache": false,
         "target": "local",
         "systems": {"local": {"type": "LocalSystem", "accelerators":
             [{"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}]}})"));
  EXPECT_THAT(recipe.notes,
              ElementsAre("'cache_dir' has no meaning here", "'data_configs' has no meaning here"));
}

// Catches options of the compiler that are lost, and numbers that Olive writes as texts.
TEST(Recipe, ReadsHowToCompile) {
  const Recipe recipe = parsed(with_passes(R"({
      "c": {"type": "EPContextBinaryGenerator", "components": ["decoder"], "weight_sharing": false,
            "provider_options": {"soc_model": "60", "vtcm_mb": 8, "offload": true}},
      "compose": {"type": "ComposeOnnxModels"}})"));
  ASSERT_TRUE(recipe.compile.has_value());
  EXPECT_THAT(recipe.compile->components, ElementsAre("decoder"));
  EXPECT_FALSE(recipe.compile->weight_sharing);
  EXPECT_TRUE(recipe.compile->emulation);
  EXPECT_EQ(recipe.compile->provider_options.at("soc_model"), "60");
  EXPECT_EQ(recipe.compile->provider_options.at("vtcm_mb"), "8");
  EXPECT_EQ(recipe.compile->provider_options.at("offload"), "1");
}

// Files of data_configs are beside the recipe, wherever the program was started.
TEST(Recipe, ReadsDataConfigsOfPassesThatCalibrate) {
  const auto recipe = parse_recipe(R"({
      "input_model": {"type": "HfModel"},
      "data_configs": [{"name": "texts", "type": "HuggingfaceContainer",
                        "load_dataset_config": {"data_name": "text", "data_files": "a.txt"}}],
      "passes": {"q": {"type": "OnnxStaticQuantization", "components": ["decoder"]}}})",
                                   {.name = "r", .where = "r.json", .base = "folder"});
  ASSERT_TRUE(recipe.ok()) << recipe.error().message();
  ASSERT_EQ(recipe->data_configs.size(), 1u);
  EXPECT_EQ(recipe->data_configs[0].name, "texts");
  EXPECT_EQ(recipe->data_configs[0].files[0], "folder/a.txt");
}

struct Refusal {
  const char* name;
  std::string text;
  const char* message;  // part of it
};

class BadRecipe : public ::testing::TestWithParam<Refusal> {};

TEST_P(BadRecipe, IsRefusedByName) {
  const auto recipe = parse_recipe(GetParam().text, {.name = "r", .where = "r.json"});
  ASSERT_FALSE(recipe.ok());
  EXPECT_THAT(recipe.error().message(), HasSubstr(GetParam().message));
  EXPECT_EQ(recipe.error().where, "r.json");
  EXPECT_TRUE(recipe.error().kind == ErrorKind::kBadInput ||
              recipe.error().kind == ErrorKind::kUnsupported);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadRecipe,
    ::testing::Values(
        Refusal{"NotJson", "{", "not valid JSON"}, Refusal{"Array", "[]", "must be a JSON object"},
        Refusal{"NoModel", R"({"passes": {}})", "'input_model' is missing"},
        Refusal{"NoPasses", R"({"input_model": {"type": "HfModel"}})", "'passes' is missing"},
        Refusal{"OnnxModel", R"({"input_model": {"type": "OnnxModel"}, "passes": {}})",
                "'input_model.type' is 'OnnxModel' (only HfModel"},
        Refusal{"Adapter", R"({"input_model": {"type": "HfModel", "adapter_path": "a"},
                 "passes": {}})",
                "merge the adapter"},
        Refusal{"TopKey", with_key(R"("passess": {})"), "'passess' is not a known key"},
        Refusal{"EngineKey", with_key(R"("engine": {"outputdir": "x"})"), "'engine.outputdir'"},
        Refusal{"Search", with_key(R"("search_strategy": true)"), "'search_strategy' is set"},
        Refusal{"OtherDevice", with_key(R"("systems": {"gpu": {"type": "LocalSystem",
                 "accelerators": [{"execution_providers": ["CUDAExecutionProvider"]}]}})"),
                "'systems.gpu.accelerators' asks for \"CUDAExecutionProvider\""},
        Refusal{"HtpWithoutACompiler", with_key(R"("systems": {"npu": {"type": "LocalSystem",
                 "accelerators": [{"execution_providers": ["QNNExecutionProvider"]}]}})"),
                "no pass compiles for it (add a pass of type EPContextBinaryGenerator)"},
        Refusal{"PassBehindTheCompiler", with_passes(R"({
                 "c": {"type": "EPContextBinaryGenerator"}, "s": {"type": "StaticLLM"}})"),
                "stands behind EPContextBinaryGenerator"},
        Refusal{"TwoCompilers", with_passes(R"({
                 "c": {"type": "EPContextBinaryGenerator"},
                 "d": {"type": "EPContextBinaryGenerator"}})"),
                "is in the recipe twice"},
        Refusal{"CompilerOption", with_passes(R"({
                 "c": {"type": "EPContextBinaryGenerator", "weight_shering": true}})"),
                "'passes.c.weight_shering'"},
        Refusal{"EmbeddedAndShared", with_passes(R"({
                 "c": {"type": "EPContextBinaryGenerator", "embed_context": true}})"),
                "is set together with weight_sharing"},
        Refusal{"PassType", with_passes(R"({"x": {"type": "OnnxGptq"}})"),
                "'passes.x.type' is 'OnnxGptq', which is not a known pass (known passes: Mobius"},
        Refusal{"NoType", with_passes(R"({"x": {}})"), "'passes.x.type' is missing"},
        Refusal{"PassNumber", with_passes(R"({"x": 1})"), "'passes.x' must be an object"},
        Refusal{"TwoPasses", with_passes(R"({"x": [{}, {}]})"), "'passes.x' lists several"},
        Refusal{"PassKey", with_passes(R"({"x": {"type": "OnnxKQuantQuantization", "bitz": 4}})"),
                "'passes.x.bitz' is not a known key"},
        Refusal{"ConfigKey",
                with_passes(R"({"x": {"type": "OnnxKQuantQuantization", "config": {"bitz": 4}}})"),
                "'passes.x.bitz' is not a known key"},
        Refusal{"Bits", with_passes(R"({"x": {"type": "OnnxKQuantQuantization", "bits": 5}})"),
                "'passes.x.bits' is 5"},
        Refusal{"OverrideBits", with_passes(R"({"x": {"type": "OnnxKQuantQuantization",
                 "component_options": {"decoder": {"bits": 5}}}})"),
                "'passes.x for decoder.bits' is 5"},
        Refusal{"OverrideComponent", with_passes(R"({"x": {"type": "OnnxKQuantQuantization",
                 "component_options": {"decodr": {}}}})"),
                "'passes.x.component_options.decodr' is no component"},
        Refusal{"Component", with_passes(R"({"x": {"type": "OnnxKQuantQuantization",
                 "components": ["lm"]}})"),
                "holds 'lm', which matches no component (components: vision_encoder, "
                "audio_encoder, embedding, decoder)"},
        Refusal{"Precision",
                with_passes(R"({"b": {"type": "MobiusBuilder", "precision": "int4"}})"),
                "'passes.b.precision' is 'int4'"},
        Refusal{"BuilderKey",
                with_passes(R"({"b": {"type": "MobiusBuilder", "presicion": "fp32"}})"),
                "'passes.b.presicion' is not a known key"},
        Refusal{"BuilderLast", with_passes(R"({"x": {"type": "OnnxKQuantQuantization"},
                 "b": {"type": "MobiusBuilder"}})"),
                "must come first"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace lapidary::recipe
