// What probing says of itself; that it finds what is wrong is tested on the emulator (tests/htp).
#include "probe/node_probes.h"

#include <gtest/gtest.h>

namespace lapidary::probe {
namespace {

// Two builds find the same verdicts, one of them in the cache, with figures that differ in their
// last digits: what a package keeps of them must be the same.
TEST(ProbeReport, VerdictsAreFreeOfWhatVaries) {
  ProbedNode node;
  node.graph = "decoder";
  node.name = "layers.0/MatMul";
  node.op = "MatMul";
  node.forms = "uint16[1, 8] -> uint16[1, 8]";
  node.alike = 3;
  node.verdict = Verdict::kImprecise;
  node.difference = {.cosine = 0.999, .relative_error = 6e-3};
  const ProbeReport first{{node}};
  node.cached = true;
  node.difference = {.cosine = 0.998, .relative_error = 7e-3};
  const ProbeReport second{{node}};
  EXPECT_NE(first.to_json(), second.to_json());
  EXPECT_EQ(first.verdicts_json().dump(), second.verdicts_json().dump());
  const Json json = first.verdicts_json();
  EXPECT_EQ(json["passed"], true);
  EXPECT_EQ(json["nodes"][0], Json({{"graph", "decoder"},
                                    {"name", "layers.0/MatMul"},
                                    {"op", "MatMul"},
                                    {"forms", "uint16[1, 8] -> uint16[1, 8]"},
                                    {"alike", 3},
                                    {"verdict", "imprecise"}}));
}

}  // namespace
}  // namespace lapidary::probe
