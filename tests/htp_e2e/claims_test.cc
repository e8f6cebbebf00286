// What ran where, from what the compiler dumped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "e2e/child.h"
#include "htp/context_binary.h"
#include "htp_e2e/packages.h"
#include "package/package.h"

namespace lapidary::e2e {
namespace {

class HtpClaims : public ::testing::TestWithParam<const char*> {
 protected:
  std::string name_ = GetParam();
  std::string folder_ = htp_package(name_);
};

TEST_P(HtpClaims, EveryNodeRunsOnTheHtp) {
  const Json claims = load_json(folder_ + "/decoder/claims.json").value();
  EXPECT_THAT(claims["target"].get<std::string>(), ::testing::StartsWith(name_));
  ASSERT_EQ(claims["graphs"].size(), 2u);
  for (const Json& graph : claims["graphs"]) {
    SCOPED_TRACE(graph["role"].get<std::string>());
    EXPECT_EQ(graph["totals"]["cpu"], 0);
    EXPECT_EQ(graph["totals"]["percent_on_htp"], 100.0);
    EXPECT_GT(graph["totals"]["htp"].get<int>(), 100);
  }
}

// Catches weights that are stored per tensor, or in float.
TEST_P(HtpClaims, EveryProductWithWeightsIsInIntegersPerChannel) {
  const Json claims = load_json(folder_ + "/decoder/claims.json").value();
  int products = 0;
  for (const Json& graph : claims["graphs"]) {
    for (const Json& node : graph["nodes"]) {
      if (node["op"] != "MatMul" || !node.contains("constants")) continue;
      for (const Json& constant : node["constants"]) {
        ++products;
        EXPECT_EQ(constant["dtype"], "sfixed8") << node["name"];
        EXPECT_EQ(constant["encoding"], "AXIS") << node["name"];
      }
    }
  }
  EXPECT_GT(products, 50);
}

// Catches nodes that the compiler dequantizes for, because their integers are of two types. The
// ports are integers too, so nothing in the graphs is float.
TEST_P(HtpClaims, NoFloatIslands) {
  const Json claims = load_json(folder_ + "/decoder/claims.json").value();
  for (const Json& graph : claims["graphs"]) {
    for (const Json& node : graph["nodes"]) {
      if (node["on"] != "htp") continue;
      EXPECT_THAT(node["dtype"].get<std::string>(), ::testing::HasSubstr("fixed")) << node["name"];
      for (const Json& made : node["qnn"]) {
        EXPECT_NE(made["type"], "Dequantize") << node["name"];
        EXPECT_NE(made["type"], "Quantize") << node["name"];
      }
    }
  }
}

TEST_P(HtpClaims, EveryContextIsForTheArch) {
  const auto package = package::Package::open(folder_);
  ASSERT_TRUE(package.ok()) << package.error().message();
  const auto& htp = package->manifest.htp;
  ASSERT_TRUE(htp.has_value());
  EXPECT_EQ(htp->arch, name_);
  size_t binaries = 0;
  for (const auto* contexts : {&htp->device, &htp->emulated}) {
    ASSERT_EQ(contexts->size(), 2u);
    for (const package::ContextModel& each : *contexts) {
      const auto made_for = htp::read_binary_target(package->path(each.binary));
      ASSERT_TRUE(made_for.ok()) << made_for.error().message();
      EXPECT_EQ(made_for->arch, name_);
      EXPECT_EQ(made_for->soc, htp->soc);
      ++binaries;
    }
  }
  EXPECT_EQ(binaries, 4u);
}

// One binary for both graphs of a part is what a device gets; alone they take nearly twice as much.
TEST_P(HtpClaims, PrefillAndDecodeShareTheirWeightsOnADevice) {
  const auto package = package::Package::open(folder_).value();
  const auto& device = package.manifest.htp->device;
  EXPECT_EQ(device[0].binary, device[1].binary);
  uint64_t alone = 0;
  for (const auto& each : package.manifest.htp->emulated) {
    alone += std::filesystem::file_size(package.path(each.binary));
  }
  EXPECT_LT(std::filesystem::file_size(package.path(device[0].binary)), alone);
}

INSTANTIATE_TEST_SUITE_P(Archs, HtpClaims, ::testing::Values("v73", "v75", "v79", "v81"),
                         [](const auto& each) { return std::string(each.param); });

TEST(HtpInspect, PrintsTheClaims) {
  const Outcome outcome = lapidary({"inspect", htp_package("v81"), "--claims"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ::testing::HasSubstr("FullyConnected"));
  EXPECT_THAT(outcome.out, ::testing::HasSubstr("100"));
}

}  // namespace
}  // namespace lapidary::e2e
