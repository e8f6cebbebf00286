// Columns of text, aligned.
//
//   Table table({"component", "bytes"});
//   table.row({"decoder", "10.9 MB"});
//   print(table.text());
#pragma once

#include <string>
#include <vector>

namespace lapidary::report {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // One line a row; columns apart by two spaces, the last one as long as it likes.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lapidary::report
