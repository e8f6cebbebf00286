// The pre-tokenizer of a tokenizer.json: cuts normalized text into the pieces that BPE works on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "text/step_list.h"

namespace lapidary::text {

// A stretch [begin, end) of some text.
struct Stretch {
  size_t begin;
  size_t end;
};

class PreTokenizer {
 public:
  // `parent["pre_tokenizer"]`: null, Split (by a string), Metaspace, or a Sequence of them.
  // Anything else is refused by name, as are two Metaspaces and, after a normalizer, a Metaspace
  // that prepends to the first piece only (where a piece began in the original text is not
  // tracked).
  static PreTokenizer read(JsonReader& parent, const JsonContext& context, bool has_normalizer);

  // The pieces of `text`, none empty. Metaspace rewrites `text`, to which the result refers.
  // `at_start`: nothing of the input stands before `text`.
  std::vector<Stretch> split(std::string& text, bool at_start) const;

 private:
  enum class Kind { kSplit, kMetaspace };
  enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
  enum class Prepend { kAlways, kFirst, kNever };
  struct Step {
    Kind kind = Kind::kSplit;
    std::string pattern;  // Split: what it cuts at. Metaspace: what stands for a space.
    Behavior behavior = Behavior::kMergedWithNext;
    bool invert = false;
    Prepend prepend = Prepend::kNever;
    bool cuts = true;
  };

  void read_step(JsonReader& reader, bool has_normalizer);
  static Step read_split(JsonReader& reader);
  static Step read_metaspace(JsonReader& reader, bool has_normalizer);
  static void cut(const Step& step, const std::string& text, Stretch piece,
                  std::vector<Stretch>& out);
  static void rewrite(const Step& step, std::string& text, std::vector<Stretch>& pieces,
                      bool at_start);

  std::vector<Step> steps_;
};

}  // namespace lapidary::text
