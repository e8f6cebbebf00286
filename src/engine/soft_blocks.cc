#include "engine/soft_blocks.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

namespace lapidary::engine {
namespace {

bool same(const SoftBlock& a, const SoftBlock& b) {
  if (a.begin != b.begin || a.medium != b.medium) return false;
  if (a.tokens == b.tokens) return true;
  return a.tokens->count == b.tokens->count && !a.tokens->content_hash.empty() &&
         a.tokens->content_hash == b.tokens->content_hash;
}

// The position of the first block that only one of the prompts has; `otherwise` when none differs.
int64_t first_difference(std::span<const SoftBlock> a, std::span<const SoftBlock> b,
                         int64_t otherwise) {
  const size_t both = std::min(a.size(), b.size());
  for (size_t i = 0; i < both; ++i) {
    if (!same(a[i], b[i])) return std::min({a[i].begin, b[i].begin, otherwise});
  }
  for (const std::span<const SoftBlock> more : {a.subspan(both), b.subspan(both)}) {
    if (!more.empty()) return std::min(more.front().begin, otherwise);
  }
  return otherwise;
}

Range overlap(const SoftBlock& block, const Range& range) {
  return {std::max(block.begin, range.begin), std::min(block.end(), range.end)};
}

std::span<const float> rows_of(const SoftBlock& block, const Range& part, int64_t hidden) {
  return std::span(block.tokens->features)
      .subspan(static_cast<size_t>((part.begin - block.begin) * hidden),
               static_cast<size_t>((part.end - part.begin) * hidden));
}

}  // namespace

Status check_blocks(const Prompt& prompt, int64_t hidden) {
  int64_t free = 0;
  for (const SoftBlock& block : prompt.blocks) {
    const std::string where = fmt::format("soft tokens at position {}", block.begin);
    if (block.tokens == nullptr || block.tokens->count < 1) {
      return internal_error(where, "there are none");
    }
    if (block.begin < free || block.end() > static_cast<int64_t>(prompt.ids.size())) {
      return internal_error(where, "overlap others or reach beyond the prompt");
    }
    const auto expected = static_cast<size_t>(block.tokens->count * hidden);
    if (block.tokens->features.size() != expected) {
      return internal_error(
          where, fmt::format("{} features, expected {}", block.tokens->features.size(), expected));
    }
    free = block.end();
  }
  return {};
}

std::vector<Range> image_runs(std::span<const SoftBlock> blocks) {
  std::vector<Range> runs;
  for (const SoftBlock& block : blocks) {
    if (block.medium != Medium::kImage) continue;
    if (!runs.empty() && runs.back().end == block.begin) {
      runs.back().end = block.end();
    } else {
      runs.push_back({block.begin, block.end()});
    }
  }
  return runs;
}

int64_t common_prefix(const Prompt& held, const Prompt& prompt, bool whole_images) {
  if (prompt.ids.empty()) return 0;
  const auto limit = static_cast<ptrdiff_t>(std::min(held.ids.size(), prompt.ids.size() - 1));
  const auto differ =
      std::mismatch(prompt.ids.begin(), prompt.ids.begin() + limit, held.ids.begin());
  int64_t common = first_difference(held.blocks, prompt.blocks, differ.first - prompt.ids.begin());
  if (!whole_images) return common;
  for (const Prompt* side : {&held, &prompt}) {
    for (const Range& run : image_runs(side->blocks)) {
      if (run.begin < common && common < run.end) common = run.begin;
    }
  }
  return common;
}

std::span<const float> soft_rows(std::span<const SoftBlock> blocks, Medium medium,
                                 const Range& range, int64_t hidden, std::vector<float>& buffer) {
  buffer.clear();
  std::span<const float> rows;
  for (const SoftBlock& block : blocks) {
    const Range part = overlap(block, range);
    if (block.medium != medium || part.begin >= part.end) continue;
    const std::span<const float> more = rows_of(block, part, hidden);
    if (rows.empty()) {
      rows = more;
      continue;
    }
    if (buffer.empty()) buffer.assign(rows.begin(), rows.end());
    buffer.insert(buffer.end(), more.begin(), more.end());
    rows = buffer;
  }
  return rows;
}

void write_token_types(std::span<const SoftBlock> blocks, const Range& range,
                       std::span<int64_t> types) {
  std::fill_n(types.begin(), range.end - range.begin, kTextType);
  for (const SoftBlock& block : blocks) {
    const Range part = overlap(block, range);
    if (part.begin >= part.end) continue;
    std::fill_n(types.begin() + (part.begin - range.begin), part.end - part.begin,
                block.medium == Medium::kImage ? kImageType : kAudioType);
  }
}

}  // namespace lapidary::engine
