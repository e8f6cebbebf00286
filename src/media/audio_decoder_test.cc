#include "media/audio_decoder.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/testing/compare.h"
#include "base/testing/source_dir.h"
#include "media/audio_reader.h"

namespace lapidary::media {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::filesystem::path kClips = source_dir() / "tests/golden/media/audio";

std::string read_clip(const std::string& name) {
  std::ifstream in(kClips / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<Audio> decode(const std::string& file, const AudioLimits& limits = {}) {
  return decode_audio(std::as_bytes(std::span(file)), "clip", limits);
}

std::string refusal(const Result<Audio>& result, ErrorKind kind = ErrorKind::kBadInput) {
  EXPECT_FALSE(result.ok());
  if (result.ok()) return "";
  EXPECT_EQ(result.error().kind, kind);
  EXPECT_FALSE(result.error().remedy.empty());
  return result.error().message();
}
std::string refusal(const std::string& file, ErrorKind kind = ErrorKind::kBadInput) {
  return refusal(decode(file), kind);
}

template <typename T>
std::string bytes_of(std::initializer_list<T> values) {
  std::string out;
  for (const T value : values) out.append(reinterpret_cast<const char*>(&value), sizeof(T));
  return out;
}

// A WAV file whose header may say anything.
struct Wav {
  uint16_t tag = 1, channels = 1;
  uint32_t rate = 16000;
  uint16_t bits = 16;
  std::string data;
  int64_t announced = -1;  // bytes of sound; -1: what is there

  std::string file() const {
    const auto frame = static_cast<uint16_t>(channels * bits / 8);
    const auto size =
        announced < 0 ? static_cast<uint32_t>(data.size()) : static_cast<uint32_t>(announced);
    return "RIFF" + bytes_of<uint32_t>({size + 36}) + "WAVEfmt " + bytes_of<uint32_t>({16}) +
           bytes_of<uint16_t>({tag, channels}) + bytes_of<uint32_t>({rate, rate * frame}) +
           bytes_of<uint16_t>({frame, bits}) + "data" + bytes_of<uint32_t>({size}) + data;
  }
};

TEST(DecodeAudio, ScalesAsTheReference) {
  const auto pcm = decode(Wav{.data = bytes_of<int16_t>({0, 1, -32768, 32767, 16384})}.file());
  ASSERT_TRUE(pcm.ok()) << pcm.error().message();
  EXPECT_EQ(pcm->sampling_rate, 16000);
  EXPECT_THAT(pcm->samples, ElementsAre(0.0F, 1.0F / 32768, -1.0F, 32767.0F / 32768, 0.5F));
  EXPECT_DOUBLE_EQ(pcm->seconds(), 5.0 / 16000);

  const auto floats =
      decode(Wav{.tag = 3, .bits = 32, .data = bytes_of<float>({0.25F, -3.5F})}.file());
  ASSERT_TRUE(floats.ok()) << floats.error().message();
  EXPECT_THAT(floats->samples, ElementsAre(0.25F, -3.5F));
}

TEST(DecodeAudio, TakesTheMeanOfChannels) {
  const auto stereo =
      decode(Wav{.channels = 2, .data = bytes_of<int16_t>({16384, 0, -16384, 16384})}.file());
  ASSERT_TRUE(stereo.ok()) << stereo.error().message();
  EXPECT_THAT(stereo->samples, ElementsAre(0.25F, 0.0F));
}

TEST(DecodeAudio, SaysWhatIsMissing) {
  EXPECT_THAT(refusal(""), HasSubstr("clip: is empty"));
  EXPECT_THAT(refusal("hello, this is text and not a sound"), HasSubstr("not a sound file"));
  EXPECT_THAT(refusal(Wav{}.file()), HasSubstr("no samples"));
  EXPECT_THAT(refusal("RIFF" + bytes_of<uint32_t>({4}) + "WAVE"), HasSubstr("cannot be decoded"));
  EXPECT_THAT(refusal(read_clip("mp3_16000.mp3").substr(0, 60)), HasSubstr("ends within a frame"));
}

// Files that people do have, and that libsndfile would only call unknown.
TEST(DecodeAudio, NamesWhatItDoesNotRead) {
  using namespace std::string_literals;  // NOLINT: zero bytes in literals
  const std::pair<std::string, const char*> files[] = {
      {"\0\0\0\x20"s + "ftypM4A \0\0\0\0"s, "M4A"},
      {"\xFF\xF1\x50\x80\x02\x1F\xFC"s, "AAC"},
      {"ID3\x04\0\0\0\0\0\x02..\xFF\xF1\x50\x80"s, "AAC"},
      {"#!AMR\n\x3C"s, "AMR"},
      {"\x30\x26\xB2\x75\x8E\x66\xCF\x11"s, "WMA"},
      {"\x1A\x45\xDF\xA3\x9F\x42"s, "WebM"},
      {"\x89PNG\r\n\x1A\n"s, "PNG"},
  };
  for (const auto& [file, name] : files) {
    EXPECT_THAT(refusal(file, ErrorKind::kUnsupported), AllOf(HasSubstr(name), HasSubstr("WAV")));
  }
  // GSM 6.10 in a WAV file: the container is read, its codec is not.
  const std::string gsm = "RIFF" + bytes_of<uint32_t>({117}) + "WAVEfmt " +
                          bytes_of<uint32_t>({20}) + bytes_of<uint16_t>({49, 1}) +
                          bytes_of<uint32_t>({8000, 1625}) + bytes_of<uint16_t>({65, 0, 2, 320}) +
                          "data" + bytes_of<uint32_t>({65}) + std::string(65, '\0');
  EXPECT_THAT(refusal(gsm, ErrorKind::kUnsupported), HasSubstr("GSM"));
}

TEST(DecodeAudio, RefusesNumbersThatAreNone) {
  const float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), inf, -inf}) {
    const Wav wav{.tag = 3,
                  .channels = 2,
                  .bits = 32,
                  .data = bytes_of<float>({0.1F, 0.1F, 0.1F, bad, 0.1F, 0.1F})};
    EXPECT_THAT(refusal(wav.file()), AllOf(HasSubstr("not finite"), HasSubstr("(sample 1)")));
  }
  // A double that no float holds.
  const Wav wav{.tag = 3, .bits = 64, .data = bytes_of<double>({0.0, 1e300})};
  EXPECT_THAT(refusal(wav.file()), HasSubstr("not finite"));
}

