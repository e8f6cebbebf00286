// Bad recipes and command lines, places that cannot be written, builds that are killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "bad_input/bad_input.h"

namespace lapidary::refusals {
namespace {

using ::testing::HasSubstr;

class Recipe : public ::testing::TestWithParam<Case> {};

TEST_P(Recipe, IsRefused) {
  Scratch scratch;
  scratch.write("recipe.json", R"({"input_model": {"type": "HfModel"}, "passes": {
      "quantize": {"type": "OnnxKQuantQuantization", "bits": 4}}})");
  GetParam().damage(scratch);
  scratch.expect_refused({"build", e2e::tiny("checkpoint"), "--recipe", scratch.at("recipe.json"),
                          "-o", scratch.at("out")},
                         GetParam().parts);
}

Case edited(const char* name, std::function<void(Json&)> edit, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.edit_json("recipe.json", edit); }, std::move(parts)};
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Recipe,
    ::testing::Values(
        Case{"Empty", [](Scratch& s) { s.write("recipe.json", ""); }, {"recipe.json"}},
        Case{"Missing",
             [](Scratch& s) { s.remove("recipe.json"); },
             {"recipe.json", "built-in recipes"}},
        Case{"Truncated",
             [](Scratch& s) { s.truncate("recipe.json", 60); },
             {"recipe.json", "not valid JSON"}},
        edited("TopLevelKey", [](Json& j) { j["pases"] = 1; }, {"recipe.json", "'pases'"}),
        edited("PassKey", [](Json& j) { j["passes"]["quantize"]["blocksize"] = 32; },
               {"recipe.json", "passes.quantize.blocksize"}),
        edited("PassType", [](Json& j) { j["passes"]["quantize"]["type"] = "OnnxAwq"; },
               {"recipe.json", "passes.quantize.type", "OnnxAwq", "known passes"}),
        edited("Bits", [](Json& j) { j["passes"]["quantize"]["bits"] = 3; },
               {"recipe.json", "passes.quantize.bits"}),
        edited("BitsAsText", [](Json& j) { j["passes"]["quantize"]["bits"] = "four"; },
               {"recipe.json", "passes.quantize.bits"}),
        edited("PassesAsList", [](Json& j) { j["passes"] = Json::array(); },
               {"recipe.json", "'passes'"}),
        edited("OtherModel", [](Json& j) { j["input_model"]["type"] = "PyTorchModel"; },
               {"recipe.json", "input_model.type", "PyTorchModel"})),
    name_of);

class Places : public ::testing::Test {
 protected:
  Places() { scratch_.add_checkpoint(); }
  std::vector<std::string> build(const std::string& output) const {
    return {"build", scratch_.at("checkpoint"), "-r", "cpu-fp32", "-o", output};
  }
  Scratch scratch_;
};

