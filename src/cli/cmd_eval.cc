// lapidary eval PACKAGE --text FILE: perplexity.
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/terminal.h"
#include "eval/perplexity.h"

namespace lapidary::cli {
namespace {

struct EvalFlags {
  ModelFlags model;
  std::string text;
  bool json = false;
};

// Redraws one line on a terminal; a line for every tenth part elsewhere.
void show_progress(int64_t line, int64_t lines) {
  if (isatty(STDERR_FILENO) == 1) {
    std::fprintf(stderr, "\r\x1b[Keval: line %lld of %lld", static_cast<long long>(line),
                 static_cast<long long>(lines));
    if (line == lines) std::fputs("\r\x1b[K", stderr);
  } else if (line == lines || line * 10 / lines != (line - 1) * 10 / lines) {
    std::fprintf(stderr, "eval: line %lld of %lld\n", static_cast<long long>(line),
                 static_cast<long long>(lines));
  }
}

void print(const eval::Perplexity& result, bool as_json) {
  if (as_json) {
    write_out(Json{{"perplexity", result.perplexity},
                   {"tokens", result.tokens},
                   {"lines", result.lines},
                   {"mean_nll", result.mean_nll},
                   {"seconds", result.seconds},
                   {"peak_memory_bytes", peak_resident_bytes()}}
                  .dump() +
              "\n");
    return;
  }
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "perplexity %.6f over %lld tokens in %lld lines, %.1f s\n", result.perplexity,
                static_cast<long long>(result.tokens), static_cast<long long>(result.lines),
                result.seconds);
  write_out(text.data());
}

Result<int> evaluate(const EvalFlags& flags) {
  const CancelToken& cancel = catch_interrupts();
  LAP_ASSIGN_OR_RETURN(const std::string text, read_text_file(flags.text));
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(cancel));
  LAP_ASSIGN_OR_RETURN(const eval::Perplexity result, eval::perplexity(model, text,
                                                                       {.where = flags.text,
                                                                        .chunk = flags.model.chunk,
                                                                        .cancel = &cancel,
                                                                        .on_line = show_progress}));
  print(result, flags.json);
  return finish_output();
}

}  // namespace

void add_eval_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = app.add_subcommand("eval", "Measure the perplexity of a text");
  flags->model.add_to(*command);
  command->add_option("--text", flags->text, "Text file; each line stands alone after <bos>")
      ->required();
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, &exit_code] {
    const Result<int> result = evaluate(*flags);
    exit_code = result.ok() ? result.value() : report(result.error());
  });
}

}  // namespace lapidary::cli