TEST(DecodeAudio, KeepsToItsLimits) {
  const std::string second = Wav{.data = std::string(32000, '\1')}.file();
  EXPECT_TRUE(decode(second, {.max_seconds = 1}).ok());
  EXPECT_TRUE(decode(second, {.max_samples = 16000}).ok());
  // A high rate must not make a short clip large.
  EXPECT_THAT(refusal(decode(second, {.max_samples = 8000})), HasSubstr("longer than the 0.5 s"));
  EXPECT_THAT(refusal(decode(second, {.max_seconds = 0.99})),
              AllOf(HasSubstr("lasts 1 s"), HasSubstr("0.99 s"), HasSubstr("shorter")));
  EXPECT_THAT(refusal(decode(second, {.max_file_bytes = 32043})), HasSubstr("32044 bytes"));
  EXPECT_TRUE(decode(second, {.max_file_bytes = 32044}).ok());
}

TEST(DecodeAudio, RefusesAbsurdHeaders) {
  const std::string data(64000, '\0');
  EXPECT_THAT(refusal(Wav{.rate = 0, .data = data}.file()), HasSubstr("clip: "));
  EXPECT_THAT(refusal(Wav{.rate = 999, .data = data}.file()), HasSubstr("999 Hz"));
  EXPECT_THAT(refusal(Wav{.rate = 384001, .data = data}.file()), HasSubstr("384001 Hz"));
  EXPECT_THAT(refusal(Wav{.rate = 0xFFFFFFFF, .data = data}.file()), HasSubstr("clip: "));
  EXPECT_THAT(refusal(Wav{.channels = 0, .data = data}.file()), HasSubstr("clip: "));
  EXPECT_THAT(refusal(Wav{.channels = 65, .data = data}.file()), HasSubstr("65 channels"));
  EXPECT_THAT(refusal(Wav{.channels = 65535, .data = data}.file()), HasSubstr("clip: "));
  EXPECT_FALSE(decode(Wav{.bits = 0, .data = data}.file()).ok());
}

