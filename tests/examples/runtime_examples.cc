// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "example.h"
#include "runtime/conversation.h"
#include "runtime/decoder.h"
#include "runtime/generation.h"
#include "runtime/model.h"
#include "runtime/sampler.h"
#include "runtime/stop.h"

namespace lapidary::runtime {

Status conversation_example(const Model& model, const GenerationOptions& options,
                            const GenerationHooks& hooks) {
  // [runtime/conversation.h]
  LAP_ASSIGN_OR_RETURN(Decoder decoder, model.new_decoder({.max_context = 8192}));
  Conversation chat(model, std::move(decoder), "You answer briefly.");
  UserTurn turn{"What is this?", {{encoders::MediaKind::kImage, "a.png"}}};
  LAP_ASSIGN_OR_RETURN(Generation reply, chat.send(turn, options, hooks));
  // [end]
  return {};
}

Status decoder_example(const std::shared_ptr<const engine::TextGraphs>& graphs,
                       const std::vector<int32_t>& ids) {
  // [runtime/decoder.h]
  LAP_ASSIGN_OR_RETURN(Decoder decoder, Decoder::create(graphs, {.max_context = 4096}));
  LAP_ASSIGN_OR_RETURN(std::span<const float> logits, decoder.prefill(engine::Prompt(ids)));
  for (int i = 0; i < 100; ++i) {
    const auto next = static_cast<int32_t>(argmax(logits));  // sampler.h
    LAP_ASSIGN_OR_RETURN(logits, decoder.step(std::span(&next, 1)));
  }
  // [end]
  return {};
}

Status generation_example(const Model& model, Decoder& decoder, const text::Tokenizer& tokenizer,
                          const engine::Prompt& prompt, const Work& work,
                          const std::function<void(std::string_view)>& show) {
  // [runtime/generation.h]
  GenerationOptions options = default_options(model.generation_config());
  options.max_tokens = 100;
  LAP_ASSIGN_OR_RETURN(Generation reply, generate(decoder, tokenizer, prompt, options,
                                                  {.on_text = show, .work = work}));
  // [end]
  return {};
}

Status model_example(const Json& messages, const GenerationOptions& options) {
  // [runtime/model.h]
  LAP_ASSIGN_OR_RETURN(Model model, Model::open("tiny.lap", {}));
  LAP_ASSIGN_OR_RETURN(engine::Prompt prompt, model.chat_prompt(messages));
  LAP_ASSIGN_OR_RETURN(Decoder decoder, model.new_decoder({.max_context = 4096}));
  LAP_ASSIGN_OR_RETURN(Generation reply, generate(decoder, model.tokenizer(), prompt, options));
  // [end]
  return {};
}

Status sampler_example(const std::vector<int32_t>& prompt_ids, const std::vector<float>& logits,
                       int64_t vocab_size) {
  // [runtime/sampler.h]
  Sampler sampler({.temperature = 0.7, .top_k = 40, .seed = 1}, vocab_size);
  sampler.observe(prompt_ids);  // for the repetition penalty
  LAP_ASSIGN_OR_RETURN(int32_t id, sampler.pick(logits, {}));
  // [end]
  EXPECT_EQ(id, 1);
  return {};
}

TEST(RuntimeExamples, Sampler) { expect_ok(sampler_example({0}, {-90.0F, 90.0F, -90.0F}, 3)); }

TEST(RuntimeExamples, StopScanner) {
  // [runtime/stop.h]
  StopScanner scanner({"\nUser:"});
  auto first = scanner.push("Yes.\nUs");   // {"Yes.", false}: "\nUs" may be how the stop begins
  auto second = scanner.push("er: next");  // {"", true}: it was; nothing more is emitted
  // [end]
  EXPECT_EQ(first.text, "Yes.");
  EXPECT_FALSE(first.stopped);
  EXPECT_EQ(second.text, "");
  EXPECT_TRUE(second.stopped);
}

}  // namespace lapidary::runtime
