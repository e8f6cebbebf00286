#include "text/tokenizer_parts.h"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/input_file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "text/step_list.h"
#include "text/tokenizer_scan.h"

namespace lapidary::text {
namespace {

// Gemma's, the largest that are known, have 33 MB. Vocabulary and merges take at most 16 times as
// much memory, so 2 GiB.
constexpr uint64_t kMostTokenizerBytes = 128U << 20;

// Which of the settings are there that `tokenizers` keeps for the calls to come.
std::vector<std::string> read_call_settings(JsonReader& root) {
  std::vector<std::string> out;
  for (const char* key : {"truncation", "padding"}) {
    if (root.optional_child(key)) out.emplace_back(key);
  }
  return out;
}

BpeOptions read_model(JsonReader& reader, const Vocabulary& vocabulary) {
  BpeOptions options;
  const std::string type = reader.string("type");
  if (type != "BPE") {
    reader.fail("type", fmt::format("is '{}', which is not supported", type), "only BPE is",
                ErrorKind::kUnsupported);
  }
  if (reader.number_or("dropout", 0.0) != 0.0) {
    reader.fail("dropout", "is not 0, which is not supported", "", ErrorKind::kUnsupported);
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!reader.string_or(key, "").empty()) {
      reader.fail(key, "is set, which is not supported", "", ErrorKind::kUnsupported);
    }
  }
  options.fuse_unknown = reader.boolean_or("fuse_unk", false);
  options.byte_fallback = reader.boolean_or("byte_fallback", false);
  options.ignore_merges = reader.boolean_or("ignore_merges", false);
  if (const auto unknown = reader.optional_string("unk_token")) {
    options.unknown_id = vocabulary.find(*unknown);
    if (*options.unknown_id < 0) {
      reader.fail("unk_token", fmt::format("is '{}', which model.vocab does not have", *unknown));
    }
  }
  reader.ignore({"vocab", "merges"});
  reader.reject_unknown();
  return options;
}

std::vector<AddedToken> read_added_tokens(JsonReader& root, const JsonContext& context) {
  std::vector<AddedToken> out;
  if (!root.has("added_tokens")) {
    root.ignore({"added_tokens"});
    return out;
  }
  for_each_object(root, context, "added_tokens", [&](JsonReader& reader) {
    AddedToken& token = out.emplace_back();
    token.id = reader.integer("id", {.min = 0, .max = Vocabulary::kMaxId});
    token.content = reader.string("content");
    token.single_word = reader.boolean("single_word");
    token.lstrip = reader.boolean("lstrip");
    token.rstrip = reader.boolean("rstrip");
    token.normalized = reader.boolean("normalized");
    token.special = reader.boolean("special");
    reader.reject_unknown();
  });
  return out;
}

// Template pieces for one text. The form for pairs of texts is not read: Lapidary encodes one.
PostProcessor read_template(JsonReader& reader, const JsonContext& context) {
  PostProcessor out;
  out.pieces.clear();
  JsonReader specials = reader.child("special_tokens");
  for_each_object(reader, context, "single", [&](JsonReader& piece) {
    if (auto sequence = piece.optional_child("Sequence")) {
      const std::string id = sequence->string("id");
      sequence->ignore({"type_id"});
      if (id != "A") {
        sequence->fail("id", fmt::format("is '{}', must be 'A' for a single text", id));
      }
      out.pieces.push_back(PostProcessor::kText);
    } else {
      JsonReader special = piece.child("SpecialToken");
      const std::string id = special.string("id");
      if (!special.status().ok()) return;
      if (!specials.has(id)) {
        special.fail("id", fmt::format("is '{}', not among 'special_tokens'", id));
      }
      special.ignore({"type_id"});
      for (const int64_t token :
           specials.child(id).integers("ids", {.min = 0, .max = Vocabulary::kMaxId})) {
        out.pieces.push_back(static_cast<int32_t>(token));
      }
    }
    piece.reject_unknown();
  });
  reader.ignore({"pair"});
  reader.reject_unknown();
  return out;
}

PostProcessor read_post_processor(JsonReader& root, const JsonContext& context) {
  auto reader = root.optional_child("post_processor");
  if (!reader) return {};
  const std::string type = reader->string("type");
  if (type == "TemplateProcessing") return read_template(*reader, context);
  reader->fail("type", fmt::format("is '{}', which is not supported", type),
               "supported post-processors: TemplateProcessing", ErrorKind::kUnsupported);
  return {};
}

// Scans the text and builds the vocabulary, which overlaps with the scan of the merges.
Result<Vocabulary> scan_all(TokenizerScan& scan, const std::string& where) {
  scan.advance();
  std::optional<Result<Vocabulary>> vocabulary;
  LAP_RETURN_IF_ERROR(parallel_for(2, [&](size_t i) -> Status {
    if (i == 0) {
      vocabulary = Vocabulary::build(scan.vocabulary(), where);
    } else {
      while (!scan.done()) scan.advance();
    }
    return {};
  }));
  if (!scan.problem().empty()) return bad_input(where, scan.problem());
  return *std::move(vocabulary);
}

void check_version(JsonReader& root) {
  const std::string version = root.string("version");
  if (version != "1.0") {
    root.fail("version", fmt::format("is '{}', which is not supported", version), "only \"1.0\" is",
              ErrorKind::kUnsupported);
  }
}

Status check_template_ids(const TokenizerParts& parts, const std::string& where) {
  for (const int32_t id : parts.post_processor.pieces) {
    if (id != PostProcessor::kText && !parts.knows(id)) {
      return bad_input(
          where,
          fmt::format("'post_processor.special_tokens' names id {}, which no token has", id));
    }
  }
  return {};
}

}  // namespace

