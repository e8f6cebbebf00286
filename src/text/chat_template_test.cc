#include "text/chat_template.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/testing/source_dir.h"
#include "text/template_source.h"

namespace lapidary::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path kSource = source_dir();
const std::filesystem::path kTiny = kSource / "models" / "tiny-gemma4" / "checkpoint";

// A folder of its own per test.
class ChatTemplateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    dir_ = std::filesystem::temp_directory_path() /
           fmt::format("lapidary_chat_{}_{}", getpid(), test->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }

  std::filesystem::path dir_;
};

std::string text_of(const Result<std::string>& result) {
  return result.ok() ? *result : "error: " + result.error().message();
}
template <typename T>
std::string error_of(const Result<T>& result) {
  return result.ok() ? "no error" : result.error().message();
}

// Catches lost special tokens, a forgotten generation prompt, and wrong file precedence, on the
// checkpoint that the whole project runs.
TEST_F(ChatTemplateTest, RendersTheTinyModelsTemplate) {
  auto chat = ChatTemplate::load(kTiny);
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_TRUE(ChatTemplate::present(kTiny));
  const Json messages = Json::array(
      {chat_message("system", "Be brief."), chat_message("user", "Hello! "),
       chat_message("assistant", "Hi."),
       chat_message("user", {image_part(), text_part(" And this? "), audio_part(), video_part()})});
  EXPECT_EQ(text_of(chat->render(messages)),
            "<bos><|turn>system\nBe brief.<turn|>\n<|turn>user\nHello!<turn|>\n<|turn>model\nHi."
            "<turn|>\n<|turn>user\n<|image|>And this?<|audio|><|video|><turn|>\n<|turn>model\n");
  ChatOptions options;
  options.add_generation_prompt = false;
  options.enable_thinking = true;
  EXPECT_EQ(text_of(chat->render(Json::array({chat_message("user", "Hi")}), options)),
            "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user\nHi<turn|>\n");
}

// The golden conversations again, through this interface: same text as transformers' Jinja.
TEST_F(ChatTemplateTest, ConversationsEqualTheReference) {
  auto goldens = load_json(kSource / "tests" / "golden" / "jinja" / "conversations.json");
  ASSERT_TRUE(goldens.ok());
  auto chat = ChatTemplate::load(kTiny);
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  int compared = 0;
  for (const Json& golden : (*goldens)["cases"]) {
    if (golden[0] != "tiny") continue;
    const Json& variables = (*goldens)["variables"][golden[1].get<size_t>()];
    ChatOptions options;
    options.tools = variables["tools"];
    options.add_generation_prompt = variables["add_generation_prompt"].get<bool>();
    if (variables.contains("enable_thinking")) {
      options.enable_thinking = variables["enable_thinking"].get<bool>();
    }
    auto out = chat->render(variables["messages"], options);
    ASSERT_EQ(out.ok(), !golden[2].is_null()) << golden[1] << text_of(out);
    EXPECT_EQ(out.ok() ? *out : "", golden[2].is_null() ? "" : golden[2].get<std::string>())
        << golden[1];
    ++compared;
  }
  EXPECT_GT(compared, 20);
}

// Older checkpoints keep the template in tokenizer_config.json; tokens may be objects there.
TEST_F(ChatTemplateTest, ReadsTheTokenizerConfig) {
  write("tokenizer_config.json",
        R"({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": null,
            "model_specific_special_tokens": {"image_token": "<img>"}, "add_bos_token": true,
            "chat_template": "{{ bos_token }}{{ image_token }}{{ eos_token is defined }}{{ messages[0].content }}"})");
  auto chat = ChatTemplate::load(dir_);
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_EQ(text_of(chat->render(Json::array({chat_message("user", "x")}))), "<s><img>Falsex");
  write("chat_template.jinja", "file wins\n");
  EXPECT_EQ(text_of(ChatTemplate::load(dir_)->render(Json::array())), "file wins");
}

// The places in the order of transformers' processors, and, without a processor's file, of its
// tokenizers. Catches: another template than that which the reference renders.
TEST_F(ChatTemplateTest, PlacesHaveTheOrderOfTheReference) {
  const auto from = [&] {
    const auto source = find_template(dir_);
    EXPECT_TRUE(source.ok()) << source.error().message();
    return source.ok() && *source ? (*source)->file : "nowhere";
  };
  EXPECT_EQ(from(), "nowhere");
  write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(from(), "chat_template.json");
  EXPECT_TRUE(ChatTemplate::present(dir_));
  EXPECT_EQ(text_of(ChatTemplate::load(dir_)->render(Json::array())), "json");
  write("tokenizer_config.json", R"({"chat_template": "tokenizer"})");
  EXPECT_EQ(from(), "tokenizer_config.json");
  write("chat_template.jinja", "jinja");
  EXPECT_EQ(from(), "chat_template.jinja");
  write("processor_config.json", "{}");
  EXPECT_EQ(from(), "chat_template.json");
  write("processor_config.json", R"({"chat_template": {"default": "processor", "rag": "x"}})");
  EXPECT_EQ(from(), "processor_config.json");
  EXPECT_EQ(text_of(ChatTemplate::load(dir_)->render(Json::array())), "processor");
  write("chat_template.json", R"({"chat_template": null})");
  write("processor_config.json", R"({"chat_template": "jinja"})");
  const auto source = find_template(dir_);
  EXPECT_THAT((*source)->passed_over, ElementsAre("tokenizer_config.json"));  // jinja is the same
}

