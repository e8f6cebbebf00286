// Jinja templates, as Hugging Face renders chat templates: parse once, render often.
//
//   LAP_ASSIGN_OR_RETURN(Template t, Template::parse("Hello {{ name }}!", "greeting.jinja"));
//   LAP_ASSIGN_OR_RETURN(std::string text, t.render({{"name", "Ada"}}));  // "Hello Ada!"
//
// The dialect and its settings are those of transformers' apply_chat_template over Jinja 3.1
// (ImmutableSandboxedEnvironment; trim_blocks, lstrip_blocks; loop controls; `tojson` is
// json.dumps; raise_exception, strftime_now): the same text comes out, or an Error naming the
// construct and its line. Not supported: template inheritance, include and import, integers
// beyond 64 bits, and a few filters of little use in prompts (pprint, urlize, wordwrap, xmlattr,
// striptags, random).
//
// Templates are untrusted: a rendering is bounded in work, time, memory and depth (Limits). A
// Template is immutable; threads may share it.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "jinja/runtime.h"

namespace lapidary::jinja {

struct RenderOptions {
  Limits limits;
  std::optional<std::time_t> now;       // what strftime_now takes for the time; nothing: the clock
  const CancelToken* cancel = nullptr;  // looked at every few milliseconds
};

class Template {
 public:
  // `where` names the source in errors ("chat_template.jinja").
  static Result<Template> parse(std::string_view source, std::string where);

  // `variables`: a JSON object, the names the template sees besides the built-in functions.
  // Errors, with template and line: what the template refuses or cannot do; a limit passed;
  // kCancelled. `steps`, when given, becomes the work done, in steps, also after an error.
  Result<std::string> render(const Json& variables, const RenderOptions& options = {},
                             uint64_t* steps = nullptr) const;

 private:
  struct Tree;
  explicit Template(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}

  std::shared_ptr<const Tree> tree_;
};

}  // namespace lapidary::jinja
