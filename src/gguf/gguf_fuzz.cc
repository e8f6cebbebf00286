// libFuzzer target: any bytes as a GGUF file: its metadata by every getter, and the values, codes
// and scales of its small tensors.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "base/testing/fuzz.h"
#include "gguf/block_codes.h"
#include "gguf/dequantized.h"
#include "gguf/file.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace gguf = lapidary::gguf;

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kSmallBytes = 1 << 16;

void read_metadata(const gguf::Metadata& metadata) {
  for (const auto& entry : metadata.entries()) {
    fuzzing::require(metadata.find(entry.key) == &entry, "a key is not found");
    fuzzing::accepted(metadata.string(entry.key));
    fuzzing::accepted(metadata.integer(entry.key, kLeast, kMost));
    fuzzing::accepted(metadata.number(entry.key));
    fuzzing::accepted(metadata.boolean(entry.key));
    fuzzing::accepted(metadata.integers(entry.key, 0, kMost));
    fuzzing::accepted(metadata.floats(entry.key));
    fuzzing::accepted(metadata.booleans(entry.key));
    const auto strings = metadata.strings(entry.key);
    if (!fuzzing::accepted(strings)) continue;
    size_t bytes = 0;
    for (size_t i = 0; i < strings->size(); ++i) {
      for (const char c : (*strings)[i]) bytes += c != '\0' ? 1 : 0;
    }
    fuzzing::require(bytes <= gguf::kMostHeaderBytes, "texts lie in one another");
  }
}

void read_tensor(const gguf::GgufFile& file, const gguf::TensorInfo& info, size_t file_bytes) {
  fuzzing::require(file.find(info.name) == &info, "a tensor is not found");
  fuzzing::require(info.offset >= file.data_begin() && info.bytes() >= 0 &&
                       info.offset + info.bytes() <= static_cast<int64_t>(file_bytes),
                   "a tensor lies outside the file");
  if (info.bytes() > kSmallBytes) return;
  const auto tensor = gguf::dequantized(file, info);
  const auto values = tensor.materialize();
  fuzzing::require(values.ok(), "a tensor that was accepted cannot be read");
  fuzzing::require(static_cast<int64_t>(values->size()) == tensor.bytes(), "wrong size");
  const auto codes = gguf::block_codes(file, info);
  if (!codes) return;
  fuzzing::require(codes->codes.materialize().ok() && codes->scales.materialize().ok(),
                   "codes cannot be read");
  if (codes->minimums.valid()) fuzzing::require(codes->minimums.materialize().ok(), "minimums");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzzing::Folder folder;
  const auto path = folder.write("model.gguf", fuzzing::text_of(data, size));
  const fuzzing::MemoryBound bound(size);
  const auto file = gguf::GgufFile::open(path);
  if (!fuzzing::accepted(file)) return 0;
  read_metadata((*file)->metadata());
  for (const auto& info : (*file)->tensors()) read_tensor(**file, info, size);
  return 0;
}
