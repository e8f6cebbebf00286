// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include "cli/attachments.h"
#include "cli/command.h"
#include "cli/progress_display.h"
#include "cli/terminal.h"
#include "example.h"
#include "encoders/media_encoder.h"

namespace lapidary::cli {

void attachments_example(Attachments& attachments, encoders::EncodedMedia encoded) {
  // [cli/attachments.h]
  if (const auto item = parse_attachment("/image ~/my photos/fox.png")) {
    write_out(attachments.add(*item, std::move(encoded)));
  }
  // [end]
}

Status progress_display_example(encoders::MediaEncoder& encoder,
                                const std::vector<encoders::MediaItem>& items) {
  // [cli/progress_display.h]
  ProgressDisplay progress;
  const Work work{.progress = &progress, .cancel = &catch_interrupts()};
  LAP_ASSIGN_OR_RETURN(const auto encoded, encoder.encode(items, work));
  progress.finish();   // before anything else is printed
  // [end]
  return {};
}

struct PlanFlags {
  int threads = 0;
  bool json = false;
};

Status command_example(int argc, const char* const* argv, int& exit_code,
                       const std::shared_ptr<PlanFlags>& flags,
                       const std::function<int(const PlanFlags&)>& plan) {
  // [cli/command.h]
  Program program("Packages of Gemma 4 models.", "lapidary", "lapidary 0.1.0");
  Command command = program.add_command("plan", "Say what a build would take");
  command.add_option("--threads", flags->threads, "Threads").between(0, 1024);
  command.add_flag("--json", flags->json, "Print one JSON object");
  command.on_run([flags, plan, &exit_code] { exit_code = plan(*flags); });
  LAP_RETURN_IF_ERROR(program.parse(argc, argv));
  // [end]
  return {};
}

int terminal_example(const std::function<Status(const CancelToken&)>& work) {
  // [cli/terminal.h]
  CancelToken& cancel = catch_interrupts();
  if (Status s = work(cancel); !s.ok()) return report(s.error());
  return finish_output();
  // [end]
}

}  // namespace lapidary::cli
