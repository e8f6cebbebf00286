// SplitModel on random layered graphs: whatever is cut where, the parts compute what the whole
// does, bit for bit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "golden_check.h"
#include "graph/builder.h"
#include "pass_chain.h"
#include "passes/split_model/split_model.h"
#include "tensor/expressions.h"

namespace lapidary::golden {
namespace {

using graph::Builder;
using graph::Graph;
using graph::Ref;

constexpr int64_t kWidth = 3;

// Layers that read any value made before them, in any earlier layer, by way of what the passes know
// to repeat and of what they do not; some values are outputs, some integers, some of no layer.
class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : random_(seed), b_("random") {}

  Graph build() {
    const graph::SymbolicShape shape = {int64_t{1}, kWidth};
    for (int i = 0; i < 3; ++i) {
      values_.push_back(b_.input("in" + std::to_string(i), DType::kFloat, shape));
    }
    values_.push_back(b_.op("Cos", {values_[0]}, "rotary"));
    const int layers = below(5) + 2;
    for (int layer = 0; layer < layers; ++layer) {
      {
        const auto scope = b_.enter("model.layers." + std::to_string(layer));
        for (int n = below(6) + 1; n > 0; --n) add(n);
      }
      if (below(4) == 0) add(0);  // outside of any layer
    }
    const auto scope = b_.enter("head");
    b_.output("last", b_.op("Tanh", {any()}), DType::kFloat, shape);
    return std::move(b_).finish();
  }

 private:
  int below(int end) { return static_cast<int>(random_() % static_cast<uint32_t>(end)); }
  Ref any() { return values_[static_cast<size_t>(below(static_cast<int>(values_.size())))]; }

  void add(int n) {
    const std::string at = "n" + std::to_string(n);
    const Ref x = any();
    switch (below(6)) {
      case 0:
        return keep(b_.op("Add", {x, any()}, at));
      case 1:
        return keep(b_.op("Transpose", {b_.op("Transpose", {x}, at)}, at));
      case 2: {
        std::vector<float> w(kWidth * kWidth);
        for (float& value : w) value = static_cast<float>(below(100)) / 50.0F - 1.0F;
        return keep(b_.op("MatMul",
                          {x, b_.weight(at + ".weight", tensor::floats({kWidth, kWidth}, w))}, at));
      }
      case 3: {
        const Ref scale = b_.weight(at + ".scale", tensor::scalar(0.03F));
        const Ref zero =
            b_.weight(at + ".zero", tensor::literal({DType::kUint8, {}}, {std::byte{120}}));
        const Ref codes = b_.op("QuantizeLinear", {x, scale, zero}, at);
        return keep(b_.op("DequantizeLinear", {codes, scale, zero}, at));
      }
      case 4: {
        const Ref twice = b_.op("Concat", {x, any()}, at, {{"axis", int64_t{1}}});
        return keep(b_.op(
            "Slice", {twice, b_.constant({1}), b_.constant({1 + kWidth}), b_.constant({1})}, at));
      }
      default: {
        const std::string name = "out" + std::to_string(outputs_++);
        const Ref made = b_.op("Sub", {x, any()}, at);
        b_.output(name, made, DType::kFloat, {int64_t{1}, kWidth});
        return keep({name});
      }
    }
  }
  void keep(const Ref& value) { values_.push_back(value); }

  std::mt19937 random_;
  Builder b_;
  std::vector<Ref> values_;
  int outputs_ = 0;
};

TEST(SplitRandom, AnyCutComputesTheSame) {
  const auto scratch =
      std::filesystem::path(testing::TempDir()) / ("split_random_" + std::to_string(getpid()));
  int split = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const Graph whole = RandomGraph(seed).build();
    ASSERT_TRUE(graph::check(whole).ok()) << graph::print(whole);
    const Values inputs = random_inputs(whole, seed);
    const Values expected = run_graph(whole, inputs, scratch);
    for (int64_t count = 2; count < 8; ++count) {
      passes::GraphSet set;
      set.push_back({contract::Role::kDecode, 0, whole});
      auto parts = passes::split_model(std::move(set), {.num_splits = count});
      if (!parts.ok()) break;  // more parts than layers
      ++split;
      Values values = inputs;
      for (const auto& part : parts->graphs) {
        ASSERT_TRUE(graph::check(part.graph).ok()) << graph::print(part.graph);
        for (auto& [name, tensor] : run_graph(part.graph, values, scratch)) values[name] = tensor;
      }
      for (const auto& [name, tensor] : expected) {
        EXPECT_EQ(values.at(name).data, tensor.data)
            << "seed " << seed << ", " << count << " parts, " << name << "\n"
            << graph::print(whole);
      }
    }
  }
  EXPECT_GT(split, 120);
  std::filesystem::remove_all(scratch);
}

}  // namespace
}  // namespace lapidary::golden
