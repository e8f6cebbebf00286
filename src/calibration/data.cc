#include "calibration/data.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <system_error>

#include "base/input_file.h"
#include "base/utf8.h"
#include "calibration/chat_media.h"
#include "text/template_source.h"
#include "text/tokenizer_config.h"

namespace lapidary::calibration {
namespace {

using Ids = std::vector<int32_t>;

constexpr size_t kMostBytes = 256U << 20;  // of a file
constexpr const char* kMessagesForm =
    R"(a line is {"messages": [{"role": "user", "content": "..."}, ...]} or that list)";

enum class Format { kText, kChats };

// A file and how many sequences it has.
struct Source {
  std::string where;
  std::filesystem::path folder;
  std::string text;
  Format format = Format::kText;
  int64_t count = 0;
  std::vector<Ids> pieces;  // of a file that is one document
};

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// Calls body(number, line) for each line that is not blank, numbers from 1 counting all.
Status for_each_line(std::string_view text,
                     const std::function<Status(int64_t, std::string_view)>& body) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_blank(line)) LAP_RETURN_IF_ERROR(body(number, line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

std::string at_line(const std::string& file, int64_t number) {
  return fmt::format("{}:{}", file, number);
}

Error moved_to(Error error, const std::string& where) {
  error.where = where;
  return error;
}

Result<Format> format_of(const std::filesystem::path& path) {
  if (path.extension() == ".txt") return Format::kText;
  if (path.extension() == ".jsonl") return Format::kChats;
  return bad_input(path.string(), "is neither .txt nor .jsonl",
                   "documents go into .txt files, chats into .jsonl files");
}

Result<Source> open_source(const std::filesystem::path& path) {
  Source out;
  out.where = path.string();
  out.folder = path.parent_path();
  LAP_ASSIGN_OR_RETURN(out.format, format_of(path));
  LAP_ASSIGN_OR_RETURN(const InputFile file, InputFile::open(path));
  if (file.size() > kMostBytes) {
    return bad_input(out.where, "is larger than 256 MiB", "calibrate with a part of it");
  }
  LAP_ASSIGN_OR_RETURN(out.text, file.read_all());
  const std::string_view text = out.text;
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    const auto number =
        1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(bad), '\n');
    return bad_input(at_line(out.where, number), fmt::format("is not UTF-8 (byte {})", bad));
  }
  LAP_RETURN_IF_ERROR(for_each_line(text, [&](int64_t, std::string_view) -> Status {
    ++out.count;
    return {};
  }));
  if (out.count == 0) return bad_input(out.where, "is empty", "write texts or chats into it");
  return out;
}

// Index i of `total`, when `kept` of them are taken at equal distances.
bool is_kept(int64_t i, int64_t kept, int64_t total) {
  return (i + 1) * kept / total > i * kept / total;
}

bool ends_with_reply(const Json& messages) {
  const Json& last = messages.back();
  if (!last.is_object() || !last.contains("role")) return false;
  return last["role"] == "assistant" || last["role"] == "model";
}

// Cut to `longest` tokens; a block that would be cut in two goes as a whole.
void cut(engine::Prompt& prompt, int64_t longest) {
  if (static_cast<int64_t>(prompt.ids.size()) <= longest) return;
  while (!prompt.blocks.empty() && prompt.blocks.back().end() > longest) {
    longest = std::min(longest, prompt.blocks.back().begin);
    prompt.blocks.pop_back();
  }
  prompt.ids.resize(static_cast<size_t>(longest));
}

}  // namespace

Result<DataReader> DataReader::open(const FileSet& files, const package::Manifest& model) {
  LAP_ASSIGN_OR_RETURN(text::Tokenizer tokenizer, text::Tokenizer::load(files));
  std::optional<text::ChatTemplate> chat;
  if (text::ChatTemplate::present(files)) {
    LAP_ASSIGN_OR_RETURN(chat, text::ChatTemplate::load(files));
  }
  std::optional<int32_t> bos;
  if (files.has(text::kTokenizerConfigFile)) {
    LAP_ASSIGN_OR_RETURN(const auto config, text::TokenizerConfig::load(files));
    if (config.bos_token) bos = tokenizer.token_to_id(*config.bos_token);
  }
  LAP_ASSIGN_OR_RETURN(auto kinds, encoders::media_tokens(model, tokenizer));
  return DataReader(std::move(tokenizer), std::move(chat), bos, std::move(kinds));
}

