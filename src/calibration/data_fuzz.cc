// libFuzzer target: the data that calibrates a model, for a small tokenizer and template. The first
// byte chooses: '0' a .jsonl file of chats, beside an image, a clip and a folder of frames; '1' a
// .txt file by lines; '2' a .txt file as one document; '3' an entry of a recipe's "data_configs".
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/testing/fuzz.h"
#include "calibration/chat_media.h"
#include "calibration/data.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace calibration = lapidary::calibration;
namespace encoders = lapidary::encoders;
namespace text = lapidary::text;

constexpr std::string_view kTokenizer = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [
    {"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true},
    {"id": 4, "content": "<i>", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true},
    {"id": 5, "content": "<c>", "single_word": false, "lstrip": false, "rstrip": false,
     "normalized": false, "special": true}],
  "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "_"},
  "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "Isolated",
                    "invert": false},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
  "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
  "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
            "ignore_merges": false,
            "vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3, "<i>": 4, "<c>": 5},
            "merges": [["a", "b"]]}
})";

constexpr std::string_view kTemplate =
    "{% for message in messages %}{% if message.content is string %}{{ message.content }}"
    "{% else %}{% for part in message.content %}{% if part.type == 'image' %}<i>"
    "{% elif part.type == 'audio' %}<c>{% elif part.text %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endif %}{% endfor %}";

const calibration::DataReader& reader() {
  static const calibration::DataReader kReader(
      text::Tokenizer::parse(kTokenizer, "tokenizer").value(),
      text::ChatTemplate::parse(kTemplate, lapidary::Json::object(), "template").value(), 0,
      {{encoders::MediaKind::kImage, 4, "<i>", "", ""},
       {encoders::MediaKind::kAudio, 5, "<c>", "", ""}});
  return kReader;
}

void load(const std::filesystem::path& file, calibration::Strategy strategy) {
  calibration::DataConfig config;
  config.files = {file};
  config.strategy = strategy;
  config.max_samples = 8;
  config.max_seq_len = 64;
  const auto sequences = reader().load(config);
  if (!fuzzing::accepted(sequences)) return;
  fuzzing::require(!sequences->empty() && sequences->size() <= 8, "too few or too many sequences");
  for (const auto& sequence : *sequences) {
    fuzzing::require(sequence.ids.size() <= 64, "a sequence is too long");
    fuzzing::require(sequence.media.size() <= calibration::kMostMediaOfChat, "too many media");
    fuzzing::require(sequence.media.empty() || sequence.ids.empty(), "media were forgotten");
  }
}

void read_config(std::string_view input) {
  const auto document = lapidary::JsonDocument::parse(input, "recipe.json");
  if (!fuzzing::accepted(document) || !document->json().is_object()) return;
  lapidary::JsonReader root = document->root();
  const calibration::DataConfig config = calibration::read_data_config(root, "/recipes");
  if (!fuzzing::accepted(document->finish())) return;
  fuzzing::require(config.max_samples > 0 && config.max_seq_len > 0, "no sequence was asked for");
  for (const auto& file : config.files) {
    fuzzing::require(file.is_absolute(), "a file is not the recipe's");
  }
}

// Headers that are known by their first bytes; nothing here decodes them.
void write_media(const fuzzing::Folder& folder) {
  using namespace std::string_view_literals;
  folder.write("0.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0"sv);
  folder.write("0.wav",
               "RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"sv);
  std::filesystem::create_directory(folder.path() / "frames");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzzing::Folder folder;
  static const bool prepared = [] {
    write_media(folder);
    reader();
    return true;
  }();
  fuzzing::require(prepared, "nothing to read for");
  const fuzzing::Choice input(data, size, 4);
  const fuzzing::MemoryBound bound(size, 1024, 16 << 20);
  switch (input.parser) {
    case 0:
      load(folder.write("chats.jsonl", input.rest), calibration::Strategy::kLineByLine);
      break;
    case 1:
      load(folder.write("a.txt", input.rest), calibration::Strategy::kLineByLine);
      break;
    case 2:
      load(folder.write("a.txt", input.rest), calibration::Strategy::kJoin);
      break;
    default:
      read_config(input.rest);
  }
  return 0;
}
