#include "text/pre_tokenizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/normalizer.h"

namespace lapidary::text {
namespace {

struct Found {
  Stretch stretch;
  bool matches;
};

// Covers `piece` with stretches that match `pattern` and stretches between those.
std::vector<Found> find_all(const std::string& text, Stretch piece, const std::string& pattern,
                            bool invert) {
  std::vector<Found> out;
  const std::string_view inside = std::string_view(text).substr(0, piece.end);
  size_t begin = piece.begin;
  while (begin < piece.end) {
    const size_t at = std::min(inside.find(pattern, begin), piece.end);
    if (at > begin) out.push_back({{begin, at}, invert});
    if (at == piece.end) break;
    begin = at + pattern.size();
    out.push_back({{at, begin}, !invert});
  }
  return out;
}

// Joins each match to the stretch before it, unless that is a match as well.
void merge_with_previous(const std::vector<Found>& found, std::vector<Stretch>& out) {
  const size_t first = out.size();
  bool after_match = false;
  for (const Found& f : found) {
    if (f.matches && !after_match && out.size() > first) {
      out.back().end = f.stretch.end;
    } else {
      out.push_back(f.stretch);
    }
    after_match = f.matches;
  }
}

void merge_with_next(const std::vector<Found>& found, std::vector<Stretch>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  bool before_match = false;
  for (auto f = found.rbegin(); f != found.rend(); ++f) {
    if (f->matches && !before_match && std::ssize(out) > first) {
      out.back().begin = f->stretch.begin;
    } else {
      out.push_back(f->stretch);
    }
    before_match = f->matches;
  }
  std::reverse(out.begin() + first, out.end());
}

void merge_runs(const std::vector<Found>& found, std::vector<Stretch>& out) {
  const size_t first = out.size();
  bool previous = false;
  for (const Found& f : found) {
    if (f.matches == previous && out.size() > first) {
      out.back().end = f.stretch.end;
    } else {
      out.push_back(f.stretch);
    }
    previous = f.matches;
  }
}

}  // namespace

PreTokenizer::Step PreTokenizer::read_split(JsonReader& reader) {
  Step step;
  step.kind = Kind::kSplit;
  step.pattern = read_string_pattern(reader);
  step.invert = reader.boolean("invert");
  const std::string behavior = reader.string("behavior");
  constexpr std::pair<const char*, Behavior> kNames[] = {
      {"Removed", Behavior::kRemoved},
      {"Isolated", Behavior::kIsolated},
      {"MergedWithPrevious", Behavior::kMergedWithPrevious},
      {"MergedWithNext", Behavior::kMergedWithNext},
      {"Contiguous", Behavior::kContiguous}};
  const auto* name = std::find_if(std::begin(kNames), std::end(kNames),
                                  [&](auto& n) { return n.first == behavior; });
  if (name == std::end(kNames)) {
    reader.fail("behavior", fmt::format("is '{}', which is not a known behavior", behavior));
  } else {
    step.behavior = name->second;
  }
  return step;
}

PreTokenizer::Step PreTokenizer::read_metaspace(JsonReader& reader, bool has_normalizer) {
  Step step;
  step.kind = Kind::kMetaspace;
  step.pattern = reader.string("replacement");
  if (step.pattern.empty() || step.pattern.size() != utf8_length(step.pattern[0])) {
    reader.fail("replacement", "must be one character");
  }
  const std::string scheme = reader.string_or("prepend_scheme", "always");
  const bool prefix = reader.boolean_or("add_prefix_space", true);
  step.cuts = reader.boolean_or("split", true);
  reader.ignore({"str_rep"});
  if (scheme == "always") {
    step.prepend = Prepend::kAlways;
  } else if (scheme == "first") {
    step.prepend = Prepend::kFirst;
  } else if (scheme != "never") {
    reader.fail("prepend_scheme", fmt::format("is '{}', must be always, first or never", scheme));
  }
  if (!prefix && scheme != "never") {
    reader.fail("add_prefix_space", fmt::format("is false, but 'prepend_scheme' is '{}'", scheme));
  }
  if (step.prepend == Prepend::kFirst && has_normalizer) {
    reader.fail("prepend_scheme", "is 'first', which is not supported together with a normalizer",
                "", ErrorKind::kUnsupported);
  }
  return step;
}

void PreTokenizer::read_step(JsonReader& reader, bool has_normalizer) {
  const std::string type = reader.string("type");
  if (type == "Split") {
    steps_.push_back(read_split(reader));
  } else if (type == "Metaspace") {
    for (const Step& step : steps_) {
      if (step.kind == Kind::kMetaspace) {
        reader.fail("type", "is a second Metaspace, which is not supported", "",
                    ErrorKind::kUnsupported);
      }
    }
    steps_.push_back(read_metaspace(reader, has_normalizer));
  } else {
    reader.fail("type", fmt::format("is '{}', which is not supported", type),
                "supported pre-tokenizers: Split, Metaspace, Sequence", ErrorKind::kUnsupported);
  }
  reader.reject_unknown();
}

PreTokenizer PreTokenizer::read(JsonReader& parent, const JsonContext& context,
                                bool has_normalizer) {
  PreTokenizer out;
  for_each_step(parent, context, "pre_tokenizer", "pretokenizers",
                [&](JsonReader& reader) { out.read_step(reader, has_normalizer); });
  return out;
}

void PreTokenizer::cut(const Step& step, const std::string& text, Stretch piece,
                       std::vector<Stretch>& out) {
  const std::vector<Found> found = find_all(text, piece, step.pattern, step.invert);
  switch (step.behavior) {
    case Behavior::kRemoved:
      for (const Found& f : found) {
        if (!f.matches) out.push_back(f.stretch);
      }
      return;
    case Behavior::kIsolated:
      for (const Found& f : found) out.push_back(f.stretch);
      return;
    case Behavior::kMergedWithPrevious:
      merge_with_previous(found, out);
      return;
    case Behavior::kMergedWithNext:
      merge_with_next(found, out);
      return;
    case Behavior::kContiguous:
      merge_runs(found, out);
      return;
  }
}

void PreTokenizer::rewrite(const Step& step, std::string& text, std::vector<Stretch>& pieces,
                           bool at_start) {
  std::string out;
  for (Stretch& piece : pieces) {
    const std::string_view before =
        std::string_view(text).substr(piece.begin, piece.end - piece.begin);
    const std::string after = replace_all(before, " ", step.pattern);
    const bool wanted = step.prepend == Prepend::kAlways ||
                        (step.prepend == Prepend::kFirst && at_start && piece.begin == 0);
    const size_t begin = out.size();
    if (wanted && !after.starts_with(step.pattern)) out += step.pattern;
    out += after;
    piece = {begin, out.size()};
  }
  text = std::move(out);
}

std::vector<Stretch> PreTokenizer::split(std::string& text, bool at_start) const {
  std::vector<Stretch> pieces;
  if (!text.empty()) pieces.push_back({0, text.size()});
  for (const Step& step : steps_) {
    if (step.kind == Kind::kMetaspace) rewrite(step, text, pieces, at_start);
    if (!step.cuts) continue;
    std::vector<Stretch> cut_pieces;
    for (const Stretch& piece : pieces) cut(step, text, piece, cut_pieces);
    pieces = std::move(cut_pieces);
  }
  return pieces;
}

}  // namespace lapidary::text
