// Texts and chats as the token sequences that calibrate a decoder.
//
//   LAP_ASSIGN_OR_RETURN(DataReader reader, DataReader::open(checkpoint_folder));
//   LAP_ASSIGN_OR_RETURN(std::vector<runtime::Prompt> sequences, reader.load(config));
//
// The file's name says what it holds:
//   .txt    documents, by line or as a whole (Strategy). Each begins with <bos>.
//   .jsonl  chats, one a line: {"messages": [{"role": "user", "content": "Hi"}, ...]} or the list
//           alone. They become what the chat template makes of them. A chat that ends with the
//           user's turn is a prompt: the model's turn is opened behind it.
// Blank lines are passed over. Chats belong into every calibration of a chat model: the special
// tokens around their turns have activations that no plain text has.
//
// What is chosen depends on the files and the config alone: of n sequences in all files,
// max_samples at equal distances. A sequence is a Prompt because media may stand in a chat one day.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "calibration/data_config.h"
#include "runtime/prompt.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace lapidary::calibration {

class DataReader {
 public:
  // Reads tokenizer.json, tokenizer_config.json (its <bos>) and the chat template, where there is
  // one, of a checkpoint or a package.
  static Result<DataReader> open(const std::filesystem::path& folder);
  // bos: none for a model that has no such token.
  DataReader(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat,
             std::optional<int32_t> bos)
      : tokenizer_(std::move(tokenizer)), chat_(std::move(chat)), bos_(bos) {}

  // In the order of the files, at least one sequence. Errors: kUnsupported for a data set of the
  // hub and for media in a chat; kBadInput, naming file and line, for a file that is missing, over
  // 256 MiB, not UTF-8, without any text, or neither .txt nor .jsonl, for a line that is no chat or
  // that the template refuses, and for chats without a template.
  Result<std::vector<runtime::Prompt>> load(const DataConfig& config) const;

 private:
  using Ids = std::vector<int32_t>;
  Result<Ids> document(std::string_view text, const DataConfig& config,
                       const std::string& where) const;
  Result<Ids> chat(std::string_view line, const std::string& where) const;
  Result<std::vector<Ids>> whole_file(std::string_view text, const DataConfig& config,
                                      const std::string& where) const;

  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_;
  std::optional<int32_t> bos_;
};

}  // namespace lapidary::calibration
