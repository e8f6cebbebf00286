#include "htp/provider_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lapidary::htp {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string error_of(const std::map<std::string, std::string>& extra) {
  const auto options = provider_options({"/qnn"}, *target::resolve("v81", ""), extra);
  return options.ok() ? "" : options.error().message();
}

TEST(ProviderOptions, ArchSocAndBackendAreAlwaysSet) {
  const auto options = provider_options({"/qnn"}, *target::resolve("v79", ""), {{"vtcm_mb", "8"}});
  ASSERT_TRUE(options.ok()) << options.error().message();
  EXPECT_THAT(*options, Contains(Pair("htp_arch", "79")));
  EXPECT_THAT(*options, Contains(Pair("soc_model", "69")));
  EXPECT_THAT(*options, Contains(Pair("backend_path", "/qnn/libQnnHtp.so")));
  EXPECT_THAT(*options, Contains(Pair("vtcm_mb", "8")));
}

TEST(ProviderOptions, AMisspeltKeyIsAnErrorThatNamesNearOnes) {
  EXPECT_THAT(error_of({{"htp_performance_mod", "burst"}}),
              AllOf(HasSubstr("htp_performance_mod"), HasSubstr("does not exist"),
                    HasSubstr("near ones: htp_performance_mode")));
  EXPECT_THAT(error_of({{"", "1"}}), HasSubstr("does not exist"));
}

TEST(ProviderOptions, AValueOutsideTheKeysIsAnErrorThatListsThem) {
  EXPECT_THAT(error_of({{"htp_performance_mode", "brust"}}),
              AllOf(HasSubstr("brust"), HasSubstr("burst")));
  EXPECT_THAT(error_of({{"enable_htp_spill_fill_buffer", "true"}}), HasSubstr("0, 1"));
  EXPECT_THAT(error_of({{"htp_graph_finalization_optimization_mode", "4"}}),
              HasSubstr("0, 1, 2, 3"));
  for (const char* bad : {"0", "-1", "8 ", "8.0", "", "99999999999999999999"}) {
    EXPECT_THAT(error_of({{"vtcm_mb", bad}}), HasSubstr("no number from 1")) << bad;
  }
  EXPECT_THAT(error_of({{"profiling_file_path", ""}}), HasSubstr("empty"));
}

// A relative one would be looked for in the worker's folder, or wherever the loader looks.
TEST(ProviderOptions, LibrariesAreNamedByAbsolutePaths) {
  for (const char* key : {"qnn_saver_path", "qnn_ir_backend_path"}) {
    EXPECT_EQ(error_of({{key, "/qnn/lib.so"}}), "") << key;
    for (const char* bad : {"", "lib.so", "./lib.so", "~/lib.so"}) {
      EXPECT_THAT(error_of({{key, bad}}), AllOf(HasSubstr(key), HasSubstr("absolute"))) << bad;
    }
  }
  EXPECT_EQ(error_of({{"op_packages", "Add:/a.so:f"}}), "");
  EXPECT_EQ(error_of({{"op_packages", "Add:/a.so:f:CPU,Mul:/b.so:g"}}), "");
  for (const char* bad : {"", "Add", "Add:a.so:f", "Add:/a.so:f,Mul:b.so:g", "Add:/a.so:f,"}) {
    EXPECT_THAT(error_of({{"op_packages", bad}}), HasSubstr("absolute")) << bad;
  }
}

// The provider obeys soc_model where it and htp_arch disagree: nobody may set one of them apart.
TEST(ProviderOptions, WhatIsSetHereCannotBeSetTwice) {
  for (const char* key : {"htp_arch", "soc_model", "backend_path", "backend_type"}) {
    EXPECT_THAT(error_of({{key, "1"}}), HasSubstr("leave it out")) << key;
  }
}

// A key of compiling says nothing to a session over a binary; clocks that were chosen must not be
// lost.
TEST(ProviderOptions, RunningTakesWhatIsNotInTheBinary) {
  EXPECT_THAT(run_time_options({{"htp_performance_mode", "burst"},
                                {"htp_graph_finalization_optimization_mode", "3"},
                                {"vtcm_mb", "8"},
                                {"rpc_control_latency", "100"}}),
              ::testing::UnorderedElementsAre(Pair("htp_performance_mode", "burst"),
                                              Pair("rpc_control_latency", "100")));
}

}  // namespace
}  // namespace lapidary::htp
