#include "jinja/parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "jinja/expression_parser.h"
#include "jinja/lexer.h"

namespace lapidary::jinja {
namespace {

constexpr int kMaxBlockDepth = 60;

class StatementParser {
 public:
  explicit StatementParser(std::vector<Token> tokens)
      : stream_(std::move(tokens)), expressions_(stream_) {}

  Block run() { return block({}); }

 private:
  using EndTags = std::initializer_list<std::string_view>;

  // Statements up to one of `ends`, which is then current; without ends, to the template's end.
  Block block(EndTags ends) {
    if (++depth_ > kMaxBlockDepth) {
      stream_.fail_at(fmt::format("blocks nested more than {} levels deep", kMaxBlockDepth));
    }
    Block out;
    while (!stream_.at(TokenKind::kEnd)) {
      const int line = stream_.line();
      if (stream_.at(TokenKind::kData)) {
        out.push_back({line, DataStmt{stream_.next().text}});
      } else if (stream_.at(TokenKind::kVariableBegin)) {
        stream_.next();
        ExprPtr value = expressions_.tuple();
        stream_.expect(TokenKind::kVariableEnd, "'}}'");
        out.push_back({line, OutputStmt{std::move(value)}});
      } else {
        stream_.expect(TokenKind::kBlockBegin, "'{%'");
        const auto at_end = [&](std::string_view name) { return stream_.at_name(name); };
        if (std::any_of(ends.begin(), ends.end(), at_end)) {
          --depth_;
          return out;
        }
        statement(out);
        stream_.expect(TokenKind::kBlockEnd, "'%}'");
      }
    }
    if (ends.size() != 0) stream_.fail_at("the template ends; expected " + list(ends));
    --depth_;
    return out;
  }
  static std::string list(EndTags ends) {
    std::string out;
    for (std::string_view end : ends) {
      out += (out.empty() ? "{% " : " or {% ") + std::string(end) + " %}";
    }
    return out;
  }
  // `%}`, then statements to one of `ends`.
  Block body(EndTags ends) {
    stream_.skip_operator(":");
    stream_.expect(TokenKind::kBlockEnd, "'%}'");
    return block(ends);
  }
  // A body that ends with `end`, which is consumed. Filters unknown inside fail at once.
  Block scoped_body(std::string_view end) {
    const bool outer = std::exchange(expressions_.lenient_names, false);
    Block out = body({end});
    expressions_.lenient_names = outer;
    stream_.next();
    return out;
  }

  void statement(Block& out) {
    const int line = stream_.line();
    if (!stream_.at(TokenKind::kName)) stream_.fail_expected("a tag name");
    const std::string tag = stream_.next().text;
    const auto add = [&](auto node) {
      Stmt stmt;
      stmt.line = line;
      stmt.node = std::move(node);
      out.push_back(std::move(stmt));
    };
    if (tag == "if") return add(if_statement());
    if (tag == "for") return add(for_statement());
    if (tag == "set") return set_statement(add);
    if (tag == "macro") return add(macro_statement());
    if (tag == "call") return add(call_block(line));
    if (tag == "filter") return add(filter_block());
    if (tag == "with") return add(with_statement());
    if (tag == "generation") return add(GenerationStmt{scoped_body("endgeneration")});
    if (tag == "print") return print_statement(out, line);
    if (tag == "break" || tag == "continue") {
      if (loop_depth_ == 0) fail_at(line, "{% " + tag + " %} outside a loop");
      if (tag == "break") return add(BreakStmt{});
      return add(ContinueStmt{});
    }
    static constexpr std::string_view kUnsupported[] = {"extends", "block", "include",
                                                        "import",  "from",  "autoescape"};
    if (std::find(std::begin(kUnsupported), std::end(kUnsupported), tag) !=
        std::end(kUnsupported)) {
      fail_at(line, "the tag {% " + tag + " %} is not supported in chat templates",
              ErrorKind::kUnsupported);
    }
    fail_at(line, "unknown or misplaced tag {% " + tag + " %}");
  }
  [[noreturn]] static void fail_at(int line, std::string what,
                                   ErrorKind kind = ErrorKind::kBadInput) {
    throw Failure{kind, std::move(what), line};
  }

  IfStmt if_statement() {
    const bool outer = std::exchange(expressions_.lenient_names, true);
    IfStmt out;
    while (true) {
      ExprPtr test = expressions_.tuple(false);
      out.branches.emplace_back(std::move(test), body({"elif", "else", "endif"}));
      if (!stream_.skip_name("elif")) break;
    }
    if (stream_.skip_name("else")) out.otherwise = body({"endif"});
    stream_.next();
    expressions_.lenient_names = outer;
    return out;
  }