TEST(DecodeAudio, TellsTruncatedFiles) {
  const Wav wav{.data = std::string(100, '\0'), .announced = 102};
  EXPECT_THAT(refusal(wav.file()),
              AllOf(HasSubstr("truncated"), HasSubstr("102"), HasSubstr("100")));
  // Writers that cannot seek leave the length open: what is there is the clip.
  const auto open = decode(Wav{.data = std::string(100, '\0'), .announced = 0xFFFFFFFF}.file());
  ASSERT_TRUE(open.ok()) << open.error().message();
  EXPECT_THAT(open->samples, SizeIs(50));
}

// What two chunks hold, put together; libsndfile refuses the file in words about its own
// structures.
std::string wav_of(const std::vector<std::string>& chunks, const char* name = "RIFF") {
  std::string out = name + bytes_of<uint32_t>({0}) + "WAVE";
  for (const std::string& chunk : chunks) out += chunk;
  return out;
}
std::string chunk(const std::string& name, const std::string& body, bool padded = true) {
  return name + bytes_of<uint32_t>({static_cast<uint32_t>(body.size())}) + body +
         (padded && body.size() % 2 == 1 ? std::string(1, '\0') : std::string());
}
const std::string kPcm16 =
    chunk("fmt ", bytes_of<uint16_t>({1, 1}) + bytes_of<uint32_t>({16000, 32000}) +
                      bytes_of<uint16_t>({2, 16}));
const std::string kLong64 = "\xFF\xFF\xFF\xFF";

// Recorders that were stopped leave a length of 0: "has no samples" with all of the sound there.
TEST(DecodeAudio, ReadsAnUnfinishedHeaderToTheEnd) {
  const std::string sound = bytes_of<int16_t>({0, 16384, -16384, 8192, 0, 4096});
  const auto expected = ElementsAre(0.0F, 0.5F, -0.5F, 0.25F, 0.0F, 0.125F);
  const std::string ds64 = chunk("ds64", std::string(28, '\0'));
  const std::string au = ".snd" + std::string({0, 0, 0, 24}) + std::string(4, '\0') +
                         std::string({0, 0, 0, 1, 0, 0, 0x3E, '\x80', 0, 0, 0, 1});
  const std::string files[] = {
      Wav{.data = sound, .announced = 0}.file(),
      wav_of({kPcm16, chunk("LIST", "INFOabc"), "data", bytes_of<uint32_t>({0}), sound}),
      wav_of({ds64, kPcm16, "data", kLong64, sound}, "RF64"),
      wav_of({kPcm16, "data", kLong64, sound}, "RF64"),
      wav_of({ds64, kPcm16, "data", kLong64, sound}, "BW64"),
  };
  for (const std::string& file : files) {
    const auto audio = decode(file);
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_THAT(audio->samples, expected);
  }
  const auto mu_law = decode(au + "abcdef");
  ASSERT_TRUE(mu_law.ok()) << mu_law.error().message();
  EXPECT_THAT(mu_law->samples, SizeIs(6));
  // An empty clip with notes behind it stays one.
  EXPECT_THAT(refusal(wav_of({kPcm16, chunk("data", ""), chunk("LIST", "INFOab")})),
              HasSubstr("no samples"));
}

// The same for AIFF and CAF: a chunk as long as what precedes the sound in it, or of length -1.
TEST(DecodeAudio, ReadsUnfinishedAiffAndCafToTheEnd) {
  const std::string caf = read_clip("caf_16.caf"), aiff = read_clip("aiff_16.aiff");
  const auto with_length = [](std::string file, const char* name, std::string length) {
    return file.replace(file.find(name) + 4, length.size(), length);
  };
  const std::pair<std::string, std::string> files[] = {
      {caf, with_length(caf, "data", std::string(8, '\xFF'))},
      {caf, with_length(caf, "data", std::string(8, '\0'))},
      {aiff, with_length(aiff, "SSND", std::string(3, '\0') + "\x08")}};
  for (const auto& [whole, unfinished] : files) {
    const auto expected = decode(whole), audio = decode(unfinished);
    ASSERT_TRUE(expected.ok());
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_EQ(audio->samples, expected->samples);
  }
}

