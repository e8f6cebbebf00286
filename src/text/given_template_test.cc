#include "text/given_template.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "text/chat_template.h"
#include "text/template_source.h"

namespace lapidary::text {
namespace {

using ::testing::HasSubstr;

class GivenTemplateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::temp_directory_path() /
           fmt::format("lapidary_given_{}_{}", getpid(), test->name());
    std::filesystem::create_directories(dir_ / "model");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name, std::ios::binary) << text;
    return dir_ / name;
  }
  std::string error_of(const std::string& name, const std::string& text) const {
    const auto given = read_given_template(write(name, text));
    return given.ok() ? "no error" : given.error().message();
  }

  std::filesystem::path dir_;
};

TEST_F(GivenTemplateTest, IsReadFromEachFormThatPeopleHave) {
  const auto source = [&](const std::string& name, const std::string& text) {
    const auto given = read_given_template(write(name, text));
    return given.ok() ? given->source : given.error().message();
  };
  EXPECT_EQ(source("a.jinja", "{{ x }}\n"), "{{ x }}\n");
  EXPECT_EQ(source("template", R"({"chat_template": 1})"), R"({"chat_template": 1})");
  EXPECT_EQ(source("t.json", R"({"bos_token": "<b>", "chat_template": "{{ x }}"})"), "{{ x }}");
  EXPECT_EQ(source("t.json", R"({"chat_template": {"rag": "r", "default": "d"}})"), "d");
  EXPECT_EQ(source("t.json", R"({"chat_template": [{"name": "rag", "template": "r"},
                                                   {"name": "default", "template": "d"}]})"),
            "d");
}

TEST_F(GivenTemplateTest, BadFilesAreNamed) {
  EXPECT_THAT(error_of("a.jinja", ""), HasSubstr("a.jinja: the chat template is empty"));
  EXPECT_THAT(error_of("t.json", R"({"chat_template": " \n"})"),
              HasSubstr("t.json: chat_template: the chat template is empty"));
  for (const char* text : {R"({"bos_token": "<b>"})", R"({"chat_template": null})", "[1]", "7"}) {
    EXPECT_THAT(error_of("t.json", text), HasSubstr("t.json: ")) << text;
  }
  EXPECT_THAT(error_of("t.json", "{}"), HasSubstr("has no 'chat_template' (give a Jinja file"));
  for (const char* value :
       {"5", "{}", "[]", R"({"rag": "r"})", R"({"default": 5})", R"([{"name": "default"}])",
        R"([5, {"name": "default", "template": 5}])"}) {
    EXPECT_THAT(error_of("t.json", fmt::format(R"({{"chat_template": {}}})", value)),
                HasSubstr("t.json: chat_template: is neither"))
        << value;
  }
  EXPECT_THAT(error_of("t.json", "{"), HasSubstr("t.json"));
  EXPECT_THAT(error_of("a.jinja", std::string((8U << 20) + 1, 'x')), HasSubstr("a.jinja"));
  EXPECT_THAT(read_given_template(dir_ / "nowhere.jinja").error().message(), HasSubstr("nowhere"));
  EXPECT_THAT(read_given_template(dir_ / "model").error().message(), HasSubstr("model"));
}

// Catches a template that is put where another one comes before it.
TEST_F(GivenTemplateTest, WinsOverEachPlaceOfTheCheckpoint) {
  const auto rendered = [&] {
    FileSet files(dir_ / "model");
    const Status put = replace_template(files, "given", "given.jinja");
    EXPECT_TRUE(put.ok()) << put.error().message();
    const auto chat = ChatTemplate::load(files);
    return chat.ok() ? chat->render(Json::array()).value() : chat.error().message();
  };
  EXPECT_EQ(rendered(), "given");
  write("model/chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(rendered(), "given");
  write("model/tokenizer_config.json", R"({"chat_template": "tokenizer"})");
  EXPECT_EQ(rendered(), "given");
  write("model/chat_template.jinja", "jinja");
  EXPECT_EQ(rendered(), "given");
  write("model/preprocessor_config.json", "{}");
  EXPECT_EQ(rendered(), "given");
  write("model/processor_config.json", R"({"other": [1], "chat_template": {"default": "p"}})");
  EXPECT_EQ(rendered(), "given");
  FileSet files(dir_ / "model");
  ASSERT_TRUE(replace_template(files, "given", "given.jinja").ok());
  EXPECT_EQ(files.document("processor_config.json").value().json()["other"], Json::array({1}));
  EXPECT_FALSE(files.replaced("chat_template.jinja"));
}

// Catches a message that names a file of the checkpoint, which is not at fault.
TEST_F(GivenTemplateTest, WhatDoesNotParseIsNamedByItsOwnFile) {
  FileSet files("m.gguf", {});
  ASSERT_TRUE(replace_template(files, "{% if %}", "given.jinja").ok());
  const auto chat = ChatTemplate::load(files);
  ASSERT_FALSE(chat.ok());
  EXPECT_THAT(chat.error().message(), HasSubstr("given.jinja: line 1"));
}

}  // namespace
}  // namespace lapidary::text
