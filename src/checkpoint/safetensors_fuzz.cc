// libFuzzer target: arbitrary bytes as a safetensors file must yield a header or an error, and a
// header that is accepted must describe bytes inside the file.
#include <cstddef>
#include <cstdint>
#include <span>

#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span bytes{reinterpret_cast<const std::byte*>(data), size};
  const auto header = lapidary::checkpoint::parse_safetensors_header(bytes, "fuzz");
  if (!header.ok()) return 0;
  for (const auto& entry : header->entries) {
    if (entry.offset < header->data_begin || entry.type.bytes() < 0 ||
        entry.offset + entry.type.bytes() > static_cast<int64_t>(size)) {
      __builtin_trap();
    }
  }
  return 0;
}
