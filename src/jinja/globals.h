// The functions every chat template may call: range, dict, namespace, cycler, joiner,
// raise_exception, strftime_now.
#pragma once

#include "jinja/scope.h"

namespace lapidary::jinja {

void define_globals(Scope& scope);

}  // namespace lapidary::jinja
