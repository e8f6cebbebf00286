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
              .vision_bidirectional_attention = true};
  out.vision =
      VisionModel{.image_token_id = 7, .video_token_id = -1, .boi_token_id = 5, .eoi_token_id = 6};
  out.audio = AudioModel{.audio_token_id = 8, .boa_token_id = 9, .eoa_token_id = -1};
  GraphRecord decoder;
  decoder.name = "decoder";
  decoder.file = "decoder/model.onnx";
  decoder.inputs = {{"attention_mask", "int64", {"batch", "total"}, false},
                    {"logits_to_keep", "int64", {"1"}, true}};
  decoder.outputs = {{"logits", "float32", {"batch", "kept", "1024"}, false}};
  decoder.ops = {{"MatMul", 3}, {"com.microsoft::MatMulNBits", 40}};
  decoder.tensors = {{"w_Q4", "uint8", {8, 4, 16}, 512, "k-quant int4, block 32, asymmetric"},
                     {"norm.weight", "float32", {128}, 512, ""}};
  GraphRecord vision;
  vision.name = "vision_encoder";
  vision.file = "vision_encoder/model.onnx";
  GraphRecord audio;
  audio.name = "audio_encoder";
  audio.file = "audio_encoder/model.onnx";
  out.components = {decoder, vision, audio};
  out.files = {{"decoder/model.onnx", 4096, "abcd"},
               {"tokenizer.json", 10, "ef"},
               {"vision_encoder/model.onnx", 11, "01"},
               {"audio_encoder/model.onnx", 12, "02"}};
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
  EXPECT_TRUE(read->text.vision_bidirectional_attention);
  ASSERT_TRUE(read->vision.has_value());
  EXPECT_EQ(read->vision->image_token_id, 7);
  EXPECT_EQ(read->vision->video_token_id, -1);
  EXPECT_EQ(read->vision->boi_token_id, 5);
  EXPECT_EQ(read->vision->eoi_token_id, 6);
  ASSERT_TRUE(read->audio.has_value());
  EXPECT_EQ(read->audio->audio_token_id, 8);
  EXPECT_EQ(read->audio->boa_token_id, 9);
  EXPECT_EQ(read->audio->eoa_token_id, -1);
  const GraphRecord* decoder = read->component("decoder");
  ASSERT_NE(decoder, nullptr);
  EXPECT_TRUE(decoder->inputs[1].optional);
  EXPECT_EQ(decoder->outputs[0].shape, (std::vector<std::string>{"batch", "kept", "1024"}));
  EXPECT_EQ(decoder->ops.at("com.microsoft::MatMulNBits"), 40);
  EXPECT_EQ(decoder->tensors[0].quantization, "k-quant int4, block 32, asymmetric");
  EXPECT_EQ(read->files[0].size, 4096u);
  EXPECT_EQ(read->component("no_such"), nullptr);
}

// Catches: notes lost on the way, and a manifest that changes where there is nothing to note.
TEST(Manifest, KeepsNotesAndTheSmallerTable) {
  EXPECT_FALSE(to_json(sample()).contains("notes"));
  EXPECT_FALSE(to_json(sample())["text"].contains("embedded_ids"));
  EXPECT_EQ(sample().text.embedded_limit(), 1024);
  const TempDir dir;
  Manifest odd = sample();
  odd.notes = {"config.json: passed over 1 key that no Gemma 4 code reads: 'x'", "another"};
  odd.text.embedded_ids = 1022;
  dir.write(kManifestFile, to_json(odd));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->notes, odd.notes);
  EXPECT_EQ(read->text.embedded_limit(), 1022);
  for (const Json& bad : {Json(0), Json(1024), Json("x")}) {
    Json json = to_json(odd);
    json["text"]["embedded_ids"] = bad;
    dir.write(kManifestFile, json);
    EXPECT_THAT(read_manifest(dir.path()).error().message(), HasSubstr("embedded_ids"));
  }
}

// Sections are absent, not empty: a runtime asks `if (manifest.vision)`.
TEST(Manifest, TextModelsHaveNoModalitySections) {
  const TempDir dir;
  Manifest text = sample();
  text.vision.reset();
  text.audio.reset();
  text.components.resize(1);
  const Json json = to_json(text);
  EXPECT_FALSE(json.contains("vision"));
  EXPECT_FALSE(json.contains("audio"));
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_FALSE(read->vision.has_value());
  EXPECT_FALSE(read->audio.has_value());
}

