// lapidary run PACKAGE PROMPT: one reply, streamed.
#include <algorithm>
#include <chrono>
#include <memory>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/terminal.h"

namespace lapidary::cli {
namespace {

struct RunFlags {
  ModelFlags model;
  GenerationFlags generation;
  std::string prompt;
  std::string system;
  bool raw = false;
  bool stats = false;
  bool json = false;
};

Result<std::string> prompt_text(const RunFlags& flags) {
  if (flags.prompt != "-") return flags.prompt;
  LAP_ASSIGN_OR_RETURN(std::string text, read_stdin());
  // `echo` and editors end a text with a line break that is not meant.
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::vector<int32_t>> prompt_ids(const RunFlags& flags, const runtime::Model& model,
                                        const std::string& text) {
  if (flags.raw) return model.raw_prompt(text);
  Json messages = Json::array();
  if (!flags.system.empty()) {
    messages.push_back(Json{{"role", "system"}, {"content", flags.system}});
  }
  messages.push_back(Json{{"role", "user"}, {"content", text}});
  return model.chat_prompt(messages);
}

// Caches for just what this one reply can need.
int64_t context_for(const RunFlags& flags, const runtime::Model& model, size_t prompt,
                    int64_t max_tokens) {
  if (flags.model.context > 0) return flags.model.context;
  const int64_t positions = model.manifest().text.max_positions;
  const auto used = static_cast<int64_t>(prompt);
  return used >= positions ? positions : used + std::min(max_tokens, positions - used);
}

Json reply_json(const std::vector<int32_t>& prompt, const runtime::Generation& reply,
                double load_seconds) {
  return {{"prompt_tokens", prompt},
          {"tokens", reply.tokens},
          {"text", reply.text},
          {"finish_reason", runtime::name(reply.finish_reason)},
          {"timings", timings_json(reply, load_seconds)}};
}

void print_reply(const RunFlags& flags, const std::vector<int32_t>& prompt,
                 const runtime::Generation& reply, double load_seconds) {
  if (flags.json) {
    write_out(reply_json(prompt, reply, load_seconds).dump() + "\n");
  } else if (!reply.text.ends_with('\n')) {
    write_out("\n");
  }
  if (flags.stats) std::fputs(stats_text(reply, load_seconds).c_str(), stderr);
}

Result<int> run(const RunFlags& flags) {
  CancelToken& cancel = catch_interrupts();
  if (flags.raw && !flags.system.empty()) {
    return bad_input("--system", "has no meaning with --raw", "put the text into the prompt");
  }
  LAP_ASSIGN_OR_RETURN(const std::string text, prompt_text(flags));
  LAP_RETURN_IF_ERROR(check_utf8("prompt", text));
  LAP_RETURN_IF_ERROR(check_utf8("--system", flags.system));
  const auto start = std::chrono::steady_clock::now();
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(cancel));
  LAP_ASSIGN_OR_RETURN(const runtime::GenerationOptions options, flags.generation.resolve(model));
  LAP_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt, prompt_ids(flags, model, text));
  const int64_t context = context_for(flags, model, prompt.size(), options.max_tokens);
  LAP_ASSIGN_OR_RETURN(runtime::Decoder decoder,
                       model.new_decoder({.max_context = context, .chunk = flags.model.chunk}));
  const double load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  runtime::GenerationHooks hooks{.on_text = {}, .cancel = &cancel};
  if (!flags.json) {
    // Nobody reads on: finish_output() reports why.
    hooks.on_text = [&cancel](std::string_view piece) {
      if (!write_out(piece)) cancel.cancel();
    };
  }
  LAP_ASSIGN_OR_RETURN(const runtime::Generation reply,
                       runtime::generate(decoder, model.tokenizer(), prompt, options, hooks));
  print_reply(flags, prompt, reply, load_seconds);
  const int written = finish_output();
  if (written != kExitOk) return written;
  return reply.finish_reason == runtime::FinishReason::kCancelled ? kExitInterrupted : kExitOk;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Generate a reply to one prompt");
  flags->model.add_to(*command);
  flags->model.add_context_to(*command);
  command->add_option("PROMPT", flags->prompt, "The prompt; - reads standard input")->required();
  flags->generation.add_to(*command);
  command->add_option("--system", flags->system, "System message of the chat template");
  command->add_flag("--raw", flags->raw, "Continue the prompt as it is: no chat template");
  command->add_flag("--stats", flags->stats, "Print speed and memory to standard error");
  command->add_flag("--json", flags->json, "Print one JSON object instead of the text");
  command->callback([flags, &exit_code] {
    const Result<int> result = run(*flags);
    exit_code = result.ok() ? result.value() : report(result.error());
  });
}

}  // namespace lapidary::cli
