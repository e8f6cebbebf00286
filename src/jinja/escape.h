// HTML escaping, as the filters `escape` and `safe` mean it.
#pragma once

#include <string>
#include <string_view>

namespace lapidary::jinja {

std::string escape_html(std::string_view text);

}  // namespace lapidary::jinja
