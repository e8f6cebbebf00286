// Which tokens of which sequences make the rows of a graph of fixed length.
//
//   for (const Row& row : pack_rows(lengths, 256)) {
//     for (const Piece& piece : row) use(piece.sequence, piece.length());  // lengths sum to 256
//   }
//
// Sequences follow each other; one that does not fit into what is left of a row goes on in the
// next. A piece from within a sequence begins with the sequence's first token once more (<bos>: a
// model without it in sight computes what it never computes in use). When the sequences are used
// up, the last row is filled with the first ones again, so that nothing stands in a row but data.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lapidary::calibration {

// Tokens [begin, end) of a sequence, behind its token 0 where begin > 0.
struct Piece {
  int64_t sequence = 0;
  int64_t begin = 0;
  int64_t end = 0;
  int64_t length() const { return end - begin + (begin > 0 ? 1 : 0); }
  bool operator==(const Piece&) const = default;
};

using Row = std::vector<Piece>;

// `lengths`: at least one, each at least 1. row_length: at least 2.
std::vector<Row> pack_rows(std::span<const int64_t> lengths, int64_t row_length);

}  // namespace lapidary::calibration
