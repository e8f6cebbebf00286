// A chat of several turns in one cache. Each turn renders the whole conversation anew; what the
// rendering has in common with the turns before is not run again.
//
//   LAP_ASSIGN_OR_RETURN(Decoder decoder, model.new_decoder({.max_context = 8192}));
//   Conversation chat(model, std::move(decoder), "You answer briefly.");
//   UserTurn turn{"What is this?", {{encoders::MediaKind::kImage, "a.png"}}};
//   LAP_ASSIGN_OR_RETURN(Generation reply, chat.send(turn, options, hooks));
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/work.h"
#include "encoders/media_encoder.h"
#include "runtime/decoder.h"
#include "runtime/generation.h"
#include "runtime/model.h"
#include "runtime/user_turn.h"

namespace lapidary::runtime {

class Conversation {
 public:
  // `system` may be empty; `full_remedy`: what to do when no further turn fits.
  Conversation(Model model, Decoder decoder, std::string system,
               encoders::MediaEncoderOptions media = {},
               std::string full_remedy = "start a new one, or choose a larger context");

  // Adds a user turn and the reply to it; its media are encoded first, with `hooks.work`. A reply
  // that was cancelled stays as far as it got; after an error the conversation is as before. Errors
  // besides generate()'s: kBadInput when the conversation has no room for the turn, and when the
  // turn alone is too long, which nothing but a shorter one mends.
  Result<Generation> send(const UserTurn& turn, const GenerationOptions& options,
                          const GenerationHooks& hooks = {});
  // Forgets all turns but the system's. The cache is kept: what still fits is reused.
  void clear();

  // Whether the last reply ended because the context did.
  bool full() const;

  const Json& messages() const { return messages_; }
  const Decoder& decoder() const { return decoder_; }
  // Encoding an item before its turn finds bad files early, and the turn finds it in the cache.
  encoders::MediaEncoder& media_encoder() { return encoder_; }

 private:
  Status check_room(const engine::Prompt& prompt, const Json& turn,
                    const std::vector<encoders::EncodedMedia>& added, const Work& work) const;
  Json opening() const;  // the messages before the first turn

  Model model_;
  Decoder decoder_;
  std::string system_;
  std::string full_remedy_;
  Json messages_;
  encoders::MediaEncoder encoder_;
  std::vector<encoders::EncodedMedia> media_;  // of all turns, in order
};

}  // namespace lapidary::runtime
