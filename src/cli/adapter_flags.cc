#include "cli/adapter_flags.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <system_error>

namespace lapidary::cli {
namespace {

Result<checkpoint::AdapterSource> adapter_source(const std::string& text) {
  std::error_code ignored;
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || std::filesystem::is_directory(text, ignored)) {
    return checkpoint::AdapterSource{.dir = text};
  }
  checkpoint::AdapterSource out{.dir = text.substr(0, equals)};
  const char* begin = text.data() + equals + 1;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(begin, end, out.weight);
  if (problem != std::errc() || rest != end || !std::isfinite(out.weight)) {
    return bad_input("--adapter", fmt::format("'{}' is not a weight", std::string(begin, end)),
                     "give DIR, or DIR=WEIGHT with a number such as 0.5");
  }
  return out;
}

}  // namespace

void AdapterFlags::add_to(Command command) {
  command
      .add_option("--adapter", adapters,
                  "DIR[=WEIGHT]: add a LoRA adapter, saved by PEFT, to the weights (repeatable)")
      .repeatable();
}

Result<std::vector<checkpoint::AdapterSource>> AdapterFlags::resolve() const {
  std::vector<checkpoint::AdapterSource> out;
  for (const std::string& text : adapters) {
    LAP_ASSIGN_OR_RETURN(checkpoint::AdapterSource source, adapter_source(text));
    out.push_back(std::move(source));
  }
  return out;
}

}  // namespace lapidary::cli
