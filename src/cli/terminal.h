// What a command needs of the terminal: exit codes, error lines, Ctrl-C. For progress see
// progress_display.h.
//
//   CancelToken& cancel = catch_interrupts();
//   if (Status s = work(cancel); !s.ok()) return report(s.error());
//   return finish_output();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/printable.h"
#include "base/progress.h"
#include "base/result.h"

namespace lapidary::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;
inline constexpr int kExitUsage = 2;  // the user's file, option or prompt; the system's refusal
inline constexpr int kExitInterrupted = 130;
inline constexpr int kExitPipe = 141;  // nobody reads standard output any more: as a shell has it

int exit_code_of(const Error& error);
// Prints "lapidary: error: ..." as one line on standard error; returns the exit code.
int report(const Error& error);

// What Ctrl-C (SIGINT) asks for. SIGTERM always asks the program to end.
enum class CtrlC { kEndsProgram, kEndsReply };

// From now on the first SIGINT or SIGTERM sets the token that is returned; a second one ends the
// process at once. When the program was asked to end and still runs a second later (in a library, in
// work that does not look at the token), it ends there, with kExitInterrupted and without its
// scratch folders; what it was writing stays as after a kill. Call again to wait for the next first
// one; after a SIGTERM the token stays set.
CancelToken& catch_interrupts(CtrlC ctrl_c = CtrlC::kEndsProgram);

// Writes to standard output and flushes, so that the text is seen as it comes. False when it cannot
// be written (disk full, reader gone). What it quotes from files is written as printable() has it.
bool write_out(std::string_view text);
// One line. What is no UTF-8, as a file's name need not be, is replaced.
bool write_json(const Json& json);
// As write_out, on standard error.
void write_err(std::string_view text);

// A model's text on standard output, as it comes. A model can be brought to write escape sequences:
// a terminal gets them as printable() has them; a pipe or a file gets the bytes.
class ModelText {
 public:
  ModelText();
  // False when it cannot be written.
  bool write(std::string_view piece);
  // After the last piece.
  bool finish();

 private:
  bool terminal_;
  PrintableStream stream_;
};

// Exit code 0, or that of an error line when standard output could not be written; kExitPipe, and no
// line, when its reader is gone.
int finish_output();
// The exit code that a command gave, or that of its error, which is reported.
int code_or_report(const Result<int>& code);
// Writes a command's whole text, or reports why there is none; returns the exit code.
int print_or_report(const Result<std::string>& text);

// All of standard input, or of a regular file, up to 1 GiB. Errors: kIo naming it; kBadInput for
// more; kCancelled.
Result<std::string> read_stdin();
Result<std::string> read_text_file(const std::string& path);

}  // namespace lapidary::cli
