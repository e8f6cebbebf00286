// The silent traps of the vendor's stack: that they are still there, and that Lapidary does not
// step into them. A test that fails here says that the vendor mended something: the rule and what
// Lapidary does instead may go. docs/targets.md lists them all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "htp/compile.h"
#include "htp/context_binary.h"
#include "htp/emulator.h"
#include "htp/worker.h"
#include "models.h"
#include "probe/rule_probes.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;
using target::Verdict;
using ::testing::HasSubstr;

class HtpTraps : public testing::Test {
 protected:
  void SetUp() override {
    const auto found = find_libraries();
    if (!found.ok()) GTEST_SKIP() << found.error().message();
    libraries_ = *found;
  }
  void TearDown() override { fs::remove_all(test_folder()); }

  // The provider, with options that nobody has looked at; the error of compiling, or "".
  std::string compiled_with(const ProviderOptions& options, const Graph& graph) const {
    const fs::path folder = test_folder() / "raw";
    fs::create_directories(folder);
    WorkerRequest request{libraries_.provider(), options, {}};
    request.options.emplace_back("backend_path", libraries_.backend().string());
    request.jobs.push_back({saved(graph, "raw.onnx"), {}, false});
    EXPECT_TRUE(write_request(folder, request).ok());
    const auto end =
        run_child({own_program(), worker_arguments(folder, 0), folder / "worker.log", {}});
    if (!end.ok() || !end->ok()) return "the process died";
    const auto result = load_json(job_result(folder, 0));
    if (!result.ok()) return result.error().message();
    return result->contains("error") ? result->at("error").get<std::string>() : "";
  }

  Libraries libraries_;
};

class HtpTrapForms : public HtpTraps, public testing::WithParamInterface<const char*> {};

// Forms of nodes. That legality refuses each of them is a test without the emulator:
// RuleProbes.LegalityRefusesWhatIsWrongOrRefused.
TEST_P(HtpTrapForms, AreStillComputedWrong) {
  probe::RuleProbing probing;
  probing.expecting = Verdict::kWrong;
  const auto report = probe::measure_rules(libraries_, *target::resolve(GetParam(), ""),
                                           test_folder() / "rules", probing);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_GT(report->results.size(), 20U);
  for (const probe::RuleResult& result : report->results) {
    EXPECT_EQ(result.verdict, Verdict::kWrong)
        << result.id << " (" << result.form << ") computed wrong numbers in silence and is now "
        << target::name_of(result.verdict) << ", relative error " << result.error << ": "
        << result.note << "\nmeasure the rule again and see what Lapidary need not do any more";
  }
}

// v81 is among HtpRules, which measures every form.
INSTANTIATE_TEST_SUITE_P(Archs, HtpTrapForms, testing::Values("v73"),
                         [](const auto& arch) { return std::string(arch.param); });

TEST_F(HtpTraps, UnknownOptionsAndValuesAreTakenInSilence) {
  const Graph graph = one_op("Tanh", {1, 8});
  const ProviderOptions chip = {{"htp_arch", "81"}, {"soc_model", "87"}};
  for (const auto& [key, value] : ProviderOptions{{"vtcm_mbs", "8"}, {"no_such_option", "1"}}) {
    ProviderOptions options = chip;
    options.emplace_back(key, value);
    EXPECT_EQ(compiled_with(options, graph), "") << key << ": the provider says so by itself now";
    const auto ours =
        provider_options(libraries_, *target::resolve("v81", ""), {{std::string(key), value}});
    ASSERT_FALSE(ours.ok());
    EXPECT_THAT(ours.error().message(), HasSubstr(key));
  }
}

// Neither arch nor SoC: a product that every chip of the record takes is refused.
TEST_F(HtpTraps, WithoutArchAndSocProductsAreRefused) {
  const probe::RuleProbe* product = nullptr;
  const std::vector<probe::RuleProbe> probes = probe::rule_probes();
  for (const probe::RuleProbe& each : probes) {
    if (each.id == "matmul.dynamic_uint16_int16" && each.form.empty()) product = &each;
  }
  ASSERT_NE(product, nullptr);
  const Graph graph = probe::form_of(*product).graph;
  EXPECT_NE(compiled_with({}, graph), "") << "arch and SoC need not be given any more";
  EXPECT_EQ(compiled_with({{"htp_arch", "81"}, {"soc_model", "87"}}, graph), "");
  const auto ours = provider_options(libraries_, *target::resolve("v81", ""), {});
  ASSERT_TRUE(ours.ok());
  EXPECT_NE(
      std::find(ours->begin(), ours->end(), std::pair<std::string, std::string>("soc_model", "87")),
      ours->end());
}

// A package is loaded for the chip that its binaries say only (engine/device.cc).
TEST_F(HtpTraps, ABinaryOfAnotherArchRunsOnTheEmulator) {
  const fs::path out = test_folder() / "out";
  const auto compiler = Compiler::create(libraries_, *target::resolve("v79", ""), {});
  const auto made = compiler->compile(
      {"old", {{saved(one_op("Tanh", {1, 8}), "tanh.onnx"), out / "tanh.onnx"}}, out / "old.bin"});
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(read_binary_target(out / "old.bin")->arch, "v79");
  const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""), {});
  const auto run = emulator->run({out / "tanh.onnx", {float_tensor("x", {1, 8}, gaussian(8, 1))}},
                                 test_folder() / "run");
  EXPECT_TRUE(run.ok()) << "the loader compares archs itself now: " << run.error().message();
}

// So a package has binaries of each graph alone beside the shared ones, and checks run on those.
TEST_F(HtpTraps, ASharedBinaryCrashesTheEmulator) {
  const auto rows = [](int64_t count) {
    Graph graph = matmul_a16w8(64, 32, 4.0F);
    graph.inputs[0].shape[0] = count;
    graph.outputs[0].shape[0] = count;
    return graph;
  };
  const fs::path out = test_folder() / "out";
  const auto compiler = Compiler::create(libraries_, *target::resolve("v81", ""), {});
  const auto made = compiler->compile({"shared",
                                       {{saved(rows(4), "four.onnx"), out / "four.onnx"},
                                        {saved(rows(1), "one.onnx"), out / "one.onnx"}},
                                       out / "shared.bin"});
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto emulator = Emulator::create(libraries_, *target::resolve("v81", ""), {});
  const auto run = emulator->run({out / "one.onnx", {float_tensor("x", {1, 64}, gaussian(64, 1))}},
                                 test_folder() / "run");
  ASSERT_FALSE(run.ok()) << "shared binaries load now: packages need no second set";
  EXPECT_THAT(run.error().message(), HasSubstr("died of signal"));
}

}  // namespace
}  // namespace lapidary::htp
