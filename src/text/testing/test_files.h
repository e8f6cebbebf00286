// What the tests of this room read from the source tree.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.h"
#include "base/testing/source_dir.h"
#include "text/testing/big_tokenizer.h"
#include "text/tokenizer.h"

namespace lapidary::text::testing {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::filesystem::path tiny_tokenizer_path() {
  return source_dir() / "models/tiny-gemma4/checkpoint/tokenizer.json";
}

inline Json read_golden(const std::string& name) {
  return load_json(source_dir() / "tests/golden/text" / name).value();
}

inline const std::string& big_tokenizer_text() {
  static const std::string text =
      big_tokenizer_json(read_file(source_dir() / "tests/golden/text/big_words.txt"));
  return text;
}

inline const Tokenizer& big_tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::parse(big_tokenizer_text(), "big").value();
  return tokenizer;
}

inline const Tokenizer& tiny_tokenizer() {
  static const Tokenizer tokenizer = Tokenizer::load(tiny_tokenizer_path()).value();
  return tokenizer;
}

}  // namespace lapidary::text::testing