// A dim may have any name, also one of digits that no number holds.
TEST(Manifest, DimsOfDigitsThatDoNotFitAreNames) {
  Manifest manifest = sample();
  manifest.components[0].inputs[0].shape = {"9223372036854775807", "9223372036854775808", "-1", ""};
  EXPECT_EQ(to_json(manifest)["components"][0]["inputs"][0]["shape"],
            (Json{9223372036854775807, "9223372036854775808", "-1", ""}));
}

// A decoder of two parts, whose prompts need but the first of them.
Manifest static_sample() {
  Manifest out = sample();
  out.fixed_model =
      FixedModel{.context_length = 512,
                 .prefill_length = 64,
                 .masked = -100,
                 .host_logit_softcap = 30,
                 .rotary = {{"sliding_attention", {1.0F, 0.1F}}, {"full_attention", {0.3F}}}};
  out.components.erase(out.components.begin());
  HtpModel htp{.arch = "v81",
               .soc = "SM8850",
               .soc_model = 87,
               .onnxruntime_qnn = "2.7.0",
               .qnn = "2.51.0",
               .device = {},
               .emulated = {}};
  for (const auto& [role, part] : {std::pair(contract::Role::kPrefill, 0),
                                   {contract::Role::kDecode, 0},
                                   {contract::Role::kDecode, 1}}) {
    const std::string stem = std::string(name_of(role)) + "." + std::to_string(part);
    GraphRecord graph;
    graph.name = "decoder";
    graph.role = role;
    graph.part = part;
    graph.file = "decoder/" + stem + ".onnx";
    graph.inputs = {{"hidden", "uint16", {"1", "64"}, false, PortEncoding{0.1, 32768}}};
    out.components.push_back(graph);
    const std::string binary = "decoder/htp/part." + std::to_string(part) + ".bin";
    htp.device.push_back({"decoder", role, part, "decoder/htp/" + stem + ".onnx", binary});
    htp.emulated.push_back({"decoder", role, part, "decoder/emulated/" + stem + ".onnx",
                            "decoder/emulated/" + stem + ".bin"});
    out.files.push_back({graph.file, 1, "01"});
    out.files.push_back({htp.device.back().file, 1, "01"});
    out.files.push_back({htp.emulated.back().file, 1, "01"});
    out.files.push_back({htp.emulated.back().binary, 1, "01"});
    if (role == contract::Role::kDecode) out.files.push_back({binary, 1, "01"});
  }
  out.htp = htp;
  return out;
}

TEST(Manifest, ReadsBackAStaticDecoder) {
  const TempDir dir;
  dir.write(kManifestFile, to_json(static_sample()));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(static_sample()));
  EXPECT_EQ(read->component("decoder"), nullptr);
  ASSERT_EQ(read->parts("decoder", contract::Role::kDecode).size(), 2U);
  EXPECT_EQ(read->parts("decoder", contract::Role::kPrefill).size(), 1U);
  const Port& port = read->parts("decoder", contract::Role::kDecode)[1]->inputs[0];
  EXPECT_EQ(port.encoding, (PortEncoding{0.1, 32768}));
  EXPECT_EQ(read->fixed_model->context_length, 512);
  EXPECT_EQ(read->fixed_model->prefill_length, 64);
  EXPECT_EQ(read->fixed_model->masked, -100);
  EXPECT_EQ(read->fixed_model->host_logit_softcap, 30);
  // Not a bit may be lost: the tables would be others than those that calibration saw.
  EXPECT_EQ(read->fixed_model->rotary[0].inv_freq, (std::vector<float>{1.0F, 0.1F}));
  EXPECT_EQ(read->htp->soc_model, 87);
  EXPECT_EQ(read->htp->device[1].binary, read->htp->device[0].binary);
  EXPECT_EQ(read->htp->emulated[2].file, "decoder/emulated/decode.1.onnx");
}

