#include "runtime/conversation.h"

#include <utility>

namespace lapidary::runtime {
namespace {

Json message(const char* role, const std::string& content) {
  return Json{{"role", role}, {"content", content}};
}

}  // namespace

Conversation::Conversation(Model model, Decoder decoder, std::string system)
    : model_(std::move(model)), decoder_(std::move(decoder)), system_(std::move(system)) {
  clear();
}

void Conversation::clear() {
  messages_ = Json::array();
  if (!system_.empty()) messages_.push_back(message("system", system_));
}

Result<Generation> Conversation::send(const std::string& text, const GenerationOptions& options,
                                      const GenerationHooks& hooks) {
  Json messages = messages_;
  messages.push_back(message("user", text));
  LAP_ASSIGN_OR_RETURN(const std::vector<int32_t> prompt, model_.chat_prompt(messages));
  LAP_ASSIGN_OR_RETURN(Generation reply,
                       generate(decoder_, model_.tokenizer(), prompt, options, hooks));
  messages.push_back(message("assistant", reply.text));
  messages_ = std::move(messages);
  return reply;
}

}  // namespace lapidary::runtime
