#include "text/bpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "text/testing/test_files.h"

namespace lapidary::text {
namespace {

using Ids = std::vector<int32_t>;

struct Model {
  Vocabulary vocabulary;
  MergeTable merges;
};

// Letters a to d, and random merges of tokens made so far.
Model random_model(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> tokens = {"a", "b", "c", "d"};
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < 60; ++i) {
    const std::string left = tokens[random() % tokens.size()];
    const std::string right = tokens[random() % tokens.size()];
    if (left.size() + right.size() > 8) continue;
    pairs.emplace_back(left, right);
    if (std::find(tokens.begin(), tokens.end(), left + right) == tokens.end()) {
      tokens.push_back(left + right);
    }
  }
  std::shuffle(pairs.begin(), pairs.end(), random);
  std::vector<Vocabulary::Entry> entries;
  for (size_t i = 0; i < tokens.size(); ++i)
    entries.push_back({tokens[i], static_cast<int64_t>(i)});
  std::vector<MergeTable::Pair> views;
  for (const auto& [left, right] : pairs) views.push_back({left, right});
  Vocabulary vocabulary = Vocabulary::build(entries, "test").value();
  MergeTable merges = MergeTable::build(views, vocabulary, "test").value();
  return {std::move(vocabulary), std::move(merges)};
}

// The definition itself: again and again, the pair of lowest rank, leftmost first.
Ids merge_naively(const MergeTable& merges, Ids ids) {
  for (;;) {
    Merge best;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge merge = merges.find(ids[i], ids[i + 1]);
      if (merge.rank >= 0 && (best.rank < 0 || merge.rank < best.rank)) {
        best = merge;
        at = i;
      }
    }
    if (best.rank < 0) return ids;
    ids[at] = best.id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

// Catches a stale heap entry that is taken for a live one, and a wrong tie-break.
TEST(Bpe, ScanAndHeapFollowTheDefinition) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const Model model = random_model(seed);
    std::mt19937 random(seed + 1000);
    for (int round = 0; round < 20; ++round) {
      Ids ids(random() % 60);
      for (int32_t& id : ids) id = static_cast<int32_t>(random() % 4);
      const Ids expected = merge_naively(model.merges, ids);
      Ids by_heap;
      merge_by_heap(model.merges, ids, by_heap);
      EXPECT_EQ(by_heap, expected);
      Ids by_scan;
      merge_by_scan(model.merges, ids, by_scan);
      EXPECT_EQ(by_scan, expected);
    }
  }
}

// Catches a cut between two characters that a merge could have joined.
TEST(Bpe, CuttingTextDoesNotChangeTokens) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    Model model = random_model(seed);
    const BpeModel bpe(model.vocabulary, model.merges, {});
    std::mt19937 random(seed + 2000);
    std::string text;
    Ids ids;
    for (int i = 0; i < 200; ++i) {
      ids.push_back(static_cast<int32_t>(random() % 4));
      text += static_cast<char>('a' + ids.back());
    }
    Ids encoded;
    bpe.encode(text, encoded);
    EXPECT_EQ(encoded, merge_naively(model.merges, ids));
  }
}

// Catches quadratic time on long text without spaces. A quadratic encoder needs minutes for a
// megabyte; the bound leaves room for sanitizers and busy machines.
TEST(Bpe, LongTextWithoutSpacesIsNotQuadratic) {
  std::string text;
  while (text.size() < 1'000'000) text += "thereforeinthewaterofpeople";
  const auto start = std::chrono::steady_clock::now();
  const auto ids = testing::big_tokenizer().encode(text, false);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  ASSERT_TRUE(ids.ok());
  EXPECT_GT(ids->size(), text.size() / 20);
  EXPECT_LT(spent.count(), 30.0);
  EXPECT_EQ(testing::big_tokenizer().decode(*ids, false), text);
}

}  // namespace
}  // namespace lapidary::text
