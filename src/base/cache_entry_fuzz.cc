// libFuzzer target: an entry of a cache. The input is its list (entry.json), a zero byte, and its
// file. What is handed out must be what the list says, byte for byte.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/cache_entry.h"
#include "base/testing/fuzz.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace cache_files = lapidary::cache_files;

constexpr const char* kKey = "0123456789abcdef0123456789abcdef";

const lapidary::FileHandle& entries(const fuzzing::Folder& folder) {
  static const lapidary::FileHandle handle = [&] {
    std::filesystem::create_directory(folder.path() / kKey);
    return lapidary::open_folder_at(AT_FDCWD, folder.path().string(), folder.path()).value();
  }();
  return handle;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzzing::Folder folder;
  const auto [list, file] = fuzzing::split(fuzzing::text_of(data, size));
  const lapidary::FileHandle& handle = entries(folder);
  folder.write(std::string(kKey) + "/entry.json", list);
  folder.write(std::string(kKey) + "/text", file);
  const cache_files::EntryId id{"probes", kKey, folder.path() / kKey};
  const fuzzing::MemoryBound bound(size);
  auto reader = cache_files::EntryReader::open(handle, id, {});
  fuzzing::require(reader.ok() && reader->has_value(), "an entry that is there was not found");
  const std::string text = (*reader)->text("text");
  if ((*reader)->fault().empty()) {
    fuzzing::require(text == file, "an entry's text is not its file's");
  } else {
    fuzzing::require(text.empty(), "a text was handed out of a faulty entry");
  }
  return 0;
}
