#include "htp/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "base/testing/source_dir.h"

namespace lapidary::htp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// What onnxruntime-qnn 2.7.0 dumps for uint16 activations times int8 weights per channel (v81).
const std::filesystem::path kDump = source_dir() / "tests/golden/htp/matmul_a16w8.json";

std::string dump_text() {
  std::ostringstream text;
  text << std::ifstream(kDump).rdbuf();
  return text.str();
}

TEST(Claims, OpsDtypesAndEncodingsOfARealDump) {
  const auto claims = read_claims(std::span(&kDump, 1));
  ASSERT_TRUE(claims.ok()) << claims.error().message();
  EXPECT_THAT(claims->encoding_counts(), ElementsAre(Pair("AXIS", 1)));
  EXPECT_EQ(claims->op_counts().at("FullyConnected"), 1u);
  bool found = false;
  for (const ClaimedNode& node : claims->nodes) {
    if (node.type != "FullyConnected") continue;
    found = true;
    ASSERT_GE(node.inputs.size(), 2u);
    EXPECT_THAT(node.name, HasSubstr("proj/MatMul"));
    EXPECT_EQ(node.inputs[0].dtype, "ufixed16");
    EXPECT_EQ(node.inputs[0].encoding, "SCALE_OFFSET");
    EXPECT_EQ(node.inputs[1].dtype, "sfixed8");
    EXPECT_EQ(node.inputs[1].encoding, "AXIS");
    EXPECT_TRUE(node.inputs[1].constant);
    EXPECT_THAT(node.inputs[1].dims, ElementsAre(64, 256));
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(claims->to_json()["constant_encodings"]["AXIS"], 1);
}

// Each mention of a tensor is a copy of it, so a few bytes of text would take kilobytes each.
TEST(Claims, RefusesTensorsOfHundredsOfDims) {
  const Json tensor = {{"data_type", 1},
                       {"dims", std::vector<int64_t>(100, 1)},
                       {"type", 4},
                       {"quant_params", {{"encoding", 0}}}};
  const Json dump = {{"graph", {{"nodes", Json::object()}, {"tensors", {{"a", tensor}}}}}};
  const auto claims = parse_claims(dump.dump(), "dump");
  ASSERT_FALSE(claims.ok());
  EXPECT_THAT(claims.error().message(), HasSubstr("more than a tensor's dims"));
}

TEST(Claims, NumbersWithoutANameAreShownAsNumbers) {
  const auto claims = parse_claims(
      R"({"graph": {"nodes": {"n": {"type": "T", "input_names": ["a"], "output_names": []}},
          "tensors": {"a": {"data_type": 1, "dims": [2], "type": 4,
                            "quant_params": {"encoding": 99}}}}})",
      "dump");
  ASSERT_TRUE(claims.ok()) << claims.error().message();
  EXPECT_EQ(claims->nodes[0].inputs[0].dtype, "type 1");
  EXPECT_EQ(claims->nodes[0].inputs[0].encoding, "encoding 99");
}

TEST(Claims, ATensorThatIsNotThereIsNamed) {
  const auto claims = parse_claims(
      R"({"graph": {"tensors": {}, "nodes":
          {"n": {"type": "T", "input_names": ["gone"], "output_names": []}}}})",
      "dump.json");
  ASSERT_FALSE(claims.ok());
  EXPECT_THAT(claims.error().message(), HasSubstr("dump.json: node 'n'"));
  EXPECT_THAT(claims.error().message(), HasSubstr("gone"));
}

TEST(Claims, NoDumpAtAllIsAnError) { EXPECT_FALSE(read_claims({}).ok()); }

// Catches a crash on a dump that was cut or changed: each must be an error or a reading, never
// more.
TEST(Claims, DamagedDumpsNeverCrash) {
  const std::string whole = dump_text();
  ASSERT_GT(whole.size(), 500u);
  for (size_t i = 0; i < whole.size(); i += 7) {
    EXPECT_FALSE(parse_claims(whole.substr(0, i), "cut").ok()) << i;
  }
  std::mt19937 random(1);
  size_t read = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 3; ++k) {
      damaged[random() % damaged.size()] = static_cast<char>("\"{}[],:0-x"[random() % 10]);
    }
    read += parse_claims(damaged, "damaged").ok() ? 1 : 0;
  }
  EXPECT_LT(read, 3000u);
}

}  // namespace
}  // namespace lapidary::htp