Result<Ids> DataReader::document(std::string_view text, const DataConfig& config,
                                 const std::string& where) const {
  LAP_RETURN_IF_ERROR(check_media(text, {}, where));
  auto ids = tokenizer_.encode(text, false);
  if (!ids.ok()) return moved_to(ids.take_error(), where);
  const bool wants_bos =
      bos_ && config.add_special_tokens && (ids->empty() || ids->front() != *bos_);
  if (wants_bos) ids->insert(ids->begin(), *bos_);
  return ids;
}

// That each placeholder has its file, and each file its placeholder.
Status DataReader::check_media(std::string_view text, std::span<const encoders::MediaItem> media,
                               const std::string& where) const {
  for (const encoders::MediaItem& item : media) {
    const bool known = std::any_of(kinds_.begin(), kinds_.end(),
                                   [&](const auto& each) { return each.kind == item.kind; });
    if (known) continue;
    return unsupported(where,
                       fmt::format("has {}, and the model takes no {} files", item.path.string(),
                                   encoders::name(item.kind)),
                       "calibrate it without them");
  }
  for (const encoders::MediaTokens& tokens : kinds_) {
    const int64_t places = encoders::count_placeholders(text, tokens.placeholder);
    const int64_t files = std::count_if(media.begin(), media.end(),
                                        [&](const auto& item) { return item.kind == tokens.kind; });
    if (places != files) {
      return moved_to(encoders::placeholder_mismatch(tokens, places, files), where);
    }
  }
  return {};
}

Result<Sequence> DataReader::chat(std::string_view line, const std::filesystem::path& folder,
                                  const std::string& where) const {
  if (!chat_) {
    return bad_input(where, "the model has no chat template",
                     "calibrate with .txt files, or add chat_template.jinja to the checkpoint");
  }
  LAP_ASSIGN_OR_RETURN(Json json, parse_json(line, where));
  const bool in_object = json.is_object() && json.contains("messages");
  Json messages = in_object ? std::move(json["messages"]) : std::move(json);
  if (!messages.is_array() || messages.empty())
    return bad_input(where, "is no chat", kMessagesForm);
  Sequence out;
  out.where = where;
  LAP_ASSIGN_OR_RETURN(out.media, take_media(messages, folder, where));
  text::ChatOptions options;
  options.add_generation_prompt = !ends_with_reply(messages);
  auto text = chat_->render(messages, options);
  if (!text.ok()) {
    Error error = text.take_error();
    error.where = where + ": " + error.where;
    return error;
  }
  LAP_RETURN_IF_ERROR(check_media(*text, out.media, where));
  if (!out.media.empty()) {
    out.text = *std::move(text);
    return out;
  }
  auto ids = tokenizer_.encode(*text, false);  // the template writes <bos> itself
  if (!ids.ok()) return moved_to(ids.take_error(), where);
  out.ids = *std::move(ids);
  return out;
}

Result<std::vector<Ids>> DataReader::whole_file(std::string_view text, const DataConfig& config,
                                                const std::string& where) const {
  LAP_ASSIGN_OR_RETURN(const Ids ids, document(text, config, where));
  const bool has_bos = bos_ && config.add_special_tokens;
  const auto longest = static_cast<size_t>(config.max_seq_len);
  std::vector<Ids> pieces;
  for (size_t begin = 0; begin < ids.size();) {
    Ids piece;
    if (has_bos && begin > 0) piece.push_back(*bos_);
    const size_t count = std::min(longest - piece.size(), ids.size() - begin);
    const auto first = ids.begin() + static_cast<int64_t>(begin);
    piece.insert(piece.end(), first, first + static_cast<int64_t>(count));
    pieces.push_back(std::move(piece));
    begin += count;
  }
  return pieces;
}

