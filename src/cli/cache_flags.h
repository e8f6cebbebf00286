// Where finished work is kept from build to build, and how much of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "cli/command.h"

namespace lapidary::cli {

struct CacheChoice {
  std::filesystem::path folder;  // "": none
  bool named = false;            // by an option or the environment
  uint64_t most_bytes = 0;
};

struct CacheFlags {
  std::string folder, size;
  bool none = false;

  // --cache, --cache-size and --no-cache, under a heading of --help.
  void add_to(Command command, const std::string& heading);
  // The folder: the option, LAPIDARY_CACHE, else a folder of ours in XDG_CACHE_HOME or ~/.cache, if
  // one of these is set. The last is left out, with a note on standard error, when it may not be
  // used (CacheFolder::open); a folder that was named is an error then, where it is opened. Its
  // size: the option, LAPIDARY_CACHE_SIZE, else kDefaultCacheBytes.
  // Errors: kBadInput for what is no size.
  Result<CacheChoice> resolve() const;
};

// As resolve(), whether it may be used or not.
Result<CacheChoice> choose_cache(const std::string& folder, const std::string& size);

// "20GB", "1.5 TB", "4GiB", "700000": of kB, MB, GB and TB, powers of 1000; KiB, MiB, GiB and TiB.
// `where` is what messages call it. Errors: kBadInput.
Result<uint64_t> parse_bytes(const std::string& text, const std::string& where);

}  // namespace lapidary::cli
