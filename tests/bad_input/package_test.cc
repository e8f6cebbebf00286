// Damaged packages: every command that opens one refuses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bad_input/bad_input.h"
#include "base/hash.h"

namespace lapidary::refusals {
namespace {

constexpr const char* kManifest = "package/lapidary.json";
constexpr const char* kData = "package/decoder/model.onnx.data";
constexpr const char* kModel = "package/decoder/model.onnx";

// Makes the manifest agree with a changed file, so that what lies behind the checksums is tested.
void bless(Scratch& scratch, const std::string& relative) {
  scratch.edit_json(kManifest, [&](Json& json) {
    for (Json& file : json["files"]) {
      if (file["path"] != relative) continue;
      const std::string path = scratch.at("package/" + relative);
      file["size"] = std::filesystem::file_size(path);
      file["xxh3"] = file_hash(path, {}).value();
    }
  });
}

void flip(Scratch& scratch, const char* name, size_t at) {
  std::string content = scratch.read(name);
  content.at(at) = static_cast<char>(content.at(at) ^ 0x10);
  scratch.write(name, content);
}

class Package : public ::testing::TestWithParam<Case> {};

TEST_P(Package, IsRefusedByRun) {
  Scratch scratch;
  scratch.add_package();
  GetParam().damage(scratch);
  scratch.expect_refused({"run", scratch.at("package"), "Hello", "--max-tokens", "1"},
                         GetParam().parts);
}

INSTANTIATE_TEST_SUITE_P(
    Manifest, Package,
    ::testing::Values(
        Case{"Missing", [](Scratch& s) { s.remove(kManifest); }, {"lapidary.json", "missing"}},
        Case{"Empty", [](Scratch& s) { s.write(kManifest, ""); }, {"lapidary.json", "empty"}},
        Case{"TruncatedEarly",
             [](Scratch& s) { s.truncate(kManifest, 100); },
             {"lapidary.json", "not valid JSON"}},
        Case{"TruncatedInTensors",
             [](Scratch& s) { s.truncate(kManifest, 30'000); },
             {"lapidary.json", "not valid JSON"}},
        Case{"Version",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j["format_version"] = 5; }); },
             {"lapidary.json", "format_version"}},
        Case{"OldVersion",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j["format_version"] = 1; }); },
             {"lapidary.json", "'format_version' is 1", "build the package again"}},
        Case{"NoVisionSection",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j.erase("vision"); }); },
             {"lapidary.json", "'vision' is missing", "vision_encoder"}},
        Case{"NoAudioEncoder",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j["components"].erase(1); }); },
             {"lapidary.json", "'audio' is there", "audio_encoder"}},
        Case{"ImageTokenNull",
             [](Scratch& s) {
               s.edit_json(kManifest, [](Json& j) { j["vision"]["image_token_id"] = nullptr; });
             },
             {"lapidary.json", "vision.image_token_id"}},
        Case{"AudioMarkBeyondVocabulary",
             [](Scratch& s) {
               s.edit_json(kManifest, [](Json& j) { j["audio"]["boa_token_id"] = 256000; });
             },
             {"lapidary.json", "'audio.boa_token_id' is 256000"}},
        Case{"UnknownKey",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j["text"]["layers"] = 2; }); },
             {"lapidary.json", "text.layers"}},
        Case{"NoDecoder",
             [](Scratch& s) { s.edit_json(kManifest, [](Json& j) { j["components"].erase(3); }); },
             {"lapidary.json", "decoder"}},
        Case{"OutsidePath",
             [](Scratch& s) {
               s.edit_json(kManifest, [](Json& j) { j["files"][0]["path"] = "../../etc/passwd"; });
             },
             {"lapidary.json", "files[0].path"}},
        Case{"OtherCache",
             [](Scratch& s) {
               s.edit_json(kManifest, [](Json& j) { j["text"]["caches"][0]["head_dim"] = 33; });
             },
             {"past_key_values.0.key"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Files, Package,
    ::testing::Values(
        Case{"DataMissing", [](Scratch& s) { s.remove(kData); }, {"model.onnx.data", "missing"}},
        Case{"DataEmpty", [](Scratch& s) { s.write(kData, ""); }, {"model.onnx.data", "0 bytes"}},
        Case{"DataTruncated",
             [](Scratch& s) { s.truncate(kData, 400'000); },
             {"model.onnx.data", "400000 bytes"}},
        Case{"DataFirstByte",
             [](Scratch& s) { flip(s, kData, 0); },
             {"decoder/model.onnx.data", "checksum"}},
        Case{"DataMiddle",
             [](Scratch& s) { flip(s, kData, 450'000); },
             {"decoder/model.onnx.data", "checksum"}},
        Case{"ModelFlipped",
             [](Scratch& s) { flip(s, kModel, 70'000); },
             {"decoder/model.onnx", "checksum"}},
        Case{"VisionEncoderMissing",
             [](Scratch& s) { s.remove("package/vision_encoder/model.onnx"); },
             {"vision_encoder/model.onnx", "missing"}},
        Case{"AudioDataChanged",
             [](Scratch& s) { flip(s, "package/audio_encoder/model.onnx.data", 5'000); },
             {"audio_encoder/model.onnx.data", "checksum"}},
        Case{"TokenizerChanged",
             [](Scratch& s) { flip(s, "package/tokenizer.json", 30'000); },
             {"tokenizer.json", "checksum"}},
        Case{"TokenizerMissing",
             [](Scratch& s) { s.remove("package/tokenizer.json"); },
             {"tokenizer.json", "missing"}},
        Case{"TemplateChanged",
             [](Scratch& s) { s.write("package/chat_template.jinja", "{{ hi }}"); },
             {"chat_template.jinja"}}),
    name_of);

// Files that match their checksums and are damaged all the same: made by someone, or by a bug.
INSTANTIATE_TEST_SUITE_P(
    Content, Package,
    ::testing::Values(Case{"ModelGarbage",
                           [](Scratch& s) {
                             s.write(kModel, "this is no ONNX model");
                             bless(s, "decoder/model.onnx");
                           },
                           {"decoder/model.onnx"}},
                      Case{"ModelEmpty",
                           [](Scratch& s) {
                             s.write(kModel, "");
                             bless(s, "decoder/model.onnx");
                           },
                           {"decoder/model.onnx"}},
                      Case{"ModelTruncated",
                           [](Scratch& s) {
                             s.truncate(kModel, 60'000);
                             bless(s, "decoder/model.onnx");
                           },
                           {"decoder/model.onnx"}},
                      Case{"DataShorter",
                           [](Scratch& s) {
                             s.truncate(kData, 400'000);
                             bless(s, "decoder/model.onnx.data");
                           },
                           {"decoder"}},
                      Case{"OtherModel",
                           [](Scratch& s) {
                             s.write(kModel, s.read("package/embedding/model.onnx"));
                             bless(s, "decoder/model.onnx");
                           },
                           {"decoder"}},
                      Case{"Tokenizer",
                           [](Scratch& s) {
                             s.truncate("package/tokenizer.json", 20'000);
                             bless(s, "tokenizer.json");
                           },
                           {"tokenizer.json"}},
                      Case{"Generation",
                           [](Scratch& s) {
                             s.write("package/generation_config.json", R"({"top_k": "many"})");
                             bless(s, "generation_config.json");
                           },
                           {"generation_config.json", "top_k"}},
                      Case{"Template",
                           [](Scratch& s) {
                             s.write("package/chat_template.jinja", "{% if %}");
                             bless(s, "chat_template.jinja");
                           },
                           {"chat_template.jinja"}}),
    name_of);

// An encoder is loaded when the first image or sound comes; what a checksum cannot see is refused
// then.
class Encoder : public ::testing::TestWithParam<Case> {};

TEST_P(Encoder, IsRefusedWhenItsMediumComes) {
  Scratch scratch;
  scratch.add_package();
  GetParam().damage(scratch);
  const std::string samples = e2e::tiny("samples/");
  scratch.expect_refused({"run", scratch.at("package"), "What?", "--image", samples + "image0.png",
                          "--audio", samples + "audio0.wav", "--max-tokens", "1"},
                         GetParam().parts);
}

INSTANTIATE_TEST_SUITE_P(
    Content, Encoder,
    ::testing::Values(Case{"Garbage",
                           [](Scratch& s) {
                             s.write("package/vision_encoder/model.onnx", "this is no ONNX model");
                             bless(s, "vision_encoder/model.onnx");
                           },
                           {"vision_encoder/model.onnx"}},
                      Case{"Truncated",
                           [](Scratch& s) {
                             s.truncate("package/audio_encoder/model.onnx", 30'000);
                             bless(s, "audio_encoder/model.onnx");
                           },
                           {"audio_encoder/model.onnx"}},
                      Case{"Swapped",
                           [](Scratch& s) {
                             s.write("package/vision_encoder/model.onnx",
                                     s.read("package/audio_encoder/model.onnx"));
                             bless(s, "vision_encoder/model.onnx");
                           },
                           {"vision_encoder"}},
                      Case{"OtherPort",
                           [](Scratch& s) {
                             s.edit_json(kManifest, [](Json& j) {
                               j["components"][1]["inputs"][1]["name"] = "mask";
                             });
                           },
                           {"audio_encoder/model.onnx", "'mask'"}}),
    name_of);

// The commands share one way to open packages; each is tried once.
TEST(PackageCommands, AllRefuseDamage) {
  Scratch scratch;
  scratch.add_package();
  flip(scratch, kData, 1000);
  const std::string package = scratch.at("package");
  scratch.write("text.txt", "Once upon a time");
  scratch.expect_refused({"run", package, "--raw", "Hi"}, {"model.onnx.data", "checksum"});
  scratch.expect_refused({"chat", package}, {"model.onnx.data", "checksum"});
  scratch.expect_refused({"eval", package, "--text", scratch.at("text.txt")},
                         {"model.onnx.data", "checksum"});
  scratch.expect_refused({"inspect", package, "--verify"}, {"model.onnx.data", "checksum"});
}

TEST(PackageCommands, AllRefuseWhatIsNoPackage) {
  Scratch scratch;
  scratch.write("file", "x");
  for (const std::string& path : {scratch.at("nowhere"), scratch.at("file")}) {
    scratch.expect_refused({"run", path, "Hi"}, {path});
    scratch.expect_refused({"eval", path, "--text", scratch.at("file")}, {path});
    scratch.expect_refused({"tokenize", path}, {path});
    scratch.expect_refused({"inspect", path}, {path});
  }
}

TEST(InspectOnnx, RefusesDamagedModels) {
  Scratch scratch;
  scratch.add_package();
  scratch.truncate(kModel, 50'000);
  scratch.expect_refused({"inspect", scratch.at(kModel)}, {"model.onnx"});
}

}  // namespace
}  // namespace lapidary::refusals
