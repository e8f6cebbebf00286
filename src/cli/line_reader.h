// Lines of standard input, read so that Ctrl-C is noticed while waiting.
#pragma once

#include <optional>
#include <string>

#include "base/progress.h"
#include "base/result.h"

namespace lapidary::cli {

class LineReader {
 public:
  // The next line without its end; nothing at the end of input or when `cancel` is set. Errors:
  // kIo.
  Result<std::optional<std::string>> next(const CancelToken& cancel);

 private:
  std::string pending_;
  bool ended_ = false;
};

}  // namespace lapidary::cli
