// What the process is set up for before a command runs.
#pragma once

namespace lapidary::cli {

// From now on
// - writing to a pipe without a reader, or past a limit on file sizes, is an error of the write
//   (EPIPE, EFBIG) that the command reports, and no signal that ends the process;
// - a mapped file that gets shorter is an error of its reader (base/guarded_mapping.h);
// - 32 MiB of address space are held back and given free when memory runs out for the first time, so
//   that there is some for the way out: destructors of documents take memory, and where there is
//   none they end the process. What still ends for want of memory says so in one line on standard
//   error, with exit code 2, and not with SIGABRT.
// Call once, first thing in main.
void prepare_process();

}  // namespace lapidary::cli
