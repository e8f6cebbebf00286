// What ran where, from what the compiler dumped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "e2e/child.h"
#include "htp/context_binary.h"
#include "htp_e2e/packages.h"
#include "package/package.h"

namespace lapidary::e2e {
namespace {

constexpr const char* kParts[] = {"vision_encoder", "audio_encoder", "decoder"};

// The parameter: a package, whose name ends in its arch.
class HtpClaims : public ::testing::TestWithParam<std::string> {
 protected:
  Json claims(const std::string& component) const {
    return load_json(folder_ + "/" + component + "/claims.json").value();
  }

  std::string name_ = GetParam();
  std::string folder_ = htp_package(name_);
  std::string arch_ = name_.substr(name_.size() - 3);
};

TEST_P(HtpClaims, EveryNodeRunsOnTheHtp) {
  for (const std::string component : kParts) {
    const Json found = claims(component);
    EXPECT_THAT(found["target"].get<std::string>(), ::testing::StartsWith(arch_));
    ASSERT_EQ(found["graphs"].size(), component == "decoder" ? 2U : 1U);
    for (const Json& graph : found["graphs"]) {
      SCOPED_TRACE(component + " " + graph["role"].get<std::string>());
      EXPECT_EQ(graph["totals"]["cpu"], 0);
      EXPECT_EQ(graph["totals"]["percent_on_htp"], 100.0);
      EXPECT_GT(graph["totals"]["htp"].get<int>(), 100);
    }
  }
}

// Catches weights that are stored per tensor, or in float. The products of positions alone, made
// when the graph is built, are no weights: 16 bits per tensor.
TEST_P(HtpClaims, EveryProductWithWeightsIsInIntegersPerChannel) {
  for (const std::string component : kParts) {
    int products = 0;
    const Json found = claims(component);
    for (const Json& graph : found["graphs"]) {
      for (const Json& node : graph["nodes"]) {
        if ((node["op"] != "MatMul" && node["op"] != "Conv") || !node.contains("constants")) {
          continue;
        }
        for (const Json& constant : node["constants"]) {
          if (constant["name"].get<std::string>().find("relative_keys") != std::string::npos) {
            EXPECT_EQ(constant["dtype"], "sfixed16") << node["name"];
            continue;
          }
          ++products;
          EXPECT_EQ(constant["dtype"], "sfixed8") << node["name"];
          EXPECT_THAT(constant["encoding"].get<std::string>(),
                      ::testing::AnyOf("AXIS", "BW_AXIS", "BLOCKWISE_EXPANSION"))
              << node["name"];
        }
      }
    }
    EXPECT_GT(products, 20) << component;
  }
}

// How many of the decoder's weights have which encoding: "AXIS" is 8 bits, "BW_AXIS" 4 bits per
// channel, "BLOCKWISE_EXPANSION" 4 bits in blocks.
std::map<std::string, int> encodings_of_products(const Json& claims) {
  std::map<std::string, int> out;
  for (const Json& graph : claims["graphs"]) {
    for (const Json& node : graph["nodes"]) {
      if (node["op"] != "MatMul" || !node.contains("constants")) continue;
      for (const Json& constant : node["constants"]) ++out[constant["encoding"].get<std::string>()];
    }
  }
  return out;
}

// Catches 4-bit weights that the compiler stores in 8 bits, and blocks that it does not see. The
// products of one block (the per-layer ones, of 16 rows) are per channel.
TEST_P(HtpClaims, TheDecodersWeightsHaveTheBitsOfTheRecipe) {
  auto found = encodings_of_products(claims("decoder"));
  const auto starts = [&](const char* recipe) { return name_.starts_with(recipe); };
  EXPECT_EQ(found["AXIS"] + found["BW_AXIS"] + found["BLOCKWISE_EXPANSION"], 69);
  if (starts("htp-w4a16")) {
    EXPECT_EQ(found["BW_AXIS"], 68);
  } else if (starts("htp-lpbq")) {
    EXPECT_EQ(found["BLOCKWISE_EXPANSION"], 60);
    EXPECT_EQ(found["BW_AXIS"], 8);
  } else if (starts("htp-mixed")) {
    EXPECT_EQ(found["BLOCKWISE_EXPANSION"], 28);
    EXPECT_EQ(found["BW_AXIS"], 8);
  } else {
    EXPECT_EQ(found["AXIS"], 69);
  }
}

// Catches nodes that the compiler dequantizes for, because their integers are of two types. The
// ports are integers too, so nothing in the graphs is float. Places in a table are int32.
TEST_P(HtpClaims, NoFloatIslands) {
  for (const std::string component : kParts) {
    const Json found = claims(component);
    for (const Json& graph : found["graphs"]) {
      for (const Json& node : graph["nodes"]) {
        if (node["on"] != "htp") continue;
        EXPECT_THAT(node["dtype"].get<std::string>(),
                    ::testing::AnyOf(::testing::HasSubstr("fixed"), "int32"))
            << component << " " << node["name"];
        for (const Json& made : node["qnn"]) {
          EXPECT_NE(made["type"], "Dequantize") << component << " " << node["name"];
          EXPECT_NE(made["type"], "Quantize") << component << " " << node["name"];
        }
      }
    }
  }
}

TEST_P(HtpClaims, EveryContextIsForTheArch) {
  const auto package = package::Package::open(folder_);
  ASSERT_TRUE(package.ok()) << package.error().message();
  const auto& htp = package->manifest.htp;
  ASSERT_TRUE(htp.has_value());
  EXPECT_EQ(htp->arch, arch_);
  size_t binaries = 0;
  for (const auto* contexts : {&htp->device, &htp->emulated}) {
    std::vector<std::string> graphs;
    for (const package::ContextModel& each : *contexts) {
      graphs.push_back(each.component + " " + name_of(each.role));
      const auto made_for = htp::read_binary_target(package->path(each.binary));
      ASSERT_TRUE(made_for.ok()) << made_for.error().message();
      EXPECT_EQ(made_for->arch, arch_) << each.binary;
      EXPECT_EQ(made_for->soc, htp->soc) << each.binary;
      ++binaries;
    }
    EXPECT_THAT(graphs,
                ::testing::UnorderedElementsAre("vision_encoder model", "audio_encoder model",
                                                "decoder prefill", "decoder decode"));
  }
  EXPECT_EQ(binaries, 8U);
}

// One binary for both graphs of a part is what a device gets; alone they take nearly twice as much.
TEST_P(HtpClaims, PrefillAndDecodeShareTheirWeightsOnADevice) {
  const auto package = package::Package::open(folder_).value();
  const auto decoders = [&](const std::vector<package::ContextModel>& contexts) {
    std::vector<std::string> binaries;
    for (const auto& each : contexts) {
      if (each.component == "decoder") binaries.push_back(each.binary);
    }
    return binaries;
  };
  const std::vector<std::string> shared = decoders(package.manifest.htp->device);
  ASSERT_EQ(shared.size(), 2U);
  EXPECT_EQ(shared[0], shared[1]);
  uint64_t alone = 0;
  for (const std::string& binary : decoders(package.manifest.htp->emulated)) {
    alone += std::filesystem::file_size(package.path(binary));
  }
  EXPECT_LT(std::filesystem::file_size(package.path(shared[0])), alone);
}

std::string as_test_name(const ::testing::TestParamInfo<std::string>& each) {
  std::string name = each.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Archs, HtpClaims, ::testing::Values("v73", "v75", "v79", "v81"),
                         as_test_name);

std::vector<std::string> packages_of_4_bits() {
  std::vector<std::string> names;
  for (const char* recipe : {"htp-w4a16-", "htp-lpbq-", "htp-mixed-"}) {
    for (const char* arch : {"v73", "v75", "v79", "v81"})
      names.push_back(recipe + std::string(arch));
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Htp4bit, HtpClaims, ::testing::ValuesIn(packages_of_4_bits()),
                         as_test_name);

TEST(HtpInspect, PrintsTheClaims) {
  const Outcome outcome = lapidary({"inspect", htp_package("v81"), "--claims"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, ::testing::HasSubstr("FullyConnected"));
  EXPECT_THAT(outcome.out, ::testing::HasSubstr("100"));
}

}  // namespace
}  // namespace lapidary::e2e
