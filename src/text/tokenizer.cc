#include "text/tokenizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/mapped_file.h"
#include "base/utf8.h"
#include "text/tokenizer_parts.h"

namespace lapidary::text {
namespace {

void encode_piece(const TokenizerParts& parts, std::string_view raw, bool at_start,
                  std::vector<int32_t>& out) {
  const std::string normalized = parts.normalizer.apply(raw);
  for (const AddedTokens::Piece& piece : parts.added.split_normalized(normalized)) {
    if (piece.id >= 0) {
      out.push_back(piece.id);
      continue;
    }
    std::string text = normalized.substr(piece.begin, piece.end - piece.begin);
    const auto words = parts.pre_tokenizer.split(text, at_start && piece.begin == 0);
    for (const Stretch& word : words) {
      parts.model.encode(std::string_view(text).substr(word.begin, word.end - word.begin), out);
    }
  }
}

// What the decoder is given for `id`; false when it is to be left out.
bool decoded_token(const TokenizerParts& parts, int32_t id, bool skip_special,
                   std::string_view& token) {
  if (const AddedToken* added = parts.added.find(id)) {
    token = parts.added.decoded_form(*added);
    return !skip_special || !parts.added.skipped(token);
  }
  if (!parts.model.vocabulary().contains(id)) return false;
  token = parts.model.vocabulary().token(id);
  return true;
}

}  // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  const auto bytes = file->bytes();
  auto tokenizer =
      parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
  LAP_RETURN_IF_ERROR(file->intact());
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load(const FileSet& files) {
  const std::string name = "tokenizer.json";
  std::optional<Tokenizer> out;
  LAP_RETURN_IF_ERROR(files.with_bytes(name, [&](std::string_view json) -> Status {
    LAP_ASSIGN_OR_RETURN(out, parse(json, files.where(name)));
    return {};
  }));
  return *std::move(out);
}

Result<Tokenizer> Tokenizer::parse(std::string_view json, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(TokenizerParts parts, parse_tokenizer(json, where));
  return Tokenizer(std::make_shared<const TokenizerParts>(std::move(parts)));
}

Result<std::vector<int32_t>> Tokenizer::encode(std::string_view utf8,
                                               bool add_special_tokens) const {
  if (utf8.size() > (size_t{1} << 30)) {
    return bad_input("text", "is longer than 1 GB", "encode it in parts");
  }
  if (const size_t bad = find_invalid_utf8(utf8); bad != std::string_view::npos) {
    return bad_input("text", fmt::format("byte {} is not valid UTF-8", bad),
                     "convert the text to UTF-8");
  }
  std::vector<int32_t> ids;
  ids.reserve(utf8.size() / 3 + 4);
  for (const AddedTokens::Piece& piece : parts_->added.split_raw(utf8)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
    } else {
      encode_piece(*parts_, utf8.substr(piece.begin, piece.end - piece.begin), piece.begin == 0,
                   ids);
    }
  }
  std::vector<int32_t> out;
  for (const int32_t piece : parts_->post_processor.pieces) {
    if (piece == PostProcessor::kText) {
      out.insert(out.end(), ids.begin(), ids.end());
    } else if (add_special_tokens) {
      out.push_back(piece);
    }
  }
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::string out;
  DecoderStream stream(parts_->decoder);
  std::string_view token;
  for (const int32_t id : ids) {
    if (decoded_token(*parts_, id, skip_special_tokens, token)) stream.push(token, out);
  }
  stream.flush(out);
  return out;
}

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  if (const AddedToken* added = parts_->added.find(token)) return static_cast<int32_t>(added->id);
  const int32_t id = parts_->model.vocabulary().find(token);
  if (id < 0) return std::nullopt;
  return id;
}

std::optional<std::string> Tokenizer::id_to_token(int32_t id) const {
  std::string_view token;
  if (!decoded_token(*parts_, id, false, token)) return std::nullopt;
  return std::string(token);
}

bool Tokenizer::is_special(int32_t id) const {
  std::string_view token;
  return decoded_token(*parts_, id, false, token) && !decoded_token(*parts_, id, true, token);
}

size_t Tokenizer::vocab_size() const {
  return parts_->model.vocabulary().size() + parts_->added.outside_vocabulary();
}

int64_t Tokenizer::id_limit() const {
  int64_t limit = parts_->model.vocabulary().id_limit();
  for (const AddedToken& token : parts_->added.all()) limit = std::max(limit, token.id + 1);
  return limit;
}

const std::vector<std::string>& Tokenizer::saved_call_settings() const {
  return parts_->saved_call_settings;
}

struct StreamingDecoder::Impl {
  std::shared_ptr<const TokenizerParts> parts;
  DecoderStream stream;
  bool skip_special;
};

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : impl_(new Impl{tokenizer.parts_, DecoderStream(tokenizer.parts_->decoder),
                     skip_special_tokens}) {}
StreamingDecoder::~StreamingDecoder() = default;
StreamingDecoder::StreamingDecoder(StreamingDecoder&&) noexcept = default;
StreamingDecoder& StreamingDecoder::operator=(StreamingDecoder&&) noexcept = default;

std::string StreamingDecoder::push(int32_t id) {
  std::string out;
  std::string_view token;
  if (decoded_token(*impl_->parts, id, impl_->skip_special, token)) impl_->stream.push(token, out);
  return out;
}

std::string StreamingDecoder::flush() {
  std::string out;
  impl_->stream.flush(out);
  return out;
}

}  // namespace lapidary::text
