#include "text/piece_decoder.h"

#include <fmt/core.h>

#include <utility>

#include "base/utf8.h"
#include "text/normalizer.h"

namespace lapidary::text {
namespace {

constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";

// The value of a token like <0x0A>, or -1. As lenient as the reference: a '+' may stand for the
// first digit.
int byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  const int high = token[3] == '+' ? 0 : digit(token[3]);
  const int low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

void PieceDecoder::read_metaspace(JsonReader& reader, Step& step) {
  step.kind = Kind::kMetaspace;
  step.pattern = reader.string("replacement");
  const std::string scheme = reader.string_or("prepend_scheme", "always");
  if (step.pattern.empty() || step.pattern.size() != utf8_length(step.pattern[0])) {
    reader.fail("replacement", "must be one character");
  }
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    reader.fail("prepend_scheme", fmt::format("is '{}', must be always, first or never", scheme));
  }
  step.prepends = scheme != "never";
  if (!reader.boolean_or("add_prefix_space", true) && step.prepends) {
    reader.fail("add_prefix_space", fmt::format("is false, but 'prepend_scheme' is '{}'", scheme));
  }
  reader.ignore({"split", "str_rep"});
}

void PieceDecoder::read_step(JsonReader& reader) {
  Step step;
  bool fused = false;
  bool has_bytes = false;
  for (const Step& earlier : steps_) {
    fused = fused || earlier.kind == Kind::kFuse;
    has_bytes = has_bytes || earlier.kind == Kind::kByteFallback;
  }
  step.fused = fused;
  const std::string type = reader.string("type");
  const auto refuse = [&](const std::string& what) {
    reader.fail("type", fmt::format("is '{}'{}", type, what),
                "supported decoders: Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence",
                ErrorKind::kUnsupported);
  };
  if (type == "Replace") {
    step.kind = Kind::kReplace;
    step.pattern = read_string_pattern(reader);
    step.content = reader.string("content");
  } else if (type == "ByteFallback") {
    step.kind = Kind::kByteFallback;
    if (has_bytes) refuse(" a second time, which is not supported");
  } else if (type == "Fuse") {
    step.kind = Kind::kFuse;
  } else if (type == "Strip") {
    step.kind = Kind::kStrip;
    step.pattern = reader.string("content");
    step.count = static_cast<size_t>(reader.integer("start", {.min = 0, .max = 1 << 20}));
    if (step.pattern.empty() || step.pattern.size() != utf8_length(step.pattern[0])) {
      reader.fail("content", "must be one character");
    }
    if (reader.integer("stop", {.min = 0}) != 0) {
      reader.fail("stop", "is not 0, which is not supported", "", ErrorKind::kUnsupported);
    }
  } else if (type == "Metaspace") {
    read_metaspace(reader, step);
  } else {
    refuse(", which is not supported");
  }
  if (fused && step.kind != Kind::kStrip && step.kind != Kind::kFuse) {
    refuse(" after Fuse, which is not supported");
  }
  reader.reject_unknown();
  steps_.push_back(std::move(step));
}

PieceDecoder PieceDecoder::read(JsonReader& parent, const JsonContext& context) {
  PieceDecoder out;
  for_each_step(parent, context, "decoder", "decoders",
                [&](JsonReader& reader) { out.read_step(reader); });
  if (!parent.has("decoder")) {
    Step join;
    join.kind = Kind::kJoin;
    out.steps_.push_back(join);
  }
  return out;
}

DecoderStream::DecoderStream(const PieceDecoder& decoder)
    : decoder_(&decoder), states_(decoder.steps_.size()) {}

void DecoderStream::push(std::string_view token, std::string& out) { feed(0, token, out); }

void DecoderStream::flush(std::string& out) {
  for (size_t i = 0; i < states_.size(); ++i) {
    if (decoder_->steps_[i].kind == PieceDecoder::Kind::kByteFallback) end_bytes(i, out);
  }
  states_.assign(states_.size(), {});
}

void DecoderStream::end_bytes(size_t step, std::string& out) {
  const std::string bytes = std::exchange(states_[step].bytes, {});
  if (bytes.empty()) return;
  if (find_invalid_utf8(bytes) == std::string_view::npos) {
    feed(step + 1, bytes, out);
    return;
  }
  for (size_t i = 0; i < bytes.size(); ++i) feed(step + 1, kReplacementCharacter, out);
}

std::string_view DecoderStream::strip(size_t index, std::string_view token) {
  const PieceDecoder::Step& step = decoder_->steps_[index];
  State& state = states_[index];
  if (!step.fused) state = {};
  while (!state.strip_ended && !token.empty()) {
    if (state.stripped == step.count || !token.starts_with(step.pattern)) {
      state.strip_ended = true;
    } else {
      token.remove_prefix(step.pattern.size());
      ++state.stripped;
    }
  }
  return token;
}

void DecoderStream::feed(size_t index, std::string_view token, std::string& out) {
  if (index == states_.size()) {
    out += token;
    return;
  }
  const PieceDecoder::Step& step = decoder_->steps_[index];
  State& state = states_[index];
  const bool first = !std::exchange(state.started, true);
  switch (step.kind) {
    case PieceDecoder::Kind::kReplace:
      return feed(index + 1, replace_all(token, step.pattern, step.content), out);
    case PieceDecoder::Kind::kByteFallback:
      if (const int byte = byte_of(token); byte >= 0) {
        state.bytes.push_back(static_cast<char>(byte));
        return;
      }
      end_bytes(index, out);
      return feed(index + 1, token, out);
    case PieceDecoder::Kind::kFuse:
      return feed(index + 1, token, out);
    case PieceDecoder::Kind::kStrip:
      return feed(index + 1, strip(index, token), out);
    case PieceDecoder::Kind::kMetaspace:
      return feed(index + 1, replace_all(token, step.pattern, first && step.prepends ? "" : " "),
                  out);
    case PieceDecoder::Kind::kJoin:
      if (!first) feed(index + 1, " ", out);
      return feed(index + 1, token, out);
  }
}

}  // namespace lapidary::text
