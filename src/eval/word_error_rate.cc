#include "eval/word_error_rate.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

namespace lapidary::eval {
namespace {

constexpr std::string_view kSpace = " \t\n\r\v\f";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = text.find_first_not_of(kSpace);
  while (begin != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSpace, end);
  }
  return words;
}

}  // namespace

WordErrors& WordErrors::operator+=(const WordErrors& other) {
  errors += other.errors;
  reference_words += other.reference_words;
  return *this;
}

double WordErrors::rate() const {
  if (reference_words == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(errors) / static_cast<double>(reference_words);
}

WordErrors word_errors(std::string_view reference, std::string_view hypothesis) {
  const std::vector<std::string_view> said = words_of(reference);
  const std::vector<std::string_view> written = words_of(hypothesis);
  // row[j]: errors between the words of `said` so far and the first j of `written`.
  std::vector<int64_t> row(written.size() + 1);
  std::iota(row.begin(), row.end(), int64_t{0});
  for (size_t i = 1; i <= said.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= written.size(); ++j) {
      const int64_t replaced = diagonal + (said[i - 1] == written[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return {row.back(), static_cast<int64_t>(said.size())};
}

}  // namespace lapidary::eval
