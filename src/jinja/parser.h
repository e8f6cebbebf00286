// Tokens to syntax tree: Jinja's grammar with the extensions that chat templates may use
// ({% break %}, {% continue %}, {% generation %}).
#pragma once

#include <string_view>

#include "jinja/ast.h"

namespace lapidary::jinja {

// Throws Failure with the line: a syntax error, or a construct that is not supported, by name
// (extends, block, include, import, from, autoescape; unknown tags, filters and tests).
Block parse_template(std::string_view source);

}  // namespace lapidary::jinja
