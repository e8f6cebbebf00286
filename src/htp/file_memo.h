// What was computed from a file (a hash of 90 MB, a version somewhere in it), known for as long as
// the process runs and the file stays as it is.
//
//   static FileMemo hashes;
//   LAP_ASSIGN_OR_RETURN(const std::string hash, hashes.get(library, hash_of_file));
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "base/result.h"

namespace lapidary::htp {

class FileMemo {
 public:
  using Compute = std::function<Result<std::string>(const std::filesystem::path&)>;

  // From `compute` when path, size or time of the last change are not those of an earlier call.
  // What fails is not kept. Threads may share it. Errors: those of `compute`, which also speaks of
  // a file that is not there.
  Result<std::string> get(const std::filesystem::path& file, const Compute& compute);

 private:
  using Stamp = std::tuple<std::string, uintmax_t, std::filesystem::file_time_type::duration::rep>;

  std::mutex mutex_;
  std::map<Stamp, std::string> known_;
};

}  // namespace lapidary::htp
