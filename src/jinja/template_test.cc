// Templates against what Python's jinja2 renders (tests/oracle/make_jinja_goldens.py).
#include "jinja/template.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/testing/source_dir.h"

namespace lapidary::jinja {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kGoldens = source_dir() / "tests" / "golden" / "jinja";

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

Result<std::string> render(const std::string& source, const Json& variables,
                           const RenderOptions& options = {}) {
  LAP_ASSIGN_OR_RETURN(Template t, Template::parse(source, "t"));
  return t.render(variables, options);
}

std::string error_of(const std::string& source, const RenderOptions& options = {}) {
  auto out = render(source, Json::object(), options);
  return out.ok() ? "no error: " + *out : out.error().message();
}

// `expected` null stands for any error.
void expect_same(const std::string& source, const Json& variables, const Json& expected) {
  auto out = render(source, variables);
  if (expected.is_null()) {
    EXPECT_FALSE(out.ok()) << source << "\n  gives: " << *out << "\n  Python: an error";
    return;
  }
  ASSERT_TRUE(out.ok()) << source << "\n  gives: " << out.error().message()
                        << "\n  Python: " << expected.get<std::string>();
  EXPECT_EQ(*out, expected.get<std::string>()) << source;
}

// Catches any difference from Python in an operator, filter, test, method, statement, white-space
// rule or number format: some 700 small templates that use each of them.
TEST(Template, SnippetsRenderAsInPython) {
  auto goldens = load_json(kGoldens / "snippets.json");
  ASSERT_TRUE(goldens.ok()) << goldens.error().message();
  const Json& context = (*goldens)["context"];
  ASSERT_GT((*goldens)["cases"].size(), 600u);
  for (const Json& golden : (*goldens)["cases"]) {
    expect_same(golden[0].get<std::string>(), golden[1].empty() ? context : golden[1], golden[2]);
  }
}

// Catches differences that only whole chat templates show: macros that call each other, nested
// schemas, turns with tools, media and thoughts.
TEST(Template, ConversationsRenderAsInPython) {
  auto goldens = load_json(kGoldens / "conversations.json");
  ASSERT_TRUE(goldens.ok()) << goldens.error().message();
  const std::filesystem::path tiny =
      source_dir() / "models" / "tiny-gemma4" / "checkpoint" / "chat_template.jinja";
  ASSERT_GE((*goldens)["cases"].size(), 90u);
  for (const Json& golden : (*goldens)["cases"]) {
    const auto name = golden[0].get<std::string>();
    const Json& variables = (*goldens)["variables"][golden[1].get<size_t>()];
    SCOPED_TRACE(fmt::format("{} with variables {}", name, golden[1].get<size_t>()));
    expect_same(read(name == "tiny" ? tiny : kGoldens / name), variables, golden[2]);
  }
}

// Errors must say where: the file and the line of the construct, also inside a macro.
TEST(Template, ErrorsNameLineAndConstruct) {
  EXPECT_EQ(error_of("a\n{% include 'x' %}"),
            "t: line 2: the tag {% include %} is not supported in chat templates");
  EXPECT_EQ(error_of("\n\n{{ x | sparkle }}"), "t: line 3: there is no filter named 'sparkle'");
  EXPECT_EQ(error_of("{% macro m() %}\n{{ x.y }}{% endmacro %}\n{{ m() }}"),
            "t: line 2: 'x' is undefined");
  EXPECT_EQ(error_of("{% for x in [1] %}"),
            "t: line 1: the template ends; expected {% endfor %} or {% else %}");
  EXPECT_THAT(error_of("{{ raise_exception('roles must alternate') }}"),
              HasSubstr("roles must alternate"));
  EXPECT_THAT(error_of("{{ [].append(1) }}"), HasSubstr("'append' of 'list' object is unsafe"));
  EXPECT_THAT(error_of("{{ 'a'.encode() }}"), HasSubstr("the string method 'encode'"));
}

// strftime_now must use the time it is given; a template that tells the date needs no clock in
// tests.
TEST(Template, StrftimeUsesTheGivenTime) {
  RenderOptions options;
  options.now = 1'700'000'000;  // 14 or 15 November 2023, whatever the time zone
  auto out = render("{{ strftime_now('%Y-%m') }}", Json::object(), options);
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_EQ(*out, "2023-11");
}

// Bad text in variables must be an error, not broken output.
TEST(Template, VariablesMustBeValid) {
  EXPECT_THAT(render("{{ x }}", {{"x", "\xff"}}).error().message(), HasSubstr("x: text is not"));
  EXPECT_THAT(render("{{ x }}", {{"x", {{"a", {1, 18446744073709551615ull}}}}}).error().message(),
              HasSubstr("x.a[1]: integer 18446744073709551615"));
  EXPECT_FALSE(Template::parse("\xc3", "t").ok());
}

}  // namespace
}  // namespace lapidary::jinja
