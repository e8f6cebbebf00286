#include "htp/claims_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace lapidary::htp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Place = NodeClaim::Place;

ClaimedTensor tensor(const std::string& name, const std::string& dtype,
                     const std::string& encoding = "", bool constant = false) {
  return {name, dtype, encoding, {1, 8}, constant};
}

// x -> DQ -> MatMul(w: DQ) -> Q -> DQ -> Erf -> Identity, and a weight's own names on the way.
graph::Graph small_graph() {
  graph::Graph graph;
  const auto node = [&](const char* op, const std::string& name, std::vector<std::string> inputs,
                        const std::string& output) {
    graph.nodes.push_back({"", op, name, std::move(inputs), {output}, {}});
  };
  node("DequantizeLinear", "x/DequantizeLinear", {"x", "s"}, "x_dequantized");
  node("DequantizeLinear", "w/DequantizeLinear", {"w", "s"}, "w_dequantized");
  node("MatMul", "proj/MatMul", {"x_dequantized", "w_dequantized"}, "proj/MatMul");
  node("QuantizeLinear", "proj/MatMul/QuantizeLinear", {"proj/MatMul", "s"},
       "proj/MatMul_quantized");
  node("DequantizeLinear", "proj/MatMul/DequantizeLinear", {"proj/MatMul_quantized", "s"}, "y");
  node("Erf", "erf", {"y"}, "z");
  node("Identity", "same", {"z"}, "out");
  return graph;
}

// As onnxruntime-qnn 2.7.0 writes a MatMul: a FullyConnected of rank 2, reshaped.
Claims small_claims() {
  Claims claims;
  claims.nodes.push_back({"proj/MatMul_quantizedReshape",
                          "Reshape",
                          {tensor("proj/MatMul_quantized_reshape", "ufixed16")},
                          {tensor("proj/MatMul_quantized", "ufixed16")}});
  claims.nodes.push_back({"proj/MatMul",
                          "FullyConnected",
                          {tensor("x", "ufixed16"), tensor("w_transpose", "sfixed8", "AXIS", true)},
                          {tensor("proj/MatMul_quantized_reshape", "ufixed16")}});
  claims.nodes.push_back({"strange", "Convert", {}, {tensor("elsewhere", "float16")}});
  return claims;
}

TEST(ClaimsReport, EachNodeFindsWhatItBecame) {
  const std::vector<std::string> on_cpu = {"erf"};
  const NodeClaims claims = claims_by_node(small_graph(), small_claims(), on_cpu);
  ASSERT_EQ(claims.nodes.size(), 7u);
  const NodeClaim& product = claims.nodes[2];
  EXPECT_EQ(product.place, Place::kHtp);
  EXPECT_THAT(product.qnn, ElementsAre(QnnNode{"proj/MatMul", "FullyConnected"},
                                       QnnNode{"proj/MatMul_quantizedReshape", "Reshape"}));
  EXPECT_EQ(product.dtype, "ufixed16");
  EXPECT_THAT(product.constants,
              ElementsAre(NodeClaim::Constant{"w_transpose", "sfixed8", "AXIS"}));
  EXPECT_EQ(claims.nodes[3].place, Place::kFolded);
  EXPECT_EQ(claims.nodes[5].place, Place::kCpu);
  EXPECT_EQ(claims.nodes[6].place, Place::kMerged);
  EXPECT_THAT(claims.added, ElementsAre(QnnNode{"strange", "Convert"}));
  EXPECT_EQ(claims.count(Place::kFolded), 4u);
  EXPECT_EQ(claims.qnn_nodes(), 3u);
  EXPECT_DOUBLE_EQ(claims.percent_on_htp(), 100.0 * 5 / 6);
  EXPECT_THAT(claims.cpu_nodes(), ElementsAre("erf"));
}