// A limit on file sizes makes writing fail part way through, as a full disk does.
TEST_F(Places, FullDiskWhileWritingWeights) {
  scratch_.expect_refused(build(scratch_.at("out")), {"out.partial", "File too large"},
                          {.file_bytes = 1 << 20});
}
TEST_F(Places, FullDiskWhileWritingAnything) {
  scratch_.expect_refused(build(scratch_.at("out")), {"out.partial", "File too large"},
                          {.file_bytes = 16});
}
TEST_F(Places, FullDiskAfterOneComponent) {
  // Enough for the vision encoder, too little for the audio encoder: what was finished goes as
  // well.
  scratch_.expect_refused(
      {"build", scratch_.at("checkpoint"), "-r", "cpu-int4", "-o", scratch_.at("out")},
      {"out.partial/audio_encoder", "File too large"}, {.file_bytes = 800'000});
}
TEST_F(Places, FullDiskIsSeenBeforeWriting) {
  const std::string disk = scratch_.at("disk");
  std::filesystem::create_directory(disk);
  const ChildOptions options = {.tiny_disk = disk};
  if (lapidary({"--version"}, options).exit_code == e2e::kCannotMount) {
    GTEST_SKIP() << "file systems cannot be mounted here";
  }
  scratch_.expect_refused(build(disk + "/out"), {"disk/out", "MiB left"}, options);
}

// Root may write into read-only folders, so this needs a place where nobody may.
TEST_F(Places, ReadOnly) {
  if (geteuid() == 0) {
    scratch_.expect_refused(build("/sys/lapidary-package"), {"/sys/lapidary-package"});
    return;
  }
  const std::string folder = scratch_.at("locked");
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(
      folder, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  scratch_.expect_refused(build(folder + "/out"), {"locked/out", "Permission denied"});
}

TEST_F(Places, BelowAFile) {
  scratch_.write("file", "x");
  scratch_.expect_refused(build(scratch_.at("file/out")), {"file/out"});
}

TEST_F(Places, OtherThingsInTheWay) {
  scratch_.write("out/thesis.txt", "years of work");
  std::vector<std::string> arguments = build(scratch_.at("out"));
  scratch_.expect_refused(arguments, {"out", "other things"});
  arguments.emplace_back("--force");
  scratch_.expect_refused(arguments, {"out", "other things"});
  scratch_.expect_refused(build(scratch_.at("checkpoint")), {"checkpoint", "other things"});
}

TEST_F(Places, APackageIsThere) {
  scratch_.add_package();
  scratch_.expect_refused(build(scratch_.at("package")), {"package", "--force"});
}

class ChatTemplate : public ::testing::TestWithParam<Case> {};

TEST_P(ChatTemplate, IsRefused) {
  Scratch scratch;
  scratch.add_checkpoint();
  GetParam().damage(scratch);
  scratch.expect_refused({"build", scratch.at("checkpoint"), "--chat-template",
                          scratch.at("given.json"), "-r", "cpu-fp32", "-o", scratch.at("out")},
                         GetParam().parts, {}, kBounded);
}

Case given(const char* name, std::string text, std::vector<std::string> parts) {
  return {name, [=](Scratch& s) { s.write("given.json", text); }, std::move(parts)};
}

INSTANTIATE_TEST_SUITE_P(
    Cases, ChatTemplate,
    ::testing::Values(
        Case{"Missing", [](Scratch& /*s*/) {}, {"given.json"}},
        given("GitLfsPointer",
              "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') +
                  "\nsize 1157007\n",
              {"given.json", "Git LFS"}),
        given("Truncated", R"({"chat_template": "{{ x)", {"given.json", "not valid JSON"}),
        given("Without", R"({"bos_token": "<bos>"})", {"given.json", "has no 'chat_template'"}),
        given("NoText", R"({"chat_template": 5})", {"given.json", "neither a text nor"}),
        given("Empty", R"({"chat_template": ""})", {"given.json", "is empty"}),
        given("NotJinja", R"({"chat_template": "{% if %}"})", {"given.json", "line 1"}),
        given("TooLarge", std::string(17U << 20, ' '), {"given.json"})),
    name_of);

TEST(CommandLine, IsRefusedInOneLine) {
  const Scratch scratch;
  scratch.expect_refused({"build", "--no-such-flag"}, {"--no-such-flag"});
  scratch.expect_refused({"build", "--threads", "-1"}, {"--threads"});
  scratch.expect_refused({"build"}, {"output", "-o PACKAGE"});
  scratch.expect_refused({"frobnicate"}, {"subcommand"});
  scratch.expect_refused({}, {"subcommand"});
  scratch.expect_refused({"build", scratch.at("nowhere"), "-o", scratch.at("out")}, {"nowhere"});
  scratch.expect_refused({"build", scratch.at("nowhere")}, {"output"});
}

// Killed at any moment, a build leaves no package, or a whole one; and the next build succeeds.
TEST(Killed, BuildsAreAllOrNothing) {
  Scratch scratch;
  scratch.add_checkpoint();
  const std::vector<std::string> arguments = {"build", scratch.at("checkpoint"), "-r", "cpu-fp32",
                                              "-o",    scratch.at("out")};
  int killed = 0;
  for (int delay = 1000; delay < 200'000; delay = delay * 5 / 4) {
    const Outcome outcome = lapidary(arguments, {.kill_after_us = delay});
    killed += outcome.exit_code == 128 + 9 ? 1 : 0;
    if (std::filesystem::exists(scratch.at("out"))) {
      const Outcome verified = lapidary({"inspect", scratch.at("out"), "--verify"});
      ASSERT_EQ(verified.exit_code, 0) << "killed after " << delay << " us: " << verified.err;
      scratch.remove("out");
    }
  }
  EXPECT_GT(killed, 5);
  const Outcome outcome = lapidary(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(lapidary({"inspect", scratch.at("out"), "--verify"}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(scratch.at("out.partial")));
}

}  // namespace
}  // namespace lapidary::refusals
