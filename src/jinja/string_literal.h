// Escapes of string literals, as Python's "unicode-escape" codec resolves them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lapidary::jinja {

// `raw` is the text between the quotes. On failure `problem` says what is wrong.
std::optional<std::string> unescape_literal(std::string_view raw, std::string& problem);

}  // namespace lapidary::jinja
