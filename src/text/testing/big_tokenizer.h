// Builds, byte for byte, the tokenizer.json that tests/oracle/make_big_tokenizer.py writes: 262144
// tokens and about half a million merges. For tests and benches. Change both or neither.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace lapidary::text::testing {

class BigTokenizer {
 public:
  // `words`: the contents of tests/golden/text/big_words.txt.
  explicit BigTokenizer(const std::string& words) {
    added_ = added_tokens();
    for (const std::string& token : added_) append(token);
    for (int i = 0; i < 256; ++i) append(byte_name(i));
    first_character_ = tokens_.size();
    for (const auto& [first, last] : kRanges) {
      for (char32_t c = first; c <= last; ++c) append(utf8(c));
    }
    first_merged_ = tokens_.size();
    add_words(words);
    while (tokens_.size() < kSize) add_synthetic_word();
  }

  std::string json() const {
    std::string out;
    out.reserve(36'000'000);
    out += "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n";
    out += "  \"added_tokens\": [\n";
    for (size_t i = 0; i < added_.size(); ++i) {
      out += i == 0 ? "" : ",\n";
      out += "    {\n      \"id\": " + std::to_string(i) + ",\n      \"content\": ";
      quote(added_[i], out);
      out +=
          ",\n      \"single_word\": false,\n      \"lstrip\": false,\n      \"rstrip\": false,\n";
      out += "      \"normalized\": false,\n      \"special\": ";
      out += i < kSpecial.size() ? "true\n    }" : "false\n    }";
    }
    out += "\n  ],\n";
    out += kMiddle;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      out += i == 0 ? "      " : ",\n      ";
      quote(tokens_[i], out);
      out += ": " + std::to_string(i);
    }
    out += "\n    },\n    \"merges\": [\n";
    append_merges(out);
    out += "\n    ]\n  }\n}\n";
    return out;
  }

 private:
  static constexpr size_t kSize = 262144;
  static constexpr int kUnused = 6144;
  static constexpr std::string_view kBar = "\xe2\x96\x81";
  inline static const std::vector<std::string> kSpecial = {
      "<pad>",      "<eos>",      "<bos>",     "<unk>",    "<mask>",   "<|turn>",   "<turn|>",
      "<|channel>", "<channel|>", "<|think|>", "<|image>", "<image|>", "<|image|>", "<|audio|>"};
  inline static const std::vector<std::pair<char32_t, char32_t>> kRanges = {
      {0x9, 0xa},       {0x21, 0x7e},     {0x2581, 0x2581}, {0xa1, 0x17f},
      {0x300, 0x30f},   {0x391, 0x3c9},   {0x410, 0x44f},   {0x5d0, 0x5ea},
      {0x627, 0x64a},   {0x905, 0x94d},   {0xe01, 0xe2e},   {0x3041, 0x3096},
      {0x30a1, 0x30fa}, {0x4e00, 0x5dff}, {0xac00, 0xb3ff}, {0x1f600, 0x1f64f}};
  inline static const std::vector<std::string> kOnsets = {
      "b", "c", "d", "f", "g", "h", "j",  "k",  "l",  "m",  "n", "p",
      "r", "s", "t", "v", "w", "z", "ch", "sh", "th", "st", "tr"};
  inline static const std::vector<std::string> kVowels = {"a", "e",  "i",  "o",
                                                          "u", "ai", "ea", "oo"};
  inline static const std::vector<std::string> kCodas = {"", "n", "r", "s", "t", "l"};
  static constexpr std::string_view kMiddle =
      R"(  "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
  "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
  "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<bos>": {"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}},
  "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
  "model": {
    "type": "BPE",
    "dropout": null,
    "unk_token": "<unk>",
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": true,
    "byte_fallback": true,
    "ignore_merges": false,
    "vocab": {
)";

  static std::string utf8(char32_t c) {
    std::string out;
    append_utf8(out, c);
    return out;
  }

  static std::string byte_name(int byte) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    return {
        '<', '0', 'x', kHex[static_cast<size_t>(byte) / 16], kHex[static_cast<size_t>(byte) % 16],
        '>'};
  }

  static std::vector<std::string> added_tokens() {
    std::vector<std::string> out = kSpecial;
    for (int i = 0; i < kUnused; ++i) out.push_back("<unused" + std::to_string(i) + ">");
    for (size_t n = 2; n < 32; ++n) out.emplace_back(n, '\n');
    std::string bars(kBar);
    for (size_t n = 2; n < 32; ++n) out.push_back(bars += kBar);
    return out;
  }

  // Where the characters of `text` begin, and its end.
  static std::vector<size_t> boundaries(std::string_view text) {
    std::vector<size_t> out;
    for (size_t i = 0; i < text.size(); i += utf8_length(text[i])) out.push_back(i);
    out.push_back(text.size());
    return out;
  }

  static void quote(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
      if (c == '\\' || c == '"') {
        out += '\\';
        out += c;
      } else if (c == '\n' || c == '\t') {
        out += c == '\n' ? "\\n" : "\\t";
      } else {
        out += c;
      }
    }
    out += '"';
  }

  uint64_t below(uint64_t n) {
    uint64_t x = state_;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    state_ = x;
    return ((x * 0x2545f4914f6cdd1du) >> 33) % n;
  }

  void append(const std::string& token) {
    tokens_.push_back(token);
    seen_.insert(token);
  }
  void add(const std::string& token) {
    if (tokens_.size() < kSize && !seen_.contains(token)) append(token);
  }

  void add_words(const std::string& words) {
    for (size_t begin = 0; begin < words.size();) {
      const size_t end = words.find('\n', begin);
      const std::string word = words.substr(begin, end - begin);
      for (const std::string& text : {word, std::string(kBar) + word}) {
        const auto at = boundaries(text);
        for (size_t length = 2; length < at.size(); ++length) {
          for (size_t i = 0; i + length < at.size(); ++i) {
            add(text.substr(at[i], at[i + length] - at[i]));
          }
        }
      }
      begin = end == std::string::npos ? words.size() : end + 1;
    }
  }

  std::vector<std::string> synthetic_word() {
    const uint64_t kind = below(8);
    std::vector<std::string> parts;
    if (kind == 0) {
      const uint64_t count = 2 + below(2);
      for (uint64_t i = 0; i < count; ++i) {
        parts.push_back(utf8(static_cast<char32_t>(0x4e00 + below(0x1000))));
      }
      return parts;
    }
    if (kind == 1) {
      const uint64_t count = 2 + below(4);
      for (uint64_t i = 0; i < count; ++i) {
        parts.push_back(utf8(static_cast<char32_t>(0x430 + below(32))));
      }
      return parts;
    }
    const uint64_t count = 1 + below(4);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string& onset = kOnsets[below(kOnsets.size())];
      parts.push_back(onset + kVowels[below(kVowels.size())]);
    }
    parts.back() += kCodas[below(kCodas.size())];
    return parts;
  }

  void add_synthetic_word() {
    std::string text;
    for (const std::string& part : synthetic_word()) {
      text += part;
      const auto at = boundaries(part);
      for (size_t length = 2; length < at.size(); ++length) add(part.substr(0, at[length]));
      if (boundaries(text).size() > 2) add(text);
      add(std::string(kBar) + text);
    }
  }

  void append_merges(std::string& out) const {
    const std::unordered_set<std::string_view> mergeable(
        tokens_.begin() + static_cast<std::ptrdiff_t>(first_character_), tokens_.end());
    bool first = true;
    for (size_t id = first_merged_; id < tokens_.size(); ++id) {
      const std::string_view token = tokens_[id];
      for (size_t at = utf8_length(token[0]); at < token.size(); at += utf8_length(token[at])) {
        const auto left = token.substr(0, at);
        const auto right = token.substr(at);
        if (!mergeable.contains(left) || !mergeable.contains(right)) continue;
        out += first ? "      [\n        " : ",\n      [\n        ";
        first = false;
        quote(left, out);
        out += ",\n        ";
        quote(right, out);
        out += "\n      ]";
      }
    }
  }

  uint64_t state_ = 0x9e3779b97f4a7c15u;
  std::vector<std::string> added_;
  std::vector<std::string> tokens_;
  std::unordered_set<std::string> seen_;
  size_t first_character_ = 0;
  size_t first_merged_ = 0;
};

inline std::string big_tokenizer_json(const std::string& words) {
  return BigTokenizer(words).json();
}

}  // namespace lapidary::text::testing
