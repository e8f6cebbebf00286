// Texts and chats as the sequences that calibrate a model.
//
//   LAP_ASSIGN_OR_RETURN(DataReader reader, DataReader::open(checkpoint_folder, manifest));
//   LAP_ASSIGN_OR_RETURN(std::vector<Sequence> sequences, reader.load(config));
//   LAP_ASSIGN_OR_RETURN(std::vector<engine::Prompt> prompts, reader.prompts(sequences, encoder));
//
// The file's name says what it holds:
//   .txt    documents, by line or as a whole (Strategy). Each begins with <bos>.
//   .jsonl  chats, one a line: {"messages": [{"role": "user", "content": "Hi"}, ...]} or the list
//           alone. They become what the chat template makes of them. A chat that ends with the
//           user's turn is a prompt: the model's turn is opened behind it. Images, clips and videos
//           are parts of a message's content (chat_media.h).
// Blank lines are passed over. Chats belong into every calibration of a chat model: the special
// tokens around their turns have activations that no plain text has. So do images and clips where
// the model takes them: their soft tokens are no text's embeddings.
//
// What is chosen depends on the files and the config alone: of n sequences in all files,
// max_samples at equal distances.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_set.h"
#include "base/result.h"
#include "base/work.h"
#include "calibration/data_config.h"
#include "encoders/media_encoder.h"
#include "encoders/placeholders.h"
#include "engine/prompt.h"
#include "package/manifest.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace lapidary::calibration {

// A document, or a chat whose media are not encoded yet.
struct Sequence {
  std::string where;                            // "chats.jsonl:3"
  std::vector<int32_t> ids = {};                // without media
  std::string text = {};                        // with media: a placeholder for each
  std::vector<encoders::MediaItem> media = {};  // in the order of the placeholders of their kind
  int64_t max_tokens = 0;
};

class DataReader {
 public:
  // Reads tokenizer.json, tokenizer_config.json (its <bos>) and the chat template, where there is
  // one, of a checkpoint or a package. `model`: its vision and audio say which media chats may
  // have.
  static Result<DataReader> open(const FileSet& files, const package::Manifest& model);
  // bos: none for a model that has no such token.
  DataReader(text::Tokenizer tokenizer, std::optional<text::ChatTemplate> chat,
             std::optional<int32_t> bos, std::vector<encoders::MediaTokens> kinds = {})
      : tokenizer_(std::move(tokenizer)),
        chat_(std::move(chat)),
        bos_(bos),
        kinds_(std::move(kinds)) {}

  // In the order of the files, at least one sequence. Errors: kUnsupported for a data set of the
  // hub and for media that the model does not take; kBadInput, naming file and line, for a file
  // that is missing, over 256 MiB, not UTF-8, without any text, or neither .txt nor .jsonl, for a
  // line that is no chat or that the template refuses, for a chat whose placeholders are not as
  // many as its files, and for chats without a template; those of take_media.
  Result<std::vector<Sequence>> load(const DataConfig& config) const;

  // With soft tokens where the media are, cut to max_tokens; a stage counted in samples when there
  // are any media. `encoder` may be null when there are none. Errors: those of
  // MediaEncoder::encode, naming file and line.
  Result<std::vector<engine::Prompt>> prompts(std::span<const Sequence> sequences,
                                              encoders::MediaEncoder* encoder,
                                              const Work& work = {}) const;

  // How media appear in prompts.
  const std::vector<encoders::MediaTokens>& kinds() const { return kinds_; }

 private:
  using Ids = std::vector<int32_t>;
  Result<Ids> document(std::string_view text, const DataConfig& config,
                       const std::string& where) const;
  Result<Sequence> chat(std::string_view line, const std::filesystem::path& folder,
                        const std::string& where) const;
  Result<std::vector<Ids>> whole_file(std::string_view text, const DataConfig& config,
                                      const std::string& where) const;
  Status check_media(std::string_view text, std::span<const encoders::MediaItem> media,
                     const std::string& where) const;
  Result<engine::Prompt> prompt(const Sequence& sequence, encoders::MediaEncoder& encoder,
                                const CancelToken* cancel) const;

  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_;
  std::optional<int32_t> bos_;
  std::vector<encoders::MediaTokens> kinds_;
};

}  // namespace lapidary::calibration