TEST_F(ChatTemplateTest, NamesThePlaceThatIsWrong) {
  write("chat_template.json", R"({"chat_template": {"default": 5}})");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)),
              HasSubstr("chat_template.json: chat_template: expected a text for each name"));
  write("chat_template.json", "[1]");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("must be an object"));
  EXPECT_TRUE(ChatTemplate::present(dir_));
  write("chat_template.json", R"({"chat_template": "{% if %}"})");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)),
              HasSubstr("chat_template.json: chat_template: line 1: "));
}

// A list of templates: tools choose "tool_use", a name chooses itself, an unknown name is refused.
TEST_F(ChatTemplateTest, ChoosesAmongSeveral) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "default", "template": "plain"},
                              {"name": "tool_use", "template": "tools {{ tools | length }}"},
                              {"name": "rag", "template": "{{ documents }}{{ extra_one }}"}]})");
  auto chat = ChatTemplate::load(dir_);
  ASSERT_TRUE(chat.ok()) << chat.error().message();
  EXPECT_THAT(chat->names(), ElementsAre("default", "tool_use", "rag"));
  ChatOptions options;
  EXPECT_EQ(text_of(chat->render(Json::array(), options)), "plain");
  options.tools = Json::array({Json::object()});
  EXPECT_EQ(text_of(chat->render(Json::array(), options)), "tools 1");
  options.name = "rag";
  options.extra = {{"extra_one", 1}};
  EXPECT_EQ(text_of(chat->render(Json::array(), options)), "None1");
  options.name = "nope";
  EXPECT_THAT(error_of(chat->render(Json::array(), options)),
              HasSubstr("no template named 'nope' (choose one of: default, tool_use, rag)"));
}

// Reasoning reaches the template under every name, whichever the caller used.
TEST_F(ChatTemplateTest, AliasesReasoning) {
  auto chat = ChatTemplate::parse(
      "{% for m in messages %}{{ m.reasoning_content }}|{{ m.thinking }};{% endfor %}",
      Json::object(), "t");
  ASSERT_TRUE(chat.ok());
  const Json messages = Json::array({{{"role", "assistant"}, {"reasoning", "a"}},
                                     {{"role", "assistant"}, {"thinking", "b"}},
                                     {{"role", "assistant"}, {"reasoning_content", "c"}},
                                     {{"role", "assistant"}, {"reasoning_content", nullptr}}});
  EXPECT_EQ(text_of(chat->render(messages)), "a|a;b|b;c|c;None|;");
}

// Each kind of bad input is an error that names its place.
TEST_F(ChatTemplateTest, NamesWhatIsWrong) {
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("no chat template"));
  EXPECT_FALSE(ChatTemplate::present(dir_));
  write("tokenizer_config.json", R"({"chat_template": 5})");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)),
              HasSubstr("tokenizer_config.json: chat_template: expected a text or a list"));
  write("tokenizer_config.json", R"({"chat_template": [{"name": "x"}]})");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("a list of {name, template}"));
  write("tokenizer_config.json", R"({"bos_token": [1]})");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("bos_token: expected a token's text"));
  write("tokenizer_config.json", "[1]");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("must be an object"));
  write("tokenizer_config.json", "{");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("not valid JSON"));
  write("tokenizer_config.json", "{}");
  write("chat_template.jinja", "a\n{% if %}");
  EXPECT_THAT(error_of(ChatTemplate::load(dir_)), HasSubstr("chat_template.jinja: line 2: "));
  write("chat_template.jinja", "\n{{ raise_exception('no system turns') }}");
  auto chat = ChatTemplate::load(dir_);
  ASSERT_TRUE(chat.ok());
  EXPECT_THAT(error_of(chat->render(Json::array())), HasSubstr("line 2: the template refuses this "
                                                               "conversation: no system turns"));
  EXPECT_THAT(error_of(chat->render(Json::object())), HasSubstr("messages: expected a list"));
  EXPECT_THAT(error_of(chat->render(Json::array({1}))), HasSubstr("messages[0]"));
  EXPECT_THAT(error_of(chat->render(Json::array({Json::object()}))), HasSubstr("\"role\""));
}

}  // namespace
}  // namespace lapidary::text
