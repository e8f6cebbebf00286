#include "runtime/conversation.h"

#include <fmt/core.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace lapidary::runtime {
namespace {

Json message(const char* role, Json content) {
  return Json{{"role", role}, {"content", std::move(content)}};
}

}  // namespace

Conversation::Conversation(Model model, Decoder decoder, std::string system,
                           encoders::MediaEncoderOptions media, std::string full_remedy)
    : model_(std::move(model)),
      decoder_(std::move(decoder)),
      system_(std::move(system)),
      full_remedy_(std::move(full_remedy)),
      encoder_(model_.media_model(), media) {
  clear();
}

Json Conversation::opening() const {
  Json messages = Json::array();
  if (!system_.empty()) messages.push_back(message("system", system_));
  return messages;
}

void Conversation::clear() {
  messages_ = opening();
  media_.clear();
}

bool Conversation::full() const {
  // The newest token is not in the cache yet.
  return static_cast<int64_t>(decoder_.tokens().size()) + 1 >= decoder_.max_context();
}

Status Conversation::check_room(const engine::Prompt& prompt, const Json& turn,
                                const std::vector<encoders::EncodedMedia>& added,
                                const Work& work) const {
  const int64_t context = decoder_.max_context();
  const auto tokens = static_cast<int64_t>(prompt.ids.size());
  if (tokens < context) return {};
  Json alone = opening();
  const bool first = messages_.size() == alone.size();
  if (first) return {};  // generate() says it of the prompt
  alone.push_back(turn);
  LAP_ASSIGN_OR_RETURN(const engine::Prompt fresh, model_.chat_prompt(alone, added, work.cancel));
  const auto fresh_tokens = static_cast<int64_t>(fresh.ids.size());
  if (fresh_tokens >= context) {
    return bad_input("message",
                     fmt::format("its {} tokens leave no room for a reply in a context of {}",
                                 fresh_tokens, context),
                     "shorten it or choose a larger context");
  }
  return bad_input(
      "conversation",
      fmt::format("is full: {} tokens with this message, in a context of {}", tokens, context),
      full_remedy_);
}

Result<Generation> Conversation::send(const UserTurn& turn, const GenerationOptions& options,
                                      const GenerationHooks& hooks) {
  LAP_ASSIGN_OR_RETURN(Json content, turn_content(turn, model_));
  LAP_ASSIGN_OR_RETURN(std::vector<encoders::EncodedMedia> added,
                       encoder_.encode(turn.media, hooks.work));
  Json messages = messages_;
  const Json turn_message = message("user", std::move(content));
  messages.push_back(turn_message);
  std::vector<encoders::EncodedMedia> media = media_;  // of these, only pointers are copied
  media.insert(media.end(), added.begin(), added.end());
  LAP_ASSIGN_OR_RETURN(const engine::Prompt prompt,
                       model_.chat_prompt(messages, media, hooks.work.cancel));
  LAP_RETURN_IF_ERROR(check_room(prompt, turn_message, added, hooks.work));
  LAP_ASSIGN_OR_RETURN(Generation reply,
                       generate(decoder_, model_.tokenizer(), prompt, options, hooks));
  messages.push_back(message("assistant", reply.text));
  messages_ = std::move(messages);
  media_ = std::move(media);
  return reply;
}

}  // namespace lapidary::runtime
