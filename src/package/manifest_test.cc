// The manifest's JSON: what is written is what is read, and damage is named.
#include "package/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/test_files.h"

namespace lapidary::package {
namespace {

using checkpoint::TempDir;
using ::testing::HasSubstr;

Manifest sample() {
  Manifest out;
  out.lapidary_version = "0.1.0";
  out.recipe_name = "cpu-int4";
  out.recipe = {{"passes", Json::object()}};
  out.source = "some/checkpoint";
  out.sources = {{"checkpoint", "00ff"}};
  out.text = {.vocab_size = 1024,
              .hidden_size = 128,
              .per_layer_width = 192,
              .sliding_window = 32,
              .max_positions = 4096,
              .caches = {{0, 2, 32, true}, {2, 1, 64, false}},
              .pad_token_id = 0,
              .image_token_id = 7,
              .audio_token_id = -1};
  Component decoder;
  decoder.name = "decoder";
  decoder.file = "decoder/model.onnx";
  decoder.inputs = {{"attention_mask", "int64", {"batch", "total"}, false},
                    {"logits_to_keep", "int64", {"1"}, true}};
  decoder.outputs = {{"logits", "float32", {"batch", "kept", "1024"}, false}};
  decoder.ops = {{"MatMul", 3}, {"com.microsoft::MatMulNBits", 40}};
  decoder.tensors = {{"w_Q4", "uint8", {8, 4, 16}, 512, "k-quant int4, block 32, asymmetric"},
                     {"norm.weight", "float32", {128}, 512, ""}};
  out.components = {decoder};
  out.files = {{"decoder/model.onnx", 4096, "abcd"}, {"tokenizer.json", 10, "ef"}};
  return out;
}

TEST(Manifest, ReadsBackWhatItWrote) {
  const TempDir dir;
  dir.write(kManifestFile, to_json(sample()));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  // Equal JSON is equal content: to_json leaves nothing out (checked field by field below).
  EXPECT_EQ(to_json(*read), to_json(sample()));
  EXPECT_EQ(read->text.caches[1].head_dim, 64);
  EXPECT_FALSE(read->text.caches[1].sliding);
  EXPECT_EQ(read->text.image_token_id, 7);
  const Component* decoder = read->component("decoder");
  ASSERT_NE(decoder, nullptr);
  EXPECT_TRUE(decoder->inputs[1].optional);
  EXPECT_EQ(decoder->outputs[0].shape, (std::vector<std::string>{"batch", "kept", "1024"}));
  EXPECT_EQ(decoder->ops.at("com.microsoft::MatMulNBits"), 40);
  EXPECT_EQ(decoder->tensors[0].quantization, "k-quant int4, block 32, asymmetric");
  EXPECT_EQ(read->files[0].size, 4096u);
  EXPECT_EQ(read->component("vision_encoder"), nullptr);
}

struct Damage {
  const char* name;
  std::function<void(Json&)> apply;
  const char* message;  // part of it
};

class DamagedManifest : public ::testing::TestWithParam<Damage> {};

// A field read without its check would let one of these through.
TEST_P(DamagedManifest, IsRefusedByName) {
  const TempDir dir;
  Json json = to_json(sample());
  GetParam().apply(json);
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message(), HasSubstr(GetParam().message));
  EXPECT_THAT(read.error().where, HasSubstr(kManifestFile));
  EXPECT_NE(read.error().kind, ErrorKind::kInternal);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DamagedManifest,
    ::testing::Values(
        Damage{"Version", [](Json& j) { j["format_version"] = 99; }, "'format_version' is 99"},
        Damage{"NoVersion", [](Json& j) { j.erase("format_version"); }, "'format_version'"},
        Damage{"UnknownKey", [](Json& j) { j["extra"] = 1; }, "'extra' is not a known key"},
        Damage{"Array", [](Json& j) { j = Json::array(); }, "must be an object"},
        Damage{"FilesObject", [](Json& j) { j["files"] = Json::object(); }, "'files' must be"},
        Damage{"FilesOfNumbers", [](Json& j) { j["files"] = {1}; }, "'files' must hold objects"},
        Damage{"NegativeSize", [](Json& j) { j["files"][0]["size"] = -1; },
               "'files[0].size' is -1"},
        Damage{"Parent", [](Json& j) { j["files"][1]["path"] = "../passwd"; }, "files[1].path"},
        Damage{"Absolute", [](Json& j) { j["files"][1]["path"] = "/etc/passwd"; }, "files[1].path"},
        Damage{"Twice", [](Json& j) { j["files"].push_back(j["files"][0]); }, "twice"},
        Damage{"UnlistedModel", [](Json& j) { j["components"][0]["file"] = "x.onnx"; }, "'x.onnx'"},
        Damage{"TwoDecoders", [](Json& j) { j["components"].push_back(j["components"][0]); },
               "'decoder' twice"},
        Damage{"Layer", [](Json& j) { j["text"]["caches"][1]["layer"] = 0; }, "appears twice"},
        Damage{"HeadDim", [](Json& j) { j["text"]["caches"][0]["head_dim"] = 0; }, "head_dim"},
        Damage{"Vocabulary", [](Json& j) { j["text"]["vocab_size"] = "many"; }, "text.vocab_size"},
        Damage{"Shape", [](Json& j) { j["components"][0]["inputs"][0]["shape"] = {1.5}; },
               "components[0].inputs[0].shape"},
        Damage{"Hash", [](Json& j) { j["files"][0].erase("xxh3"); }, "files[0].xxh3"}),
    [](const auto& test) { return test.param.name; });

TEST(Manifest, SaysWhenThereIsNone) {
  const TempDir dir;
  const auto empty = read_manifest(dir.path());
  ASSERT_FALSE(empty.ok());
  EXPECT_THAT(empty.error().message(), HasSubstr("lapidary.json: is missing"));
  const auto nowhere = read_manifest(dir.path() / "nowhere");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_THAT(nowhere.error().message(), HasSubstr("is not a directory"));
}

}  // namespace
}  // namespace lapidary::package
