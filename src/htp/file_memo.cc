#include "htp/file_memo.h"

namespace lapidary::htp {

namespace fs = std::filesystem;

Result<std::string> FileMemo::get(const fs::path& file, const Compute& compute) {
  std::error_code error;
  const uintmax_t size = fs::file_size(file, error);
  if (error) return compute(file);
  const fs::file_time_type changed = fs::last_write_time(file, error);
  if (error) return compute(file);
  const Stamp stamp{file.string(), size, changed.time_since_epoch().count()};
  {
    const std::scoped_lock lock(mutex_);
    const auto known = known_.find(stamp);
    if (known != known_.end()) return known->second;
  }
  LAP_ASSIGN_OR_RETURN(std::string value, compute(file));
  const std::scoped_lock lock(mutex_);
  known_[stamp] = value;
  return value;
}

}  // namespace lapidary::htp
