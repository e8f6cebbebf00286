// Python's arithmetic on values.
#pragma once

#include "jinja/ast.h"
#include "jinja/value.h"

namespace lapidary::jinja {

// Fails on kinds that do not combine, division by zero, and integers that leave 64 bits (where
// Python would go on).
Value binary(BinaryOp op, const Value& left, const Value& right, Runtime& runtime);
Value negate(const Value& value, bool negative);

}  // namespace lapidary::jinja