TEST(DecodeAudio, PutsDataChunksTogether) {
  const auto a = bytes_of<int16_t>({0, 16384}), b = bytes_of<int16_t>({-16384});
  const auto expected = ElementsAre(0.0F, 0.5F, -0.5F);
  for (const std::string& file :
       {wav_of({kPcm16, chunk("data", a), chunk("data", b)}),
        wav_of({kPcm16, chunk("data", ""), chunk("data", a + b)}),
        wav_of({kPcm16, chunk("data", a), chunk("LIST", "INFOabc"), chunk("data", b)}),
        wav_of({chunk("data", a + b), kPcm16})}) {
    const auto audio = decode(file);
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_THAT(audio->samples, expected);
  }
  EXPECT_THAT(refusal(wav_of({kPcm16, chunk("data", "abc"), chunk("data", a)})),
              HasSubstr("ends within a sample"));
  EXPECT_THAT(refusal(wav_of({kPcm16, chunk("data", a), "data" + bytes_of<uint32_t>({9}) + b})),
              HasSubstr("truncated: 9 bytes of sound announced, 2 there"));
  EXPECT_THAT(refusal(wav_of({chunk("data", a)})), HasSubstr("how its sound is stored"));
}

TEST(DecodeAudio, FindsTheSoundBehindAnOddChunkWithoutItsPadding) {
  const std::string sound = bytes_of<int16_t>({0, 16384});
  for (const bool padded : {true, false}) {
    const auto audio =
        decode(wav_of({kPcm16, chunk("LIST", "INFOabc", padded), chunk("data", sound)}));
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_THAT(audio->samples, ElementsAre(0.0F, 0.5F));
  }
}

// libsndfile's words about its own structures say nothing to anybody.
TEST(DecodeAudio, KeepsALibrarysInnerWordsToItself) {
  const auto error = undecodable("clip", "Internal error : SF_INFO struct incomplete.");
  EXPECT_THAT(error.message(), AllOf(HasSubstr("clip: cannot be decoded"), HasSubstr("header"),
                                     testing::Not(HasSubstr("SF_INFO"))));
}

