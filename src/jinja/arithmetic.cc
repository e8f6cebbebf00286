#include "jinja/arithmetic.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/escape.h"
#include "jinja/format.h"

namespace lapidary::jinja {
namespace {

[[noreturn]] void overflow() { fail_unsupported("an integer leaves the range of 64 bits"); }

const char* symbol(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSubtract:
      return "-";
    case BinaryOp::kMultiply:
      return "*";
    case BinaryOp::kDivide:
      return "/";
    case BinaryOp::kFloorDivide:
      return "//";
    case BinaryOp::kModulo:
      return "%";
    case BinaryOp::kPower:
      return "** or pow()";
  }
  return "?";
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) {
    int64_t out = 0;
    if (__builtin_sub_overflow(int64_t{0}, a, &out)) overflow();
    return out;
  }
  const int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t modulo(int64_t a, int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t out = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return Value(out);
}

Value integers(BinaryOp op, int64_t a, int64_t b) {
  int64_t out = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &out)) overflow();
      return Value(out);
    case BinaryOp::kSubtract:
      if (__builtin_sub_overflow(a, b, &out)) overflow();
      return Value(out);
    case BinaryOp::kMultiply:
      if (__builtin_mul_overflow(a, b, &out)) overflow();
      return Value(out);
    case BinaryOp::kDivide:
      if (b == 0) fail("division by zero");
      return Value(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDivide:
      return Value(floor_divide(a, b));
    case BinaryOp::kModulo:
      return Value(modulo(a, b));
    case BinaryOp::kPower:
      return integer_power(a, b);
  }
  return Value();
}

double float_modulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0.0) {
    if ((b < 0) != (rest < 0)) rest += b;
    return rest;
  }
  return std::copysign(0.0, b);
}

double float_floor_divide(double a, double b) {
  const double rest = float_modulo(a, b);
  const double quotient = (a - rest) / b;
  if (quotient == 0.0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1.0 : floored;
}

Value floats(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value(a + b);
    case BinaryOp::kSubtract:
      return Value(a - b);
    case BinaryOp::kMultiply:
      return Value(a * b);
    case BinaryOp::kDivide:
      if (b == 0.0) fail("float division by zero");
      return Value(a / b);
    case BinaryOp::kFloorDivide:
      if (b == 0.0) fail("float floor division by zero");
      return Value(float_floor_divide(a, b));
    case BinaryOp::kModulo:
      if (b == 0.0) fail("float modulo");
      return Value(float_modulo(a, b));
    case BinaryOp::kPower: {
      if (a == 0.0 && b < 0) fail("0.0 cannot be raised to a negative power");
      if (a < 0 && b != std::floor(b)) fail_unsupported("a power that is a complex number");
      const double out = std::pow(a, b);
      if (std::isinf(out) && std::isfinite(a) && std::isfinite(b)) fail("result too large");
      return Value(out);
    }
  }
  return Value();
}

std::string escaped(const Value& text) {
  return text.is_safe() ? text.string() : escape_html(text.string());
}

Value repeat(const Value& value, int64_t times, Runtime& runtime) {
  const auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
  if (value.is_string()) {
    const std::string& text = value.string();
    if (text.empty() || count == 0) return Value("");
    if (count > runtime.limits().max_string / text.size()) {
      fail(fmt::format("repeating a string makes it longer than {} bytes",
                       runtime.limits().max_string));
    }
    runtime.spend_bytes(text.size() * count);
    std::string out;
    out.reserve(text.size() * count);
    for (size_t i = 0; i < count; ++i) out += text;
    return Value(std::move(out));
  }
  const Items& items = value.items();
  if (!items.empty() && count > runtime.limits().max_items / items.size()) {
    fail("repeating a list makes it too long");
  }
  Items out;
  if (!items.empty()) {
    runtime.spend_items(items.size() * count);
    for (size_t i = 0; i < count; ++i) out.insert(out.end(), items.begin(), items.end());
  }
  return value.is_tuple() ? Value::tuple(std::move(out)) : Value::list(std::move(out));
}

Value join_sequences(const Value& left, const Value& right, Runtime& runtime) {
  runtime.spend_items(left.items().size() + right.items().size());
  Items out = left.items();
  out.insert(out.end(), right.items().begin(), right.items().end());
  return left.is_tuple() ? Value::tuple(std::move(out)) : Value::list(std::move(out));
}

}  // namespace

Value binary(BinaryOp op, const Value& left, const Value& right, Runtime& runtime) {
  if (left.integer() && right.integer()) return integers(op, *left.integer(), *right.integer());
  if (left.number() && right.number()) return floats(op, *left.number(), *right.number());
  if (op == BinaryOp::kModulo && left.is_string()) {
    return Value(format_percent(left.string(), right, runtime));
  }
  if (left.is_undefined()) fail(left.undefined_message());
  if (right.is_undefined()) fail(right.undefined_message());
  if (op == BinaryOp::kAdd) {
    if (left.is_string() && right.is_string()) {
      runtime.spend_bytes(left.string().size() + right.string().size());
      if (!left.is_safe() && !right.is_safe()) return Value(left.string() + right.string());
      std::string joined = escaped(left) + escaped(right);
      runtime.spend_bytes(joined.size());
      return Value::safe(std::move(joined));
    }
    if (left.is_sequence() && right.is_sequence() && left.is_tuple() == right.is_tuple()) {
      return join_sequences(left, right, runtime);
    }
    if (left.is_string()) {
      fail(fmt::format("can only concatenate str (not \"{}\") to str", type_name(right)));
    }
  }
  if (op == BinaryOp::kMultiply) {
    const auto repeatable = [](const Value& v) { return v.is_string() || v.is_sequence(); };
    if (repeatable(left) && right.integer()) return repeat(left, *right.integer(), runtime);
    if (repeatable(right) && left.integer()) return repeat(right, *left.integer(), runtime);
  }
  fail(fmt::format("unsupported operand types for {}: '{}' and '{}'", symbol(op), type_name(left),
                   type_name(right)));
}

Value negate(const Value& value, bool negative) {
  if (value.is_float()) return Value(negative ? -value.as_float() : value.as_float());
  if (value.integer()) {
    int64_t out = *value.integer();
    if (negative && __builtin_sub_overflow(int64_t{0}, out, &out)) overflow();
    return Value(out);
  }
  if (value.is_undefined()) fail(value.undefined_message());
  fail(fmt::format("bad operand type for unary {}: '{}'", negative ? "-" : "+", type_name(value)));
}

}  // namespace lapidary::jinja
