// Limits of the system and of the program: memory, sizes of files, readers that are gone. None ends
// the program with a signal.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bad_input/bad_input.h"

namespace lapidary::refusals {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// Sanitizers map terabytes and report what cannot be had by themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitsMemory = false;
#else
constexpr bool kLimitsMemory = true;
#endif

constexpr int64_t kMiB = 1 << 20;

// A file of so many bytes, mostly zeros that take no space on disk.
void put_large(Scratch& scratch, const std::string& name, const std::string& begin,
               uint64_t bytes) {
  scratch.write(name, begin);
  std::filesystem::resize_file(scratch.at(name), bytes);
}

class Memory : public ::testing::TestWithParam<int64_t> {};

// Catches std::terminate: bad_alloc in a thread, in a destructor, in what is called by C.
TEST_P(Memory, NoCommandDiesOfTooLittle) {
  if (!kLimitsMemory) GTEST_SKIP() << "a sanitizer needs more";
  Scratch scratch;
  scratch.add_checkpoint();
  scratch.add_package();
  const std::string checkpoint = scratch.at("checkpoint");
  const std::string package = scratch.at("package");
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", checkpoint},
      {"inspect", package, "--verify"},
      {"plan", checkpoint, "--recipe", "cpu-int4"},
      {"build", checkpoint, "--recipe", "cpu-int4", "-o", scratch.at("built")},
      {"run", package, "Hello", "--max-tokens", "4"},
      {"export", package, "-o", scratch.at("exported"), "--device", "cpu"},
      {"tokenize", package}};
  for (const auto& words : commands) {
    const Outcome outcome =
        lapidary(words, {.input = "Hi", .address_bytes = GetParam(), .seconds = 120});
    SCOPED_TRACE(fmt::format("{} with {} MiB", words[0], GetParam() / kMiB));
    EXPECT_THAT(outcome.exit_code, AnyOf(0, 1, 2)) << outcome.err;
    if (outcome.exit_code != 0) {
      EXPECT_THAT(outcome.err, HasSubstr("lapidary: error: "));
      EXPECT_FALSE(std::filesystem::exists(scratch.at("built")));
    }
    std::filesystem::remove_all(scratch.at("built"));
    std::filesystem::remove_all(scratch.at("built.partial"));
    std::filesystem::remove_all(scratch.at("exported"));
  }
}

// Documents that take as much memory as their bounds allow, read whole and then refused: the way out
// needs memory for their destructors.
TEST_P(Memory, OfLargeDocumentsIsEnoughForTheWayOut) {
  if (!kLimitsMemory) GTEST_SKIP() << "a sanitizer needs more";
  Scratch scratch;
  scratch.add_checkpoint();
  std::string nested = R"({"recipe": [)";
  std::string flat = nested;
  while (nested.size() < 15 * kMiB) nested += "[0]                            ,";
  while (flat.size() < 15 * kMiB) flat += "0               ,";
  nested += "0]}";
  flat += "0]}";
  std::string crowded = "[0";
  while (crowded.size() < 15 * kMiB) crowded += ",[0]";
  scratch.write("nested.json", nested);
  scratch.write("flat.json", flat);
  scratch.write("crowded.json", crowded + "]");
  for (const char* name : {"nested.json", "flat.json", "crowded.json"}) {
    const Outcome outcome =
        lapidary({"plan", scratch.at("checkpoint"), "--recipe", scratch.at(name)},
                 {.address_bytes = GetParam(), .seconds = 120});
    EXPECT_EQ(outcome.exit_code, 2) << name << " with " << GetParam() / kMiB << ": " << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("lapidary: error: ")) << name;
  }
}

