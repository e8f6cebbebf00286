// Damaged checkpoints: `lapidary build` refuses each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bad_input/bad_input.h"

namespace lapidary::refusals {
namespace {

constexpr const char* kWeights = "checkpoint/model.safetensors";
constexpr const char* kConfig = "checkpoint/config.json";
constexpr const char* kTokenizer = "checkpoint/tokenizer.json";
constexpr const char* kNorm = "model.language_model.norm.weight";

class Checkpoint : public ::testing::TestWithParam<Case> {};

TEST_P(Checkpoint, IsRefused) {
  Scratch scratch;
  scratch.add_checkpoint();
  GetParam().damage(scratch);
  scratch.expect_refused(
      {"build", scratch.at("checkpoint"), "--recipe", "cpu-int4", "-o", scratch.at("out")},
      GetParam().parts);
}

Case truncated(const char* name, const char* file, size_t bytes, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.truncate(file, bytes); }, std::move(parts)};
}
Case header(const char* name, std::function<void(Json&)> edit, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.edit_header(kWeights, edit); }, std::move(parts)};
}
Case json(const char* name, const char* file, std::function<void(Json&)> edit,
          std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.edit_json(file, edit); }, std::move(parts)};
}
Case content(const char* name, const char* file, const char* text, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.write(file, text); }, std::move(parts)};
}
Case missing(const char* name, const char* file, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.remove(file); }, std::move(parts)};
}