// Encoders of fixed length beside the static decoder, compiled; figures of all kinds.
Manifest fixed_encoders_sample() {
  Manifest out = static_sample();
  out.vision->pooling_kernel_size = 2;
  out.vision->fixed_encoder = FixedEncoder{.soft_tokens = 70, .masked = -100};
  out.audio->attention_chunk_size = 12;
  out.audio->attention_past = 12;
  out.audio->attention_future = 1;
  out.audio->fixed_encoder = FixedEncoder{.soft_tokens = 48, .masked = -99.5};
  GraphRecord& vision = out.components[0];
  vision.inputs = {{"pixel_values", "uint16", {"1", "280", "768"}, false, PortEncoding{1, 0}}};
  vision.outputs = {{"image_features", "float32", {"70", "128"}}};
  GraphRecord& audio = out.components[1];
  audio.inputs = {{"input_features", "float16", {"1", "192", "128"}}};
  audio.outputs = {{"audio_features", "float32", {"48", "128"}}};
  for (const char* name : {"vision_encoder", "audio_encoder"}) {
    const std::string stem = std::string(name) + "/htp/model";
    const ContextModel context = {name, contract::Role::kModel, 0, stem + ".onnx", stem + ".bin"};
    out.htp->device.push_back(context);
    out.htp->emulated.push_back(context);
    out.files.push_back({context.file, 1, "01"});
    out.files.push_back({context.binary, 1, "01"});
  }
  out.calibration = {{"decoder", "c0ffee", 40, 8, 9}};
  out.agreement = {{"vision_encoder", "image_features", 6, 0.9998, 0.9999, 0.25}};
  out.quality = {{"perplexity", "eval.txt (xxh3 00)", "cpu", 12674, 1.7536},
                 {"perplexity", "eval.txt (xxh3 00)", "htp-emulated v81 (SM8850)", 12674, 1.754}};
  return out;
}

TEST(Manifest, ReadsBackStaticEncodersAndWhatWasMeasured) {
  const TempDir dir;
  const Manifest written = fixed_encoders_sample();
  dir.write(kManifestFile, to_json(written));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(written));
  EXPECT_EQ(read->vision->pooling_kernel_size, 2);
  EXPECT_EQ(read->vision->fixed_encoder->soft_tokens, 70);
  EXPECT_EQ(read->vision->fixed_encoder->masked, -100);
  EXPECT_EQ(read->audio->attention_chunk_size, 12);
  EXPECT_EQ(read->audio->attention_past, 12);
  EXPECT_EQ(read->audio->attention_future, 1);
  EXPECT_EQ(read->audio->fixed_encoder->soft_tokens, 48);
  EXPECT_EQ(read->audio->fixed_encoder->masked, -99.5);
  ASSERT_EQ(read->calibration.size(), 1U);
  EXPECT_EQ(read->calibration[0].digest, "c0ffee");
  EXPECT_EQ(read->calibration[0].images, 8);
  EXPECT_EQ(read->calibration[0].clips, 9);
  ASSERT_EQ(read->agreement.size(), 1U);
  EXPECT_EQ(read->agreement[0].min_cosine, 0.9998);
  EXPECT_EQ(read->agreement[0].max_difference, 0.25);
  ASSERT_EQ(read->quality.size(), 2U);
  EXPECT_EQ(read->quality[1].device, "htp-emulated v81 (SM8850)");
  EXPECT_EQ(read->quality[1].value, 1.754);
  EXPECT_EQ(read->quality[1].count, 12674);
}

// What `lapidary export --device htp` leaves of an encoder; without any context it must be plain.
TEST(Manifest, FixedEncodersMayBeThereAsContextsOnly) {
  const TempDir dir;
  Manifest manifest = fixed_encoders_sample();
  manifest.htp->emulated.clear();
  std::erase_if(manifest.files,
                [](const FileRecord& file) { return file.path == "vision_encoder/model.onnx"; });
  dir.write(kManifestFile, to_json(manifest));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  std::erase_if(manifest.htp->device,
                [](const ContextModel& context) { return context.component == "vision_encoder"; });
  dir.write(kManifestFile, to_json(manifest));
  EXPECT_THAT(read_manifest(dir.path()).error().message(),
              HasSubstr("'vision_encoder/model.onnx', which 'files' does not list"));
}

// A recipe may compile the decoder alone: its encoders run on the CPU.
TEST(Manifest, EncodersNeedNoContexts) {
  const TempDir dir;
  Manifest manifest = fixed_encoders_sample();
  const auto of_encoder = [](const ContextModel& context) {
    return context.role == contract::Role::kModel;
  };
  std::erase_if(manifest.htp->device, of_encoder);
  std::erase_if(manifest.htp->emulated, of_encoder);
  dir.write(kManifestFile, to_json(manifest));
  const auto read = read_manifest(dir.path());
  EXPECT_TRUE(read.ok()) << read.error().message();
}

