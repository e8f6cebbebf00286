// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "example.h"
#include "jinja/bind.h"
#include "jinja/runtime.h"
#include "jinja/template.h"
#include "jinja/unicode.h"
#include "jinja/value.h"

namespace lapidary::jinja {

int64_t bind_example(Arguments arguments) {
  // [jinja/bind.h]
  Bound args("indent", std::move(arguments), {"width", "first", "blank"});
  int64_t width = args.integer(0, 4);
  // [end]
  return width;
}

Status template_example() {
  // [jinja/template.h]
  LAP_ASSIGN_OR_RETURN(Template t, Template::parse("Hello {{ name }}!", "greeting.jinja"));
  LAP_ASSIGN_OR_RETURN(std::string text, t.render({{"name", "Ada"}}));  // "Hello Ada!"
  // [end]
  EXPECT_EQ(text, "Hello Ada!");
  return {};
}

TEST(JinjaExamples, Bind) { EXPECT_EQ(bind_example({}), 4); }

TEST(JinjaExamples, Template) { expect_ok(template_example()); }

TEST(JinjaExamples, Unicode) {
  // [jinja/unicode.h]
  Text text = decode("Größe");              // code points; text.size() == 5
  std::string large = encode(upper(text));  // "GRÖSSE"
  // [end]
  EXPECT_EQ(text.size(), 5U);
  EXPECT_EQ(large, "GRÖSSE");
}

TEST(JinjaExamples, Value) {
  Runtime runtime({}, std::nullopt, nullptr);
  // [jinja/value.h]
  Value list = Value::list({Value(int64_t{1}), Value("two")});
  std::string shown = repr(list, runtime);  // "[1, 'two']"
  // [end]
  EXPECT_EQ(shown, "[1, 'two']");
}

}  // namespace lapidary::jinja
