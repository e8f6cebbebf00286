// libFuzzer target: any bytes as JSON, for both readers of it. What the document's reader accepts
// survives being written, and the scanner, which sees tokenizers and safetensors headers, steps over
// it to the end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_scanner.h"
#include "base/testing/fuzz.h"

namespace {

using lapidary::Json;
namespace fuzzing = lapidary::fuzzing;

constexpr int kScannersLevels = 128;

int levels_of(const Json& json) {
  int deepest = 0;
  if (!json.is_structured()) return 0;
  for (const Json& item : json) deepest = std::max(deepest, levels_of(item));
  return 1 + deepest;
}

bool scanner_accepts(std::string_view text) {
  lapidary::JsonScanner scanner(text);
  scanner.skip();
  scanner.finish();
  fuzzing::require(scanner.position() <= text.size(), "the scanner ran past its text");
  return scanner.ok();
}

// Typed reads of whatever is there: each must take the value or record an error.
void read_typed(std::string_view text) {
  auto document = lapidary::JsonDocument::parse(text, "fuzz");
  if (!fuzzing::accepted(document) || !document->json().is_object()) return;
  lapidary::JsonReader root = document->root();
  for (const auto& [key, value] : document->json().items()) {
    if (value.is_array()) {
      root.integers(key);
      root.strings(key);
    } else if (value.is_number()) {
      root.integer(key, {.min = 0, .max = 1000});
      root.number(key);
    } else if (value.is_object()) {
      root.child(key).reject_unknown();
    } else {
      root.string_or(key, "");
      root.boolean_or(key, false);
    }
  }
  fuzzing::accepted(document->finish());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzzing::text_of(data, size);
  const bool scanned = scanner_accepts(text);
  const fuzzing::MemoryBound bound(size);
  auto json = lapidary::parse_json(text, "fuzz");
  if (!fuzzing::accepted(json)) return 0;
  // A byte order mark is the one thing that only the document's reader passes over.
  if (!text.starts_with("\xef\xbb\xbf") && levels_of(*json) <= kScannersLevels) {
    fuzzing::require(scanned, "the scanner refuses what the document's reader accepts");
  }
  const auto again = lapidary::parse_json(json->dump(), "fuzz");
  fuzzing::require(again.ok() && *again == *json, "a document changed on its way through text");
  read_typed(text);
  lapidary::dismantle(*json);
  return 0;
}
