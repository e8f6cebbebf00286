// What a package says about its graphs: component records, the text model, genai_config.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "graph/builder.h"
#include "package/component_record.h"
#include "package/genai_config.h"
#include "package/side_files.h"
#include "package/text_model.h"
#include "tensor/expressions.h"

namespace lapidary::package {
namespace {

using checkpoint::TempDir;
using graph::DType;
using ::testing::ElementsAre;

checkpoint::Checkpoint tiny() {
  return checkpoint::Checkpoint::open(checkpoint::tiny_checkpoint()).value();
}

graph::Graph small_graph() {
  graph::Builder b("decoder");
  const graph::Ref x = b.input("x", DType::kFloat, {std::string("batch"), int64_t{4}});
  const graph::Ref keep =
      b.optional_input("logits_to_keep", {int64_t{1}}, tensor::integers({1}, {0}));
  const graph::Ref y = b.op(
      "MatMul", {x, b.weight("w", tensor::floats({4, 4}, std::vector<float>(16, 1.0f)))}, "proj");
  b.output("y", b.op("Add", {y, b.op("Cast", {keep}, "", {{"to", int64_t{1}}})}, "sum"),
           DType::kFloat, {std::string("batch"), int64_t{4}});
  graph::Graph out = std::move(b).finish();
  out.metadata["quantization:w"] = "rtn int4";
  out.metadata["quantization:gone"] = "of a tensor that a later pass replaced";
  out.metadata["other"] = "stays";
  return out;
}

TEST(ComponentRecord, DescribesPortsOpsAndWeights) {
  graph::Graph graph = small_graph();
  const Component record = take_component_record(graph, "decoder/model.onnx");
  EXPECT_EQ(record.name, "decoder");
  ASSERT_EQ(record.inputs.size(), 2u);
  EXPECT_EQ(record.inputs[0].dtype, "float32");
  EXPECT_THAT(record.inputs[0].shape, ElementsAre("batch", "4"));
  EXPECT_FALSE(record.inputs[0].optional);
  EXPECT_TRUE(record.inputs[1].optional);
  EXPECT_EQ(record.ops.at("MatMul"), 1);
  // The default of an optional input is no weight.
  ASSERT_EQ(record.tensors.size(), 1u);
  EXPECT_EQ(record.tensors[0].name, "w");
  EXPECT_EQ(record.tensors[0].bytes, 64);
  EXPECT_EQ(record.tensors[0].quantization, "rtn int4");
}

// The notes would otherwise ship twice, in the ONNX file and in the manifest.
TEST(ComponentRecord, TakesTheNotesOutOfTheGraph) {
  graph::Graph graph = small_graph();
  const Component record = take_component_record(graph, "decoder/model.onnx");
  EXPECT_EQ(graph.metadata, (std::map<std::string, std::string>{{"other", "stays"}}));
}

TEST(TextModel, ListsLayersThatOwnCachesOnly) {
  const TextModel text = text_model(tiny().config);
  EXPECT_EQ(text.vocab_size, 1024);
  EXPECT_EQ(text.per_layer_width, 6 * 32);
  ASSERT_EQ(text.caches.size(), 3u);  // layers 3 to 5 share those of 1 and 2
  EXPECT_TRUE(text.caches[1].sliding);
  EXPECT_EQ(text.caches[2].layer, 2);
  EXPECT_FALSE(text.caches[2].sliding);
  EXPECT_EQ(text.caches[2].head_dim, 64);
}

TEST(TextModel, RecordsBothWayAttention) {
  checkpoint::Config config = tiny().config;
  EXPECT_FALSE(text_model(config).vision_bidirectional_attention);
  config.text.vision_bidirectional_attention = true;
  EXPECT_TRUE(text_model(config).vision_bidirectional_attention);
}

// Ids that a config leaves out default to the published models', which a small vocabulary does not
// have: a runtime that wrote such a mark into a prompt would read beyond the embedding table.
TEST(VisionModel, RecordsIdsThatTheVocabularyHas) {
  checkpoint::Config config = tiny().config;
  const auto vision = vision_model(config);
  ASSERT_TRUE(vision.has_value());
  EXPECT_EQ(vision->image_token_id, 19);
  EXPECT_EQ(vision->video_token_id, 23);
  EXPECT_EQ(vision->boi_token_id, 17);
  EXPECT_EQ(vision->eoi_token_id, 21);
  config.video_token_id = std::nullopt;
  config.boi_token_id = 255999;
  EXPECT_EQ(vision_model(config)->video_token_id, -1);
  EXPECT_EQ(vision_model(config)->boi_token_id, -1);
  config.vision.reset();
  EXPECT_FALSE(vision_model(config).has_value());
}

TEST(AudioModel, RecordsIdsThatTheVocabularyHas) {
  checkpoint::Config config = tiny().config;
  const auto audio = audio_model(config);
  ASSERT_TRUE(audio.has_value());
  EXPECT_EQ(audio->audio_token_id, 20);
  EXPECT_EQ(audio->boa_token_id, 18);
  EXPECT_EQ(audio->eoa_token_id, 22);
  config.eoa_token_id = std::nullopt;
  EXPECT_EQ(audio_model(config)->eoa_token_id, -1);
  config.audio.reset();
  EXPECT_FALSE(audio_model(config).has_value());
}

// GenAI feeds what is listed: an optional input in the list would have to be fed.
TEST(GenaiConfig, ListsRequiredInputsOnly) {
  const auto checkpoint = tiny();
  Manifest manifest;
  manifest.text = text_model(checkpoint.config);
  graph::Graph graph = small_graph();
  manifest.components = {take_component_record(graph, "decoder/model.onnx")};
  const Json config = genai_config(manifest, checkpoint.config, checkpoint.generation);
  const Json& stage = config["model"]["decoder"]["pipeline"][0]["decoder"];
  EXPECT_EQ(stage["inputs"], Json({"x"}));
  EXPECT_EQ(stage["outputs"], Json({"y"}));
  EXPECT_EQ(stage["filename"], "decoder/model.onnx");
  EXPECT_EQ(config["model"]["type"], "decoder-pipeline");
  EXPECT_EQ(config["model"]["eos_token_id"], Json({1, 6}));
  EXPECT_EQ(config["search"]["max_length"], 4096);
}

// A package has no config.json, so the ids that the checkpoint keeps there must move.
TEST(SideFiles, GenerationConfigCarriesItsTokenIds) {
  const TempDir source;
  const TempDir target;
  checkpoint::link_tiny_checkpoint(source);
  checkpoint::replace(source, "generation_config.json", R"({"temperature": 0.5})");
  const auto checkpoint = checkpoint::Checkpoint::open(source.path()).value();
  Manifest manifest;
  manifest.text = text_model(checkpoint.config);
  const auto names = write_side_files(checkpoint, manifest, target.path());
  ASSERT_TRUE(names.ok()) << names.error().message();
  const Json json = load_json(target.path() / "generation_config.json").value();
  EXPECT_EQ(json["temperature"], 0.5);
  EXPECT_TRUE(json.contains("bos_token_id"));
  EXPECT_TRUE(json.contains("eos_token_id"));
  EXPECT_EQ(checkpoint::read_file(target.path() / "tokenizer.json"),
            checkpoint::read_file(source.path() / "tokenizer.json"));
  EXPECT_FALSE(std::filesystem::exists(target.path() / "config.json"));
}

}  // namespace
}  // namespace lapidary::package
