#include "text/piece_vocabulary.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/json.h"
#include "base/utf8.h"

namespace lapidary::text {
namespace {

constexpr size_t kMostPieces = size_t{1} << 22;
constexpr size_t kMostMerges = size_t{1} << 24;
// What a space is in the pieces.
constexpr std::string_view kSpaceMark = "\xe2\x96\x81";

struct PieceMerge {
  std::string_view left, right;
};

// The pieces by id and ids by piece.
class PieceIndex {
 public:
  static Result<PieceIndex> create(const PieceVocabulary& vocabulary, const std::string& where) {
    PieceIndex out;
    out.pieces_.reserve(vocabulary.pieces.size());
    out.ids_.reserve(vocabulary.pieces.size());
    for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
      const std::string_view piece = out.marked(vocabulary.pieces[i]);
      if (piece.empty()) return bad_input(where, fmt::format("token {} is empty", i));
      if (!valid_utf8(piece)) return bad_input(where, fmt::format("token {} is not UTF-8", i));
      const auto [other, fresh] = out.ids_.emplace(piece, static_cast<int32_t>(i));
      if (!fresh) {
        return bad_input(where,
                         fmt::format("tokens {} and {} are both '{}'", other->second, i, piece));
      }
      out.pieces_.push_back(piece);
    }
    return out;
  }

  const std::vector<std::string_view>& pieces() const { return pieces_; }
  // -1: no such piece.
  int32_t id(std::string_view piece) const {
    const auto it = ids_.find(piece);
    return it == ids_.end() ? -1 : it->second;
  }

 private:
  // With the mark for spaces: GGUF writes spaces in pieces that users defined.
  std::string_view marked(std::string_view piece) {
    if (piece.find(' ') == std::string_view::npos) return piece;
    std::string& out = rewritten_.emplace_back();
    for (const char c : piece) {
      if (c == ' ') {
        out += kSpaceMark;
      } else {
        out += c;
      }
    }
    return out;
  }

