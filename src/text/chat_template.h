// A checkpoint's own chat template: messages to the prompt text its model was trained on.
//
//   LAP_ASSIGN_OR_RETURN(ChatTemplate chat, ChatTemplate::load(package_dir));
//   Json messages = Json::array(
//       {chat_message("system", "Be brief."),
//        chat_message("user", {image_part(), text_part("What is this?")})});
//   LAP_ASSIGN_OR_RETURN(std::string prompt, chat.render(messages));
//
// Text and rules are those of transformers' apply_chat_template: the same variables reach the
// template (messages, tools, documents, add_generation_prompt, the special tokens), reasoning is
// passed under all its names. Messages are plain JSON, so whatever a template asks for
// (reasoning_content, tool_calls, tool_responses, name, ...) can be there.
#pragma once

#include <ctime>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_set.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/result.h"
#include "jinja/template.h"

namespace lapidary::text {

// Content parts. Media parts only mark a place; the media itself goes to the encoders.
Json text_part(std::string_view text);
Json image_part();
Json audio_part();
Json video_part();

// {"role": role, "content": text or parts}
Json chat_message(std::string_view role, std::string_view content);
Json chat_message(std::string_view role, std::initializer_list<Json> parts);

struct ChatOptions {
  Json tools;                           // a list of tool declarations, or null
  bool add_generation_prompt = true;    // open the model's turn at the end
  std::optional<bool> enable_thinking;  // not passed at all when unset
  Json extra = Json::object();          // further variables; they win over all but `messages`
  std::string name;                     // which of several templates; empty: the usual choice
  std::optional<std::time_t> now;       // for templates that tell the date; unset: the clock
  const CancelToken* cancel = nullptr;  // ends a rendering within milliseconds
};

class ChatTemplate {
 public:
  // Reads the template (template_source.h) and the special tokens of tokenizer_config.json, of a
  // folder for example. Errors: no template there; a template that does not parse; files that are
  // not as expected.
  static Result<ChatTemplate> load(const FileSet& files);
  // From the texts themselves. `tokenizer_config` may be an empty object.
  static Result<ChatTemplate> parse(std::string_view source, const Json& tokenizer_config,
                                    const std::string& where);

  // True if they hold a template, or a file that cannot be read in its place, so that a caller can
  // offer plain completion otherwise.
  static bool present(const FileSet& files);

  // `messages`: a list of objects, each with a text "role". Errors: messages of another form; what
  // the template itself refuses (raise_exception) or cannot do, with file and line; kCancelled.
  Result<std::string> render(const Json& messages, const ChatOptions& options = {}) const;

  // "bos_token" -> "<bos>" and so on, as the template sees them.
  const std::vector<std::pair<std::string, std::string>>& special_tokens() const {
    return special_tokens_;
  }
  std::vector<std::string> names() const;

 private:
  struct Named {
    std::string name;
    jinja::Template source;
  };

  ChatTemplate() = default;
  Status add(std::string name, std::string_view source, const std::string& where);
  Status add_from_config(const Json& value, const std::string& where);
  Status read_special_tokens(const Json& config, const std::string& where);
  Result<const Named*> choose(const ChatOptions& options) const;

  std::string where_;
  std::vector<Named> templates_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace lapidary::text
