// What a package says about its graphs: component records, the text model, genai_config.json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/test_files.h"
#include "graph/builder.h"
#include "package/genai_config.h"
#include "package/genai_processors.h"
#include "package/graph_record.h"
#include "package/side_files.h"
#include "package/text_model.h"
#include "tensor/expressions.h"

namespace lapidary::package {
namespace {

using checkpoint::TempDir;
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
  const GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
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
  const GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
  EXPECT_EQ(graph.metadata, (std::map<std::string, std::string>{{"other", "stays"}}));
}

// Without it nobody knows what to feed to a port of integers.
TEST(ComponentRecord, TakesTheEncodingsOfPorts) {
  graph::Graph graph = small_graph();
  graph.metadata["encoding:x"] = R"({"dtype": "uint16", "scale": 0.25, "zero_point": 7})";
  const GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
  EXPECT_EQ(record.inputs[0].encoding, (PortEncoding{0.25, 7}));
  EXPECT_FALSE(record.outputs[0].encoding.has_value());
  EXPECT_EQ(graph.metadata, (std::map<std::string, std::string>{{"other", "stays"}}));
}

// A note that others wrote: 2^64 - 1 would wrap to -1, 1.5 would be cut to 1.
TEST(ComponentRecord, TakesNoZeroPointThatIsNoInteger) {
  for (const char* zero : {"18446744073709551615", "1.5", "true", "null"}) {
    graph::Graph graph = small_graph();
    graph.metadata["encoding:x"] = R"({"scale": 0.25, "zero_point": )" + std::string(zero) + "}";
    const GraphRecord record = take_graph_record(graph, "decoder/model.onnx");
    EXPECT_FALSE(record.inputs[0].encoding.has_value()) << zero;
  }
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

// The host makes an encoder's masks and order of patches from these.
TEST(MediaModels, RecordWhatTheConfigSaysOfPoolingAndAttention) {
  checkpoint::Config config = tiny().config;
  config.vision->pooling_kernel_size = 2;
  config.audio->attention_chunk_size = 10;
  config.audio->attention_context_left = 8;
  config.audio->attention_context_right = 1;
  EXPECT_EQ(vision_model(config)->pooling_kernel_size, 2);
  EXPECT_FALSE(vision_model(config)->fixed_encoder.has_value());
  EXPECT_EQ(audio_model(config)->attention_chunk_size, 10);
  EXPECT_EQ(audio_model(config)->attention_past, 7) << "the frame itself is no past";
  EXPECT_EQ(audio_model(config)->attention_future, 1);
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

// A manifest with the named components, and with the sections that belong to them.
Manifest manifest_of(const checkpoint::Config& config, const std::vector<std::string>& names) {
  Manifest out;
  out.text = text_model(config);
  for (const std::string& name : names) {
    GraphRecord component;
    component.name = name;
    component.file = name + "/model.onnx";
    if (name == "vision_encoder") out.vision = vision_model(config);
    if (name == "audio_encoder") out.audio = audio_model(config);
    out.components.push_back(component);
  }
  return out;
}

// What GenAI finds no name for it does not feed or does not find: the model loads and fails later.
TEST(GenaiConfig, PackagesThatSeeAndHearAreGemma4) {
  const auto checkpoint = tiny();
  const Manifest manifest =
      manifest_of(checkpoint.config, {"vision_encoder", "audio_encoder", "embedding", "decoder"});
  const Json model = genai_config(manifest, checkpoint.config, checkpoint.generation)["model"];
  EXPECT_EQ(model["type"], "gemma4");
  EXPECT_FALSE(model["decoder"].contains("pipeline"));
  EXPECT_EQ(model["decoder"]["filename"], "decoder/model.onnx");
  EXPECT_EQ(model["decoder"]["inputs"]["inputs_embeds"], "inputs_embeds");
  EXPECT_EQ(model["decoder"]["inputs"]["per_layer_inputs"], "per_layer_inputs");
  EXPECT_EQ(model["embedding"]["filename"], "embedding/model.onnx");
  EXPECT_EQ(model["embedding"]["inputs"]["image_features"], "image_features");
  EXPECT_EQ(model["embedding"]["inputs"]["audio_features"], "audio_features");
  EXPECT_EQ(model["embedding"]["outputs"]["per_layer_inputs"], "per_layer_inputs");
  EXPECT_EQ(model["vision"]["filename"], "vision_encoder/model.onnx");
  EXPECT_EQ(model["vision"]["config_filename"], "image_processor.json");
  EXPECT_EQ(model["vision"]["spatial_merge_size"], 3);
  EXPECT_EQ(model["speech"]["filename"], "audio_encoder/model.onnx");
  EXPECT_EQ(model["speech"]["config_filename"], "audio_feature_extraction.json");
  EXPECT_EQ(model["speech"]["inputs"]["audio_embeds"], "input_features");
  EXPECT_EQ(model["speech"]["inputs"]["attention_mask"], "input_features_mask");
  EXPECT_EQ(model["image_token_id"], 19);
  EXPECT_EQ(model["video_token_id"], 23);
  EXPECT_EQ(model["audio_token_id"], 20);
  EXPECT_EQ(model["boa_token_id"], 18);
}

// GenAI's default names a file for sound; with that and without a model it refuses the package.
TEST(GenaiConfig, WithoutEarsNoSpeechFileIsNamed) {
  const auto checkpoint = tiny();
  const Manifest manifest =
      manifest_of(checkpoint.config, {"vision_encoder", "embedding", "decoder"});
  const Json model = genai_config(manifest, checkpoint.config, checkpoint.generation)["model"];
  EXPECT_EQ(model["type"], "gemma4");
  EXPECT_EQ(model["speech"], Json({{"config_filename", ""}}));
  EXPECT_FALSE(model["embedding"]["inputs"].contains("audio_features"));
  EXPECT_FALSE(model.contains("audio_token_id"));
}

// GenAI's gemma4 loads a vision model always.
TEST(GenaiConfig, WithoutEyesItIsAPipeline) {
  const auto checkpoint = tiny();
  const Manifest manifest =
      manifest_of(checkpoint.config, {"audio_encoder", "embedding", "decoder"});
  const Json model = genai_config(manifest, checkpoint.config, checkpoint.generation)["model"];
  EXPECT_EQ(model["type"], "decoder-pipeline");
  ASSERT_EQ(model["decoder"]["pipeline"].size(), 2u);
  EXPECT_TRUE(model["decoder"]["pipeline"][0].contains("embedding"));
  EXPECT_TRUE(model["decoder"]["pipeline"][1].contains("decoder"));
  EXPECT_FALSE(model.contains("speech"));
}

// GenAI's reader tells 20 from 20.0 and true from 1, and refuses the wrong one.
TEST(GenaiProcessors, NumbersHaveTheTypesThatGenaiReads) {
  checkpoint::ProcessorConfig processor;
  processor.image.max_soft_tokens = 70;
  processor.audio.preemphasis = 0.97;
  const Json image = Json::parse(genai_image_processor(processor.image).dump());
  const Json& transform = image["processor"]["transforms"][1]["operation"];
  EXPECT_EQ(transform["type"], "Gemma4ImageTransform");
  EXPECT_EQ(transform["attrs"]["max_soft_tokens"], 70);
  EXPECT_EQ(transform["attrs"].size(), 3u);
  const Json audio = Json::parse(genai_audio_processor(processor.audio).dump());
  const Json& mel = audio["feature_extraction"]["sequence"][1]["operation"];
  EXPECT_EQ(mel["type"], "Gemma4LogMel");
  for (const char* key : {"frame_length_ms", "hop_length_ms", "min_frequency", "max_frequency",
                          "preemphasis", "mel_floor"}) {
    EXPECT_TRUE(mel["attrs"][key].is_number_float()) << key;
  }
  for (const char* key :
       {"feature_size", "sampling_rate", "preemphasis_htk_flavor", "fft_overdrive"}) {
    EXPECT_TRUE(mel["attrs"][key].is_number_integer()) << key;
  }
  EXPECT_EQ(mel["attrs"]["preemphasis"], 0.97);
  EXPECT_FALSE(mel["attrs"].contains("per_bin_mean"));
  processor.audio.per_bin_mean.assign(128, 1.0);
  EXPECT_EQ(genai_audio_processor(processor.audio)["feature_extraction"]["sequence"][1]["operation"]
                                                  ["attrs"]["per_bin_mean"]
                                                      .size(),
            128u);
}

// GenAI feeds what is listed: an optional input in the list would have to be fed.
TEST(GenaiConfig, ListsRequiredInputsOnly) {
  const auto checkpoint = tiny();
  Manifest manifest;
  manifest.text = text_model(checkpoint.config);
  graph::Graph graph = small_graph();
  manifest.components = {take_graph_record(graph, "decoder/model.onnx")};
  const Json config = genai_config(manifest, checkpoint.config, checkpoint.generation);
  const Json& stage = config["model"]["decoder"]["pipeline"][0]["decoder"];
  EXPECT_EQ(stage["inputs"], Json({"x"}));
  EXPECT_EQ(stage["outputs"], Json({"y"}));
  EXPECT_EQ(stage["filename"], "decoder/model.onnx");
  EXPECT_EQ(config["model"]["type"], "decoder-pipeline");
  EXPECT_EQ(config["model"]["eos_token_id"], Json({1, 6}));
  EXPECT_EQ(config["search"]["max_length"], 4096);
}

// What genai_config.json names must be there, and what it does not name must not.
TEST(SideFiles, GenaiProcessorsComeWithTheirEncoders) {
  const auto checkpoint = tiny();
  const TempDir sees;
  const TempDir reads;
  const Manifest both =
      manifest_of(checkpoint.config, {"vision_encoder", "audio_encoder", "embedding", "decoder"});
  ASSERT_TRUE(write_side_files(checkpoint, both, sees.path()).ok());
  EXPECT_TRUE(std::filesystem::exists(sees.path() / kImageProcessorFile));
  EXPECT_TRUE(std::filesystem::exists(sees.path() / kAudioProcessorFile));
  EXPECT_EQ(load_json(sees.path() / kImageProcessorFile)
                .value()["processor"]["transforms"][1]["operation"]["attrs"]["max_soft_tokens"],
            checkpoint.processor.image.max_soft_tokens);
  const Manifest text = manifest_of(checkpoint.config, {"embedding", "decoder"});
  ASSERT_TRUE(write_side_files(checkpoint, text, reads.path()).ok());
  EXPECT_FALSE(std::filesystem::exists(reads.path() / kImageProcessorFile));
  EXPECT_FALSE(std::filesystem::exists(reads.path() / kAudioProcessorFile));
}

// GenAI would load such a package and fail in its first run.
TEST(SideFiles, GraphsOfFixedLengthsHaveNothingForGenai) {
  const auto checkpoint = tiny();
  const Manifest any =
      manifest_of(checkpoint.config, {"vision_encoder", "audio_encoder", "embedding"});
  Manifest decoder = any;
  decoder.fixed_model = FixedModel{};
  Manifest vision = any;
  vision.vision->fixed_encoder = FixedEncoder{.soft_tokens = 70, .masked = -100};
  Manifest audio = any;
  audio.audio->fixed_encoder = FixedEncoder{.soft_tokens = 48, .masked = -100};
  for (const Manifest& manifest : {decoder, vision, audio}) {
    const TempDir dir;
    const auto names = write_side_files(checkpoint, manifest, dir.path());
    ASSERT_TRUE(names.ok()) << names.error().message();
    EXPECT_FALSE(std::filesystem::exists(dir.path() / "genai_config.json"));
    EXPECT_FALSE(std::filesystem::exists(dir.path() / kImageProcessorFile));
    EXPECT_TRUE(std::filesystem::exists(dir.path() / "tokenizer.json"));
  }
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
