// lapidary run PACKAGE PROMPT: one reply, streamed.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/json.h"
#include "base/stopwatch.h"
#include "cli/commands.h"
#include "cli/media_flags.h"
#include "cli/model_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "encoders/media_encoder.h"
#include "runtime/user_turn.h"

namespace lapidary::cli {
namespace {

struct RunFlags {
  ModelFlags model;
  MediaFlags media;
  GenerationFlags generation;
  std::string prompt;
  std::string system;
  bool raw = false;
  bool stats = false;
  bool json = false;
};

// What is asked, with what was seen and heard.
struct Question {
  runtime::UserTurn turn;
  std::vector<encoders::EncodedMedia> media;  // of turn.media
  engine::Prompt prompt;
};

struct Reply {
  runtime::Generation generation;
  double load_seconds = 0;  // of everything but the encoders
};

Result<std::string> prompt_text(const RunFlags& flags) {
  if (flags.prompt != "-") return flags.prompt;
  LAP_ASSIGN_OR_RETURN(std::string text, read_stdin());
  // `echo` and editors end a text with a line break that is not meant.
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<Question> ask(const RunFlags& flags, const runtime::Model& model, runtime::UserTurn turn,
                     const Work& work) {
  Json messages = Json::array();
  if (!flags.system.empty()) {
    messages.push_back(Json{{"role", "system"}, {"content", flags.system}});
  }
  // Before the encoders run: tokens that the model cannot read, and placeholders that do not fit the
  // files.
  if (flags.raw) {
    LAP_RETURN_IF_ERROR(model.check_text(turn.text));
  } else {
    LAP_ASSIGN_OR_RETURN(Json content, runtime::turn_content(turn, model));
    messages.push_back(Json{{"role", "user"}, {"content", std::move(content)}});
  }
  Question out;
  encoders::MediaEncoder encoder(model.media_model(), flags.media.options());
  LAP_ASSIGN_OR_RETURN(out.media, encoder.encode(turn.media, work));
  LAP_ASSIGN_OR_RETURN(out.prompt, flags.raw ? model.raw_prompt(turn.text, out.media)
                                             : model.chat_prompt(messages, out.media, work.cancel));
  out.turn = std::move(turn);
  return out;
}

// Caches for just what this one reply can need.
int64_t context_for(const RunFlags& flags, const runtime::Model& model, size_t prompt,
                    int64_t max_tokens) {
  if (flags.model.context > 0) return flags.model.context;
  const int64_t positions = model.max_context();
  const auto used = static_cast<int64_t>(prompt);
  return used >= positions ? positions : used + std::min(max_tokens, positions - used);
}

Json reply_json(const runtime::Model& model, const Question& question, const Reply& reply) {
  Json json = {{"device", model.device()},
               {"prompt_tokens", question.prompt.ids},
               {"tokens", reply.generation.tokens},
               {"text", reply.generation.text},
               {"finish_reason", runtime::name(reply.generation.finish_reason)},
               {"timings", timings_json(reply.generation, reply.load_seconds)}};
  if (!question.media.empty()) json["media"] = media_json(question.turn.media, question.media);
  return json;
}

void print_reply(const RunFlags& flags, const runtime::Model& model, const Question& question,
                 const Reply& reply) {
  if (flags.json) {
    write_json(reply_json(model, question, reply));
  } else if (!reply.generation.text.ends_with('\n')) {
    write_out("\n");
  }
  if (!flags.stats) return;
  const std::string media = media_stats_text(question.turn.media, question.media);
  write_err(media + stats_text(model.device(), reply.generation, reply.load_seconds));
}

Result<Reply> answer(const RunFlags& flags, const runtime::Model& model, const Question& question,
                     const runtime::GenerationOptions& options, ProgressSink& progress,
                     CancelToken& cancel) {
  const Stopwatch watch;
  const int64_t context = context_for(flags, model, question.prompt.ids.size(), options.max_tokens);
  LAP_ASSIGN_OR_RETURN(runtime::Decoder decoder,
                       model.new_decoder({.max_context = context, .chunk = flags.model.chunk}));
  Reply reply;
  reply.load_seconds = watch.seconds();
  runtime::GenerationHooks hooks{.on_text = {}, .work = {.progress = &progress, .cancel = &cancel}};
  ModelText text;
  if (!flags.json) {
    // Nobody reads on: finish_output() reports why.
    hooks.on_text = [&text, &cancel](std::string_view piece) {
      if (!text.write(piece)) cancel.cancel();
    };
  }
  LAP_ASSIGN_OR_RETURN(reply.generation, runtime::generate(decoder, model.tokenizer(),
                                                           question.prompt, options, hooks));
  text.finish();
  return reply;
}

Result<int> run(const RunFlags& flags) {
  CancelToken& cancel = catch_interrupts();
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &cancel};
  if (flags.raw && !flags.system.empty()) {
    return bad_input("--system", "has no meaning with --raw", "put the text into the prompt");
  }
  runtime::UserTurn turn;
  LAP_ASSIGN_OR_RETURN(turn.media, flags.media.items());
  LAP_ASSIGN_OR_RETURN(turn.text, prompt_text(flags));
  LAP_RETURN_IF_ERROR(check_utf8("prompt", turn.text));
  LAP_RETURN_IF_ERROR(check_utf8("--system", flags.system));
  const Stopwatch watch;
  LAP_ASSIGN_OR_RETURN(const runtime::Model model, flags.model.open(work));
  const double open_seconds = watch.seconds();
  LAP_ASSIGN_OR_RETURN(const runtime::GenerationOptions options, flags.generation.resolve(model));
  LAP_ASSIGN_OR_RETURN(const Question question, ask(flags, model, std::move(turn), work));
  LAP_ASSIGN_OR_RETURN(Reply reply, answer(flags, model, question, options, progress, cancel));
  progress.finish();
  reply.load_seconds += open_seconds;
  print_reply(flags, model, question, reply);
  const int written = finish_output();
  if (written != kExitOk) return written;
  return reply.generation.finish_reason == runtime::FinishReason::kCancelled ? kExitInterrupted
                                                                             : kExitOk;
}

}  // namespace

void add_run_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<RunFlags>();
  Command command = program.add_command("run", "Generate a reply to one prompt");
  flags->model.add_to(command);
  flags->model.add_chunk_to(command);
  flags->model.add_context_to(command);
  command.add_option("PROMPT", flags->prompt, "The prompt; - reads standard input").required();
  flags->media.add_items_to(command);
  flags->media.add_options_to(command);
  flags->generation.add_to(command);
  command.add_option("--system", flags->system, "System message of the chat template");
  command.add_flag("--raw", flags->raw, "Continue the prompt as it is: no chat template");
  command.add_flag("--stats", flags->stats, "Print speed and memory to standard error");
  command.add_flag("--json", flags->json, "Print one JSON object instead of the text");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(run(*flags)); });
}

}  // namespace lapidary::cli
