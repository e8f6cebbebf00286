#include "cli/cache_flags.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "base/cache_folder.h"
#include "cli/terminal.h"

namespace lapidary::cli {
namespace {

constexpr double kMostBytes = 1e18;

struct ByteUnit {
  std::string_view name;
  double bytes;
};
constexpr std::array kByteUnits = {ByteUnit{"", 1},
                                   ByteUnit{"B", 1},
                                   ByteUnit{"kB", 1e3},
                                   ByteUnit{"KB", 1e3},
                                   ByteUnit{"MB", 1e6},
                                   ByteUnit{"GB", 1e9},
                                   ByteUnit{"TB", 1e12},
                                   ByteUnit{"KiB", 1024.0},
                                   ByteUnit{"MiB", 1048576.0},
                                   ByteUnit{"GiB", 1073741824.0},
                                   ByteUnit{"TiB", 1099511627776.0}};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A folder of ours in XDG_CACHE_HOME or ~/.cache; "" where none is set.
std::filesystem::path default_cache() {
  const std::filesystem::path xdg = variable("XDG_CACHE_HOME");
  if (!xdg.empty()) return xdg / "lapidary";
  const std::filesystem::path home = variable("HOME");
  return home.empty() ? home : home / ".cache" / "lapidary";
}

}  // namespace

Result<uint64_t> parse_bytes(const std::string& text, const std::string& where) {
  const Error wrong = bad_input(where, fmt::format("'{}' is not a size", text),
                                "write a number of bytes, or one with a unit: 20GB, 500MB, 4GiB");
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || std::signbit(number)) return wrong;
  std::string_view unit(rest, static_cast<size_t>(end - rest));
  if (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const ByteUnit& each : kByteUnits) {
    if (unit != each.name) continue;
    const double bytes = number * each.bytes;
    return bytes <= kMostBytes ? Result<uint64_t>(static_cast<uint64_t>(bytes)) : wrong;
  }
  return wrong;
}

Result<CacheChoice> choose_cache(const std::string& folder, const std::string& size) {
  CacheChoice out{folder.empty() ? variable("LAPIDARY_CACHE") : folder, true, kDefaultCacheBytes};
  out.named = !out.folder.empty();
  if (!out.named) out.folder = default_cache();
  const std::string by_environment = variable("LAPIDARY_CACHE_SIZE");
  if (!size.empty()) {
    LAP_ASSIGN_OR_RETURN(out.most_bytes, parse_bytes(size, "--cache-size"));
  } else if (!by_environment.empty()) {
    LAP_ASSIGN_OR_RETURN(out.most_bytes, parse_bytes(by_environment, "LAPIDARY_CACHE_SIZE"));
  }
  return out;
}

void CacheFlags::add_to(Command command, const std::string& heading) {
  command
      .add_option("--cache", folder,
                  "Where finished context binaries and probe results are kept (else "
                  "LAPIDARY_CACHE, else ~/.cache/lapidary)")
      .in_group(heading);
  command
      .add_option("--cache-size", size,
                  "Most bytes kept there, as 20GB (else LAPIDARY_CACHE_SIZE, else 20GB); what was "
                  "used longest ago goes first")
      .in_group(heading);
  command.add_flag("--no-cache", none, "Keep and use no finished binaries").in_group(heading);
}

Result<CacheChoice> CacheFlags::resolve() const {
  LAP_ASSIGN_OR_RETURN(CacheChoice out, choose_cache(folder, size));
  if (none) out.folder.clear();
  if (out.folder.empty() || out.named) return out;
  if (const auto found = CacheFolder::find(out.folder); !found.ok()) {
    write_err(fmt::format("lapidary: note: no cache is used: {}\n", found.error().message()));
    out.folder.clear();
  }
  return out;
}

}  // namespace lapidary::cli
