// Text to token ids and back, as a checkpoint's tokenizer.json defines it (BPE, Gemma's kind).
//
//   LAP_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::load(dir / "tokenizer.json"));
//   LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer.encode("Once upon", true));
//   std::string text = tokenizer.decode(ids, true);
//
//   StreamingDecoder stream(tokenizer, true);
//   for (int32_t id : ids) std::cout << stream.push(id);
//   std::cout << stream.flush();
//
// Results equal those of the `tokenizers` package. What a tokenizer.json may ask for and this
// cannot do is refused by name when it is loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_set.h"
#include "base/result.h"

namespace lapidary::text {

struct TokenizerParts;

// Immutable; cheap to copy; safe to use from several threads at once.
class Tokenizer {
 public:
  static Result<Tokenizer> load(const std::filesystem::path& path);
  // Of tokenizer.json.
  static Result<Tokenizer> load(const FileSet& files);
  // `where` names the source in messages.
  static Result<Tokenizer> parse(std::string_view json, const std::string& where);

  // Added tokens inside the text (<bos>, <|turn>, ...) become their ids in either case;
  // `add_special_tokens` puts those of the post-processor around the text.
  // Errors: ill-formed UTF-8 (names the byte); more than 1 GB.
  Result<std::vector<int32_t>> encode(std::string_view utf8, bool add_special_tokens) const;

  // Always valid UTF-8. Ids that no token has are left out, as in the reference.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens) const;

  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::optional<std::string> id_to_token(int32_t id) const;
  // Whether skip_special_tokens leaves this id out.
  bool is_special(int32_t id) const;
  // Tokens of the model and added tokens outside it.
  size_t vocab_size() const;
  // One more than the largest id.
  int64_t id_limit() const;
  // Settings of a call that were saved with the tokenizer ("truncation", "padding"). Lapidary
  // applies none of them, as transformers does not unless a call asks for it.
  const std::vector<std::string>& saved_call_settings() const;

 private:
  friend class StreamingDecoder;
  explicit Tokenizer(std::shared_ptr<const TokenizerParts> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<const TokenizerParts> parts_;
};

// Decodes ids as they come. Each piece is whole characters, and the pieces together are exactly
// decode() of all ids. A character made of byte tokens appears once the run of byte tokens ends.
class StreamingDecoder {
 public:
  StreamingDecoder(const Tokenizer& tokenizer, bool skip_special_tokens);
  ~StreamingDecoder();
  StreamingDecoder(StreamingDecoder&&) noexcept;
  StreamingDecoder& operator=(StreamingDecoder&&) noexcept;

  std::string push(int32_t id);
  // What was held back. The decoder then starts a new text.
  std::string flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lapidary::text
