#include "jinja/predicates.h"

#include <fmt/core.h>

#include <array>

#include "jinja/arithmetic.h"
#include "jinja/filters.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

struct Row {
  std::string_view name;
  size_t arguments;
  Predicate predicate;
};

bool remainder_is(const Value& value, const Value& divisor, int64_t wanted, Runtime& runtime) {
  return equals(binary(BinaryOp::kModulo, value, divisor, runtime), Value(wanted), runtime);
}

// Python's len() and [i] both work.
bool is_sequence(const Value& v, Runtime& runtime) {
  if (v.is_string() || v.is_sequence() || v.is_dict() || v.is_undefined()) return true;
  return v.is_object() && v.object().indexable() && v.object().length(runtime).has_value();
}

// Texts are the same when they are equal.
bool same_as(const Value& v, const Items& arguments, Runtime& runtime) {
  spend_text(v, runtime);
  return v.same_as(arguments[0]);
}

bool cased(const Value& v, Runtime& runtime, bool (*all)(const Text&)) {
  const std::string text = to_text(v, runtime);
  runtime.spend_decode(text.size());
  return all(decode(text));
}

#define JINJA_TEST(expression)                                                               \
  [](const Value& v, [[maybe_unused]] const Items& a, [[maybe_unused]] Runtime& r) -> bool { \
    return expression;                                                                       \
  }

constexpr auto kEqual = JINJA_TEST(equals(v, a[0], r));
constexpr auto kNotEqual = JINJA_TEST(!equals(v, a[0], r));
constexpr auto kLess = JINJA_TEST(less(v, a[0], r));
constexpr auto kLessEqual = JINJA_TEST(less(v, a[0], r) || equals(v, a[0], r));
constexpr auto kGreater = JINJA_TEST(less(a[0], v, r));
constexpr auto kGreaterEqual = JINJA_TEST(less(a[0], v, r) || equals(v, a[0], r));

const Row kRows[] = {
    {"defined", 0, JINJA_TEST(!v.is_undefined())},
    {"undefined", 0, JINJA_TEST(v.is_undefined())},
    {"none", 0, JINJA_TEST(v.is_none())},
    {"boolean", 0, JINJA_TEST(v.is_bool())},
    {"true", 0, JINJA_TEST(v.is_bool() && v.as_bool())},
    {"false", 0, JINJA_TEST(v.is_bool() && !v.as_bool())},
    {"integer", 0, JINJA_TEST(v.is_int())},
    {"float", 0, JINJA_TEST(v.is_float())},
    {"number", 0, JINJA_TEST(v.is_number())},
    {"string", 0, JINJA_TEST(v.is_string())},
    {"mapping", 0, JINJA_TEST(v.is_dict())},
    {"sequence", 0, JINJA_TEST(is_sequence(v, r))},
    {"iterable", 0, JINJA_TEST(iterable(v))},
    // Undefined has a __call__ (which fails), so Python's callable() says yes.
    {"callable", 0, JINJA_TEST(v.is_undefined() || (v.is_object() && v.object().callable()))},
    {"sameas", 1, same_as},
    {"escaped", 0, JINJA_TEST(v.is_safe())},
    {"in", 1, JINJA_TEST(contains(a[0], v, r))},
    {"odd", 0, JINJA_TEST(remainder_is(v, Value(int64_t{2}), 1, r))},
    {"even", 0, JINJA_TEST(remainder_is(v, Value(int64_t{2}), 0, r))},
    {"divisibleby", 1, JINJA_TEST(remainder_is(v, a[0], 0, r))},
    {"lower", 0, JINJA_TEST(cased(v, r, all_lower))},
    {"upper", 0, JINJA_TEST(cased(v, r, all_upper))},
    {"filter", 0, JINJA_TEST(v.is_string() && find_filter(v.string()) != nullptr)},
    {"test", 0, JINJA_TEST(v.is_string() && find_predicate(v.string()) != nullptr)},
    {"eq", 1, kEqual},
    {"==", 1, kEqual},
    {"equalto", 1, kEqual},
    {"ne", 1, kNotEqual},
    {"!=", 1, kNotEqual},
    {"lt", 1, kLess},
    {"<", 1, kLess},
    {"lessthan", 1, kLess},
    {"le", 1, kLessEqual},
    {"<=", 1, kLessEqual},
    {"gt", 1, kGreater},
    {">", 1, kGreater},
    {"greaterthan", 1, kGreater},
    {"ge", 1, kGreaterEqual},
    {">=", 1, kGreaterEqual},
};

const Row* find_row(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

Predicate find_predicate(std::string_view name) {
  const Row* row = find_row(name);
  return row == nullptr ? nullptr : row->predicate;
}

bool apply_predicate(std::string_view name, const Value& operand, Arguments arguments,
                     Runtime& runtime) {
  const Row* row = find_row(name);
  if (row == nullptr) fail_unsupported(fmt::format("there is no test named '{}'", name));
  if (!arguments.keyword.empty() || arguments.positional.size() != row->arguments) {
    fail(fmt::format("the test '{}' takes {} argument(s)", name, row->arguments));
  }
  runtime.spend(1 + arguments.positional.size());
  return row->predicate(operand, arguments.positional, runtime);
}

}  // namespace lapidary::jinja