Result<std::vector<Sequence>> DataReader::load(const DataConfig& config) const {
  const std::string name = config.name.empty() ? "calibration data" : config.name;
  if (config.files.empty()) {
    return unsupported(
        name,
        config.dataset.empty()
            ? std::string("names no files")
            : fmt::format("'{}' is a data set of the hub, and nothing is fetched", config.dataset),
        "give .txt and .jsonl files with --calibration FILE");
  }
  std::vector<Source> sources;
  int64_t total = 0;
  for (const auto& path : config.files) {
    LAP_ASSIGN_OR_RETURN(Source source, open_source(path));
    if (source.format == Format::kText && config.strategy == Strategy::kJoin) {
      LAP_ASSIGN_OR_RETURN(source.pieces, whole_file(source.text, config, source.where));
      source.count = static_cast<int64_t>(source.pieces.size());
    }
    total += source.count;
    sources.push_back(std::move(source));
  }
  const int64_t kept = std::min(config.max_samples, total);
  std::vector<Sequence> out;
  const auto add = [&](Sequence sequence) {
    sequence.max_tokens = config.max_seq_len;
    auto& ids = sequence.ids;
    ids.resize(std::min(ids.size(), static_cast<size_t>(config.max_seq_len)));
    if (!ids.empty() || !sequence.media.empty()) out.push_back(std::move(sequence));
  };
  int64_t seen = 0;
  for (Source& source : sources) {
    for (Ids& piece : source.pieces) {
      if (is_kept(seen++, kept, total)) add({.where = source.where, .ids = std::move(piece)});
    }
    if (!source.pieces.empty()) continue;
    LAP_RETURN_IF_ERROR(
        for_each_line(source.text, [&](int64_t number, std::string_view line) -> Status {
          if (!is_kept(seen++, kept, total)) return {};
          const std::string where = at_line(source.where, number);
          if (source.format == Format::kChats) {
            LAP_ASSIGN_OR_RETURN(Sequence sequence, chat(line, source.folder, where));
            add(std::move(sequence));
            return {};
          }
          LAP_ASSIGN_OR_RETURN(Ids ids, document(line, config, where));
          add({.where = where, .ids = std::move(ids)});
          return {};
        }));
  }
  if (out.empty()) return bad_input(name, "no sequence is left");
  return out;
}

Result<engine::Prompt> DataReader::prompt(const Sequence& sequence, encoders::MediaEncoder& encoder,
                                          const CancelToken* cancel) const {
  std::vector<encoders::EncodedMedia> media;
  for (const encoders::MediaItem& item : sequence.media) {
    LAP_ASSIGN_OR_RETURN(media.emplace_back(), encoder.encode(item, cancel));
  }
  LAP_ASSIGN_OR_RETURN(const std::string text,
                       encoders::expand_placeholders(sequence.text, kinds_, media));
  LAP_ASSIGN_OR_RETURN(Ids ids, tokenizer_.encode(text, false));
  LAP_ASSIGN_OR_RETURN(auto blocks, encoders::place_blocks(ids, kinds_, media));
  engine::Prompt out(std::move(ids), std::move(blocks));
  cut(out, sequence.max_tokens);
  return out;
}

Result<std::vector<engine::Prompt>> DataReader::prompts(std::span<const Sequence> sequences,
                                                        encoders::MediaEncoder* encoder,
                                                        const Work& work) const {
  std::vector<engine::Prompt> out;
  if (encoder != nullptr) {
    work.stage("encode calibration data", sequences.size(), Unit::kSamples);
  }
  for (const Sequence& each : sequences) {
    if (each.media.empty()) {
      out.emplace_back(each.ids);
      work.advance(1);
      continue;
    }
    if (encoder == nullptr) return internal_error(each.where, "has media, and no encoder is there");
    auto made = prompt(each, *encoder, work.cancel);
    if (!made.ok()) {
      Error error = made.take_error();
      if (error.kind != ErrorKind::kCancelled) error.where = each.where + ": " + error.where;
      return error;
    }
    if (!made->ids.empty()) out.push_back(*std::move(made));
    work.advance(1);
  }
  return out;
}

}  // namespace lapidary::calibration