Result<TokenizerParts> parse_tokenizer(std::string_view json, const std::string& where) {
  if (json.size() > kMostTokenizerBytes) return too_large(where, json.size(), kMostTokenizerBytes);
  if (json.empty()) return bad_input(where, "is empty", "expected a tokenizer.json");
  TokenizerScan scan(json);
  LAP_ASSIGN_OR_RETURN(Vocabulary vocabulary, scan_all(scan, where));
  LAP_ASSIGN_OR_RETURN(const Json rest, parse_json(scan.rest(), where));
  const JsonContext context{std::make_shared<std::optional<Error>>(), where};
  JsonReader root = context.reader(rest, "");
  check_version(root);
  std::vector<std::string> call_settings = read_call_settings(root);
  JsonReader model = root.child("model");
  const BpeOptions options = read_model(model, vocabulary);
  if (!scan.has_vocabulary()) model.fail("vocab", "is missing");
  if (!scan.has_merges()) model.fail("merges", "is missing");
  Normalizer normalizer = Normalizer::read(root, context);
  PreTokenizer pre_tokenizer = PreTokenizer::read(root, context, !normalizer.empty());
  PostProcessor post_processor = read_post_processor(root, context);
  PieceDecoder decoder = PieceDecoder::read(root, context);
  std::vector<AddedToken> tokens = read_added_tokens(root, context);
  root.reject_unknown();
  if (context.error->has_value()) return **context.error;

  LAP_ASSIGN_OR_RETURN(AddedTokens added,
                       AddedTokens::build(std::move(tokens), vocabulary, normalizer, where));
  LAP_ASSIGN_OR_RETURN(MergeTable merges, MergeTable::build(scan.merges(), vocabulary, where));
  TokenizerParts parts{.model = BpeModel(std::move(vocabulary), std::move(merges), options),
                       .added = std::move(added),
                       .normalizer = std::move(normalizer),
                       .pre_tokenizer = std::move(pre_tokenizer),
                       .post_processor = std::move(post_processor),
                       .decoder = std::move(decoder),
                       .saved_call_settings = std::move(call_settings)};
  LAP_RETURN_IF_ERROR(check_template_ids(parts, where));
  return parts;
}

}  // namespace lapidary::text
