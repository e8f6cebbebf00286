// When a reply ends: stop strings over streamed text.
//
//   StopScanner scanner({"\nUser:"});
//   auto first = scanner.push("Yes.\nUs");   // {"Yes.", false}: "\nUs" may be how the stop begins
//   auto second = scanner.push("er: next");  // {"", true}: it was; nothing more is emitted
//
// Pieces are whole UTF-8 characters, and so is what comes out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lapidary::runtime {

class StopScanner {
 public:
  struct Output {
    std::string text;      // to emit now
    bool stopped = false;  // a stop string was complete; no more text will come
  };

  // Empty stop strings are ignored.
  explicit StopScanner(std::vector<std::string> stops);

  // Takes the next piece. When several stop strings occur, the one that begins first counts.
  Output push(std::string_view piece);
  // The text ends here: yields what was held back.
  std::string finish();

 private:
  size_t find_stop() const;
  size_t held_back() const;

  std::vector<std::string> stops_;
  std::string pending_;
};

}  // namespace lapidary::runtime
