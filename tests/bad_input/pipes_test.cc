// A pipe in the place of a file: nobody writes to it, and a program that opens it waits for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bad_input/bad_input.h"

namespace lapidary::refusals {
namespace {

constexpr ChildOptions kNotForEver = {.seconds = 60};

void put_pipe(Scratch& scratch, const std::string& name) {
  std::filesystem::remove(scratch.at(name));
  ASSERT_EQ(mkfifo(scratch.at(name).c_str(), 0600), 0);
}

// A command, and which of its files is a pipe. '@' in front of a word: a name in the scratch folder.
struct Waiting {
  const char* name;
  const char* pipe;
  std::vector<std::string> words;
};
void PrintTo(const Waiting& row, std::ostream* out) { *out << row.name; }

class Pipes : public ::testing::TestWithParam<Waiting> {};

// Catches each command that opens a file by itself, without base/input_file.h.
TEST_P(Pipes, AreRefusedAtOnce) {
  Scratch scratch;
  scratch.add_checkpoint();
  scratch.add_package();
  put_pipe(scratch, GetParam().pipe);
  std::vector<std::string> words;
  for (const std::string& word : GetParam().words) {
    words.push_back(word.starts_with('@') ? scratch.at(word.substr(1)) : word);
  }
  const std::string file = std::filesystem::path(GetParam().pipe).filename().string();
  scratch.expect_refused(words, {file}, kNotForEver, kBounded);
}

INSTANTIATE_TEST_SUITE_P(
    All, Pipes,
    ::testing::Values(
        Waiting{"BuildConfig", "checkpoint/config.json", {"build", "@checkpoint", "-o", "@out"}},
        Waiting{
            "BuildWeights", "checkpoint/model.safetensors", {"build", "@checkpoint", "-o", "@out"}},
        Waiting{
            "BuildTokenizer", "checkpoint/tokenizer.json", {"build", "@checkpoint", "-o", "@out"}},
        Waiting{"BuildRecipe",
                "recipe.json",
                {"build", "@checkpoint", "--recipe", "@recipe.json", "-o", "@out"}},
        Waiting{"BuildTemplate",
                "given.jinja",
                {"build", "@checkpoint", "--chat-template", "@given.jinja", "-o", "@out"}},
        Waiting{"PlanWeights", "checkpoint/model.safetensors", {"plan", "@checkpoint"}},
        Waiting{"PlanRecipe", "recipe.json", {"plan", "@checkpoint", "--recipe", "@recipe.json"}},
        Waiting{"ConvertModel",
                "model.onnx",
                {"convert", "@model.onnx", "--pass", "BlockQuantToLpbq", "-o", "@out.onnx"}},
        Waiting{"InspectManifest", "package/lapidary.json", {"inspect", "@package"}},
        Waiting{"InspectWeights", "checkpoint/model.safetensors", {"inspect", "@checkpoint"}},
        Waiting{"InspectModel", "model.onnx", {"inspect", "@model.onnx"}},
        Waiting{"InspectVerify", "package/decoder/model.onnx", {"inspect", "@package", "--verify"}},
        Waiting{"RunManifest", "package/lapidary.json", {"run", "@package", "Hi"}},
        Waiting{"RunGraph", "package/decoder/model.onnx", {"run", "@package", "Hi"}},
        Waiting{"RunData", "package/decoder/model.onnx.data", {"run", "@package", "Hi"}},
        Waiting{"RunTokenizer", "package/tokenizer.json", {"run", "@package", "Hi"}},
        Waiting{"RunImage", "a.png", {"run", "@package", "Hi", "--image", "@a.png"}},
        Waiting{"RunAudio", "a.wav", {"run", "@package", "Hi", "--audio", "@a.wav"}},
        Waiting{"RunVideo", "a.mp4", {"run", "@package", "Hi", "--video", "@a.mp4"}},
        Waiting{"ChatManifest", "package/lapidary.json", {"chat", "@package"}},
        Waiting{"EvalText", "text.txt", {"eval", "@package", "--text", "@text.txt"}},
        Waiting{"EvalMedia", "media.json", {"eval", "@package", "--media", "@media.json"}},
        Waiting{"ExportManifest",
                "package/lapidary.json",
                {"export", "@package", "-o", "@out", "--device", "cpu"}},
        Waiting{"ExportGraph",
                "package/decoder/model.onnx",
                {"export", "@package", "-o", "@out", "--device", "cpu"}},
        Waiting{"FeaturesImage",
                "a.png",
                {"features", "@package", "--image", "@a.png", "-o", "@a.npy"}},
        Waiting{"ProbeModel", "model.onnx", {"probe", "@model.onnx", "--arch", "v81"}},
        Waiting{"TokenizeTokenizer", "checkpoint/tokenizer.json", {"tokenize", "@checkpoint"}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace lapidary::refusals
