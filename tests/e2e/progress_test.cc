// Long work of the library on a whole package: what it tells a sink, and that a token ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/testing/recording_sink.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "eval/media_eval.h"
#include "eval/media_set.h"
#include "eval/perplexity.h"

namespace lapidary::e2e {
namespace {

using ::testing::ElementsAre;

std::vector<Unit> units(const RecordingSink& sink) {
  std::vector<Unit> out;
  for (const auto& stage : sink.stages) out.push_back(stage.unit);
  return out;
}

Result<runtime::Model> opened(RecordingSink& recorder) {
  runtime::ModelOptions options;
  options.session.threads = 1;
  options.work = recorder.work(1);
  return runtime::Model::open(package("cpu-fp32"), options);
}

TEST(Progress, OpeningAModelIsBytesThenGraphs) {
  RecordingSink recorder;
  ASSERT_TRUE(opened(recorder).ok());
  EXPECT_THAT(recorder.names(), ElementsAre("checksums", "load"));
  EXPECT_THAT(units(recorder), ElementsAre(Unit::kBytes, Unit::kGraphs));
  EXPECT_EQ(recorder.last().left(), 0U);
}

TEST(Progress, OpeningAModelCanBeEnded) {
  for (const char* stage : {"checksums", "load"}) {
    RecordingSink recorder(first_unit_of(stage));
    const auto model = opened(recorder);
    ASSERT_FALSE(model.ok()) << stage;
    EXPECT_EQ(model.error().kind, ErrorKind::kCancelled) << model.error().message();
    EXPECT_EQ(recorder.last().name, stage);
  }
}

constexpr const char* kText = "Once upon a time\nthere was a fox.\nThe sky is blue.\n";

// Catches lines shown as bytes.
TEST(Progress, PerplexityIsCountedInLines) {
  RecordingSink recorder;
  const auto result = eval::perplexity(model(), kText, {.work = recorder.work(1)});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_THAT(recorder.names(), ElementsAre("eval"));
  EXPECT_THAT(units(recorder), ElementsAre(Unit::kLines));
  EXPECT_EQ(recorder.last().left(), 0U);
  RecordingSink ended(first_unit_of("eval"));
  const auto none = eval::perplexity(model(), kText, {.work = ended.work(1)});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(ended.last().left(), 2U);
}

// One stage of all questions, whatever their encoders and prompts would tell.
TEST(Progress, AnswersAreCountedInItems) {
  auto questions = eval::load_media_set(tiny("eval/eval.json"));
  ASSERT_TRUE(questions.ok()) << questions.error().message();
  questions->resize(2);
  RecordingSink recorder;
  const auto result = eval::evaluate_media(model(), *questions, {.work = recorder.work(1)});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_THAT(recorder.names(), ElementsAre("eval"));
  EXPECT_THAT(units(recorder), ElementsAre(Unit::kItems));
  EXPECT_EQ(recorder.last().left(), 0U);
  RecordingSink ended(first_unit_of("eval"));
  const auto none = eval::evaluate_media(model(), *questions, {.work = ended.work(1)});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(ended.last().left(), 1U);
}

}  // namespace
}  // namespace lapidary::e2e
