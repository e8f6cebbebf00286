#include "htp/context_binary.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <string_view>

#include "base/mapped_file.h"

namespace lapidary::htp {
namespace {

constexpr std::string_view kSoc = "soc_type=";
constexpr std::string_view kArch = ";arch=";
constexpr size_t kLongestName = 32;

// The letters and digits that `text` begins with; "" when there are more than a name has.
std::string_view leading_name(std::string_view text) {
  const auto ends = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; };
  const auto end = std::find_if(text.begin(), text.end(), ends);
  const auto length = static_cast<size_t>(end - text.begin());
  return length <= kLongestName ? text.substr(0, length) : std::string_view();
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<BinaryTarget> parse(std::string_view text) {
  const std::string_view soc = leading_name(text.substr(0, kLongestName + 1));
  if (soc.empty() || !text.substr(soc.size()).starts_with(kArch)) return std::nullopt;
  const std::string_view rest = text.substr(soc.size() + kArch.size());
  const std::string_view arch = leading_name(rest.substr(0, kLongestName + 1));
  if (!is_number(arch)) return std::nullopt;
  return BinaryTarget{"v" + std::string(arch), std::string(soc)};
}

}  // namespace

std::optional<BinaryTarget> find_binary_target(std::span<const std::byte> bytes) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes may be looked at as chars
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::boyer_moore_horspool_searcher find(kSoc.begin(), kSoc.end());
  for (auto at = std::search(text.begin(), text.end(), find); at != text.end();
       at = std::search(at + kSoc.size(), text.end(), find)) {
    const auto after = static_cast<size_t>(at - text.begin()) + kSoc.size();
    if (auto target = parse(text.substr(after))) return target;
  }
  return std::nullopt;
}

Result<BinaryTarget> read_binary_target(const std::filesystem::path& binary) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(binary));
  auto target = find_binary_target(file->bytes());
  LAP_RETURN_IF_ERROR(file->intact());
  if (target) return *std::move(target);
  return bad_input(binary.string(), "is no context binary: it does not say for which arch it is",
                   "build the package again");
}

}  // namespace lapidary::htp
