// Facts about the vendor's stack that Lapidary leans on, and what it reports when that stack fails.
#include "htp/emulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "htp/claims.h"
#include "models.h"

namespace lapidary::htp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HtpEmulator : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { std::filesystem::remove_all(test_folder()); }

  Emulator emulator(const std::string& arch, EmulatorSettings settings = {}) const {
    return *Emulator::create(libraries_, *target::resolve(arch, ""), std::move(settings));
  }

  Libraries libraries_;
};

TEST_F(HtpEmulator, UnsignedSixteenBitsTimesEightBitWeightsIsExact) {
  const auto x = gaussian(256, 1);
  const EmulatorJob job{
      saved(matmul_a16w8(256, 64, 8.0f), "m.onnx"), {float_tensor("x", {1, 256}, x)}, true, true};
  const auto reference = ort::Session::open(job.model, {.threads = 1})->run(job.inputs);
  ASSERT_TRUE(reference.ok()) << reference.error().message();
  for (const char* arch : {"v73", "v75", "v79", "v81"}) {
    const auto run = emulator(arch).run(job, test_folder() / arch);
    ASSERT_TRUE(run.ok()) << arch << ": " << run.error().message();
    ASSERT_EQ(run->outputs.size(), 1u);
    EXPECT_LT(relative_error(floats_of(run->outputs[0]), floats_of((*reference)[0])), 5e-4) << arch;
    EXPECT_EQ(run->graph_dumps.size(), 1u) << arch;
    EXPECT_GT(run->peak_bytes, 1 << 20);
  }
}

TEST_F(HtpEmulator, ARefusedOpSaysWhy) {
  const EmulatorJob job{saved(one_op("Erf", {1, 8}), "erf.onnx"),
                        {float_tensor("x", {1, 8}, gaussian(8, 1))}};
  const auto run = emulator("v81").run(job, test_folder() / "run");
  ASSERT_FALSE(run.ok());
  EXPECT_EQ(run.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(run.error().message(), AllOf(HasSubstr("erf.onnx"), HasSubstr("Erf")));
  EXPECT_THAT(run.error().message(), testing::Not(HasSubstr("Conflicting")));
}

// Catches reasons that go to the wrong model, or one bad model that ends the whole batch.
TEST_F(HtpEmulator, ABatchGoesOnAfterARefusedModel) {
  Graph symbolic = one_op("Tanh", {1, 8});
  symbolic.inputs[0].shape[0] = std::string("n");
  symbolic.outputs[0].shape[0] = std::string("n");
  const std::vector<ort::HostTensor> inputs = {float_tensor("x", {1, 8}, gaussian(8, 1))};
  const std::vector<EmulatorJob> jobs = {{saved(symbolic, "symbolic.onnx"), inputs},
                                         {saved(one_op("Tanh", {1, 8}), "tanh.onnx"), inputs}};
  const auto runs = emulator("v81").run_all(jobs, test_folder() / "run");
  ASSERT_TRUE(runs.ok()) << runs.error().message();
  ASSERT_EQ(runs->size(), 2u);
  ASSERT_FALSE((*runs)[0].ok());
  EXPECT_THAT((*runs)[0].error().message(), HasSubstr("Cannot get shape"));
  ASSERT_TRUE((*runs)[1].ok()) << (*runs)[1].error().message();
  EXPECT_EQ((*runs)[1]->outputs[0].shape, (std::vector<int64_t>{1, 8}));
}

// "This session contains graph nodes that are assigned to the default CPU EP", says ONNX Runtime.
TEST_F(HtpEmulator, AChipThatDoesNotExistIsNamedAsTheCause) {
  const EmulatorJob job{saved(one_op("Tanh", {1, 8}), "tanh.onnx"),
                        {float_tensor("x", {1, 8}, gaussian(8, 1))}};
  const target::Soc nothing{"nothing", 9999, target::Arch::kV81, 0};
  const auto emulator = Emulator::create(libraries_, {target::Arch::kV81, &nothing}, {});
  ASSERT_TRUE(emulator.ok());
  const auto run = emulator->run(job, test_folder() / "run");
  ASSERT_FALSE(run.ok());
  EXPECT_THAT(run.error().message(), HasSubstr("QNN_DEVICE_ERROR_INVALID_CONFIG"));
}

TEST_F(HtpEmulator, AMisspeltOptionIsRefusedBeforeTheStackSeesIt) {
  const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""),
                                         {.provider_options = {{"vtcm_mbs", "8"}}});
  ASSERT_FALSE(emulator.ok());
  EXPECT_THAT(emulator.error().message(), AllOf(HasSubstr("vtcm_mbs"), HasSubstr("vtcm_mb,")));
}

TEST_F(HtpEmulator, TimeAndMemoryLimitsNameTheModelAndTheStage) {
  const EmulatorJob job{saved(matmul_a16w8(2048, 1024, 8.0f), "big.onnx"),
                        {float_tensor("x", {1, 2048}, gaussian(2048, 1))}};
  const auto late = emulator("v81", {.limits = {.seconds = 0.05}}).run(job, test_folder() / "a");
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error().message(), AllOf(HasSubstr("big.onnx"), HasSubstr("compiled"),
                                            HasSubstr("stopped after 0.05 s")));
  const EmulatorSettings small{.limits = {.memory_bytes = 40 << 20}};
  const auto big = emulator("v81", small).run(job, test_folder() / "b");
  ASSERT_FALSE(big.ok());
  EXPECT_THAT(big.error().message(), AllOf(HasSubstr("big.onnx"), HasSubstr("memory limit")));
}

// Catches a new version of the stack that dumps in another form, or lowers this in another way.
TEST_F(HtpEmulator, ClaimsTellOpsDtypesAndEncodings) {
  const EmulatorJob job{saved(matmul_a16w8(256, 64, 8.0f), "m.onnx"), {}, false, true};
  const auto run = emulator("v81").run(job, test_folder() / "run");
  ASSERT_TRUE(run.ok()) << run.error().message();
  const auto claims = read_claims(run->graph_dumps);
  ASSERT_TRUE(claims.ok()) << claims.error().message();
  EXPECT_EQ(claims->op_counts().at("FullyConnected"), 1u);
  EXPECT_EQ(claims->encoding_counts().at("AXIS"), 1u);
}

}  // namespace
}  // namespace lapidary::htp
