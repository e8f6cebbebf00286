// Names in files that hold escape sequences: what is printed of them can do nothing to a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bad_input/bad_input.h"
#include "graph/onnx_writer.h"

namespace lapidary::refusals {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Renames the window, clears the screen (with ESC, and with U+009B) and turns what follows around.
constexpr const char* kHostile = "x\x1b]0;owned\x07\x1b[2J\u009b2J\u202ey";
constexpr const char* kShown = "x\\u001b]0;owned\\u0007\\u001b[2J\\u009b2J\\u202ey";

// No byte of it can act: escape sequences begin with ESC or U+009B.
auto harmless() {
  return AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\x07")), Not(HasSubstr("\u009b")),
               Not(HasSubstr("\u202e")));
}

void expect_shown(const std::vector<std::string>& arguments) {
  const Outcome outcome = lapidary(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(kShown), harmless()));
  EXPECT_THAT(outcome.err, harmless());
}

TEST(Escapes, OfAManifest) {
  Scratch scratch;
  scratch.add_package();
  scratch.edit_json("package/lapidary.json", [](Json& json) { json["recipe_name"] = kHostile; });
  expect_shown({"inspect", scratch.at("package")});
}

// Catches a form that JSON does not read, or that reads as another text.
TEST(Escapes, AsJsonAreTheSameText) {
  Scratch scratch;
  scratch.add_package();
  scratch.edit_json("package/lapidary.json",
                    [](Json& json) { json["recipe_name"] = std::string(kHostile) + "\x7f"; });
  const Outcome outcome = lapidary({"inspect", scratch.at("package"), "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(harmless(), Not(HasSubstr("\x7f"))));
  const Json json = Json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << outcome.out;
  EXPECT_EQ(json["recipe_name"], std::string(kHostile) + "\x7f");
}

TEST(Escapes, OfAGraphAndItsNodes) {
  graph::Graph graph;
  graph.name = kHostile;
  graph.opsets = {{"", 21}};
  graph.inputs = {{"in", DType::kFloat, {4}}};
  graph.outputs = {{"out", DType::kFloat, {4}}};
  graph.nodes = {{"", "Relu", "first", {"in"}, {kHostile}, {}},
                 {"", "Relu", "second", {kHostile}, {"out"}, {}}};
  const Scratch scratch;
  const auto saved = graph::save(graph, scratch.at("model.onnx"), {});
  ASSERT_TRUE(saved.ok()) << saved.error().message();
  expect_shown({"inspect", scratch.at("model.onnx")});
  expect_shown({"inspect", scratch.at("model.onnx"), "--graph"});
}

// Of a file's name, and of what stands in a file.
TEST(Escapes, OfAnError) {
  Scratch scratch;
  const std::string none = scratch.at("none\x1b[2J\xff.onnx");
  scratch.expect_refused({"inspect", none}, {"none\\u001b[2J\\xff.onnx"});
  EXPECT_THAT(lapidary({"inspect", none}).err, harmless());
  scratch.write("recipe.json", Json{{"input_model", {{"type", "HfModel"}}},
                                    {"passes", {{"quantize", {{"type", kHostile}}}}}}
                                   .dump());
  const std::vector<std::string> plan = {"plan",
                                         (source_dir() / "models/tiny-gemma4/checkpoint").string(),
                                         "--recipe", scratch.at("recipe.json")};
  scratch.expect_refused(plan, {std::string("is '") + kShown + "'"});
  EXPECT_THAT(lapidary(plan).err, harmless());
}

}  // namespace
}  // namespace lapidary::refusals
