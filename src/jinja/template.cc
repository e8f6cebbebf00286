#include "jinja/template.h"

#include <fmt/core.h>

#include <exception>

#include "jinja/from_json.h"
#include "jinja/globals.h"
#include "jinja/interpreter.h"
#include "jinja/parser.h"
#include "jinja/unicode.h"

namespace lapidary::jinja {
namespace {

constexpr size_t kMaxSource = 8u << 20;

// What a template can put into a message (a text that is no number, a key that is missing) may be
// as long as any string.
std::string shortened(std::string text) {
  constexpr size_t kMost = 4096;
  if (text.size() <= kMost) return text;
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

Error to_error(const Failure& failure, const std::string& where, int line) {
  if (failure.kind == ErrorKind::kCancelled) return cancelled();
  if (failure.line != 0) line = failure.line;
  const std::string place = line == 0 ? where : fmt::format("{}: line {}", where, line);
  return {failure.kind, shortened(failure.what), place, failure.remedy};
}

// Tells the steps when a rendering ends, however it does.
class StepReport {
 public:
  StepReport(const Runtime& runtime, uint64_t* steps) : runtime_(runtime), steps_(steps) {}
  ~StepReport() {
    if (steps_ != nullptr) *steps_ = runtime_.steps();
  }
  StepReport(const StepReport&) = delete;
  StepReport& operator=(const StepReport&) = delete;

 private:
  const Runtime& runtime_;
  uint64_t* steps_;
};

}  // namespace

struct Template::Tree {
  std::string where;
  Block block;
};

Result<Template> Template::parse(std::string_view source, std::string where) {
  if (source.size() > kMaxSource) return bad_input(where, "the template is larger than 8 MB");
  if (!valid_utf8(source)) return bad_input(where, "the template is not valid UTF-8");
  try {
    auto tree = std::make_shared<Tree>();
    tree->block = parse_template(source);
    tree->where = std::move(where);
    return Template(std::move(tree));
  } catch (const Failure& failure) {
    return to_error(failure, where, 0);
  } catch (const std::exception& e) {
    return internal_error(where, std::string("parsing failed: ") + e.what());
  }
}

Result<std::string> Template::render(const Json& variables, const RenderOptions& options,
                                     uint64_t* steps) const {
  if (!variables.is_object()) return internal_error(tree_->where, "the variables are no object");
  Runtime runtime(options.limits, options.now, options.cancel);
  const StepReport report(runtime, steps);
  try {
    Interpreter interpreter(runtime);
    auto scope = std::make_shared<Scope>(nullptr);
    define_globals(*scope);
    for (const auto& [name, value] : variables.items()) {
      scope->set(name, from_json(value, name, runtime));
    }
    std::string out;
    interpreter.run(tree_->block, scope, out);
    return out;
  } catch (const Failure& failure) {
    return to_error(failure, tree_->where, runtime.line);
  } catch (const std::exception& e) {
    return internal_error(tree_->where, std::string("rendering failed: ") + e.what());
  }
}

}  // namespace lapidary::jinja
