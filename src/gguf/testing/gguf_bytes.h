// For tests: GGUF files in memory, right unless told otherwise.
//
//   GgufBytes gguf;
//   gguf.key("general.name", ValueType::kString, text("tiny"));
//   gguf.tensor("w", {32, 2}, 2, 0);                  // dims as the file has them; type Q4_0
//   const std::string file = gguf.bytes(std::string(36, 'x'));
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/metadata.h"

namespace lapidary::gguf {

template <typename T>
std::string raw(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

inline std::string text(std::string_view value) {
  return raw(uint64_t{value.size()}) + std::string(value);
}

// An array's value: its elements' bytes come after.
inline std::string array_of(ValueType element, uint64_t count, const std::string& elements) {
  return raw(static_cast<uint32_t>(element)) + raw(count) + elements;
}

class GgufBytes {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;
  // What the header says of them; -1: as many as there are.
  int64_t said_tensors = -1;
  int64_t said_keys = -1;

  void key(std::string_view name, ValueType type, const std::string& value) {
    ++keys_;
    metadata_ += text(name) + raw(static_cast<uint32_t>(type)) + value;
  }

  void tensor(std::string_view name, const std::vector<uint64_t>& dims, uint32_t type,
              uint64_t offset) {
    ++tensors_;
    infos_ += text(name) + raw(static_cast<uint32_t>(dims.size()));
    for (const uint64_t dim : dims) infos_ += raw(dim);
    infos_ += raw(type) + raw(offset);
  }

  std::string header() const {
    return "GGUF" + raw(version) + raw(said_tensors < 0 ? tensors_ : said_tensors) +
           raw(said_keys < 0 ? keys_ : said_keys) + metadata_ + infos_;
  }
  std::string bytes(std::string_view data) const {
    std::string out = header();
    while (out.size() % alignment != 0) out += '\0';
    return out + std::string(data);
  }

 private:
  int64_t tensors_ = 0;
  int64_t keys_ = 0;
  std::string metadata_;
  std::string infos_;
};

}  // namespace lapidary::gguf
