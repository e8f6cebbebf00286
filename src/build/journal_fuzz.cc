// libFuzzer target: any bytes as the journal of an unfinished build. What is read is the same when
// it is written and read again, and a component's files are its own.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/testing/fuzz.h"
#include "build/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzzing = lapidary::fuzzing;
  namespace build = lapidary::build;
  static const fuzzing::Folder folder;
  folder.write(build::kJournalFile, fuzzing::text_of(data, size));
  const fuzzing::MemoryBound bound(size);
  const build::Journal journal = build::Journal::read(folder.path());
  for (const auto& [name, component] : journal.components) {
    for (const auto& file : component.files) {
      const std::filesystem::path path(file.path);
      fuzzing::require(path.is_relative() && *path.begin() == name && path != name,
                       "a file is not its component's");
      for (const auto& part : path) fuzzing::require(part != "..", "a file leads out by '..'");
    }
  }
  fuzzing::require(journal.write(folder.path()).ok(), "the journal cannot be written");
  const std::string written = folder.read(build::kJournalFile);
  const build::Journal again = build::Journal::read(folder.path());
  fuzzing::require(again.write(folder.path()).ok(), "the journal cannot be written");
  fuzzing::require(folder.read(build::kJournalFile) == written,
                   "a journal changed when it was written and read");
  return 0;
}
