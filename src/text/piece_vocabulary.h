// tokenizer.json of a vocabulary of pieces, as GGUF files carry one: so that what reads tokenizers
// reads one form.
//
//   PieceVocabulary vocabulary;  // its views must outlive the call
//   vocabulary.pieces = {"<bos>", "a", "b", "ab"};
//   vocabulary.kinds = {PieceKind::kControl, PieceKind::kNormal, PieceKind::kNormal,
//                       PieceKind::kNormal};
//   vocabulary.scores = {0.0F, -1.0F, -2.0F, -3.0F};
//   LAP_ASSIGN_OR_RETURN(const std::string json, tokenizer_json(vocabulary, "model.gguf"));
//
// Gemma's kind of tokenizer: spaces become U+2581, unknown characters their bytes. SentencePiece
// joins the two neighbours whose union has the best score; BPE those whose pair comes first among
// the merges. The merges that say the same are every division of a piece in two pieces, sorted by
// the whole's score, then by the length of the left part and of the right (transformers 5.24,
// convert_slow_tokenizer.py); made from Gemma 3's scores they equal the published tokenizer.json's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lapidary::text {

// The numbers are SentencePiece's, and those of `tokenizer.ggml.token_type`.
enum class PieceKind : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,  // found in a text before all others, as control pieces are, but shown
  kUnused = 5,
  kByte = 6,
};

struct PieceVocabulary {
  std::vector<std::string_view> pieces;  // by id, UTF-8
  std::vector<PieceKind> kinds;          // one a piece
  std::vector<float> scores;             // one a piece; not read when there are merges
  std::vector<std::string_view> merges;  // "LEFT RIGHT", first come first joined
  std::optional<int32_t> bos;            // put before every text
  std::optional<int32_t> unknown;        // of what has no piece
};

// Errors name `where` and the piece: lists of unequal lengths; neither scores nor merges; a piece
// that is empty, twice there or no UTF-8; a score that is not finite; a merge that is not two
// pieces whose union is one; an id outside; more than 2^22 pieces or 2^24 merges.
Result<std::string> tokenizer_json(const PieceVocabulary& vocabulary, const std::string& where);

}  // namespace lapidary::text
