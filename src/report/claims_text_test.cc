#include "report/claims_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::report {
namespace {

using contract::Role;
using htp::NodeClaim;
using ::testing::HasSubstr;
using ::testing::Not;

htp::ClaimsReport small_report() {
  htp::ReportedGraph graph{"decoder", Role::kDecode, 1, {}};
  const NodeClaim product = {"a/MatMul",
                             "MatMul",
                             NodeClaim::Place::kHtp,
                             {{"a", "FullyConnected"}},
                             "ufixed16",
                             {{"w", "sfixed8", "per channel"}}};
  NodeClaim other = product;
  other.name = "b/MatMul";
  graph.claims.nodes = {product,
                        other,
                        {"q", "QuantizeLinear", NodeClaim::Place::kFolded},
                        {"c/Attention", "Attention", NodeClaim::Place::kCpu}};
  graph.claims.added = {{"convert_7", "Convert"}};
  return {"v81 (SM8850)", {graph}};
}

// Catches a node on the CPU that a summary hides, and a percentage rounded up to 100.
TEST(ClaimsText, SummaryCountsEveryWayAndNamesWhatIsOnTheCpu) {
  const std::string text = claims_text(small_report(), false);
  EXPECT_THAT(text, HasSubstr("compiled for v81 (SM8850)\n"));
  EXPECT_THAT(text, HasSubstr("decoder decode, part 1: 75.0 % on the HTP: 2 nodes, 1 folded"));
  EXPECT_THAT(text, HasSubstr("2      MatMul          FullyConnected"));
  EXPECT_THAT(text, HasSubstr("sfixed8 per channel"));
  EXPECT_THAT(text, HasSubstr("added by the compiler: Convert 'convert_7'"));
  EXPECT_THAT(text, HasSubstr("on the CPU: 'c/Attention'"));
  EXPECT_THAT(text, Not(HasSubstr("b/MatMul")));
}

TEST(ClaimsText, EveryNodeHasARowWhenAsked) {
  const std::string text = claims_text(small_report(), true);
  for (const char* name : {"a/MatMul", "b/MatMul", "c/Attention"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

TEST(ClaimsText, OneGraphHasNoRole) {
  htp::ClaimsReport report = small_report();
  report.graphs[0].role = Role::kModel;
  EXPECT_THAT(claims_text(report, false), HasSubstr("\ndecoder: 75.0 %"));
}

TEST(PercentText, IsAHundredOnlyForAll) {
  EXPECT_EQ(percent_text(100), "100.0 %");
  EXPECT_EQ(percent_text(99.96), "99.9 %");
  EXPECT_EQ(percent_text(0), "0.0 %");
}

}  // namespace
}  // namespace lapidary::report
