// Shell-style globs over node and tensor names: '*' any run of characters, '?' one character.
#pragma once

#include <string_view>

namespace lapidary {

bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace lapidary
