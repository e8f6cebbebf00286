// libFuzzer target: any bytes as the file of `lapidary eval --media`.
#include <cstddef>
#include <cstdint>

#include "base/testing/fuzz.h"
#include "eval/media_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzzing = lapidary::fuzzing;
  static const fuzzing::Folder folder;
  const auto path = folder.write("eval.json", fuzzing::text_of(data, size));
  const fuzzing::MemoryBound bound(size, 256);
  const auto questions = lapidary::eval::load_media_set(path);
  if (!fuzzing::accepted(questions)) return 0;
  fuzzing::require(!questions->empty(), "a set without a question was accepted");
  for (const auto& question : *questions) {
    fuzzing::require(!question.file.empty(), "a question has no file");
    for (const int32_t id : question.recorded) fuzzing::require(id >= 0, "an id is negative");
  }
  return 0;
}