std::string id3(size_t size, char flags = 0) {
  std::string tag = "ID3\x04" + std::string({0, flags, 0, 0});
  tag += {static_cast<char>(size >> 7 & 0x7F), static_cast<char>(size & 0x7F)};
  return tag + std::string(size, '\0') + (flags != 0 ? "3DI\x04" + std::string(6, '\0') : "");
}
std::string ape(bool front) {
  const std::string tail = bytes_of<uint32_t>({2000, 3032, 1, 0x80000000U}) + std::string(8, '\0');
  const std::string header = "APETAGEX" + tail, footer = "APETAGEX" + tail;
  return header + std::string(3000, front ? 'a' : 'b') + footer;
}
std::string noise(size_t size) {
  std::mt19937 random(3);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

// Whatever precedes the first frame or follows the last: the same sound.
TEST(DecodeAudio, FindsMp3BehindAndBeforeOtherBytes) {
  const std::string mp3 = read_clip("mp3_16000.mp3");
  const auto expected = decode(mp3);
  ASSERT_TRUE(expected.ok());
  const std::string id3v1 = "TAG" + std::string(125, ' ');
  const std::pair<std::string, std::string> around[] = {
      {id3(10) + std::string(3000, '\0'), ""},  // padding that the tag does not count
      {id3(10) + id3(2000), id3v1},
      {id3(10, 0x10), ""},
      {ape(true) + id3(5), ape(false) + id3v1},
      {id3(10) + std::string(77, '\0') + id3(20), ""},
      {"ID3\x04" + std::string(2, '\0') + "\x7F\x7F\x7F\x7F..", ""},  // longer than the file
      {noise(5000), noise(3000)},
      {std::string(6 << 20, '\0'), std::string(50000, '\0')},
      {std::string("\x1F\x8B", 2) + noise(100), ""},  // the rest of a frame
  };
  for (const auto& [before, behind] : around) {
    const auto audio = decode(before + mp3 + behind);
    ASSERT_TRUE(audio.ok()) << audio.error().message();
    EXPECT_EQ(audio->samples, expected->samples);
  }
}

// A clip that was cut in mid-frame begins with the next frame; so does one whose note of its length
// was cut, which is decoded to its end.
TEST(DecodeAudio, FindsTheFirstWholeFrameOfACutMp3) {
  const std::string file = read_clip("mp3_16000.mp3");
  const size_t second = file.find(file.substr(0, 2), 4);
  const auto bare = decode(file.substr(second)), cut = decode(file.substr(100));
  ASSERT_TRUE(bare.ok());
  ASSERT_TRUE(cut.ok()) << cut.error().message();
  EXPECT_EQ(cut->samples, bare->samples);
  for (const std::string& behind : {std::string(9000, '\0'), std::string(9000, 'x')}) {
    const auto padded = decode(file.substr(100) + behind);
    ASSERT_TRUE(padded.ok()) << padded.error().message();
    EXPECT_EQ(padded->samples, bare->samples);
  }
  // Sound behind a hole is not lost in silence.
  EXPECT_THAT(refusal(file.substr(100) + std::string(9000, 'x') + file.substr(100)),
              HasSubstr("cannot be decoded"));
  // A single header is none.
  EXPECT_THAT(refusal(noise(5000) + file.substr(0, 4) + noise(5000)),
              HasSubstr("not a sound file of a known kind"));
}

TEST(DecodeAudio, FindsFlacAndOggBehindPaddingAndJunk) {
  for (const char* name : {"constant.flac", "vorbis_16k.ogg", "opus_48000.opus"}) {
    const std::string file = read_clip(name);
    const auto expected = decode(file);
    for (const std::string& before : {id3(10) + std::string(500, '\0'), noise(700)}) {
      const auto audio = decode(before + file);
      ASSERT_TRUE(audio.ok()) << name << audio.error().message();
      EXPECT_EQ(audio->samples, expected->samples);
    }
  }
}

// Every beginning of every kind of file is an error, but for what could be the whole: OGG after a
// page (recorders that are stopped leave such files), MP3 without its last two frames.
TEST(DecodeAudio, SurvivesEveryPrefix) {
  for (const char* name : {"one_valid_frame_161.wav", "rf64.wav", "au_mu_law.au", "caf_16.caf",
                           "aiff_s8.aiff", "ima_adpcm.wav", "constant.flac", "flac_s8.flac",
                           "vorbis_16k.ogg", "opus_48000.opus", "mp3_16000.mp3"}) {
    SCOPED_TRACE(name);
    const std::string file = read_clip(name);
    const auto whole = decode(file);
    ASSERT_TRUE(whole.ok()) << whole.error().message();
    // Headers byte by byte, then in steps: a few hundred decodings each.
    const size_t step = std::max<size_t>(1, file.size() / 300);
    for (size_t size = 0; size < file.size(); size += size < 600 ? 1 : step) {
      const auto audio = decode(file.substr(0, size));
      if (!audio.ok()) {
        EXPECT_EQ(audio.error().where, "clip");
        continue;
      }
      const bool page = file.compare(size, 4, "OggS") == 0;
      const size_t slack = std::string_view(name).ends_with(".mp3") ? 2 * 1152 : 0;
      EXPECT_TRUE(page || audio->samples.size() + slack >= whole->samples.size()) << size;
    }
  }
}

// Whatever stands in the bytes: finite samples or one error, and never a crash.
TEST(DecodeAudio, SurvivesDamage) {
  std::mt19937 random(7);
  for (const char* name :
       {"pcm_u8.wav", "wavex_24_stereo.wav", "ms_adpcm.wav", "aifc_float.aiff", "caf_16.caf",
        "flac_24.flac", "vorbis_44100_stereo.ogg", "opus_48000.opus", "mp3_44100_stereo.mp3"}) {
    SCOPED_TRACE(name);
    const std::string file = read_clip(name);
    for (int round = 0; round < 60; ++round) {
      std::string damaged = file;
      const size_t reach = round % 2 == 0 ? std::min<size_t>(file.size(), 100) : file.size();
      for (int i = 0; i < 1 + round / 10; ++i) {
        damaged[random() % reach] = static_cast<char>(random());
      }
      const auto audio = decode(damaged, {.max_seconds = 5});
      if (!audio.ok()) continue;
      EXPECT_FALSE(audio->samples.empty());
      for (const float x : audio->samples) ASSERT_TRUE(std::isfinite(x));
    }
  }
}

// FLAC's count of samples is a promise: more than there are is an error, far more not believed.
TEST(DecodeAudio, DoesNotBelieveFlacHeaders) {
  const std::string file = read_clip("constant.flac");
  constexpr size_t kTotal = 4 + 4 + 10 + 4;  // the low 32 of the 36 bits in STREAMINFO
  const auto with_total = [&](uint32_t total) {
    std::string changed = file;
    for (size_t i = 0; i < 4; ++i) {
      changed[kTotal + i] = static_cast<char>(total >> (24 - 8 * i) & 0xFF);
    }
    return changed;
  };
  ASSERT_EQ(with_total(6000), file);
  EXPECT_THAT(refusal(with_total(6001)), HasSubstr("6001 samples announced, 6000 decoded"));
  EXPECT_THAT(refusal(with_total(0xFFFFFFFF)), HasSubstr("268435 s"));
}

// An MP3 file without its first frame, the note of its length. An estimate of the length would cut
// it (and libsndfile 1.2.0 finds nothing at all): all frames are decoded, padding included.
TEST(DecodeAudio, DecodesAllOfMp3WithoutItsLength) {
  const std::string file = read_clip("mp3_16000.mp3");
  const auto noted = decode(file);
  const auto bare = decode(file.substr(file.find(file.substr(0, 2), 4)));
  ASSERT_TRUE(noted.ok() && bare.ok());
  EXPECT_THAT(noted->samples, SizeIs(9600));
  EXPECT_THAT(bare->samples, SizeIs(19 * 576));
  // The same sound behind the encoder's delay.
  const auto loudest = [](const std::vector<float>& x) {
    return std::max_element(x.begin(), x.end()) - x.begin();
  };
  const auto delay = loudest(bare->samples) - loudest(noted->samples);
  EXPECT_GT(delay, 0);
  const auto sound =
      std::span<const float>(bare->samples).subspan(static_cast<size_t>(delay), 9000);
  EXPECT_TRUE(all_near(sound, std::span<const float>(noted->samples).first(9000), 1e-5));
}

int64_t peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// A clip that does not end soon: refused with no more decoded than is allowed.
TEST(DecodeAudio, TenHoursCostNothing) {
  const int64_t before = peak_kilobytes();
  constexpr uint32_t kTenHours = 36000 * 8000;
  // The header alone.
  const Wav wav{.rate = 8000, .bits = 8, .data = "abcd", .announced = kTenHours};
  EXPECT_THAT(refusal(wav.file()), HasSubstr("truncated"));

  // A file as long as it says, of holes.
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("lapidary_ten_hours_{}.wav", ::getpid());
  const std::string header =
      Wav{.rate = 8000, .bits = 8, .data = {}, .announced = kTenHours}.file();
  std::ofstream(path, std::ios::binary) << header;
  std::filesystem::resize_file(path, header.size() + kTenHours);
  EXPECT_THAT(refusal(load_audio(path, {.max_seconds = 30})),
              AllOf(HasSubstr("lasts 36000 s"), HasSubstr("30 s")));
  std::filesystem::remove(path);

  // Twenty minutes of MP3 without its first frame, the note of its length: known only by decoding.
  const std::string clip = read_clip("mp3_16000.mp3");
  const std::string frames = clip.substr(clip.find(clip.substr(0, 2), 4));
  std::string mp3;
  while (mp3.size() < frames.size() * 2000) mp3 += frames;
  EXPECT_THAT(refusal(decode(mp3, {.max_seconds = 10})), HasSubstr("more than"));
  EXPECT_LT(peak_kilobytes() - before, 64 << 10);
}

TEST(LoadAudio, GoesByContentNotByName) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("lapidary_named_{}.mp3", ::getpid());
  std::filesystem::copy_file(kClips / "constant.flac", path);
  const auto audio = load_audio(path);
  ASSERT_TRUE(audio.ok()) << audio.error().message();
  EXPECT_THAT(audio->samples, SizeIs(6000));
  std::filesystem::remove(path);

  const auto missing = load_audio(path);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().kind, ErrorKind::kIo);
  EXPECT_EQ(missing.error().where, path.string());
}

}  // namespace
}  // namespace lapidary::media
