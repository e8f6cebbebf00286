#include "calibration/row_packing.h"

#include <algorithm>
#include <utility>

namespace lapidary::calibration {

std::vector<Row> pack_rows(std::span<const int64_t> lengths, int64_t row_length) {
  const auto count = static_cast<int64_t>(lengths.size());
  std::vector<Row> rows;
  int64_t next = 0;   // sequence; from `count` on the first ones again
  int64_t begin = 0;  // of what is left of it
  while (next < count) {
    Row row;
    for (int64_t room = row_length; room > 0;) {
      const int64_t sequence = next % count;
      const int64_t length = lengths[static_cast<size_t>(sequence)];
      Piece piece{sequence, begin, length};
      piece.end -= std::max<int64_t>(0, piece.length() - room);
      room -= piece.length();
      const bool done = piece.end == length;
      begin = done ? 0 : piece.end;
      if (done) ++next;
      row.push_back(piece);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace lapidary::calibration