// Format 3 has no lengths of encoders, and no chunks of attention.
TEST(Manifest, ReadsFormat3) {
  const TempDir dir;
  Json json = to_json(static_sample());
  json["format_version"] = 3;
  json["vision"].erase("pooling_kernel_size");
  for (const char* key : {"attention_chunk_size", "attention_past", "attention_future"}) {
    json["audio"].erase(key);
  }
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->vision->pooling_kernel_size, 3);
  EXPECT_FALSE(read->vision->fixed_encoder.has_value());
}

// Format 2 has no roles and no encodings; packages of it exist.
TEST(Manifest, ReadsThePreviousFormat) {
  const TempDir dir;
  Json json = to_json(sample());
  json["format_version"] = 2;
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->format_version, 2);
  ASSERT_NE(read->component("decoder"), nullptr);
  EXPECT_EQ(read->component("decoder")->role, contract::Role::kModel);
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
        Damage{"OldVersion", [](Json& j) { j["format_version"] = 1; },
               "'format_version' is 1, this program reads 2 to 4 (build the package again"},
        Damage{"VersionThatWouldWrap", [](Json& j) { j["format_version"] = 4294967299; },
               "'format_version' is 4294967299"},
        Damage{"DimBeyond64Bits",
               [](Json& j) { j["components"][0]["inputs"][0]["shape"] = {18446744073709551615U}; },
               "shape"},
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
        Damage{"PadBeyondVocabulary", [](Json& j) { j["text"]["pad_token_id"] = 1024; },
               "'text.pad_token_id' is 1024"},
        Damage{"NoDirection", [](Json& j) { j["text"].erase("vision_bidirectional_attention"); },
               "text.vision_bidirectional_attention"},
        Damage{"VisionNumber", [](Json& j) { j["vision"] = 7; }, "'vision' must be an object"},
        Damage{"NoImageToken", [](Json& j) { j["vision"].erase("image_token_id"); },
               "'vision.image_token_id' is missing"},
        Damage{"NegativeImageToken", [](Json& j) { j["vision"]["image_token_id"] = -1; },
               "'vision.image_token_id' is -1"},
        Damage{"VideoTokenBeyondVocabulary", [](Json& j) { j["vision"]["video_token_id"] = 1024; },
               "'vision.video_token_id' is 1024"},
        Damage{"UnknownVisionKey", [](Json& j) { j["vision"]["depth"] = 1; }, "'vision.depth'"},
        Damage{"NegativeAudioToken", [](Json& j) { j["audio"]["audio_token_id"] = -1; },
               "'audio.audio_token_id' is -1"},
        Damage{"AudioMarkText", [](Json& j) { j["audio"]["boa_token_id"] = "<boa>"; },
               "audio.boa_token_id"},
        Damage{"EncoderWithoutSection", [](Json& j) { j.erase("vision"); },
               "'vision' is missing, but 'components' has a vision_encoder"},
        Damage{"SectionWithoutEncoder", [](Json& j) { j["components"].erase(2); },
               "'audio' is there, but 'components' has no audio_encoder"},
        Damage{"Shape", [](Json& j) { j["components"][0]["inputs"][0]["shape"] = {1.5}; },
               "components[0].inputs[0].shape"},
        Damage{"Hash", [](Json& j) { j["files"][0].erase("xxh3"); }, "files[0].xxh3"}),
    [](const auto& test) { return test.param.name; });

class DamagedStaticManifest : public ::testing::TestWithParam<Damage> {};

// Each would fail in the middle of a prompt, or read what nobody verified.
TEST_P(DamagedStaticManifest, IsRefusedByName) {
  const TempDir dir;
  Json json = to_json(static_sample());
  GetParam().apply(json);
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message(), HasSubstr(GetParam().message));
  EXPECT_NE(read.error().kind, ErrorKind::kInternal);
}

// What `lapidary export` makes: a graph's plain file is left out where its context is there.
TEST(Manifest, FixedGraphsMayBeThereAsContextsOnly) {
  const TempDir dir;
  Manifest manifest = static_sample();
  const std::string plain = manifest.components.back().file;
  std::erase_if(manifest.files, [&](const FileRecord& file) { return file.path == plain; });
  manifest.htp->device.clear();
  dir.write(kManifestFile, to_json(manifest));
  const auto read = read_manifest(dir.path());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_FALSE(read->lists(plain));
  manifest.htp->emulated.clear();
  dir.write(kManifestFile, to_json(manifest));
  EXPECT_THAT(read_manifest(dir.path()).error().message(),
              HasSubstr("'" + plain + "', which 'files' does not list"));
}

