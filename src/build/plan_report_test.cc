// Plans of the tiny model: what they say is what a build writes, and it fits together.
#include "build/plan_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <string>

#include "build/build.h"
#include "build/compile_component.h"
#include "build/fixed_model.h"
#include "build/plan_comparison.h"
#include "checkpoint/test_files.h"

namespace lapidary::build {
namespace {

using checkpoint::TempDir;
using checkpoint::tiny_checkpoint;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> kSmall = {"static.context_length=256", "static.prefill_length=32",
                                         "static.calibration_length=64"};

std::vector<std::string> small_and(std::vector<std::string> more) {
  more.insert(more.begin(), kSmall.begin(), kSmall.end());
  return more;
}

checkpoint::Checkpoint tiny() { return checkpoint::Checkpoint::open(tiny_checkpoint()).value(); }

Result<PlanReport> report_of(const std::string& name, const std::vector<std::string>& overrides,
                             int64_t context = 0) {
  LAP_ASSIGN_OR_RETURN(const recipe::Recipe recipe, recipe::load_recipe(name, overrides));
  const auto source = tiny();
  PlanOptions options{.context_length = context};
  if (recipe.compile) options.chip = target::resolve("v81", "").value();
  LAP_ASSIGN_OR_RETURN(const Plan plan, make_plan(recipe, source, options.chip));
  return plan_report(recipe, source, plan, options);
}

const ComponentCost& component(const PlanReport& report, const std::string& name) {
  return *std::find_if(report.components.begin(), report.components.end(),
                       [&](const auto& each) { return each.name == name; });
}

// A size that counts weights but not model files, or alignment but not small tensors, is off by
// several percent in so small a model.
TEST(PlanReport, PlansTheBytesThatABuildWrites) {
  for (const char* recipe : {"cpu-fp32", "cpu-int4"}) {
    const TempDir dir;
    const auto summary = build_package(
        recipe::load_recipe(recipe).value(),
        {.checkpoint = tiny_checkpoint(), .output = dir.path() / "p", .work = {.threads = 2}});
    ASSERT_TRUE(summary.ok()) << summary.error().message();
    size_t components = 0;
    for (const Compared& row : compare(summary->plan, *summary)) {
      if (row.what != "bytes") continue;
      EXPECT_NEAR(row.off(), 0, 0.01) << recipe << ": " << row.name << " " << row.measured;
      ++components;
    }
    EXPECT_EQ(components, summary->components.size() + 1);  // and the package
    EXPECT_GT(summary->peak_resident_bytes, 0U);
  }
}

// The chip that a recipe compiles for decides whose forms its graphs have; what compiles nothing
// has those of a named arch. Catches a chip that the passes never hear of, and a default for a chip
// that nobody measured.
TEST(PlanReport, GraphsHaveTheFormsOfTheChip) {
  const recipe::Recipe recipe = recipe::load_recipe("htp-w8a16", kSmall).value();
  const auto source = tiny();
  const auto v73 = make_plan(recipe, source, target::resolve("v73", "").value());
  ASSERT_TRUE(v73.ok()) << v73.error().message();
  const target::Record record = target::record_of(target::Arch::kV73).value();
  EXPECT_EQ(v73->traits.target, record.traits.target);
  EXPECT_EQ(v73->components.back().fixed_model->masked, record.traits.quantized_mask);
  const recipe::Recipe for_cpu = recipe::load_recipe("cpu-int4").value();
  EXPECT_EQ(make_plan(for_cpu, source, std::nullopt)->traits.target, "the HTP (v81)");

  const auto unknown =
      make_plan(recipe, source, target::Target{static_cast<target::Arch>(99), nullptr});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(unknown.error().message(), HasSubstr("arch v99"));
}

TEST(PlanReport, MasksHoldWhatTheTargetSays) {
  const target::QuantizationTraits invented{
      .target = "an invented target", .float16_mask = -7, .quantized_mask = -3};
  EXPECT_EQ(masked_value(recipe::load_recipe("htp-w8a16").value(), "decoder", invented), -3);
  EXPECT_EQ(masked_value(recipe::load_recipe("cpu-fp32").value(), "decoder", invented), -7);
}

// What decode graphs of parts weigh is what the whole one weighs: a weight that is lost, or stands
// in two parts, shows.
TEST(PlanReport, PartsAddUpToTheWhole) {
  const auto whole = report_of("htp-w8a16", kSmall);
  ASSERT_TRUE(whole.ok()) << whole.error().message();
  const auto parts =
      report_of("htp-w8a16", small_and({"split.num_splits=3", "split.max_bytes=null"}));
  ASSERT_TRUE(parts.ok()) << parts.error().message();
  ASSERT_TRUE(parts->split.has_value());
  ASSERT_EQ(parts->split->parts.size(), 3U);
  int64_t sum = 0;
  for (const SplitPart& part : parts->split->parts) {
    EXPECT_THAT(part.layers, HasSubstr("layer"));
    EXPECT_EQ(part.receives.empty(), part.part == 0) << part.part;
    sum += part.weight_bytes;
  }
  EXPECT_THAT(parts->split->parts.back().layers, HasSubstr("lm_head"));
  EXPECT_THAT(parts->split->reason, AllOf(HasSubstr("num_splits is 3"), HasSubstr("before layer")));
  const auto weights = static_cast<double>(whole->token.decoder_weights);
  EXPECT_NEAR(static_cast<double>(sum), weights, 0.005 * weights);
  EXPECT_EQ(parts->token.decoder_weights, sum);
  EXPECT_EQ(parts->kv_bytes, whole->kv_bytes);  // a donor's cache counts once
  for (const PlanReport* report : {&*whole, &*parts}) {
    const ComponentCost& decoder = component(*report, "decoder");
    const int64_t graphs =
        std::accumulate(decoder.graphs.begin(), decoder.graphs.end(), int64_t{0},
                        [](int64_t total, const GraphCost& each) { return total + each.bytes(); });
    EXPECT_EQ(decoder.bytes(), graphs + decoder.ranges_bytes);
    EXPECT_GT(decoder.ranges_bytes, 0);
  }
}

// A context for a device holds what two graphs share once; the emulator's hold it twice.
TEST(PlanReport, ContextsOfPartsAreThoseThatAreCompiled) {
  const auto report = report_of("htp-w8a16", kSmall);
  ASSERT_TRUE(report.ok()) << report.error().message();
  std::map<std::string, ContextCost> contexts;
  for (const ContextCost& each : report->contexts) contexts[each.name] = each;
  ASSERT_EQ(contexts.size(), 5U);
  EXPECT_EQ(contexts.count("vision_encoder part 0 (model)"), 1U);
  EXPECT_EQ(contexts.count("audio_encoder part 0 (model)"), 1U);
  const ContextCost& shared = contexts.at("decoder part 0 (prefill, decode)");
  const ContextCost& prefill = contexts.at("decoder part 0 (prefill)");
  const ContextCost& decode = contexts.at("decoder part 0 (decode)");
  EXPECT_GE(shared.weight_bytes, decode.weight_bytes);
  EXPECT_LT(shared.weight_bytes, decode.weight_bytes + prefill.weight_bytes / 2);
  EXPECT_EQ(shared.nodes, prefill.nodes + decode.nodes);
  EXPECT_GT(shared.compile_bytes, decode.compile_bytes);
  int64_t most = 0;
  for (const ContextCost& each : report->contexts) most = std::max(most, each.compile_bytes);
  EXPECT_EQ(report->compile_bytes(), most);
  const auto alone = report_of("htp-w8a16", small_and({"contexts.emulation=false"}));
  ASSERT_TRUE(alone.ok()) << alone.error().message();
  EXPECT_EQ(alone->contexts.size(), 3U);  // one a component
}

// A longer clip has the same weights, and more values between them: to plan by weights alone was
// short of what the compiler of E2B's vision encoder took by a factor of 6. So it is with
// calibrating.
TEST(PlanReport, EncodersTakeMemoryForTheirValues) {
  const std::string name = "audio_encoder part 0 (model)";
  std::map<int64_t, ContextCost> audio;
  std::map<int64_t, int64_t> calibrating;
  for (const int64_t tokens : {100, 200, 400}) {
    const auto report =
        report_of("htp-w8a16", small_and({"build.audio_soft_tokens=" + std::to_string(tokens)}));
    ASSERT_TRUE(report.ok()) << report.error().message();
    for (const ContextCost& each : report->contexts) {
      if (each.name == name) audio[tokens] = each;
    }
    calibrating[tokens] = report->build.calibrating;
  }
  EXPECT_NEAR(static_cast<double>(audio[400].weight_bytes),
              static_cast<double>(audio[100].weight_bytes), 1e4);
  const int64_t first = audio[200].compile_bytes - audio[100].compile_bytes;
  const int64_t second = audio[400].compile_bytes - audio[200].compile_bytes;
  EXPECT_GT(first, 1'000'000);
  EXPECT_NEAR(static_cast<double>(second), 2.0 * static_cast<double>(first),
              0.1 * static_cast<double>(second));
  EXPECT_GT(calibrating[400], calibrating[100]);
}

// The caches of the CPU's decoder: counted by hand from the checkpoint's dims, and never longer
// than the window where a layer slides.
TEST(PlanReport, CountsKeysAndValues) {
  const checkpoint::TextConfig text = tiny().config.text;
  for (const int64_t context : {16, 1024}) {
    int64_t expected = 0;
    for (const int64_t layer : text.cache_layers()) {
      const int64_t rows =
          text.is_full(layer) ? context : std::min(context, text.sliding_window - 1);
      expected += 2 * 4 * rows * text.kv_heads(layer) * text.head_dim(layer);
    }
    const auto report = report_of("cpu-int4", {}, context);
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_EQ(report->kv_bytes, expected);
    EXPECT_EQ(report->context_length, context);
  }
  // Static graphs hold 16-bit rows and no place for the new token.
  const auto fixed = report_of("htp-w8a16", kSmall);
  ASSERT_TRUE(fixed.ok()) << fixed.error().message();
  int64_t expected = 0;
  for (const int64_t layer : text.cache_layers()) {
    const int64_t rows =
        text.is_full(layer) ? 255 : std::min<int64_t>(255, text.sliding_window - 1);
    expected += 2 * 2 * rows * text.kv_heads(layer) * text.head_dim(layer);
  }
  EXPECT_EQ(fixed->kv_bytes, expected);
}

// One row of two tables and the projection between them: far less than the tables, more than a row.
TEST(PlanReport, ATokenReadsRowsOfTables) {
  const auto report = report_of("cpu-fp32", {});
  ASSERT_TRUE(report.ok()) << report.error().message();
  const checkpoint::TextConfig text = tiny().config.text;
  const int64_t ple = text.num_layers() * text.hidden_size_per_layer_input;
  const int64_t rows = 4 * (text.hidden_size + ple);
  const int64_t projection = 4 * ple * text.hidden_size;
  EXPECT_GE(report->token.embedding, rows + projection);
  EXPECT_LT(report->token.embedding, rows + projection + 4096);
  EXPECT_EQ(report->token.total(),
            report->token.decoder_weights + report->kv_bytes + report->token.embedding);
}

// Bytes that this process has read from files so far; nothing where the system does not say.
std::optional<int64_t> bytes_read() {
  std::ifstream io("/proc/self/io");
  int64_t bytes = 0;
  for (std::string word; io >> word;) {
    if (word == "rchar:" && io >> bytes) return bytes;
  }
  return std::nullopt;
}

// A plan takes its time from shapes, not from weights: reading these, as a rule about the values of
// scales did once, costs seconds for each GB of the checkpoint. Norms and tables of positions are
// read.
TEST(PlanReport, ReadsNoWeights) {
  const auto before = bytes_read();
  if (!before) GTEST_SKIP() << "/proc/self/io cannot be read";
  // Side files, and the samples of each tensor that the fingerprint covers.
  ASSERT_TRUE(tiny().source_hash().ok());
  const int64_t opening = *bytes_read() - *before;
  for (const char* recipe : {"htp-w8a16", "htp-lpbq"}) {
    const auto start = bytes_read();
    const auto report = report_of(recipe, kSmall);
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_LT(*bytes_read() - *start - opening, tiny().stored.total_bytes() / 5) << recipe;
  }
}

// What passes lower is named, and the decoder as a whole is nothing that the target refuses.
TEST(PlanReport, NamesWhatIsLoweredAndWhatIsRefused) {
  const auto report = report_of("htp-w8a16", kSmall);
  ASSERT_TRUE(report.ok()) << report.error().message();
  std::map<std::string, int64_t> by_pass;
  for (const Lowering& each : report->lowerings) by_pass[each.by] += each.nodes;
  EXPECT_GT(by_pass["rotary"], 0);
  for (const Objection& each : report->objections) {
    EXPECT_EQ(each.verdict, target::Verdict::kUnmeasured)
        << each.op << " " << each.example << ": " << each.reason;
  }
  // Asymmetric 4-bit tables are none of its business; a float decoder's norms are.
  const auto unquantized =
      report_of("htp-w8a16", small_and({"quantize.op_types_to_exclude=[\"Softmax\"]"}));
  ASSERT_TRUE(unquantized.ok()) << unquantized.error().message();
}

TEST(PlanReport, RefusesWhatCannotBePlanned) {
  const auto small = report_of("htp-w8a16", small_and({"split.max_bytes=1000"}));
  ASSERT_FALSE(small.ok());
  EXPECT_THAT(small.error().message(), AllOf(HasSubstr("layer"), HasSubstr("max_bytes")));
  const auto longer = report_of("cpu-int4", {}, int64_t{1} << 30);
  ASSERT_FALSE(longer.ok());
  EXPECT_THAT(longer.error().message(), HasSubstr("positions"));
  const auto other = report_of("htp-w8a16", kSmall, 300);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("--set"));
  const auto chipless = chip_of(recipe::load_recipe("htp-w8a16").value(), {});
  ASSERT_FALSE(chipless.ok());
  EXPECT_THAT(chipless.error().message(), HasSubstr("--arch"));
  const auto useless = chip_of(recipe::load_recipe("cpu-int4").value(),
                               {.chip = target::resolve("v81", "").value()});
  ASSERT_FALSE(useless.ok());
  EXPECT_THAT(useless.error().message(), HasSubstr("htp-w8a16"));
}

TEST(PlanComparison, SaysHowFarOff) {
  EXPECT_NEAR((Compared{"a", "bytes", 100, 110}.off()), 0.1, 1e-12);
  EXPECT_NEAR((Compared{"a", "bytes", 100, 90}.off()), -0.1, 1e-12);
  EXPECT_DOUBLE_EQ((Compared{"a", "bytes", 0, 0}.off()), 0);
  EXPECT_DOUBLE_EQ((Compared{"a", "bytes", 0, 5}.off()), 1);
}

}  // namespace
}  // namespace lapidary::build