std::vector<int64_t> memory_steps() {
  std::vector<int64_t> out;
  for (const int64_t mebibytes : {90, 100, 110, 120, 135, 150, 170, 190, 220, 260, 320, 400}) {
    out.push_back(mebibytes * kMiB);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Steps, Memory, ::testing::ValuesIn(memory_steps()),
                         [](const auto& test) { return fmt::format("{}MiB", test.param / kMiB); });

// Catches memory that is taken before a size is looked at.
TEST(Sizes, AreBoundedForEveryKindOfFile) {
  constexpr uint64_t kBytes = 240 << 20;
  constexpr int64_t kMost = kBounded / 3;
  Scratch scratch;
  scratch.add_checkpoint();
  scratch.add_package();
  const std::string size = std::to_string(kBytes);
  const std::string bound = std::to_string(kMostJsonBytes);
  const std::vector<std::string> build = {"build", scratch.at("checkpoint"), "-o",
                                          scratch.at("out")};
  put_large(scratch, "recipe.json", "{}", kBytes);
  scratch.expect_refused({"plan", scratch.at("checkpoint"), "--recipe", scratch.at("recipe.json")},
                         {"recipe.json", size, bound}, {}, kMost);
  put_large(scratch, "package/lapidary.json", "{}", kBytes);
  scratch.expect_refused({"inspect", scratch.at("package")}, {"lapidary.json", size, bound}, {},
                         kMost);
  put_large(scratch, "checkpoint/tokenizer.json", "{}", kBytes);
  scratch.expect_refused({"tokenize", scratch.at("checkpoint")},
                         {"tokenizer.json", size, "134217728"}, {}, kMost);
  put_large(scratch, "checkpoint/config.json", "{}", kBytes);
  scratch.expect_refused(build, {"config.json", size, bound}, {}, kMost);
}

TEST(Sizes, OfASafetensorsHeaderAreBounded) {
  Scratch scratch;
  scratch.add_checkpoint();
  const uint64_t length = 90'000'000;
  std::string begin;
  for (int i = 0; i < 8; ++i) begin += static_cast<char>(length >> (8 * i) & 0xff);
  put_large(scratch, "checkpoint/model.safetensors", begin + "{", length + 8);
  scratch.expect_refused({"inspect", scratch.at("checkpoint")},
                         {"model.safetensors", "90000000", "16777216"}, {}, kBounded / 3);
}

// As `lapidary ... | head -0`: quiet, and with the exit code that a shell gives to SIGPIPE.
TEST(Output, WithoutAReaderEndsQuietly) {
  Scratch scratch;
  scratch.add_checkpoint();
  scratch.add_package();
  const std::string checkpoint = scratch.at("checkpoint");
  const std::string package = scratch.at("package");
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", checkpoint},
      {"plan", checkpoint, "--recipe", "cpu-int4"},
      {"targets"},
      {"run", package, "Hello", "--max-tokens", "8"},
      {"run", package, "Hello", "--max-tokens", "8", "--json"},
      {"chat", package},
      {"tokenize", package},
      {"export", package, "-o", scratch.at("exported"), "--device", "cpu"},
      {"build", checkpoint, "--recipe", "cpu-int4", "-o", scratch.at("built")}};
  for (const auto& words : commands) {
    const Outcome outcome = lapidary(words, {.input = "Hi\n", .seconds = 120, .no_reader = true});
    EXPECT_EQ(outcome.exit_code, 141) << words[0] << ": " << outcome.err;
    EXPECT_EQ(outcome.err, "") << words[0];
  }
  // What was begun is done: the reader of the report is gone, not that of the package.
  EXPECT_EQ(lapidary({"inspect", scratch.at("built"), "--verify"}).exit_code, 0);
  EXPECT_EQ(lapidary({"inspect", scratch.at("exported"), "--verify"}).exit_code, 0);
}

// Catches SIGXFSZ.
TEST(Output, PastTheLimitOnFileSizesIsAnError) {
  Scratch scratch;
  scratch.add_package();
  const std::string package = scratch.at("package");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"export", package, "-o", scratch.at("out"), "--device", "cpu"},
        {"features", package, "--image", e2e::tiny("samples/image6.png"), "-o",
         scratch.at("out.npy")}}) {
    const Outcome outcome = lapidary(words, {.file_bytes = 16});
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("File too large"), HasSubstr("ulimit -f")));
    EXPECT_FALSE(std::filesystem::exists(words.back() == "cpu" ? scratch.at("out") : words.back()));
  }
}

}  // namespace
}  // namespace lapidary::refusals
