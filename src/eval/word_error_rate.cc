#include "eval/word_error_rate.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "base/edit_distance.h"

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
  return {static_cast<int64_t>(edit_distance(said, written)), static_cast<int64_t>(said.size())};
}

}  // namespace lapidary::eval
