#include "calibration/data.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <system_error>

#include "base/mapped_file.h"
#include "base/utf8.h"
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
  std::shared_ptr<const MappedFile> file;
  Format format = Format::kText;
  int64_t count = 0;
  std::vector<Ids> pieces;  // of a file that is one document

  std::string_view text() const {
    const auto bytes = file->bytes();
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
  }
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
  return file + ":" + std::to_string(number);
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
  LAP_ASSIGN_OR_RETURN(out.format, format_of(path));
  LAP_ASSIGN_OR_RETURN(out.file, MappedFile::open(path));
  const std::string_view text = out.text();
  if (text.size() > kMostBytes) {
    return bad_input(out.where, "is larger than 256 MiB", "calibrate with a part of it");
  }
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    const auto number =
        1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(bad), '\n');
    return bad_input(at_line(out.where, number), "is not UTF-8 (byte " + std::to_string(bad) + ")");
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

Status check_text_only(const Json& messages, const std::string& where) {
  for (const Json& message : messages) {
    if (!message.is_object() || !message.contains("content")) continue;
    const Json& content = message["content"];
    if (!content.is_array()) continue;
    for (const Json& part : content) {
      const bool is_text = part.is_object() && part.contains("type") && part["type"] == "text";
      if (is_text) continue;
      return unsupported(where, "a message has a part that is no text",
                         "calibrate with chats of text alone");
    }
  }
  return {};
}

bool ends_with_reply(const Json& messages) {
  const Json& last = messages.back();
  if (!last.is_object() || !last.contains("role")) return false;
  return last["role"] == "assistant" || last["role"] == "model";
}

}  // namespace

Result<DataReader> DataReader::open(const std::filesystem::path& folder) {
  LAP_ASSIGN_OR_RETURN(text::Tokenizer tokenizer, text::Tokenizer::load(folder / "tokenizer.json"));
  std::optional<text::ChatTemplate> chat;
  if (text::ChatTemplate::present(folder)) {
    LAP_ASSIGN_OR_RETURN(chat, text::ChatTemplate::load(folder));
  }
  std::optional<int32_t> bos;
  std::error_code ignored;
  if (const auto path = folder / "tokenizer_config.json"; std::filesystem::exists(path, ignored)) {
    LAP_ASSIGN_OR_RETURN(const auto config, text::TokenizerConfig::load(path));
    if (config.bos_token) bos = tokenizer.token_to_id(*config.bos_token);
  }
  return DataReader(std::move(tokenizer), std::move(chat), bos);
}

Result<Ids> DataReader::document(std::string_view text, const DataConfig& config,
                                 const std::string& where) const {
  auto ids = tokenizer_.encode(text, false);
  if (!ids.ok()) return moved_to(ids.take_error(), where);
  const bool wants_bos =
      bos_ && config.add_special_tokens && (ids->empty() || ids->front() != *bos_);
  if (wants_bos) ids->insert(ids->begin(), *bos_);
  return ids;
}

Result<Ids> DataReader::chat(std::string_view line, const std::string& where) const {
  if (!chat_) {
    return bad_input(where, "the model has no chat template",
                     "calibrate with .txt files, or add chat_template.jinja to the checkpoint");
  }
  LAP_ASSIGN_OR_RETURN(Json json, parse_json(line, where));
  const bool in_object = json.is_object() && json.contains("messages");
  const Json messages = in_object ? std::move(json["messages"]) : std::move(json);
  if (!messages.is_array() || messages.empty())
    return bad_input(where, "is no chat", kMessagesForm);
  LAP_RETURN_IF_ERROR(check_text_only(messages, where));
  text::ChatOptions options;
  options.add_generation_prompt = !ends_with_reply(messages);
  auto text = chat_->render(messages, options);
  if (!text.ok()) {
    Error error = text.take_error();
    error.where = where + ": " + error.where;
    return error;
  }
  auto ids = tokenizer_.encode(*text, false);  // the template writes <bos> itself
  if (!ids.ok()) return moved_to(ids.take_error(), where);
  return ids;
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

Result<std::vector<runtime::Prompt>> DataReader::load(const DataConfig& config) const {
  const std::string name = config.name.empty() ? "calibration data" : config.name;
  if (config.files.empty()) {
    return unsupported(name,
                       config.dataset.empty() ? "names no files"
                                              : "'" + config.dataset +
                                                    "' is a data set of the hub, and nothing "
                                                    "is fetched",
                       "give .txt and .jsonl files with --calibration FILE");
  }
  std::vector<Source> sources;
  int64_t total = 0;
  for (const auto& path : config.files) {
    LAP_ASSIGN_OR_RETURN(Source source, open_source(path));
    if (source.format == Format::kText && config.strategy == Strategy::kJoin) {
      LAP_ASSIGN_OR_RETURN(source.pieces, whole_file(source.text(), config, source.where));
      source.count = static_cast<int64_t>(source.pieces.size());
    }
    total += source.count;
    sources.push_back(std::move(source));
  }
  const int64_t kept = std::min(config.max_samples, total);
  std::vector<runtime::Prompt> out;
  int64_t seen = 0;
  for (Source& source : sources) {
    for (Ids& piece : source.pieces) {
      if (is_kept(seen++, kept, total)) out.emplace_back(std::move(piece));
    }
    if (!source.pieces.empty()) continue;
    LAP_RETURN_IF_ERROR(
        for_each_line(source.text(), [&](int64_t number, std::string_view line) -> Status {
          if (!is_kept(seen++, kept, total)) return {};
          const std::string where = at_line(source.where, number);
          LAP_ASSIGN_OR_RETURN(Ids ids, source.format == Format::kChats
                                            ? chat(line, where)
                                            : document(line, config, where));
          ids.resize(std::min(ids.size(), static_cast<size_t>(config.max_seq_len)));
          if (!ids.empty()) out.emplace_back(std::move(ids));
          return {};
        }));
  }
  if (out.empty()) return bad_input(name, "no sequence is left");
  return out;
}

}  // namespace lapidary::calibration
