// Templates nobody should write: damaged, hostile, endless. All must end in a Result, soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/testing/source_dir.h"
#include "jinja/template.h"

namespace lapidary::jinja {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGoldens = source_dir() / "tests" / "golden" / "jinja";

std::string rich_template() {
  std::ifstream in(kGoldens / "channel_turns.jinja", std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  EXPECT_GT(out.str().size(), 5000u);
  return out.str();
}

Json conversation() {
  auto goldens = load_json(kGoldens / "conversations.json");
  EXPECT_TRUE(goldens.ok());
  return (*goldens)["variables"][19];  // tools, a call, an answer, thinking
}

// Small bounds, so that a damaged template that loops is stopped at once.
RenderOptions strict() {
  RenderOptions options;
  options.limits.max_steps = 300'000;
  options.limits.max_string = 1u << 20;
  return options;
}

// Parses and renders; returns whether text came out. What counts is that it returns at all.
bool survives(std::string_view source, const Json& variables) {
  auto parsed = Template::parse(source, "t");
  if (!parsed.ok()) {
    EXPECT_FALSE(parsed.error().message().empty());
    return false;
  }
  auto out = parsed->render(variables, strict());
  EXPECT_TRUE(out.ok() || out.error().kind != ErrorKind::kInternal) << out.error().message();
  return out.ok();
}

// Catches reads past the end of the source in lexer and parser.
TEST(Robustness, TruncatedAtEveryByte) {
  const std::string source = rich_template();
  const Json variables = conversation();
  int rendered = 0;
  for (size_t size = 0; size <= source.size(); ++size) {
    rendered += survives(std::string_view(source).substr(0, size), variables) ? 1 : 0;
  }
  EXPECT_GT(rendered, 50);
  EXPECT_LT(rendered, static_cast<int>(source.size()));
}

// Catches crashes of the evaluator on programs that parse but mean nothing.
TEST(Robustness, RandomDamage) {
  const std::string source = rich_template();
  const Json variables = conversation();
  std::mt19937 random(7);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  int rendered = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = source;
    for (size_t edits = 1 + pick(4); edits > 0; --edits) {
      const size_t at = pick(damaged.size());
      switch (pick(4)) {
        case 0:
          damaged[at] = static_cast<char>(pick(128));
          break;
        case 1:
          damaged[at] = "{}%#[]()'\"|.,~-+*/=<>! 09az_"[pick(28)];
          break;
        case 2:
          damaged.erase(at, 1 + pick(12));
          break;
        default:
          damaged.insert(at, source, pick(source.size() - 20), 1 + pick(20));
      }
    }
    rendered += survives(damaged, variables) ? 1 : 0;
  }
  EXPECT_GT(rendered, 100);
}

// Every bound must bite: each of these would run for hours, take all memory or the whole stack.
TEST(Robustness, HostileTemplatesEndInAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "steps"},
      {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nested too deeply"},
      {"{% macro m(n) %}{{ m(n) ~ m(n) }}{% endmacro %}{{ m(1) }}", "nested too deeply"},
      {"{{ 'a' * 99999999999 }}", "longer than"},
      {"{{ [0] * 99999999999 }}", "too long"},
      {"{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor "
       "%}",
       "limit"},
      {"{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor "
       "%}",
       "limit"},
      {"{% set n = namespace(x=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
       "{{ n.x }}",
       ""},
      {"{% set n = namespace(x=[], y=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
       "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
       "steps"},
      {"{% set n = namespace(x=[]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
       "{{ n.x | tojson }}",
       ""},
      {"{% set n = namespace(x=[]) %}{% for i in range(5000) %}{% set n.x = [n.x] %}{% endfor %}",
       "nested too deeply"},
      {"{% set n = namespace() %}{% set n.n = n %}{{ n }}", "nested too deeply"},
      {"{{ range(10 ** 18) | list }}", "range too big"},
      {"{{ '%999999999d' % 1 }}", "too large"},
      {"{{ '{:999999999}'.format(1) }}", "too large"},
      {"{{ 'x'.center(99999999999) }}", "limit"},
      {"{{ 'x' | indent(99999999999) }}", "limit"},
      {"{{ 9223372036854775807 + 1 }}", "64 bits"},
      {"{{ -9223372036854775807 - 2 }}", "64 bits"},
      {"{{ (-9223372036854775807 - 1) // -1 }}", "64 bits"},
      {"{{ 2 ** 64 }}", "64 bits"},
      {"{{ 10 ** 400 }}", "64 bits"},
      {"{{ 'ab' | replace('', 'x' * 3000000) }}", "string"},
      {"{{ strftime_now('%99999999d') }}", "strftime_now"},
  };
  for (const auto& [source, part] : cases) {
    const auto start = std::chrono::steady_clock::now();
    auto parsed = Template::parse(source, "t");
    ASSERT_TRUE(parsed.ok()) << source << parsed.error().message();
    RenderOptions options;
    options.limits.max_steps = 3'000'000;
    options.limits.max_string = 4u << 20;
    options.limits.max_items = 100'000;
    auto out = parsed->render(Json::object(), options);
    ASSERT_FALSE(out.ok()) << source;
    EXPECT_THAT(out.error().message(), HasSubstr(part)) << source;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_LT(took.count(), 60.0) << source;  // generous: sanitizers, busy machines
  }
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Deep nesting of any kind must not take the stack, in parsing, running or freeing.
TEST(Robustness, DeepNestingIsRefused) {
  const int n = 100'000;
  const std::string cases[] = {
      "{{ " + repeat("(", n),
      "{{ " + repeat("[", n) + repeat("]", n) + " }}",
      "{{ " + repeat("{1:", n),
      "{{ " + repeat("-", n) + "1 }}",
      "{{ " + repeat("not ", n) + "1 }}",
      "{{ 1" + repeat(" + 1", n) + " }}",
      "{{ 1" + repeat(" ** 1", n) + " }}",
      "{{ 1" + repeat(" or 1", n) + " }}",
      "{{ x" + repeat(".a", n) + " }}",
      "{{ x" + repeat("[0]", n) + " }}",
      "{{ x" + repeat("()", n) + " }}",
      "{{ x" + repeat("|list", n) + " }}",
      "{{ x" + repeat(" is none", n) + " }}",
      "{{ 1" + repeat(" if 1 else 1", n) + " }}",
      "{{ " + repeat("f(", n),
      repeat("{% if 1 %}", n),
      repeat("{% for x in y %}", n),
      "{% set " + repeat("(", n),
  };
  for (const std::string& source : cases) {
    auto parsed = Template::parse(source, "t");
    EXPECT_FALSE(parsed.ok()) << source.substr(0, 40);
  }
}

// Macros that recurse as deep as allowed through the widest frames must fit into the stack.
TEST(Robustness, DeepestAllowedRecursionFits) {
  auto parsed = Template::parse(
      "{% macro m(n) %}{% if true %}{% for x in [1] %}{% with y = 1 %}{% filter upper %}"
      "{{ ((((((((m(n) | trim) ~ 'a') | upper) ~ 'b') | lower) ~ 'c') | title) ~ 'd') }}"
      "{% endfilter %}{% endwith %}{% endfor %}{% endif %}{% endmacro %}{{ m(1) }}",
      "t");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  auto out = parsed->render(Json::object());
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.error().message(), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace lapidary::jinja
