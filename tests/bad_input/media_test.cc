// Damaged and hostile images, sound and videos: one line that names the file, exit code 2, and
// memory that does not follow what a file claims.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "bad_input/bad_input.h"
#include "base/testing/source_dir.h"

namespace lapidary::refusals {
namespace {

const std::string kSource = source_dir().string();
const std::string kPackage = e2e::package("cpu-int4");
const std::string kSamples = e2e::tiny("samples/");

std::string big_endian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

std::string little_endian(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<uint32_t>(data.size())) + body +
         big_endian(static_cast<uint32_t>(crc));
}

std::string deflated(const std::string& data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  std::string out(size, '\0');
  compress2(reinterpret_cast<Bytef*>(out.data()), &size,
            reinterpret_cast<const Bytef*>(data.data()), static_cast<uLong>(data.size()), 1);
  out.resize(size);
  out.shrink_to_fit();  // a child begins with what this process holds
  return out;
}

// 8-bit grey; `more` are chunks before the pixels.
std::string png(uint32_t width, uint32_t height, const std::string& pixels,
                const std::string& more = "") {
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\x08\0\0\0\0", 5)) +
         more + chunk("IDAT", deflated(pixels)) + chunk("IEND", "");
}

std::string black_png(uint32_t width, uint32_t height) {
  return png(width, height, std::string(size_t{height} * (width + 1), '\0'));
}

struct Wav {
  uint32_t rate = 16'000;
  uint32_t format = 1;  // 1: whole numbers, 3: floats
  uint32_t bits = 16;
};

// The part of a WAV file before its samples.
std::string wav_header(uint32_t bytes, const Wav& wav = {}) {
  const uint32_t frame = wav.bits / 8;
  return "RIFF" + little_endian(bytes + 36, 4) + "WAVEfmt " + little_endian(16, 4) +
         little_endian(wav.format, 2) + little_endian(1, 2) + little_endian(wav.rate, 4) +
         little_endian(wav.rate * frame, 4) + little_endian(frame, 2) + little_endian(wav.bits, 2) +
         "data" + little_endian(bytes, 4);
}

std::string float_wav(const std::vector<float>& samples) {
  const size_t bytes = samples.size() * sizeof(float);
  return wav_header(static_cast<uint32_t>(bytes), {.format = 3, .bits = 32}) +
         std::string(reinterpret_cast<const char*>(samples.data()), bytes);
}

// Silence that takes no room on the disk.
void write_sparse_wav(Scratch& scratch, const std::string& name, uint32_t seconds,
                      const Wav& wav = {}) {
  const uint32_t bytes = seconds * wav.rate * wav.bits / 8;
  scratch.write(name, wav_header(bytes, wav));
  std::filesystem::resize_file(scratch.at(name), 44 + uint64_t{bytes});
}

std::vector<std::string> question(const std::string& option, const std::string& file) {
  return {"run", kPackage, "What is this?", "--max-tokens", "1", option, file};
}

class Image : public ::testing::TestWithParam<Case> {};

TEST_P(Image, IsRefused) {
  Scratch scratch;
  GetParam().damage(scratch);
  std::vector<std::string> parts = GetParam().parts;
  parts.push_back(scratch.at("x.png"));
  scratch.expect_refused(question("--image", scratch.at("x.png")), parts, {}, kBounded);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Image,
    ::testing::Values(
        Case{"Missing", [](Scratch&) {}, {"No such file"}},
        Case{"Empty", [](Scratch& s) { s.write("x.png", ""); }, {}},
        Case{"Directory", [](Scratch& s) { std::filesystem::create_directory(s.at("x.png")); }, {}},
        // Reading it would wait for ever.
        Case{"Pipe", [](Scratch& s) { ASSERT_EQ(mkfifo(s.at("x.png").c_str(), 0600), 0); }, {}},
        Case{"Text", [](Scratch& s) { s.write("x.png", "What is in the picture?"); }, {}},
        Case{"Sound", [](Scratch& s) { s.write("x.png", s.read(kSamples + "audio0.wav")); }, {}},
        Case{
            "Gif", [](Scratch& s) { s.write("x.png", "GIF89a" + std::string(40, '\1')); }, {"GIF"}},
        // Catches a file that is hashed or mapped before anyone looks at its size.
        Case{"Huge",
             [](Scratch& s) {
               s.write("x.png", black_png(9, 9));
               std::filesystem::resize_file(s.at("x.png"), uint64_t{100'000'000'000});
             },
             {"bytes"}},
        Case{"PngTruncated",
             [](Scratch& s) {
               s.write("x.png", s.read(kSamples + "image0.png"));
               s.truncate("x.png", 1'000);
             },
             {}},
        Case{"PngHeaderOnly",
             [](Scratch& s) { s.write("x.png", black_png(9, 9).substr(0, 33)); },
             {}},
        Case{"PngPixelsMissing",
             [](Scratch& s) { s.write("x.png", png(90, 90, std::string(100, '\0'))); },
             {}},
        Case{"PngDamaged",
             [](Scratch& s) {
               std::string file = s.read(kSamples + "image0.png");
               file[500] = static_cast<char>(file[500] ^ 0x10);
               s.write("x.png", file);
             },
             {}},
        Case{"PngWithoutWidth", [](Scratch& s) { s.write("x.png", png(0, 9, "")); }, {}},
        Case{"JpegTruncated",
             [](Scratch& s) {
               s.write("x.png", s.read(kSource + "/tests/golden/media/images/rgb_444.jpg"));
               s.truncate("x.png", 700);
             },
             {}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Bombs, Image,
    ::testing::Values(
        // A few bytes that declare 10.8 GB of pixels.
        Case{"Declared", [](Scratch& s) { s.write("x.png", png(60'000, 60'000, "x")); }, {"60000"}},
        // 144 million pixels in 140 kB.
        Case{"Real", [](Scratch& s) { s.write("x.png", black_png(12'000, 12'000)); }, {"12000"}},
        Case{"WidestDeclared",
             [](Scratch& s) { s.write("x.png", png(0x7fffffff, 0x7fffffff, "x")); },
             {}}),
    name_of);

// A text chunk of 1 MB that inflates to 300 MB is no reason to refuse the picture, nor to inflate
// it.
TEST(ImageBomb, HiddenInATextChunk) {
  const std::string zeros = deflated(std::string(300'000'000, '\0'));
  Scratch scratch;
  scratch.write("x.png", png(96, 96, std::string(size_t{96} * 97, '\0'),
                             chunk("zTXt", std::string("comment\0\0", 9) + zeros)));
  const Outcome outcome = lapidary(question("--image", scratch.at("x.png")));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_LT(outcome.resident_bytes, 200'000'000);
}

// Odd, but good: the content tells the format, and a line is a picture.
TEST(OddImages, AreShown) {
  Scratch scratch;
  scratch.write("picture.jpg", scratch.read(kSamples + "image0.png"));
  scratch.write("line.png", black_png(1, 5'000));
  scratch.write("dot.png", black_png(1, 1));
  scratch.write("-picture with spaces", scratch.read(kSamples + "image0.png"));
  for (const char* name : {"picture.jpg", "line.png", "dot.png", "-picture with spaces"}) {
    const Outcome outcome = lapidary(question("--image", scratch.at(name)));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_LT(outcome.resident_bytes, kBounded);
  }
}

class Sound : public ::testing::TestWithParam<Case> {};

TEST_P(Sound, IsRefused) {
  Scratch scratch;
  GetParam().damage(scratch);
  std::vector<std::string> parts = GetParam().parts;
  parts.push_back(scratch.at("x.wav"));
  scratch.expect_refused(question("--audio", scratch.at("x.wav")), parts, {}, kBounded);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Sound,
    ::testing::Values(
        Case{"Missing", [](Scratch&) {}, {"No such file"}},
        Case{"Empty", [](Scratch& s) { s.write("x.wav", ""); }, {}},
        Case{"Directory", [](Scratch& s) { std::filesystem::create_directory(s.at("x.wav")); }, {}},
        Case{"Text", [](Scratch& s) { s.write("x.wav", "zero one two three"); }, {}},
        Case{"Picture", [](Scratch& s) { s.write("x.wav", s.read(kSamples + "image0.png")); }, {}},
        Case{"Truncated",
             [](Scratch& s) {
               s.write("x.wav", s.read(kSamples + "audio0.wav"));
               s.truncate("x.wav", 9'000);
             },
             {}},
        Case{"HeaderTruncated",
             [](Scratch& s) {
               s.write("x.wav", s.read(kSamples + "audio0.wav"));
               s.truncate("x.wav", 30);
             },
             {}},
        Case{"Huge",
             [](Scratch& s) {
               s.write("x.wav", s.read(kSamples + "audio0.wav"));
               std::filesystem::resize_file(s.at("x.wav"), uint64_t{100'000'000'000});
             },
             {"bytes"}},
        Case{"NoSamples", [](Scratch& s) { s.write("x.wav", wav_header(0)); }, {}},
        Case{"OneSample",
             [](Scratch& s) { s.write("x.wav", wav_header(2) + std::string(2, '\1')); },
             {"short"}},
        Case{"NaN",
             [](Scratch& s) {
               std::vector<float> samples(16'000, 0.1F);
               samples[9'000] = std::numeric_limits<float>::quiet_NaN();
               s.write("x.wav", float_wav(samples));
             },
             {"finite"}},
        Case{"Infinite",
             [](Scratch& s) {
               std::vector<float> samples(16'000, 0.1F);
               samples.back() = -std::numeric_limits<float>::infinity();
               s.write("x.wav", float_wav(samples));
             },
             {"finite"}},
        Case{"NoRate",
             [](Scratch& s) {
               s.write("x.wav", wav_header(2'000, {.rate = 0}) + std::string(2'000, '\1'));
             },
             {}},
        Case{"AbsurdRate",
             [](Scratch& s) {
               s.write("x.wav",
                       wav_header(2'000, {.rate = 2'000'000'000}) + std::string(2'000, '\1'));
             },
             {}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Length, Sound,
    ::testing::Values(
        Case{"ALittleTooLong",
             [](Scratch& s) { write_sparse_wav(s, "x.wav", 31); },
             {"31", "--split-audio"}},
        // 650 MB of samples.
        Case{"HalfAnHourOfFastSamples",
             [](Scratch& s) { write_sparse_wav(s, "x.wav", 1'800, {.rate = 96'000, .bits = 16}); },
             {"--split-audio"}},
        // 288 MB, and 1.15 GB.
        Case{"TenHoursOf8Bits",
             [](Scratch& s) { write_sparse_wav(s, "x.wav", 36'000, {.rate = 8'000, .bits = 8}); },
             {}},
        Case{"TenHours", [](Scratch& s) { write_sparse_wav(s, "x.wav", 36'000); }, {}}),
    name_of);

TEST(LongSound, IsRefusedOnceSplitAsWell) {
  Scratch scratch;
  write_sparse_wav(scratch, "x.wav", 36'000, {.rate = 8'000, .bits = 8});
  auto words = question("--audio", scratch.at("x.wav"));
  words.emplace_back("--split-audio");
  scratch.expect_refused(words, {"x.wav"}, {}, kBounded);
}

TEST(LongSound, IsSplitWhenAsked) {
  Scratch scratch;
  write_sparse_wav(scratch, "x.wav", 31);
  auto words = question("--audio", scratch.at("x.wav"));
  words.insert(words.end(), {"--split-audio", "--json"});
  const Outcome outcome = lapidary(words);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  // 40 ms each.
  EXPECT_EQ(Json::parse(outcome.out)["media"][0]["soft_tokens"], 775);
}

TEST(Video, IsRefused) {
  Scratch scratch;
  scratch.write("file", "x");
  std::filesystem::create_directory(scratch.at("empty"));
  scratch.write("texts/a.txt", "no image");
  scratch.write("broken/a.png", scratch.read(kSamples + "image0.png"));
  scratch.write("broken/b.png", black_png(9, 9).substr(0, 40));
  for (const char* name : {"missing", "file", "empty", "texts"}) {
    scratch.expect_refused(question("--video", scratch.at(name)), {scratch.at(name)});
  }
  scratch.expect_refused(question("--video", scratch.at("broken")), {scratch.at("broken/b.png")});
  for (const char* rate : {"0", "-1", "nan", "inf", "fast"}) {
    auto words = question("--video", scratch.at("broken"));
    words.insert(words.end(), {"--video-fps", rate});
    scratch.expect_refused(words, {"--video-fps"});
  }
}

TEST(MediaOptions, WithoutMeaningAreRefused) {
  Scratch scratch;
  const std::string image = kSamples + "image0.png";
  auto words = question("--image", image);
  words.emplace_back("--split-audio");
  scratch.expect_refused(words, {"--split-audio", "--audio"});
  words.back() = "--video-fps=2";
  scratch.expect_refused(words, {"--video-fps", "--video"});
  scratch.expect_refused(question("--image", ""), {"--image"});
  scratch.expect_refused({"run", kPackage, "What?", "--image"}, {"--image"});
}

TEST(Placeholders, MustFitTheFiles) {
  Scratch scratch;
  const std::string image = kSamples + "image0.png";
  const std::string audio = kSamples + "audio0.wav";
  const std::vector<std::vector<std::string>> bad = {
      {"What is <|image|>?"},
      {"Compare <|image|> and <|image|>.", "--image", image},
      {"Look: <|image|>", "--image", image, "--image", image},
      {"Hear: <|audio|>", "--image", image},
      {"What is this?", "--raw", "--image", image},
      {"<|image|>", "--raw", "--audio", audio},
      {"<|image|><|image|>", "--raw", "--image", image}};
  for (const auto& more : bad) {
    std::vector<std::string> words = {"run", kPackage};
    words.insert(words.end(), more.begin(), more.end());
    scratch.expect_refused(words, {"<|"});
  }
}

// As a package of a text-only checkpoint is.
TEST(TextOnlyPackage, TakesNoMedia) {
  Scratch scratch;
  scratch.add_package();
  scratch.edit_json("package/lapidary.json", [](Json& json) {
    json.erase("vision");
    json.erase("audio");
    Json components = Json::array();
    for (const Json& one : json["components"]) {
      if (one["name"] == "embedding" || one["name"] == "decoder") components.push_back(one);
    }
    json["components"] = components;
    Json files = Json::array();
    for (const Json& one : json["files"]) {
      if (one["path"].get<std::string>().find("_encoder") == std::string::npos) {
        files.push_back(one);
      }
    }
    json["files"] = files;
  });
  scratch.remove("package/vision_encoder");
  scratch.remove("package/audio_encoder");
  const std::string package = scratch.at("package");
  const Outcome text = lapidary({"run", package, "Hello", "--max-tokens", "1"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  const std::vector<std::pair<std::string, std::string>> media = {
      {"--image", kSamples + "image0.png"},
      {"--audio", kSamples + "audio0.wav"},
      {"--video", kSource + "/tests/golden/media/video"}};
  for (const auto& [option, file] : media) {
    scratch.expect_refused({"run", package, "What?", option, file}, {file, "package"});
    if (option == "--video") continue;
    scratch.expect_refused({"features", package, option, file, "-o", scratch.at("x.npy")},
                           {file, "package"});
  }
}

TEST(EvalSet, DamagedMediaAreNamed) {
  Scratch scratch;
  scratch.write("fox.png", "no picture");
  scratch.write("eval.json",
                R"({"images": [{"file": "fox.png", "question": "?", "reference": "A fox."}]})");
  scratch.expect_refused({"eval", kPackage, "--media", scratch.at("eval.json")},
                         {scratch.at("fox.png")});
}

}  // namespace
}  // namespace lapidary::refusals