  ForStmt for_statement() {
    ForStmt out;
    out.target = expressions_.target(false, "in");
    if (assigns(out.target, "loop")) stream_.fail_at("cannot assign to the special name 'loop'");
    stream_.expect_name("in");
    out.iterable = expressions_.tuple(false, "recursive");
    const bool outer = std::exchange(expressions_.lenient_names, false);
    if (stream_.skip_name("if")) out.test = expressions_.expression();
    out.recursive = stream_.skip_name("recursive");
    ++loop_depth_;
    out.body = body({"endfor", "else"});
    --loop_depth_;
    if (stream_.skip_name("else")) out.otherwise = body({"endfor"});
    stream_.next();
    expressions_.lenient_names = outer;
    return out;
  }
  static bool assigns(const Target& target, std::string_view name) {
    if (target.kind == Target::Kind::kTuple) {
      return std::any_of(target.targets.begin(), target.targets.end(),
                         [&](const Target& t) { return assigns(t, name); });
    }
    return target.kind == Target::Kind::kName && target.name == name;
  }

  template <typename Add>
  void set_statement(const Add& add) {
    Target target = expressions_.target(true);
    if (stream_.skip_operator("=")) {
      ExprPtr value = expressions_.tuple();
      return add(SetStmt{std::move(target), std::move(value)});
    }
    ExprPtr filter;
    if (stream_.at_operator("|")) filter = expressions_.filters(nullptr);
    add(SetBlockStmt{std::move(target), std::move(filter), scoped_body("endset")});
  }

  std::vector<Parameter> signature() {
    std::vector<Parameter> out;
    stream_.expect_operator("(");
    while (!stream_.at_operator(")")) {
      if (!out.empty()) stream_.expect_operator(",");
      Parameter parameter;
      parameter.name = expressions_.name_target();
      if (stream_.skip_operator("=")) {
        parameter.fallback = expressions_.expression();
      } else if (!out.empty() && out.back().fallback != nullptr) {
        stream_.fail_at("a parameter without default follows one with a default");
      }
      out.push_back(std::move(parameter));
    }
    stream_.expect_operator(")");
    return out;
  }

  // Parses the body of `macro` and notes which special names it uses.
  void macro_body(MacroBody& macro, std::string_view end) {
    expressions_.special_names.emplace_back();
    const int outer_loops = std::exchange(loop_depth_, 0);
    macro.body = scoped_body(end);
    loop_depth_ = outer_loops;
    const auto used = expressions_.special_names.back();
    expressions_.special_names.pop_back();
    const auto is_parameter = [&](std::string_view name) {
      return std::any_of(macro.parameters.begin(), macro.parameters.end(),
                         [&](const Parameter& p) { return p.name == name; });
    };
    macro.uses_caller = used.caller && !is_parameter("caller");
    macro.uses_varargs = used.varargs && !is_parameter("varargs");
    macro.uses_kwargs = used.kwargs && !is_parameter("kwargs");
  }

  MacroStmt macro_statement() {
    auto macro = std::make_shared<MacroBody>();
    macro->name = expressions_.name_target();
    macro->parameters = signature();
    macro_body(*macro, "endmacro");
    return {std::move(macro)};
  }

  CallBlockStmt call_block(int line) {
    auto caller = std::make_shared<MacroBody>();
    caller->name = "caller";
    if (stream_.at_operator("(")) caller->parameters = signature();
    ExprPtr call = expressions_.expression();
    if (!std::holds_alternative<CallExpr>(call->node)) fail_at(line, "{% call %} expects a call");
    macro_body(*caller, "endcall");
    return {std::move(caller), std::move(call)};
  }

  FilterBlockStmt filter_block() {
    ExprPtr filter = expressions_.filters(nullptr, true);
    return {std::move(filter), scoped_body("endfilter")};
  }

  WithStmt with_statement() {
    WithStmt out;
    while (!stream_.at(TokenKind::kBlockEnd)) {
      if (!out.variables.empty()) stream_.expect_operator(",");
      Target target = expressions_.target(false);
      stream_.expect_operator("=");
      out.variables.emplace_back(std::move(target), expressions_.expression());
    }
    out.body = scoped_body("endwith");
    return out;
  }

  void print_statement(Block& out, int line) {
    bool first = true;
    while (!stream_.at(TokenKind::kBlockEnd)) {
      if (!first) stream_.expect_operator(",");
      first = false;
      out.push_back({line, OutputStmt{expressions_.expression()}});
    }
  }

  TokenStream stream_;
  ExpressionParser expressions_;
  int depth_ = 0;
  int loop_depth_ = 0;
};

}  // namespace

Block parse_template(std::string_view source) { return StatementParser(tokenize(source)).run(); }

}  // namespace lapidary::jinja
