// lapidary chat PACKAGE: a conversation on the terminal, or over a pipe (one line, one turn).
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/stopwatch.h"
#include "cli/attachments.h"
#include "cli/commands.h"
#include "cli/line_reader.h"
#include "cli/media_flags.h"
#include "cli/model_flags.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "runtime/conversation.h"

namespace lapidary::cli {
namespace {

constexpr int64_t kDefaultContext = 8192;

constexpr const char* kHelp =
    "/image FILE  show an image with the next message\n"
    "/audio FILE  let it hear a sound with the next message\n"
    "/video DIR   show a video, as a folder of frames, with the next message\n"
    "/media       what goes with the next message\n"
    "/reset       forget the conversation and what is attached\n"
    "/stats       speed of the last reply\n"
    "/exit        leave (also Ctrl-D)\n"
    "FILE is the rest of the line; ~ is your home folder.\n"
    "Ctrl-C ends a reply, and leaves at the prompt.\n";

struct ChatFlags {
  ModelFlags model;
  MediaFlags media;
  GenerationFlags generation;
  std::string system;
};

class ChatSession {
 public:
  ChatSession(runtime::Conversation conversation, runtime::GenerationOptions options,
              std::string device, double load_seconds, std::string full_remedy)
      : conversation_(std::move(conversation)),
        options_(std::move(options)),
        device_(std::move(device)),
        load_seconds_(load_seconds),
        full_remedy_(std::move(full_remedy)) {}

  Result<int> loop() {
    LineReader reader;
    while (true) {
      const CancelToken& cancel = catch_interrupts(CtrlC::kEndsReply);
      if (!write_out("> ")) return finish_output();
      LAP_ASSIGN_OR_RETURN(const std::optional<std::string> line, reader.next(cancel));
      if (!line) {
        write_out("\n");
        return cancel.cancelled() ? kExitInterrupted : finish_output();
      }
      if (*line == "/exit") return finish_output();
      if (line->empty() || command(*line, cancel)) continue;
      LAP_RETURN_IF_ERROR(reply(*line, cancel));
    }
  }

 private:
  // True when the line was a command.
  bool command(const std::string& line, const CancelToken& cancel) {
    if (line == "/help") {
      write_out(kHelp);
    } else if (line == "/reset") {
      conversation_.clear();
      attachments_.clear();
    } else if (line == "/stats") {
      write_out(last_ ? last_media_ + stats_text(device_, *last_, load_seconds_)
                      : "no reply yet\n");
    } else if (line == "/media") {
      write_out(attachments_.list());
    } else if (const auto item = parse_attachment(line)) {
      attach(*item, cancel);
    } else if (line.starts_with('/')) {
      write_out("unknown command " + line + "; /help lists them\n");
    } else {
      return false;
    }
    return true;
  }

  // Encodes at once, so that a bad file is known at once; the turn finds it in the cache.
  void attach(const encoders::MediaItem& item, const CancelToken& cancel) {
    if (item.path.empty()) {
      report(bad_input(std::string("/") + encoders::name(item.kind), "needs the name of a file"));
      return;
    }
    ProgressDisplay progress;
    auto encoded = conversation_.media_encoder().encode(std::vector{item},
                                                        {.progress = &progress, .cancel = &cancel});
    progress.finish();
    if (!encoded.ok()) {
      report(encoded.error());
      return;
    }
    write_out(attachments_.add(item, std::move(encoded->front())));
  }

  // A turn that does not fit is reported and the session goes on, as after a file that is gone
  // since it was attached; other errors end it.
  Status reply(const std::string& line, const CancelToken& cancel) {
    if (const Status checked = check_utf8("prompt", line); !checked.ok()) {
      report(checked.error());
      return {};
    }
    ProgressDisplay progress;
    ModelText text;
    auto reply =
        conversation_.send({line, attachments_.items()}, options_,
                           {.on_text = [&text](std::string_view piece) { text.write(piece); },
                            .work = {.progress = &progress, .cancel = &cancel}});
    progress.finish();
    text.finish();
    if (!reply.ok()) {
      if (reply.error().kind == ErrorKind::kInternal) return reply.take_error();
      report(reply.error());
      return {};
    }
    last_ = std::move(reply).value();
    last_media_ = media_stats_text(attachments_.items(), attachments_.encoded());
    attachments_.clear();
    if (!last_->text.ends_with('\n')) write_out("\n");
    if (last_->finish_reason == runtime::FinishReason::kLength && conversation_.full()) {
      write_err(fmt::format("lapidary: note: the reply ends here, the conversation is full ({})\n",
                            full_remedy_));
    }
    return {};
  }

  runtime::Conversation conversation_;
  runtime::GenerationOptions options_;
  std::string device_;
  double load_seconds_;
  std::string full_remedy_;
  Attachments attachments_;
  std::optional<runtime::Generation> last_;
  std::string last_media_;  // what --stats says of the media of the last turn
};

Result<int> chat(const ChatFlags& flags) {
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  LAP_RETURN_IF_ERROR(check_utf8("--system", flags.system));
  const Stopwatch watch;
  LAP_ASSIGN_OR_RETURN(runtime::Model model, flags.model.open(work));
  LAP_RETURN_IF_ERROR(model.check_can_chat());
  LAP_ASSIGN_OR_RETURN(runtime::GenerationOptions options, flags.generation.resolve(model));
  const int64_t positions = model.max_context();
  const int64_t context =
      flags.model.context > 0 ? flags.model.context : std::min(positions, kDefaultContext);
  LAP_ASSIGN_OR_RETURN(runtime::Decoder decoder,
                       model.new_decoder({.max_context = context, .chunk = flags.model.chunk}));
  const double load_seconds = watch.seconds();
  progress.finish();
  const std::string device = model.device();
  const std::string full_remedy =
      context < positions
          ? fmt::format("/reset starts a new one; `--context` up to {} makes room for more",
                        positions)
          : "/reset starts a new one";
  ChatSession session(runtime::Conversation(std::move(model), std::move(decoder), flags.system,
                                            flags.media.options(), full_remedy),
                      std::move(options), device, load_seconds, full_remedy);
  return session.loop();
}

}  // namespace

void add_chat_command(Program& program, int& exit_code) {
  auto flags = std::make_shared<ChatFlags>();
  Command command = program.add_command("chat", "Talk with the model, turn by turn");
  flags->model.add_to(command);
  flags->model.add_chunk_to(command);
  flags->model.add_context_to(command);
  flags->media.add_options_to(command);
  flags->generation.add_to(command);
  command.add_option("--system", flags->system, "System message");
  command.on_run([flags, &exit_code] { exit_code = code_or_report(chat(*flags)); });
}

}  // namespace lapidary::cli
