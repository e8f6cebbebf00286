// Walks over JSON text without building a document. tokenizer.json of a 262144-word vocabulary is
// 30 MB of small strings; a DOM of it costs more time than everything else at start-up together,
// and one of a safetensors header that someone made for it twenty times the header's bytes.
//
//   JsonScanner scanner(text);
//   scanner.enter('{');
//   for (std::string_view key; scanner.next_key(key);) {
//     int64_t id = 0;
//     scanner.integer(id);
//   }
//   if (!scanner.ok()) return bad_input(where, scanner.problem());
//
// After the first error every call fails, so loops end and one check at the end suffices.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace lapidary {

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  bool ok() const { return problem_.empty(); }
  // "not valid JSON at byte 17: expected a string"
  const std::string& problem() const { return problem_; }
  size_t position() const { return at_; }

  // Next byte that is not white space, or 0 at the end.
  char peek();
  // Consumes `open`, '{' or '['.
  bool enter(char open);
  // The next key of the object entered last; false at its end (consumed) or after an error.
  bool next_key(std::string_view& key);
  // Whether another element follows in the array entered last; false at its end (consumed).
  bool next_element();
  // A string, unescaped and checked to be UTF-8. The view lives as long as the scanner and its
  // text.
  bool string(std::string_view& out);
  bool integer(int64_t& out);
  // Steps over one value of any kind.
  bool skip();
  // Only white space may follow.
  bool finish();

 private:
  bool fail(const std::string& what);
  bool separator(char close);
  bool unescape(size_t begin, std::string_view& out);
  bool escape(size_t& i, std::string& out);
  bool hex4(size_t& i, uint32_t& out);
  bool skip_nested(int depth);

  std::string_view text_;
  size_t at_ = 0;
  bool fresh_ = false;  // an object or array was entered and nothing of it read yet
  std::string problem_;
  std::deque<std::string> unescaped_;
};

}  // namespace lapidary
