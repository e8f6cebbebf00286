// For tests of the builders: small checkpoints, and what every graph is asked.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/testing/source_dir.h"
#include "checkpoint/config.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/weights.h"
#include "graph/graph.h"
#include "tensor/expressions.h"

namespace lapidary::gemma4 {

inline constexpr const char* kTiny = "models/tiny-gemma4/checkpoint";
inline constexpr const char* kStandardized = "tests/golden/vision/standardized";
inline constexpr const char* kClipped = "tests/golden/vision/clipped";

// A copy may change its config.
struct TestModel {
  checkpoint::Config config;
  checkpoint::Weights weights;
};

template <typename T>
T take(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  return std::move(result).value();
}

// `path` is of the repository.
inline TestModel open(const std::string& path) {
  const auto folder = source_dir() / path;
  return {take(checkpoint::Config::load(folder / "config.json")),
          take(checkpoint::Weights::open(folder))};
}

// Nodes of an operator.
inline int64_t count(const graph::Graph& g, const std::string& op) {
  return std::count_if(g.nodes.begin(), g.nodes.end(),
                       [&](const graph::Node& n) { return n.op_type == op; });
}

// Linears as quantization sees them: a MatMul whose second input is a transposed weight of the
// checkpoint.
inline int64_t count_linears(const graph::Graph& g) {
  return std::count_if(g.nodes.begin(), g.nodes.end(), [&](const graph::Node& n) {
    const graph::Tensor* w = n.op_type == "MatMul" ? g.constant(n.inputs[1]) : nullptr;
    return w != nullptr && tensor::transposed_operand(*w).valid();
  });
}

// Every tensor of the tower is a weight of the graph by its own name; the table of positions is
// two, one for each axis.
inline void expect_vision_tensors(const graph::Graph& g, const checkpoint::Config& config) {
  const auto specs = checkpoint::expected_vision_tensors(*config.vision, config.text.hidden_size);
  ASSERT_FALSE(specs.empty());
  for (const auto& spec : specs) {
    if (spec.name == "model.vision_tower.patch_embedder.position_embedding_table") {
      EXPECT_TRUE(g.initializers.contains(spec.name + ".x"));
      EXPECT_TRUE(g.initializers.contains(spec.name + ".y"));
    } else {
      EXPECT_TRUE(g.initializers.contains(spec.name)) << spec.name;
    }
  }
}

}  // namespace lapidary::gemma4
