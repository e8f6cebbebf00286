// Long work of the library on a whole package: what it tells a sink, and that a token ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "eval/media_eval.h"
#include "eval/media_set.h"
#include "eval/perplexity.h"

namespace lapidary::e2e {
namespace {

using ::testing::ElementsAre;

// Remembers the stages, by name, total and unit; ends the work in one of them.
class Recorder final : public ProgressSink {
 public:
  enum class When { kNever, kAtItsBegin, kAtItsFirstUnit };
  explicit Recorder(std::string cancel_in = "", When when = When::kNever)
      : cancel_in_(std::move(cancel_in)), when_(when) {}

  void stage(const std::string& name, uint64_t total, Unit unit) override {
    names.push_back(name);
    units.push_back(unit);
    open = total;
    if (name == cancel_in_ && when_ == When::kAtItsBegin) cancel.cancel();
  }
  void advance(uint64_t done) override {
    open -= done;
    if (names.back() == cancel_in_ && when_ == When::kAtItsFirstUnit) cancel.cancel();
  }
  void note(const std::string&) override {}

  Work work() { return {.threads = 1, .progress = this, .cancel = &cancel}; }

  std::vector<std::string> names;
  std::vector<Unit> units;
  uint64_t open = 0;  // what the last stage has left
  CancelToken cancel;

 private:
  std::string cancel_in_;
  When when_;
};

Result<runtime::Model> opened(Recorder& recorder) {
  runtime::ModelOptions options;
  options.session.threads = 1;
  options.work = recorder.work();
  return runtime::Model::open(package("cpu-fp32"), options);
}

TEST(Progress, OpeningAModelIsBytesThenGraphs) {
  Recorder recorder;
  ASSERT_TRUE(opened(recorder).ok());
  EXPECT_THAT(recorder.names, ElementsAre("checksums", "load"));
  EXPECT_THAT(recorder.units, ElementsAre(Unit::kBytes, Unit::kGraphs));
  EXPECT_EQ(recorder.open, 0U);
}

TEST(Progress, OpeningAModelCanBeEnded) {
  for (const char* stage : {"checksums", "load"}) {
    Recorder recorder(stage, Recorder::When::kAtItsFirstUnit);
    const auto model = opened(recorder);
    ASSERT_FALSE(model.ok()) << stage;
    EXPECT_EQ(model.error().kind, ErrorKind::kCancelled) << model.error().message();
    EXPECT_EQ(recorder.names.back(), stage);
  }
}

constexpr const char* kText = "Once upon a time\nthere was a fox.\nThe sky is blue.\n";

// Catches lines shown as bytes.
TEST(Progress, PerplexityIsCountedInLines) {
  Recorder recorder;
  const auto result = eval::perplexity(model(), kText, {.work = recorder.work()});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_THAT(recorder.names, ElementsAre("eval"));
  EXPECT_THAT(recorder.units, ElementsAre(Unit::kLines));
  EXPECT_EQ(recorder.open, 0U);
  Recorder ended("eval", Recorder::When::kAtItsFirstUnit);
  const auto none = eval::perplexity(model(), kText, {.work = ended.work()});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(ended.open, 2U);
}

// One stage of all questions, whatever their encoders and prompts would tell.
TEST(Progress, AnswersAreCountedInItems) {
  auto questions = eval::load_media_set(tiny("eval/eval.json"));
  ASSERT_TRUE(questions.ok()) << questions.error().message();
  questions->resize(2);
  Recorder recorder;
  const auto result = eval::evaluate_media(model(), *questions, {.work = recorder.work()});
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_THAT(recorder.names, ElementsAre("eval"));
  EXPECT_THAT(recorder.units, ElementsAre(Unit::kItems));
  EXPECT_EQ(recorder.open, 0U);
  Recorder ended("eval", Recorder::When::kAtItsFirstUnit);
  const auto none = eval::evaluate_media(model(), *questions, {.work = ended.work()});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(ended.open, 1U);
}

}  // namespace
}  // namespace lapidary::e2e
