// What a build says of tokenizers and templates as people's tools leave them.
#include "build/text_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "checkpoint/test_files.h"

namespace lapidary::build {
namespace {

using checkpoint::Checkpoint;
using checkpoint::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TextCheckTest : public ::testing::Test {
 protected:
  void SetUp() override { checkpoint::link_tiny_checkpoint(dir_); }
  void edit(const std::string& file, const std::function<void(Json&)>& change) const {
    checkpoint::edit_json(dir_, file, change);
  }
  Result<std::vector<std::string>> check(
      const std::function<void(Checkpoint&)>& change = {}) const {
    auto checkpoint = Checkpoint::open(dir_.path());
    if (!checkpoint.ok()) return checkpoint.take_error();
    if (change) change(*checkpoint);
    return check_text_files(*checkpoint);
  }
  std::vector<std::string> notes(const std::function<void(Checkpoint&)>& change = {}) const {
    const auto out = check(change);
    EXPECT_TRUE(out.ok()) << out.error().message();
    return out.ok() ? *out : std::vector<std::string>();
  }

  TempDir dir_;
};

TEST_F(TextCheckTest, SaysNothingOfAPlainCheckpoint) { EXPECT_THAT(notes(), IsEmpty()); }

TEST_F(TextCheckTest, NotesSettingsOfACall) {
  edit("tokenizer.json", [](Json& json) {
    json["truncation"] = {{"direction", "Right"}, {"max_length", 2048}};
  });
  EXPECT_THAT(notes(), ElementsAre("tokenizer.json: settings of a call, saved by accident, are not "
                                   "applied: 'truncation'"));
}

TEST_F(TextCheckTest, NotesATemplateInAnotherPlace) {
  const std::string source = checkpoint::read_file(dir_.path() / "chat_template.jinja");
  dir_.write("chat_template.json", Json{{"chat_template", source}});
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("chat_template.json: the chat template is taken from "
                                             "here")));
  checkpoint::replace(dir_, "chat_template.jinja", "other");
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("taken from here"),
                                   "chat_template.jinja: holds another chat template, passed over "
                                   "for that of chat_template.json"));
  std::filesystem::remove(dir_.path() / "chat_template.jinja");
  std::filesystem::remove(dir_.path() / "chat_template.json");
  EXPECT_THAT(notes(), IsEmpty());  // none at all
}

// Catches: replies that run into the next turn without a word about why.
TEST_F(TextCheckTest, NotesTurnsThatEndNoReply) {
  edit("generation_config.json", [](Json& json) { json["eos_token_id"] = 1; });
  EXPECT_THAT(notes(),
              ElementsAre("generation_config.json: 'eos_token_id' lacks 6, '<turn|>', with "
                          "which the chat template ends a turn: replies go on behind it"));
  checkpoint::replace(dir_, "chat_template.jinja",
                      "{% for m in messages %}{{ m.content }}<eos>{% endfor %}");
  EXPECT_THAT(notes(), IsEmpty());
  checkpoint::replace(dir_, "chat_template.jinja", "{{ raise_exception('only users') }}");
  EXPECT_THAT(notes(), IsEmpty());
}

TEST_F(TextCheckTest, NotesTokensThatOneTableLacks) {
  const auto smaller = [](Checkpoint& c) { c.config.text.vocab_size_per_layer_input = 1022; };
  const std::vector<std::string> said = notes(smaller);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_THAT(said[0],
              HasSubstr("tokenizer.json: has 2 tokens that the per-layer table of 1022 rows "
                        "lacks, from id 1022 on: '"));
  EXPECT_THAT(notes([&](Checkpoint& c) {
                smaller(c);
                c.config.text.hidden_size_per_layer_input = 0;
              }),
              IsEmpty());
}

// Catches: ids with a gap before them, which a count of tokens does not show.
TEST_F(TextCheckTest, RefusesTokensBeyondTheVocabulary) {
  const auto count = check([](Checkpoint& c) { c.config.text.vocab_size = 1023; });
  ASSERT_FALSE(count.ok());
  EXPECT_THAT(count.error().message(), HasSubstr("tokenizer.json: has 1024 tokens"));
  edit("tokenizer.json", [](Json& json) {
    Json& vocab = json["model"]["vocab"];
    for (auto& [token, id] : vocab.items()) {
      if (id == 1023) id = 1030;
    }
  });
  const auto gap = check();
  ASSERT_FALSE(gap.ok());
  EXPECT_THAT(gap.error().message(), HasSubstr("tokenizer.json: has id 1030"));
}

TEST_F(TextCheckTest, ReadsWhatTheReferenceReadsOfTheTokenizersConfig) {
  edit("tokenizer_config.json", [](Json& json) {
    json["clean_up_tokenization_spaces"] = false;
    json["mine"] = "x";
    json["tool_token"] = "<tool_call_of_mine>";
  });
  EXPECT_THAT(notes(), ElementsAre(HasSubstr("names tokens that tokenizer.json lacks: "
                                             "'<tool_call_of_mine>'")));
  edit("tokenizer_config.json", [](Json& json) { json["split_special_tokens"] = true; });
  const auto split = check();
  ASSERT_FALSE(split.ok());
  EXPECT_EQ(split.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(split.error().message(),
              HasSubstr("tokenizer_config.json: 'split_special_tokens' is set"));
}

}  // namespace
}  // namespace lapidary::build