// The components are vision, audio, prefill 0, decode 0, decode 1.
INSTANTIATE_TEST_SUITE_P(
    Cases, DamagedStaticManifest,
    ::testing::Values(
        Damage{"Role", [](Json& j) { j["components"][2]["role"] = "train"; },
               "'components[2].role' is 'train'"},
        Damage{"MissingPart", [](Json& j) { j["components"].erase(3); },
               "'components' lacks 'decoder decode 0'"},
        Damage{"NoPrefill", [](Json& j) { j["components"].erase(2); },
               "no decoder of role prefill"},
        Damage{"MorePrefill",
               [](Json& j) {
                 for (const int part : {1, 2}) {
                   j["components"].push_back(j["components"][2]);
                   j["components"].back()["part"] = part;
                 }
               },
               "more parts of role prefill"},
        Damage{"SamePartTwice", [](Json& j) { j["components"][4]["part"] = 0; },
               "'decoder decode 0' twice"},
        Damage{"EncoderInRoles",
               [](Json& j) {
                 j["components"][0]["role"] = "decode";
                 j["components"][0]["part"] = 0;
               },
               "'vision_encoder' in roles"},
        Damage{"ModelBeside", [](Json& j) { j["components"][2].erase("role"); },
               "'decoder' as one model and in roles"},
        Damage{"NoStaticModel", [](Json& j) { j.erase("static_model"); },
               "'static_model' is missing"},
        Damage{"NoRoom", [](Json& j) { j["static_model"]["prefill_length"] = 512; },
               "'static_model.prefill_length' is 512"},
        Damage{"HugeContext", [](Json& j) { j["static_model"]["context_length"] = 1LL << 40; },
               "static_model.context_length"},
        Damage{"MaskThatHidesNothing", [](Json& j) { j["static_model"]["masked"] = 0; },
               "'static_model.masked' is 0"},
        Damage{"NoFrequencies",
               [](Json& j) { j["static_model"]["rotary"][0]["inv_freq"] = Json::array(); },
               "'static_model.rotary[0].inv_freq' is empty"},
        Damage{"SameKindTwice",
               [](Json& j) { j["static_model"]["rotary"][0]["kind"] = "full_attention"; },
               "'full_attention' twice"},
        Damage{"ScaleOfZero",
               [](Json& j) { j["components"][2]["inputs"][0]["encoding"]["scale"] = 0; },
               "encoding.scale' is 0"},
        Damage{"NegativeScale",
               [](Json& j) { j["components"][2]["inputs"][0]["encoding"]["scale"] = -0.5; },
               "encoding.scale' is -0.5"},
        Damage{"ContextOfNothing", [](Json& j) { j["htp"]["device"][2]["part"] = 7; },
               "'htp.device' has 'decoder decode 7', which 'components' has not"},
        Damage{"ContextMissing", [](Json& j) { j["htp"]["emulated"].erase(0); },
               "'htp.emulated' lacks 'decoder prefill 0'"},
        Damage{"ContextOutside", [](Json& j) { j["htp"]["device"][0]["binary"] = "../x.bin"; },
               "leads outside the package"},
        Damage{"BinaryUnlisted", [](Json& j) { j["htp"]["device"][0]["binary"] = "x.bin"; },
               "'x.bin', which 'files' does not list"},
        Damage{"ContextTwice", [](Json& j) { j["htp"]["device"][2]["part"] = 0; }, "twice"}),
    [](const auto& test) { return test.param.name; });

class DamagedEncoderManifest : public ::testing::TestWithParam<Damage> {};

