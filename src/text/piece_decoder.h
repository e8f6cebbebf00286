// The decoder of a tokenizer.json: turns tokens back into text, one token at a time.
//
//   DecoderStream stream(decoder);
//   std::string text;
//   for (const std::string& token : tokens) stream.push(token, text);  // what is certain by now
//   stream.flush(text);                                                // and the rest
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/step_list.h"

namespace lapidary::text {

class PieceDecoder {
 public:
  // `parent["decoder"]`: null (tokens joined by spaces), Replace (of a string), ByteFallback, Fuse,
  // Strip (at the start), Metaspace, or a Sequence of them. Anything else is refused by name, as is
  // any step but Strip after Fuse: it would have to see the whole text at once.
  static PieceDecoder read(JsonReader& parent, const JsonContext& context);

 private:
  friend class DecoderStream;
  enum class Kind { kReplace, kByteFallback, kFuse, kStrip, kMetaspace, kJoin };
  struct Step {
    Kind kind = Kind::kFuse;
    std::string pattern;
    std::string content;
    size_t count = 0;       // Strip: how many at most
    bool fused = false;     // stands after Fuse: strips the text as a whole, not each token
    bool prepends = false;  // Metaspace: drops the marks of the first token
  };
  void read_step(JsonReader& reader);
  static void read_metaspace(JsonReader& reader, Step& step);

  std::vector<Step> steps_;
};

// One text being decoded. The decoder must outlive it. Text appended is always whole characters:
// a run of byte tokens is held back until it ends, because one bad byte makes the reference replace
// every byte of the run by U+FFFD.
class DecoderStream {
 public:
  explicit DecoderStream(const PieceDecoder& decoder);
  void push(std::string_view token, std::string& out);
  // Ends the text; the stream then starts afresh.
  void flush(std::string& out);

 private:
  struct State {
    std::string bytes;  // ByteFallback: the run so far
    bool started = false;
    size_t stripped = 0;
    bool strip_ended = false;
  };
  void feed(size_t index, std::string_view token, std::string& out);
  void end_bytes(size_t step, std::string& out);
  std::string_view strip(size_t index, std::string_view token);

  const PieceDecoder* decoder_;
  std::vector<State> states_;
};

}  // namespace lapidary::text