// The header of the tiny checkpoint ends near byte 50,000 of 5.4 million.
INSTANTIATE_TEST_SUITE_P(
    Weights, Checkpoint,
    ::testing::Values(
        missing("Missing", kWeights, {"checkpoint", "model.safetensors"}),
        content("Empty", kWeights, "", {"model.safetensors"}),
        truncated("InLength", kWeights, 5, {"model.safetensors"}),
        truncated("AfterLength", kWeights, 8, {"model.safetensors", "header"}),
        truncated("InHeader", kWeights, 3000, {"model.safetensors", "header"}),
        truncated("InData", kWeights, 2'000'000, {"model.safetensors"}),
        truncated("LastByte", kWeights, 5'470'419, {"model.safetensors"}),
        content("WrongMagic", kWeights, "GGUF\x03\x01\x01\x01 this is another format altogether",
                {"model.safetensors"}),
        content("Html", kWeights, "<!DOCTYPE html><title>Rate limit</title>",
                {"model.safetensors"}),
        Case{"TrailingBytes",
             [](Scratch& s) { s.write(kWeights, s.read(kWeights) + "x"); },
             {"model.safetensors"}},
        Case{"NanOffsets",
             [](Scratch& s) {
               s.write(kWeights,
                       checkpoint::safetensors_bytes(
                           R"({"w":{"dtype":"BF16","shape":[1],"data_offsets":[NaN,2]}})", "ab"));
             },
             {"model.safetensors", "JSON"}},
        header("NullOffsets", [](Json& h) { h[kNorm]["data_offsets"] = nullptr; },
               {"model.safetensors", kNorm, "data_offsets"}),
        header("FloatOffsets",
               [](Json& h) {
                 h[kNorm]["data_offsets"] = {0.5, 2};
               },
               {"model.safetensors", kNorm, "data_offsets"}),
        header("HugeOffsets",
               [](Json& h) {
                 h[kNorm]["data_offsets"] = {0, 1ull << 62};
               },
               {"model.safetensors", kNorm}),
        header("ReversedOffsets",
               [](Json& h) { std::swap(h[kNorm]["data_offsets"][0], h[kNorm]["data_offsets"][1]); },
               {"model.safetensors", kNorm}),
        header("Overlap",
               [](Json& h) {
                 h[kNorm]["data_offsets"] = {0, 256};
               },
               {"model.safetensors"}),
        header("NegativeDim", [](Json& h) { h[kNorm]["shape"] = {-1}; },
               {"model.safetensors", kNorm, "shape"}),
        header("OverflowingShape",
               [](Json& h) {
                 h[kNorm]["shape"] = {1ull << 40, 1ull << 40};
               },
               {"model.safetensors", kNorm}),
        header("UnknownDtype", [](Json& h) { h[kNorm]["dtype"] = "Q4_K"; },
               {"model.safetensors", kNorm, "Q4_K"}),
        header("IntegerDtype", [](Json& h) { h[kNorm]["dtype"] = "I16"; },
               {"model.safetensors", kNorm}),
        header("OtherShape",
               [](Json& h) {
                 h[kNorm]["shape"] = {64, 2};
               },
               {"model.safetensors", kNorm}),
        header("MissingTensor",
               [](Json& h) {
                 h["renamed.weight"] = h[kNorm];
                 h.erase(kNorm);
               },
               {"model.safetensors", "model.language_model.norm.weight"}),
        header("ExtraTensor",
               [](Json& h) {
                 h["model.language_model.layers.0.extra.weight"] =
                     h["model.language_model.layers.0.layer_scalar"];
                 h.erase("model.language_model.layers.0.layer_scalar");
               },
               {"model.safetensors", "model.language_model.layers.0."})),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Shards, Checkpoint,
    ::testing::Values(Case{"MissingShard",
                           [](Scratch& s) {
                             s.remove(kWeights);
                             s.write(
                                 "checkpoint/model.safetensors.index.json",
                                 R"({"weight_map": {"w": "model-00001-of-00002.safetensors"}})");
                           },
                           {"model-00001-of-00002.safetensors", "missing"}},
                      Case{"OutsideTheFolder",
                           [](Scratch& s) {
                             s.remove(kWeights);
                             s.write("checkpoint/model.safetensors.index.json",
                                     R"({"weight_map": {"w": "../model.safetensors"}})");
                           },
                           {"index.json", "weight_map.w"}},
                      Case{"IndexTruncated",
                           [](Scratch& s) {
                             s.remove(kWeights);
                             s.write("checkpoint/model.safetensors.index.json",
                                     R"({"weight_map": {"w")");
                           },
                           {"index.json", "not valid JSON"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Config, Checkpoint,
    ::testing::Values(
        missing("Missing", kConfig, {"config.json", "missing"}),
        content("Empty", kConfig, "", {"config.json", "empty"}),
        truncated("Truncated", kConfig, 700, {"config.json", "not valid JSON"}),
        truncated("LastByte", kConfig, 3319, {"config.json", "not valid JSON"}),
        content("Array", kConfig, "[]", {"config.json", "object"}),
        content("Binary", kConfig, "\x01\x02\x03", {"config.json", "not valid JSON"}),
        json("OtherModel", kConfig, [](Json& j) { j["model_type"] = "llama"; },
             {"config.json", "model_type", "llama"}),
        json("UnfollowedKey", kConfig, [](Json& j) { j["text_config"]["is_causal"] = false; },
             {"config.json", "text_config.is_causal"}),
        json("Moe", kConfig, [](Json& j) { j["text_config"]["enable_moe_block"] = true; },
             {"config.json", "enable_moe_block"}),
        json("TextAsNumber", kConfig, [](Json& j) { j["text_config"] = 3; },
             {"config.json", "text_config"}),
        json("NegativeHidden", kConfig, [](Json& j) { j["text_config"]["hidden_size"] = -128; },
             {"config.json", "text_config.hidden_size"}),
        json("StringHeads", kConfig, [](Json& j) { j["text_config"]["num_attention_heads"] = "4"; },
             {"config.json", "text_config.num_attention_heads"}),
        json("OtherHidden", kConfig, [](Json& j) { j["text_config"]["hidden_size"] = 256; },
             {"model.safetensors", "config.json makes it [256, "}),
        Case{"DuplicateKey",
             [](Scratch& s) { s.replace(kConfig, "{", R"({"model_type": "gemma4", )"); },
             {"config.json", "model_type"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Tokenizer, Checkpoint,
    ::testing::Values(
        missing("Missing", kTokenizer, {"tokenizer.json", "missing"}),
        missing("NoConfig", "checkpoint/tokenizer_config.json", {"tokenizer_config.json"}),
        content("Empty", kTokenizer, "", {"tokenizer.json"}),
        truncated("InAddedTokens", kTokenizer, 800, {"tokenizer.json"}),
        truncated("InVocabulary", kTokenizer, 20'000, {"tokenizer.json"}),
        truncated("LastByte", kTokenizer, 56'011, {"tokenizer.json"}),
        content("Array", kTokenizer, "[]", {"tokenizer.json"}),
        json("OtherModel", kTokenizer, [](Json& j) { j["model"]["type"] = "WordPiece"; },
             {"tokenizer.json", "WordPiece"}),
        json("NoVocabulary", kTokenizer, [](Json& j) { j["model"].erase("vocab"); },
             {"tokenizer.json", "vocab"}),
        json("NegativeId", kTokenizer, [](Json& j) { j["model"]["vocab"]["<bos>"] = -5; },
             {"tokenizer.json"}),
        json("BadMerge", kTokenizer,
             [](Json& j) {
               j["model"]["merges"][0] = {"no", "such"};
             },
             {"tokenizer.json", "merges"}),
        json("TooManyTokens", kTokenizer,
             [](Json& j) { j["model"]["vocab"]["\u4f60\u597d"] = 1024; },
             {"tokenizer.json", "1025", "vocab_size"}),
        content("Template", "checkpoint/chat_template.jinja", "{% for m in messages %}{{ m }",
                {"chat_template.jinja"})),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    SideFiles, Checkpoint,
    ::testing::Values(truncated("GenerationTruncated", "checkpoint/generation_config.json", 30,
                                {"generation_config.json", "not valid JSON"}),
                      content("GenerationType", "checkpoint/generation_config.json",
                              R"({"temperature": "hot"})",
                              {"generation_config.json", "temperature"}),
                      content("GenerationRange", "checkpoint/generation_config.json",
                              R"({"top_p": 7})", {"generation_config.json", "top_p"}),
                      truncated("ProcessorTruncated", "checkpoint/processor_config.json", 500,
                                {"processor_config.json", "not valid JSON"}),
                      json("ProcessorKey", "checkpoint/processor_config.json",
                           [](Json& j) { j["video_processor"]["fps"] = 2; },
                           {"processor_config.json", "fps"})),
    name_of);

// Not a number in the weights: found while quantizing, after the package has begun to grow.
TEST(CheckpointValues, NanIsRefused) {
  Scratch scratch;
  scratch.add_checkpoint();
  std::string bytes = scratch.read(kWeights);
  std::fill(bytes.end() - 64, bytes.end(), '\xff');  // in the last tensor ...
  size_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= size_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  const Json header = Json::parse(bytes.substr(8, length));
  const size_t begin =
      header["model.language_model.layers.1.mlp.up_proj.weight"]["data_offsets"][0];
  for (size_t i = 0; i < 2; ++i) bytes[8 + length + begin + i] = '\xff';  // ... and in a matrix
  scratch.write(kWeights, bytes);
  scratch.expect_refused(
      {"build", scratch.at("checkpoint"), "-r", "cpu-int4", "-o", scratch.at("out")},
      {"model.language_model.layers.1.mlp.up_proj.weight"});
}

}  // namespace
}  // namespace lapidary::refusals