  std::deque<std::string> rewritten_;  // never moves what it holds
  std::vector<std::string_view> pieces_;
  std::unordered_map<std::string_view, int32_t> ids_;
};

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// A way to put a piece together from two.
struct Division {
  PieceMerge merge;
  float score;  // of the whole
  size_t left_length, right_length;
};

// Appends the divisions of one piece, by the ids of their parts.
void divide(const PieceIndex& index, std::string_view piece, float score,
            std::vector<Division>& out) {
  const size_t begin = out.size();
  size_t left_length = 0;
  const size_t length = characters(piece);
  for (size_t at = utf8_length(piece[0]); at < piece.size(); at += utf8_length(piece[at])) {
    ++left_length;
    const PieceMerge parts = {piece.substr(0, at), piece.substr(at)};
    if (index.id(parts.left) < 0 || index.id(parts.right) < 0) continue;
    out.push_back({parts, score, left_length, length - left_length});
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
            [&](const Division& a, const Division& b) {
              return std::pair(index.id(a.merge.left), index.id(a.merge.right)) <
                     std::pair(index.id(b.merge.left), index.id(b.merge.right));
            });
}

Result<std::vector<PieceMerge>> merges_of_scores(const PieceVocabulary& vocabulary,
                                                 const PieceIndex& index,
                                                 const std::string& where) {
  std::vector<Division> divisions;
  for (size_t i = 0; i < index.pieces().size(); ++i) {
    const float score = vocabulary.scores[i];
    if (!std::isfinite(score)) {
      return bad_input(where, fmt::format("the score of token {} is {}", i, score));
    }
    // SentencePiece gives pieces that users defined no score, and GGUF a mark in its place.
    divide(index, index.pieces()[i], vocabulary.kinds[i] == PieceKind::kUserDefined ? 0.0F : score,
           divisions);
    if (divisions.size() > kMostMerges) {
      return bad_input(where, "its tokens divide into more than 16 million pairs");
    }
  }
  std::stable_sort(divisions.begin(), divisions.end(), [](const Division& a, const Division& b) {
    return std::tuple(b.score, b.left_length, b.right_length) <
           std::tuple(a.score, a.left_length, a.right_length);
  });
  std::vector<PieceMerge> out;
  out.reserve(divisions.size());
  for (const Division& each : divisions) out.push_back(each.merge);
  return out;
}

Result<std::vector<PieceMerge>> merges_as_given(const PieceVocabulary& vocabulary,
                                                const PieceIndex& index, const std::string& where) {
  std::vector<PieceMerge> out;
  out.reserve(vocabulary.merges.size());
  std::string whole;
  for (size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string_view line = vocabulary.merges[i];
    // No piece begins with a space, so the first one but at the beginning divides.
    const size_t space = line.find(' ', 1);
    PieceMerge parts;
    if (space != std::string_view::npos) parts = {line.substr(0, space), line.substr(space + 1)};
    whole.assign(parts.left).append(parts.right);
    if (index.id(parts.left) < 0 || index.id(parts.right) < 0 || index.id(whole) < 0) {
      return bad_input(where, fmt::format("merge {} is no pair of tokens whose union is one", i));
    }
    out.push_back(parts);
  }
  return out;
}

Status check_lists(const PieceVocabulary& v, const std::string& where) {
  const size_t count = v.pieces.size();
  if (count == 0) return bad_input(where, "the vocabulary has no tokens");
  if (count > kMostPieces) {
    return bad_input(where, fmt::format("the vocabulary has {} tokens, at most {} can be read",
                                        count, kMostPieces));
  }
  if (v.merges.size() > kMostMerges) {
    return bad_input(where, fmt::format("the vocabulary has {} merges, at most {} can be read",
                                        v.merges.size(), kMostMerges));
  }
  if (v.kinds.size() != count) {
    return bad_input(where, fmt::format("{} tokens have {} kinds", count, v.kinds.size()));
  }
  if (v.merges.empty() && v.scores.size() != count) {
    return bad_input(where, fmt::format("{} tokens have {} scores, and there are no merges", count,
                                        v.scores.size()));
  }
  for (const std::optional<int32_t>& id : {v.bos, v.unknown}) {
    if (id && (*id < 0 || static_cast<size_t>(*id) >= count)) {
      return bad_input(where, fmt::format("token {} is named, and there are {}", *id, count));
    }
  }
  return {};
}

std::string quoted(std::string_view text) { return Json(std::string(text)).dump(); }

std::string added_tokens_json(const PieceVocabulary& vocabulary, const PieceIndex& index) {
  std::string out;
  for (size_t i = 0; i < index.pieces().size(); ++i) {
    const PieceKind kind = vocabulary.kinds[i];
    const bool shown = kind == PieceKind::kUserDefined;
    if (!shown && kind != PieceKind::kControl && kind != PieceKind::kUnknown) continue;
    out +=
        fmt::format(R"({}{{"id":{},"content":{},"single_word":false,"lstrip":false,"rstrip":false,)"
                    R"("normalized":false,"special":{}}})",
                    out.empty() ? "" : ",", i, quoted(index.pieces()[i]), !shown);
  }
  return out;
}

// <bos> before a text, or before each of two.
std::string post_processor_json(std::string_view bos, int32_t id) {
  const Json token = std::string(bos);
  const auto special = [&](int type) -> Json {
    return {{"SpecialToken", {{"id", token}, {"type_id", type}}}};
  };
  const auto text = [](const char* name, int type) -> Json {
    return {{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  Json ids = Json::array();
  ids.push_back(id);
  Json tokens = Json::array();
  tokens.push_back(token);
  Json known = Json::object();
  known[std::string(bos)] = {{"id", token}, {"ids", ids}, {"tokens", tokens}};
  Json single = Json::array();
  single.push_back(special(0));
  single.push_back(text("A", 0));
  Json pair = single;
  pair.push_back(special(1));
  pair.push_back(text("B", 1));
  return Json{
      {"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", known}}
      .dump();
}

std::string model_json(const PieceVocabulary& vocabulary, const PieceIndex& index,
                       const std::vector<PieceMerge>& merges) {
  std::string out = R"({"type":"BPE","dropout":null,"unk_token":)";
  out += vocabulary.unknown ? quoted(index.pieces()[static_cast<size_t>(*vocabulary.unknown)])
                            : "null";
  out += R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,)"
         R"("byte_fallback":true,"ignore_merges":false,"vocab":{)";
  for (size_t i = 0; i < index.pieces().size(); ++i) {
    out += fmt::format("{}{}:{}", i == 0 ? "" : ",", quoted(index.pieces()[i]), i);
  }
  out += R"(},"merges":[)";
  for (size_t i = 0; i < merges.size(); ++i) {
    out += fmt::format("{}[{},{}]", i == 0 ? "" : ",", quoted(merges[i].left),
                       quoted(merges[i].right));
  }
  return out + "]}";
}

}  // namespace

Result<std::string> tokenizer_json(const PieceVocabulary& vocabulary, const std::string& where) {
  LAP_RETURN_IF_ERROR(check_lists(vocabulary, where));
  LAP_ASSIGN_OR_RETURN(const PieceIndex index, PieceIndex::create(vocabulary, where));
  LAP_ASSIGN_OR_RETURN(const auto merges, vocabulary.merges.empty()
                                              ? merges_of_scores(vocabulary, index, where)
                                              : merges_as_given(vocabulary, index, where));
  std::string out = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[)";
  out += added_tokens_json(vocabulary, index);
  out += R"(],"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},)"
         R"("pre_tokenizer":{"type":"Split","pattern":{"String":" "},)"
         R"("behavior":"MergedWithPrevious","invert":false},"post_processor":)";
  out += vocabulary.bos ? post_processor_json(index.pieces()[static_cast<size_t>(*vocabulary.bos)],
                                              *vocabulary.bos)
                        : "null";
  out += R"(,"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},)"
         R"("content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]},"model":)";
  out += model_json(vocabulary, index, merges);
  return out + "}";
}

}  // namespace lapidary::text