// Catches a QuantizeLinear that the HTP computes but that is called folded: where a node's result
// is float there, that is what the report is read for.
TEST(ClaimsReport, AQuantizeThatTheHtpComputesIsNotFolded) {
  Claims claims;
  claims.nodes.push_back({"proj/MatMul/QuantizeLinear",
                          "Quantize",
                          {tensor("proj/MatMul", "float32")},
                          {tensor("proj/MatMul_quantized", "sfixed16")}});
  const NodeClaims by_node = claims_by_node(small_graph(), claims, {});
  EXPECT_EQ(by_node.nodes[3].place, Place::kHtp);
  EXPECT_EQ(by_node.nodes[3].dtype, "sfixed16");
  EXPECT_EQ(by_node.nodes[2].place, Place::kMerged);
}

// A made name belongs to the longest name that it begins with, and not to "layers.1" for
// "layers.10".
TEST(ClaimsReport, MadeNamesBelongToTheNearestNode) {
  graph::Graph graph;
  for (const char* name : {"layers.1", "layers.10", "layers.1/MatMul"}) {
    graph.nodes.push_back({"", "MatMul", name, {}, {std::string("v ") + name}, {}});
  }
  Claims claims;
  for (const char* name : {"layers.10_x", "layers.12", "layers.1/MatMul_y", "layers.1/Add"}) {
    claims.nodes.push_back({name, "T", {}, {}});
  }
  const NodeClaims by_node = claims_by_node(graph, claims, {});
  EXPECT_TRUE(by_node.nodes[0].qnn.empty());
  EXPECT_THAT(by_node.nodes[1].qnn, ElementsAre(QnnNode{"layers.10_x", "T"}));
  EXPECT_THAT(by_node.nodes[2].qnn, ElementsAre(QnnNode{"layers.1/MatMul_y", "T"}));
  EXPECT_EQ(by_node.added.size(), 2u);
}

Json small_report() {
  const std::vector<std::string> on_cpu = {"erf"};
  const std::vector<ReportedGraph> graphs = {
      {"decoder", contract::Role::kDecode, 1,
       claims_by_node(small_graph(), small_claims(), on_cpu)}};
  return claims_report(*target::resolve("v81", ""), graphs);
}

TEST(ClaimsReport, ComesBackFromJson) {
  const Json json = small_report();
  EXPECT_EQ(json["graphs"][0]["totals"]["htp"], 1);
  EXPECT_EQ(json["graphs"][0]["cpu_nodes"], Json::array({"erf"}));
  const auto report = read_claims_report(json, "claims.json");
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(report->target, "v81 (SM8850)");
  ASSERT_EQ(report->graphs.size(), 1u);
  EXPECT_EQ(report->graphs[0].part, 1);
  const std::vector<std::string> on_cpu = {"erf"};
  EXPECT_EQ(report->graphs[0].claims, claims_by_node(small_graph(), small_claims(), on_cpu));
}

TEST(ClaimsReport, BadReportsNameTheKey) {
  Json format = small_report();
  format["format"] = 2;
  EXPECT_THAT(read_claims_report(format, "claims.json").error().message(), HasSubstr("format 2"));
  Json place = small_report();
  place["graphs"][0]["nodes"][3]["on"] = "moon";
  const auto bad = read_claims_report(place, "claims.json");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.error().message(), HasSubstr("nodes[3]"));
  EXPECT_THAT(bad.error().message(), HasSubstr("'moon'"));
}

// Catches a crash: whatever JSON stands in the file, the reader returns.
TEST(ClaimsReport, DamagedReportsNeverCrash) {
  const std::string whole = small_report().dump();
  std::mt19937 random(1);
  size_t parsed = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 2; ++k) damaged[random() % damaged.size()] = "\"{}[],:0-x"[random() % 10];
    const auto json = parse_json(damaged, "damaged");
    if (!json.ok()) continue;
    ++parsed;
    (void)read_claims_report(*json, "damaged").ok();
  }
  EXPECT_GT(parsed, 100u);
  for (const char* odd : {"[]", "3", "{}", "{\"format\": 1, \"target\": \"t\", \"graphs\": {}}",
                          "{\"format\": 1, \"target\": \"t\", \"graphs\": [3]}"}) {
    (void)read_claims_report(*parse_json(odd, "odd"), "odd").ok();
  }
}

}  // namespace
}  // namespace lapidary::htp
