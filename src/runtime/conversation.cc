#include "runtime/conversation.h"

#include <utility>
#include <vector>

namespace lapidary::runtime {
namespace {

Json message(const char* role, Json content) {
  return Json{{"role", role}, {"content", std::move(content)}};
}

}  // namespace

Conversation::Conversation(Model model, Decoder decoder, std::string system,
                           encoders::MediaEncoderOptions media)
    : model_(std::move(model)),
      decoder_(std::move(decoder)),
      system_(std::move(system)),
      encoder_(model_.media_model(), media) {
  clear();
}

void Conversation::clear() {
  messages_ = Json::array();
  if (!system_.empty()) messages_.push_back(message("system", system_));
  media_.clear();
}

Result<Generation> Conversation::send(const UserTurn& turn, const GenerationOptions& options,
                                      const GenerationHooks& hooks) {
  LAP_ASSIGN_OR_RETURN(Json content, turn_content(turn, model_));
  LAP_ASSIGN_OR_RETURN(std::vector<encoders::EncodedMedia> added,
                       encoder_.encode(turn.media, hooks.work));
  Json messages = messages_;
  messages.push_back(message("user", std::move(content)));
  std::vector<encoders::EncodedMedia> media = media_;  // of these, only pointers are copied
  media.insert(media.end(), added.begin(), added.end());
  LAP_ASSIGN_OR_RETURN(const engine::Prompt prompt,
                       model_.chat_prompt(messages, media, hooks.work.cancel));
  LAP_ASSIGN_OR_RETURN(Generation reply,
                       generate(decoder_, model_.tokenizer(), prompt, options, hooks));
  messages.push_back(message("assistant", reply.text));
  messages_ = std::move(messages);
  media_ = std::move(media);
  return reply;
}

}  // namespace lapidary::runtime
