// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "contract/notes.h"
#include "graph/graph.h"

namespace lapidary::contract {

void notes_example(graph::Graph& graph) {
  // [contract/notes.h]
  graph.metadata[notes::quantization("w_int4")] = "int4, per channel";
  auto port = notes::name_in("encoding:logits", notes::kEncoding);  // "logits"
  // [end]
  EXPECT_EQ(port, "logits");
}

TEST(ContractExamples, Notes) {
  graph::Graph graph;
  notes_example(graph);
  EXPECT_EQ(graph.metadata.at("quantization:w_int4"), "int4, per channel");
}

}  // namespace lapidary::contract
