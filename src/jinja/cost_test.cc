// What a template may cost: work on long texts and lists is charged by their size before it is done,
// so steps, time and the cancel token end every rendering.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <thread>

#include "jinja/template.h"

namespace lapidary::jinja {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// s and t are as long and differ in the last byte; w is white space but for its last byte, n a
// number, each of `size` bytes; l is a list of texts, d a dict, each of so many items.
Json variables(size_t size, size_t items = 100) {
  Json list = Json::array();
  Json dict = Json::object();
  for (size_t i = 0; i < items; ++i) {
    list.push_back("a");
    dict[fmt::format("k{}", i)] = i;
  }
  return {{"s", std::string(size, 'a')},
          {"t", std::string(size - 1, 'a') + "b"},
          {"w", std::string(size - 1, ' ') + "b"},
          {"n", std::string(size, '1')},
          {"l", std::move(list)},
          {"d", std::move(dict)}};
}

struct Rendering {
  Result<std::string> out;
  uint64_t steps = 0;
};

Rendering measure(const std::string& source, const Json& values, const RenderOptions& options) {
  auto parsed = Template::parse(source, "t");
  if (!parsed.ok()) return {parsed.take_error()};
  Rendering outcome{internal_error("", "")};
  outcome.out = parsed->render(values, options, &outcome.steps);
  return outcome;
}

// Every limit out of reach but those of single strings and lists.
RenderOptions generous() {
  RenderOptions options;
  options.limits.max_steps = std::numeric_limits<uint64_t>::max();
  options.limits.max_time = std::chrono::hours(1);
  return options;
}

// The steps of one evaluation beyond those of making the variables.
uint64_t steps_of(const std::string& expression, const Json& values) {
  const uint64_t before = measure("", values, generous()).steps;
  const Rendering outcome = measure("{% set y = " + expression + " %}", values, generous());
  // Some refuse what they get in the end; the way there is charged all the same.
  return outcome.steps - before;
}

std::string twice_nested(const std::string& expression) {
  return "{% for i in range(20000) %}{% for j in range(20000) %}{% set y = " + expression +
         " %}{% endfor %}{% endfor %}";
}

// Texts whose every byte is looked at or copied.
const char* const kOnTexts[] = {
    "s == t",
    "s != t",
    "s < t",
    "s <= t",
    "s > t",
    "s >= t",
    "s is eq t",
    "s is lt t",
    "s is sameas t",
    "t in s",
    "'b' in s",
    "s is in t",
    "s in [t]",
    "[s, 1] == [t, 1]",
    "(s, 1) < (t, 1)",
    "{'a': s} == {'a': t}",
    "d[s]",
    "{'a': 1}[s]",
    "{s: 1}",
    "{s: 1, t: 2}[s]",
    "{(1, s): 1, (1, t): 2}[(1, s)]",
    "dict([[s, 1]])",
    "d.get(s)",
    "s in d",
    "d[s] is defined",
    "[1][s] is defined",
    "namespace(a=1)[s] is defined",
    "d | attr(s)",
    "s + t",
    "s ~ t",
    "s * 1",
    "s[5]",
    "s[-1]",
    "s[1:]",
    "s[::-1]",
    "s % ()",
    "'%.0s' % s",
    "'%r' % s",
    "s.format()",
    "'{:.0s}'.format(s)",
    "'{0!r}'.format(s)",
    "s | length",
    "s is lower",
    "s is upper",
    "s.startswith(t)",
    "s.endswith(t)",
    "s.startswith(('x', t))",
    "s.startswith('b', 3)",
    "s.strip('a')",
    "s.lstrip('a')",
    "s.rstrip('a')",
    "w.strip()",
    "t.strip(t)",
    "s.split('b')",
    "s.split()",
    "s.rsplit('b')",
    "s.splitlines()",
    "s.partition('b')",
    "s.rpartition('b')",
    "s.removeprefix(t)",
    "s.removesuffix(t)",
    "s.replace('b', 'c')",
    "s.replace(t, 'c')",
    "'a'.replace(s, t)",
    "'x'.join([s, t])",
    "s.find(t)",
    "s.rfind('b')",
    "t.index('b')",
    "s.count('b')",
    "s.count(t)",
    "s.upper()",
    "s.lower()",
    "s.title()",
    "s.capitalize()",
    "s.swapcase()",
    "s.casefold()",
    "s.center(3)",
    "s.ljust(3)",
    "s.zfill(3)",
    "s.isalpha()",
    "n.isdigit()",
    "s.isalnum()",
    "w.isspace()",
    "s.islower()",
    "s.isupper()",
    "s | int",
    "n | int",
    "n | int(base=16)",
    "s | float",
    "n | float",
    "n | filesizeformat",
    "s | upper",
    "s | lower",
    "s | title",
    "s | capitalize",
    "s | trim",
    "s | trim('a')",
    "s | replace('b', 'c')",
    "'a' | replace(s, t)",
    "s | escape",
    "s | forceescape",
    "s | safe",
    "s | center(3)",
    "s | indent",
    "'a' | indent(s)",
    "s | truncate(5)",
    "s | wordcount",
    "s | format",
    "'%s' | format(s)",
    "s | tojson",
    "{'a': s} | tojson",
    "{s: 1} | tojson",
    "[1] | tojson(indent=s)",
    "[s] | string",
    "s | urlencode",
    "{'a': s} | urlencode",
    "s | reverse",
    "[s, t] | join",
    "[s, t] | sort",
    "[s, t] | sort(attribute=s)",
    "[s, t] | max",
    "[s, t] | min",
    "[s, t] | unique | list",
    "[s, t] | groupby(s)",
    "[s, t] | map('upper') | list",
    "[s, t] | map(attribute=s) | list",
    "[s, t] | select('eq', t) | list",
    "[s, t] | selectattr(s) | list",
    "{s: 1, t: 2} | dictsort",
    "strftime_now(s)",
    "joiner(s)",
    "raise_exception(s)",
};

// Of which pieces are made, each with memory of its own.
const char* const kIntoPieces[] = {
    "s | list",
    "s | first",
    "s | last",
    "s.split('a')",
    "s.rsplit('a')",
    "s | map('upper') | list",
    "s | select | list",
    "s | batch(2) | list",
    "s | sort",
    "s | unique | list",
    "s | join('-')",
    "s.replace('', '-')",
    "s.replace('a', 'bc')",
};

// Lists and dicts whose every item is looked at or copied.
const char* const kOnLists[] = {
    "l == l[:]",
    "l < l[:]",
    "'b' in l",
    "l + l",
    "l * 2",
    "l[1:]",
    "l[::-1]",
    "l.index('b')",
    "l.count('b')",
    "l | list",
    "l | last",
    "l | join",
    "''.join(l)",
    "l | reverse",
    "l | sort",
    "l | unique | list",
    "l | max",
    "l | min",
    "range(l | length) | sum",
    "l | batch(3) | list",
    "l | slice(3) | list",
    "l | groupby(0)",
    "l | map('length') | list",
    "l | select | list",
    "l | reject('eq', 'b') | list",
    "l | string",
    "l | tojson",
    "'%s' % (l,)",
    "'{}'.format(l)",
    "cycler(*l)",
    "d == dict(d)",
    "dict(d)",
    "dict(**d)",
    "namespace(**d)",
    "d.keys()",
    "d.values()",
    "d.items()",
    "d | items",
    "d | list",
    "d | dictsort",
    "d | tojson",
    "d | string",
    "d | urlencode",
};

// Catches an operation whose steps do not grow with the texts that it goes through: at least one
// for 32 bytes.
TEST(Cost, TextsAreChargedByTheByte) {
  constexpr size_t kSmall = size_t{1} << 18;
  constexpr size_t kLarge = size_t{1} << 20;
  const Json small = variables(kSmall);
  const Json large = variables(kLarge);
  for (const char* expression : kOnTexts) {
    const uint64_t more = steps_of(expression, large) - steps_of(expression, small);
    EXPECT_GE(more, (kLarge - kSmall) / 32) << expression;
    EXPECT_LE(more, (kLarge - kSmall) * 4) << expression;
  }
}

// The same where each byte becomes a value.
TEST(Cost, PiecesAreChargedByThePiece) {
  constexpr size_t kSmall = size_t{1} << 15;
  constexpr size_t kLarge = size_t{1} << 17;
  const Json small = variables(kSmall);
  const Json large = variables(kLarge);
  for (const char* expression : kIntoPieces) {
    const uint64_t more = steps_of(expression, large) - steps_of(expression, small);
    EXPECT_GE(more, (kLarge - kSmall) / 32) << expression;
  }
}

TEST(Cost, ListsAreChargedByTheItem) {
  constexpr size_t kSmall = 1000;
  constexpr size_t kLarge = 8000;
  const Json small = variables(1, kSmall);
  const Json large = variables(1, kLarge);
  for (const char* expression : kOnLists) {
    const uint64_t more = steps_of(expression, large) - steps_of(expression, small);
    EXPECT_GE(more, kLarge - kSmall) << expression;
  }
}

// Catches an operation that can be repeated without end: in a loop, each is stopped by the steps,
// with an error that says where and what to do.
TEST(Cost, EveryOperationInALoopEndsByItsSteps) {
  const Json values = variables(size_t{1} << 20);
  RenderOptions options = generous();
  options.limits.max_steps = 1'000'000;
  const auto start = std::chrono::steady_clock::now();
  for (const char* expression : kOnTexts) {
    if (!measure("{% set y = " + std::string(expression) + " %}", values, generous()).out.ok()) {
      continue;  // it ends by itself
    }
    const Rendering outcome = measure(twice_nested(expression), values, options);
    ASSERT_FALSE(outcome.out.ok()) << expression;
    EXPECT_EQ(outcome.out.error().message(),
              "t: line 1: the template takes more than 1000000 steps (the template is refused as "
              "too costly: shorten the conversation, or use another template)")
        << expression;
    EXPECT_LE(outcome.steps, options.limits.max_steps);
  }
  EXPECT_LT(seconds_since(start), 600.0);  // generous: sanitizers, busy machines
}

// Templates that ran for minutes. The first three are those of the trials that found it.
const char* const kBombs[] = {
    "{% set y=d[s] %}",
    "{% set y=s==t %}",
    "{% set y=s.strip('a') %}",
    "{% set y=s.startswith(t) %}",
    "{% set y=s.endswith(s) %}",
    "{% set y=s|int %}",
    "{% set y=s|float %}",
    "{% set y=s is sameas t %}",
    "{% set y=s.partition('b') %}",
    "{% set y=s.removeprefix(t) %}",
    "{% set y=s<t %}",
    "{% set y='{:.0s}'.format(s) %}",
    "{% set y='a'.replace(s,t) %}",
    "{% set y=l|map('default', *l)|list %}",
    "{% set y={(s,1):1}[(t,1)] %}",
};
std::string bomb(const char* body, size_t bytes) {
  return fmt::format(
      "{{% macro m(a) %}}{{% endmacro %}}{{% set s='a'*{0} %}}{{% set t='a'*{1}~'b' %}}"
      "{{% set u='ä'*{2} %}}{{% set l=['a']*{3} %}}{{% set d={{'a':1}} %}}"
      "{{% for i in range(20000) %}}{{% for j in range(20000) %}}{4}{{% endfor %}}{{% endfor %}}",
      bytes, bytes - 1, bytes / 2, bytes / 15, body);
}

// As they were, with strings of 60 MB, the first string is refused; with shorter ones the steps end
// each.
TEST(Cost, BombsEndSoon) {
  for (const char* body : kBombs) {
    EXPECT_THAT(measure(bomb(body, 60'000'000), Json::object(), {}).out.error().message(),
                HasSubstr("longer than 16777216 bytes"));
    RenderOptions options = generous();
    options.limits.max_steps = 3'000'000;
    const auto start = std::chrono::steady_clock::now();
    const Rendering outcome = measure(bomb(body, 6'000'000), Json::object(), options);
    ASSERT_FALSE(outcome.out.ok()) << body;
    EXPECT_THAT(outcome.out.error().message(),
                StartsWith("t: line 1: the template takes more than 3000000 steps"))
        << body;
    EXPECT_LT(seconds_since(start), 60.0) << body;  // generous: sanitizers, busy machines
  }
}

// Keys of tuples that hold one another twice would be walked 2^60 times.
TEST(Cost, SharedTuplesAsKeysEndByTheirSteps) {
  const std::string head =
      "{% set n = namespace(x=(1,), y=(1,)) %}{% for i in range(60) %}"
      "{% set n.x = (n.x, n.x) %}{% set n.y = (n.y, n.y) %}{% endfor %}";
  RenderOptions options = generous();
  options.limits.max_steps = 1'000'000;
  for (const char* body : {"{% set y = {n.x: 1} %}", "{% set y = {1: 1}[n.x] %}"}) {
    EXPECT_THAT(measure(head + body, Json::object(), options).out.error().message(),
                HasSubstr("more than 1000000 steps"))
        << body;
  }
}

// Catches `max_time` that nothing looks at, also within one long chain of cheap steps.
TEST(Cost, TimeIsBounded) {
  RenderOptions options = generous();
  options.limits.max_time = milliseconds(500);
  const Json values = variables(size_t{1} << 20, 5000);
  for (const char* expression : {"1", "s == t", "s.strip('a')", "l | sort"}) {
    const auto start = std::chrono::steady_clock::now();
    const Rendering outcome = measure("\n" + twice_nested(expression), values, options);
    ASSERT_FALSE(outcome.out.ok()) << expression;
    EXPECT_THAT(outcome.out.error().message(),
                StartsWith("t: line 2: the template takes longer than 0.5 s (the template is"))
        << expression;
    EXPECT_LT(seconds_since(start), 10.0) << expression;  // generous, as above
  }
}

// Catches a rendering that Ctrl-C does not end: nothing else would end this one.
TEST(Cost, ACancelTokenEndsARendering) {
  const Json values = variables(size_t{1} << 20, 5000);
  for (const char* expression : {"1", "s == t", "s | upper", "s | list", "l | sort"}) {
    CancelToken cancel;
    RenderOptions options = generous();
    options.cancel = &cancel;
    std::chrono::steady_clock::time_point when;
    std::thread user([&] {
      std::this_thread::sleep_for(milliseconds(50));
      when = std::chrono::steady_clock::now();
      cancel.cancel();
    });
    const Rendering outcome = measure(twice_nested(expression), values, options);
    user.join();
    ASSERT_FALSE(outcome.out.ok()) << expression;
    EXPECT_EQ(outcome.out.error().kind, ErrorKind::kCancelled) << expression;
    EXPECT_EQ(outcome.out.error().message(), "interrupted") << expression;
    EXPECT_LT(seconds_since(when), 5.0) << expression;  // generous; a few milliseconds are usual
  }
}

// Catches single operations that take long on the longest string there may be: between two looks at
// the token there is at least one whole operation.
TEST(Cost, NoSingleOperationIsLong) {
  const size_t size = RenderOptions().limits.max_string / 4;
  Json values = variables(size);
  std::string georgian;  // letters with a case, far back in the tables
  for (size_t i = 0; i < size / 3; ++i) georgian += "\u1C90";
  values["u"] = georgian;
  for (const char* expression :
       {"u | upper", "u | lower", "u.title()", "u.swapcase()", "u.strip(u)", "s.strip(t ~ u)",
        "t.rfind('aaaaaaaaaaaaaaaaaaaaaaaac')", "s.find('a' * 30 ~ 'b')", "s.count(t[1:])",
        "u | tojson(ensure_ascii=true)", "n | int", "n | float", "s.rsplit('b' * 40)"}) {
    const auto start = std::chrono::steady_clock::now();
    (void)measure("{% set y = " + std::string(expression) + " %}", values, generous());
    EXPECT_LT(seconds_since(start), 20.0) << expression;  // generous; 0.1 s are usual
  }
}

// A text in a message may be as long as any string; the message may not.
TEST(Cost, MessagesAreShort) {
  const Json values = variables(size_t{1} << 20);
  const Rendering outcome = measure("{{ n | int }}", values, {});
  ASSERT_FALSE(outcome.out.ok());
  EXPECT_LT(outcome.out.error().message().size(), 5000u);
  EXPECT_THAT(outcome.out.error().message(), HasSubstr("the integer 1111"));
  EXPECT_THAT(outcome.out.error().message(), testing::EndsWith("11..."));
}

}  // namespace
}  // namespace lapidary::jinja
