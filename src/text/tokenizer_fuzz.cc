// libFuzzer: the first half of the input is a tokenizer.json, the rest a text and ids for it. Split
// at the first zero byte. Whatever loads must encode, decode and stream without a fault, and the
// stream must equal the whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "text/tokenizer.h"

namespace {

void exercise(const lapidary::text::Tokenizer& tokenizer, std::string_view rest) {
  std::vector<int32_t> ids;
  for (const char byte : rest) ids.push_back(static_cast<unsigned char>(byte));
  if (const auto encoded = tokenizer.encode(rest, true); encoded.ok()) {
    ids.insert(ids.end(), encoded->begin(), encoded->end());
  }
  for (const bool skip : {false, true}) {
    lapidary::text::StreamingDecoder stream(tokenizer, skip);
    std::string out;
    for (const int32_t id : ids) {
      const std::string piece = stream.push(id);
      if (lapidary::find_invalid_utf8(piece) != std::string::npos) std::abort();
      out += piece;
    }
    if (out + stream.flush() != tokenizer.decode(ids, skip)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const auto tokenizer = lapidary::text::Tokenizer::parse(input.substr(0, zero), "input");
  if (tokenizer.ok()) {
    exercise(*tokenizer, zero == std::string_view::npos ? "" : input.substr(zero + 1));
  }
  return 0;
}