// Each would feed an encoder other lengths than it has, or show a figure that means nothing.
TEST_P(DamagedEncoderManifest, IsRefusedByName) {
  const TempDir dir;
  Json json = to_json(fixed_encoders_sample());
  GetParam().apply(json);
  dir.write(kManifestFile, json);
  const auto read = read_manifest(dir.path());
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message(), HasSubstr(GetParam().message));
  EXPECT_NE(read.error().kind, ErrorKind::kInternal);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, DamagedEncoderManifest,
    ::testing::Values(
        Damage{"OtherLength", [](Json& j) { j["vision"]["static_encoder"]["soft_tokens"] = 140; },
               "'vision.static_encoder' means 560 for dim 1 of 'pixel_values'"},
        Damage{"OtherPooling", [](Json& j) { j["vision"]["pooling_kernel_size"] = 3; },
               "means 630 for dim 1 of 'pixel_values' of 'components', which has '280'"},
        Damage{"OtherFrames", [](Json& j) { j["audio"]["static_encoder"]["soft_tokens"] = 47; },
               "'audio.static_encoder' means 188 for dim 1 of 'input_features'"},
        Damage{"OtherFeatures",
               [](Json& j) {
                 j["components"][1]["outputs"][0]["shape"] = {44, 128};
               },
               "'audio.static_encoder' means 48 for dim 0 of 'audio_features'"},
        Damage{"OtherPorts", [](Json& j) { j["components"][0]["inputs"][0]["name"] = "x"; },
               "'vision.static_encoder' is there, but 'pixel_values'"},
        Damage{"Undeclared", [](Json& j) { j["vision"].erase("static_encoder"); },
               "'htp.device' has 'vision_encoder', whose lengths are not fixed"},
        Damage{"UndeclaredPlain",
               [](Json& j) {
                 j["vision"].erase("static_encoder");
                 j.erase("htp");
               },
               "'vision.static_encoder' is missing, but 'vision_encoder' has fixed lengths"},
        Damage{"WithoutEncoder", [](Json& j) { j["components"].erase(0); }, "vision_encoder"},
        Damage{"NoTokens", [](Json& j) { j["vision"]["static_encoder"]["soft_tokens"] = 0; },
               "'vision.static_encoder.soft_tokens' is 0"},
        Damage{"ManyTokens",
               [](Json& j) { j["audio"]["static_encoder"]["soft_tokens"] = 1LL << 62; },
               "'audio.static_encoder.soft_tokens'"},
        Damage{"MaskThatHidesNothing", [](Json& j) { j["audio"]["static_encoder"]["masked"] = 0; },
               "'audio.static_encoder.masked' is 0"},
        Damage{"NoMask", [](Json& j) { j["vision"]["static_encoder"].erase("masked"); },
               "'vision.static_encoder.masked' is missing"},
        Damage{"UnknownKey", [](Json& j) { j["vision"]["static_encoder"]["x"] = 1; },
               "'vision.static_encoder.x'"},
        Damage{"NoPooling", [](Json& j) { j["vision"]["pooling_kernel_size"] = 0; },
               "'vision.pooling_kernel_size' is 0"},
        Damage{"NoChunk", [](Json& j) { j["audio"].erase("attention_chunk_size"); },
               "'audio.attention_chunk_size' is needed"},
        Damage{"NegativePast", [](Json& j) { j["audio"]["attention_past"] = -1; },
               "'audio.attention_past' is -1"},
        Damage{"EmbeddingCompiled",
               [](Json& j) { j["htp"]["device"][3]["component"] = "embedding"; },
               "'htp.device' has 'embedding', which 'components' has not"},
        Damage{"CalibrationOfNothing", [](Json& j) { j["calibration"][0]["component"] = "x"; },
               "'calibration' has 'x'"},
        Damage{"CalibrationTwice", [](Json& j) { j["calibration"].push_back(j["calibration"][0]); },
               "'calibration' has 'decoder' twice"},
        Damage{"NoDigest", [](Json& j) { j["calibration"][0]["digest"] = ""; },
               "'calibration[0].digest' is empty"},
        Damage{"NoSamples", [](Json& j) { j["calibration"][0]["samples"] = 0; },
               "'calibration[0].samples' is 0"},
        Damage{"CosineOfTwo", [](Json& j) { j["agreement"][0]["min_cosine"] = 2; },
               "'agreement[0].min_cosine' is 2"},
        Damage{"CosineOfNull", [](Json& j) { j["agreement"][0]["mean_cosine"] = nullptr; },
               "agreement[0].mean_cosine"},
        Damage{"AgreementOfNothing", [](Json& j) { j["agreement"][0]["component"] = "x"; },
               "'agreement' has 'x'"},
        Damage{"QualityObject", [](Json& j) { j["quality"] = Json::object(); },
               "'quality' must be an array"},
        Damage{"QualityTwice", [](Json& j) { j["quality"][1]["device"] = "cpu"; },
               "the perplexity of eval.txt (xxh3 00) on cpu twice"},
        Damage{"NegativeQuality", [](Json& j) { j["quality"][0]["value"] = -1; },
               "'quality[0].value' is -1"},
        Damage{"QualityOfNothing", [](Json& j) { j["quality"][0]["count"] = 0; },
               "'quality[0].count' is 0"}),
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
