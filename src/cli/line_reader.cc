#include "cli/line_reader.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace lapidary::cli {

Result<std::optional<std::string>> LineReader::next(const CancelToken& cancel) {
  std::array<char, 4096> buffer{};
  while (true) {
    if (cancel.cancelled()) return std::optional<std::string>();
    if (const size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return std::optional(std::move(line));
    }
    if (ended_) {
      if (pending_.empty()) return std::optional<std::string>();
      return std::optional(std::exchange(pending_, {}));
    }
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count > 0) pending_.append(buffer.data(), static_cast<size_t>(count));
    if (count == 0) ended_ = true;
    if (count < 0 && errno != EINTR) return io_error("standard input", std::strerror(errno));
  }
}

}  // namespace lapidary::cli
