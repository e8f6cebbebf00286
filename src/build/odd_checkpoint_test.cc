// Packages of checkpoints as people's tools leave their configs: what is odd is said and recorded,
// and the package works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/testing/recording_sink.h"
#include "build/build.h"
#include "checkpoint/test_files.h"
#include "package/package.h"
#include "runtime/generation.h"
#include "runtime/model.h"

namespace lapidary::build {
namespace {

using checkpoint::TempDir;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTable = "model.language_model.embed_tokens.weight";

class OddCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { checkpoint::link_tiny_checkpoint(dir_); }
  void edit(const std::string& file, const std::function<void(Json&)>& change) const {
    checkpoint::edit_json(dir_, file, change);
  }
  package::Manifest built(const std::string& recipe) {
    const auto summary = build_package(
        recipe::load_recipe(recipe).value(),
        {.checkpoint = dir_.path(), .output = output(), .force = true, .work = recorder_.work(2)});
    EXPECT_TRUE(summary.ok()) << summary.error().message();
    return package::read_manifest(output()).value();
  }
  std::filesystem::path output() const { return out_.path() / "pkg"; }

  TempDir dir_, out_;
  RecordingSink recorder_;
};

TEST_F(OddCheckpointTest, NotesAreSaidAndRecorded) {
  edit("config.json", [](Json& json) { json["unsloth_fixed"] = true; });
  edit("tokenizer.json", [](Json& json) { json["truncation"] = {{"max_length", 8}}; });
  const package::Manifest manifest = built("cpu-fp32");
  EXPECT_THAT(manifest.notes, ElementsAre(HasSubstr("'unsloth_fixed'"), HasSubstr("'truncation'")));
  for (const std::string& note : manifest.notes) {
    EXPECT_THAT(recorder_.notes, Contains("note: " + note));
  }
}

// Catches: a package that says it has no template when the checkpoint had one elsewhere.
TEST_F(OddCheckpointTest, TheTemplateComesAlong) {
  const std::string source = checkpoint::read_file(dir_.path() / "chat_template.jinja");
  std::filesystem::remove(dir_.path() / "chat_template.jinja");
  dir_.write("chat_template.json", Json{{"chat_template", source}});
  built("cpu-fp32");
  const auto model = runtime::Model::open(output(), {});
  ASSERT_TRUE(model.ok()) << model.error().message();
  const Json messages = Json::array({{{"role", "user"}, {"content", "hello"}}});
  const auto prompt = model->chat_prompt(messages);
  ASSERT_TRUE(prompt.ok()) << prompt.error().message();
  EXPECT_GT(prompt->ids.size(), 3U);
}

// Catches: a package of a GGUF file, or of a folder, that has another template than the one that
// was given, or a manifest that does not say so.
TEST_F(OddCheckpointTest, ATemplateThatIsGivenIsThePackages) {
  dir_.write("given.json",
             Json{{"chat_template", "{{ bos_token }}given {{ messages[0].content }}"}});
  const auto summary = build_package(recipe::load_recipe("cpu-fp32").value(),
                                     {.checkpoint = dir_.path(),
                                      .chat_template = dir_.path() / "given.json",
                                      .output = output(),
                                      .work = recorder_.work(2)});
  ASSERT_TRUE(summary.ok()) << summary.error().message();
  const std::string note =
      "given.json: its chat template is used, as --chat-template says, and not that of the "
      "checkpoint's chat_template.jinja";
  EXPECT_THAT(package::read_manifest(output()).value().notes, Contains(note));
  EXPECT_THAT(recorder_.notes, Contains("note: " + note));
  const auto model = runtime::Model::open(output(), {});
  ASSERT_TRUE(model.ok()) << model.error().message();
  const Json messages = Json::array({{{"role", "user"}, {"content", "hello"}}});
  const auto prompt = model->chat_prompt(messages);
  ASSERT_TRUE(prompt.ok()) << prompt.error().message();
  EXPECT_EQ(prompt->ids, model->raw_prompt("given hello").value().ids);
}

// The tiny model's weights with two rows more in the token table, as resize_token_embeddings once
// left them: a file of the same tensors, those rows at its end.
std::string resized_weights(int64_t& rows) {
  const std::string file =
      checkpoint::read_file(checkpoint::tiny_checkpoint() / "model.safetensors");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  Json header = parse_json(file.substr(8, length), "header").value();
  std::string data = file.substr(8 + length);
  Json& table = header[kTable];
  const auto begin = table["data_offsets"][0].get<size_t>();
  const auto end = table["data_offsets"][1].get<size_t>();
  const auto old_rows = table["shape"][0].get<int64_t>();
  rows = old_rows + 2;
  const size_t row = (end - begin) / static_cast<size_t>(old_rows);
  data.insert(end, data.substr(begin, row) + data.substr(begin, row));
  for (auto& [name, entry] : header.items()) {
    if (name == "__metadata__" || name == kTable) continue;
    for (Json& offset : entry["data_offsets"]) {
      if (offset.get<size_t>() >= end) offset = offset.get<size_t>() + 2 * row;
    }
  }
  table["shape"][0] = rows;
  table["data_offsets"][1] = end + 2 * row;
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return checkpoint::safetensors_bytes(text, data);
}

// Catches: a read behind the end of the per-layer table, which ends in other numbers, ONNX
// Runtime's own words, or a fault.
TEST_F(OddCheckpointTest, TokensWithoutARowAreRefusedBeforeAnythingRuns) {
  int64_t rows = 0;
  checkpoint::replace(dir_, "model.safetensors", resized_weights(rows));
  edit("config.json", [&](Json& json) { json["text_config"]["vocab_size"] = rows; });
  edit("tokenizer.json", [&](Json& json) {
    Json token = json["added_tokens"][0];
    for (const char* content : {"<tool_a>", "<tool_b>"}) {
      token.update({{"id", rows - 2 + (content[6] == 'b' ? 1 : 0)}, {"content", content}});
      json["added_tokens"].push_back(token);
    }
  });
  runtime::GenerationOptions options;
  options.max_tokens = 2;
  for (const char* recipe : {"cpu-int4", "cpu-fp32"}) {
    const package::Manifest manifest = built(recipe);
    EXPECT_EQ(manifest.text.embedded_ids, rows - 2);
    EXPECT_THAT(manifest.notes, ElementsAre(HasSubstr("none in embed_tokens_per_layer"),
                                            HasSubstr("from id 1024 on: '<tool_a>', '<tool_b>'")));
    const auto model = runtime::Model::open(output(), {});
    ASSERT_TRUE(model.ok()) << model.error().message();
    const auto named = model->raw_prompt("hello <tool_a> x");
    ASSERT_FALSE(named.ok());
    EXPECT_EQ(named.error().kind, ErrorKind::kBadInput);
    EXPECT_THAT(named.error().message(), HasSubstr("holds the token <tool_a> (id 1024)"));
    EXPECT_FALSE(model->check_text("<tool_b>").ok());
    auto decoder = model->new_decoder({.max_context = 64});
    ASSERT_TRUE(decoder.ok()) << decoder.error().message();
    const auto ids = decoder->prefill(engine::Prompt({2, 30, 1025}));
    ASSERT_FALSE(ids.ok());
    EXPECT_THAT(ids.error().message(), HasSubstr("token id 1025"));
    EXPECT_TRUE(decoder->tokens().empty());
    const int32_t last = 1024;
    EXPECT_FALSE(decoder->step(std::span(&last, 1)).ok());
    const auto reply = runtime::generate(*decoder, model->tokenizer(),
                                         model->raw_prompt("hello x").value(), options);
    EXPECT_TRUE(reply.ok()) << reply.error().message();
  }
}

}  // namespace
}  // namespace lapidary::build
