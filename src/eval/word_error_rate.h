// Word error rate: the fewest words inserted, left out or replaced that turn what was said into
// what was written down, over the words said.
//
//   WordErrors sum;
//   sum += word_errors("open the red door", "open a door");  // 2 of 4
//   double rate = sum.rate();
//
// Words are apart by white space and compared as they are: case and punctuation count.
#pragma once

#include <cstdint>
#include <string_view>

namespace lapidary::eval {

struct WordErrors {
  int64_t errors = 0;
  int64_t reference_words = 0;

  WordErrors& operator+=(const WordErrors& other);
  double rate() const;  // NaN without reference words
  bool operator==(const WordErrors&) const = default;
};

WordErrors word_errors(std::string_view reference, std::string_view hypothesis);

}  // namespace lapidary::eval
