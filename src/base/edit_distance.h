// The fewest elements to insert, leave out or replace that turn one sequence into the other
// (Levenshtein): letters of a string, words of a text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace lapidary {

// `Sequence`: anything with size() and operator[]. Time is a.size() * b.size().
template <typename Sequence>
size_t edit_distance(const Sequence& a, const Sequence& b) {
  // row[j]: distance between the elements of `a` so far and the first j of `b`.
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace lapidary
