// `lapidary chat`, and the conversation behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "runtime/conversation.h"

namespace lapidary::e2e {
namespace {

using ::testing::HasSubstr;

runtime::Conversation conversation(const engine::DecoderOptions& options = {.max_context = 2048}) {
  return {model(), model().new_decoder(options).value(), "You are a helpful assistant."};
}

runtime::GenerationOptions greedy() {
  runtime::GenerationOptions options = runtime::default_options(model().generation_config());
  options.sampling.greedy = true;
  options.max_tokens = 100;
  return options;
}

const std::vector<std::string> kTurns = {"What color is the sky?",
                                         "Tell me a story about a fox named Lily.",
                                         "Count from three to eleven.", "What is seven plus eight?",
                                         "Tell me a story about a cat named Ben."};

// What a turn gives when nothing is reused.
runtime::Generation fresh(const Json& messages, const engine::DecoderOptions& options) {
  runtime::Decoder decoder = model().new_decoder(options).value();
  const auto prompt = model().chat_prompt(messages).value();
  return runtime::generate(decoder, model().tokenizer(), prompt, greedy()).value();
}

// Catches reuse of rows that are not those of the new prompt, and a chat that runs all turns again.
// The conversation is many times longer than the window of 32.
TEST(Conversation, LaterTurnsReuseTheCacheAndChangeNothing) {
  for (const int64_t chunk : {512, 16}) {
    const engine::DecoderOptions options{.max_context = 2048, .chunk = chunk, .rewind_rows = 8};
    runtime::Conversation chat = conversation(options);
    int64_t held = 0;
    for (const std::string& turn : kTurns) {
      SCOPED_TRACE(turn);
      Json messages = chat.messages();
      messages.push_back(Json{{"role", "user"}, {"content", turn}});
      const auto reply = chat.send({turn}, greedy());
      ASSERT_TRUE(reply.ok()) << reply.error().message();
      const auto expected = fresh(messages, options);
      EXPECT_EQ(reply->text, expected.text);
      EXPECT_EQ(reply->tokens, expected.tokens);
      // All that earlier turns left in the cache is a prefix of this prompt.
      EXPECT_EQ(reply->timings.reused_tokens, held);
      EXPECT_EQ(expected.timings.reused_tokens, 0);
      held = static_cast<int64_t>(chat.decoder().tokens().size());
    }
    EXPECT_GT(held, 200);
    const bool moved = chat.decoder().sliding_offset() > 0;
    EXPECT_EQ(moved, chunk == 16) << "a small chunk has a small buffer, whose window moves";
  }
}

// The turn as the template renders it may differ from what was generated. Then the cache goes back
// to where they part, or starts anew when the window has moved on.
TEST(Conversation, ADifferentPastIsNotReused) {
  runtime::Decoder decoder = model().new_decoder({.max_context = 2048, .chunk = 32}).value();
  const auto prompt = [](const std::string& past) {
    return model().raw_prompt(past + " One day Ben saw a red ball near the barn.").value();
  };
  std::string past;
  for (int i = 0; i < 30; ++i) past += "There he met a small lion named Eva. ";
  const auto first = prompt(past);
  ASSERT_TRUE(runtime::generate(decoder, model().tokenizer(), first, greedy()).ok());
  ASSERT_GT(decoder.sliding_offset(), 0);
  for (const std::string& other : {past + "So.", "So. " + past}) {
    runtime::Decoder anew = model().new_decoder({.max_context = 2048, .chunk = 32}).value();
    const auto again = runtime::generate(decoder, model().tokenizer(), prompt(other), greedy());
    const auto expected = runtime::generate(anew, model().tokenizer(), prompt(other), greedy());
    ASSERT_TRUE(again.ok() && expected.ok());
    EXPECT_EQ(again->tokens, expected->tokens);
  }
}

TEST(Conversation, ACancelledReplyStaysAsFarAsItGot) {
  runtime::Conversation chat = conversation();
  CancelToken cancel;
  int pieces = 0;
  const auto reply = chat.send({kTurns[1]}, greedy(),
                               {.on_text =
                                    [&](std::string_view) {
                                      if (++pieces == 5) cancel.cancel();
                                    },
                                .work = {.cancel = &cancel}});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->finish_reason, runtime::FinishReason::kCancelled);
  EXPECT_EQ(pieces, 5);
  EXPECT_EQ(chat.messages().back()["content"], reply->text);
  EXPECT_TRUE(chat.send({"What is seven plus eight?"}, greedy()).ok());
}

TEST(Conversation, ATurnThatDoesNotFitLeavesTheConversationAlone) {
  runtime::Conversation chat = conversation({.max_context = 64});
  ASSERT_TRUE(chat.send({"What color is the sky?"}, greedy()).ok());
  const Json before = chat.messages();
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  const auto reply = chat.send({words}, greedy());
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().kind, ErrorKind::kBadInput);
  EXPECT_EQ(chat.messages(), before);
}

// A conversation grows until nothing fits any more. What is said then must be about it, and name
// the way out: the text for a single prompt ("shorten it") sent users to shorten what was short.
TEST(Conversation, SaysThatItIsFull) {
  runtime::Conversation chat(model(), model().new_decoder({.max_context = 96}).value(), "", {},
                             "press the red button");
  std::string said;
  for (int i = 0; i < 20 && said.empty(); ++i) {
    const auto reply = chat.send({"What color is the sky?"}, greedy());
    if (!reply.ok()) said = reply.error().message();
  }
  EXPECT_THAT(said, HasSubstr("conversation: is full"));
  EXPECT_THAT(said, HasSubstr("in a context of 96 (press the red button)"));
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  const auto longer = chat.send({words}, greedy());
  ASSERT_FALSE(longer.ok());
  EXPECT_THAT(longer.error().message(), HasSubstr("message: its "));
  chat.clear();
  EXPECT_TRUE(chat.send({"What color is the sky?"}, greedy()).ok());
}

TEST(Chat, NamesResetWhenTheConversationIsFull) {
  std::string input;
  for (int i = 0; i < 8; ++i) input += "What color is the sky?\n";
  const Outcome outcome = lapidary({"chat", package("cpu-fp32"), "--greedy", "--context", "64"},
                                   {.input = input + "/reset\nWhat is seven plus eight?\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("conversation: is full"));
  EXPECT_THAT(outcome.err, HasSubstr("/reset starts a new one; `--context` up to "));
  EXPECT_THAT(outcome.err, testing::Not(HasSubstr("shorten")));
  EXPECT_THAT(outcome.out, HasSubstr("Seven plus eight is fifteen.\n"));
}

TEST(Chat, AnswersLinesOfAPipe) {
  const Outcome outcome =
      lapidary({"chat", package("cpu-fp32"), "--greedy"},
               {.input = "What color is the sky?\n\n/stats\n/reset\n/help\n/nonsense\n"
                         "What is seven plus eight?\n/exit\nnever read\n"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("> The sky is blue.\n"));
  EXPECT_THAT(outcome.out, HasSubstr("tokens/s"));
  EXPECT_THAT(outcome.out, HasSubstr("unknown command /nonsense"));
  EXPECT_THAT(outcome.out, HasSubstr("Seven plus eight is fifteen.\n"));
}

TEST(Chat, EndOfInputLeaves) {
  const Outcome outcome = lapidary({"chat", package("cpu-fp32")}, {.input = "/help"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

}  // namespace
}  // namespace lapidary::e2e
