#include "text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "text/template_source.h"

namespace lapidary::text {
namespace {

// A special token is a text, or an object that holds it as "content".
const Json* token_text(const Json& value) {
  if (value.is_string()) return &value;
  if (!value.is_object()) return nullptr;
  const auto content = value.find("content");
  return content != value.end() && content->is_string() ? &*content : nullptr;
}

// Names under which callers pass a message's reasoning; templates read the first (some the second).
constexpr std::array<const char*, 3> kReasoningNames = {"reasoning_content", "thinking",
                                                        "reasoning"};

Json with_reasoning_aliases(const Json& message) {
  const Json* reasoning = nullptr;
  for (const char* name : kReasoningNames) {
    const auto found = message.find(name);
    if (reasoning == nullptr && found != message.end() && !found->is_null()) reasoning = &*found;
  }
  if (reasoning == nullptr) return message;
  Json out = {{"thinking", *reasoning}};
  for (const auto& [key, value] : message.items()) out[key] = value;
  out["reasoning_content"] = *reasoning;
  return out;
}

Status check_message(const Json& message, const std::string& where) {
  if (!message.is_object()) return bad_input(where, "a message must be an object");
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string()) {
    return bad_input(where, "a message needs a text \"role\"");
  }
  return {};
}

}  // namespace

Json text_part(std::string_view text) { return {{"type", "text"}, {"text", text}}; }
Json image_part() { return {{"type", "image"}}; }
Json audio_part() { return {{"type", "audio"}}; }
Json video_part() { return {{"type", "video"}}; }

Json chat_message(std::string_view role, std::string_view content) {
  return {{"role", role}, {"content", content}};
}

Json chat_message(std::string_view role, std::initializer_list<Json> parts) {
  Json list = Json::array();
  for (const Json& part : parts) list.push_back(part);
  return {{"role", role}, {"content", std::move(list)}};
}

Status ChatTemplate::add(std::string name, std::string_view source, const std::string& where) {
  auto parsed = jinja::Template::parse(source, where);
  if (!parsed.ok()) return parsed.take_error();
  templates_.push_back({std::move(name), std::move(parsed).value()});
  return {};
}

Status ChatTemplate::add_from_config(const Json& value, const std::string& where) {
  if (value.is_string()) return add("default", value.get_ref<const std::string&>(), where);
  if (!value.is_array() && !value.is_object()) {
    return bad_input(where, "expected a text or a list of {name, template}");
  }
  for (const auto& [key, entry] : value.items()) {
    if (value.is_object()) {
      if (!entry.is_string()) return bad_input(where, "expected a text for each name");
      LAP_RETURN_IF_ERROR(
          add(key, entry.get_ref<const std::string&>(), fmt::format("{}.{}", where, key)));
      continue;
    }
    const bool complete = entry.is_object() && entry.contains("name") &&
                          entry["name"].is_string() && entry.contains("template") &&
                          entry["template"].is_string();
    if (!complete) return bad_input(where, "expected a list of {name, template}");
    const auto name = entry["name"].get<std::string>();
    LAP_RETURN_IF_ERROR(add(name, entry["template"].get_ref<const std::string&>(),
                            fmt::format("{}.{}", where, name)));
  }
  if (templates_.empty()) return bad_input(where, "the list of templates is empty");
  return {};
}

Status ChatTemplate::read_special_tokens(const Json& config, const std::string& where) {
  if (!config.is_object()) return bad_input(where, "expected an object");
  const auto add_token = [&](const std::string& key, const Json& value) -> Status {
    if (!key.ends_with("_token") || value.is_null() || value.is_boolean()) return {};
    const Json* text = token_text(value);
    if (text == nullptr) {
      return bad_input(fmt::format("{}: {}", where, key), "expected a token's text");
    }
    const auto same = [&](const auto& known) { return known.first == key; };
    if (std::none_of(special_tokens_.begin(), special_tokens_.end(), same)) {
      special_tokens_.emplace_back(key, text->get<std::string>());
    }
    return {};
  };
  for (const auto& [key, value] : config.items()) LAP_RETURN_IF_ERROR(add_token(key, value));
  const auto more = config.find("model_specific_special_tokens");
  if (more != config.end() && more->is_object()) {
    for (const auto& [key, value] : more->items()) LAP_RETURN_IF_ERROR(add_token(key, value));
  }
  return {};
}

bool ChatTemplate::present(const FileSet& files) {
  const auto source = find_template(files);
  return !source.ok() || source->has_value();
}

Result<ChatTemplate> ChatTemplate::load(const FileSet& files) {
  ChatTemplate out;
  Json config = Json::object();
  if (files.has(kTokenizerConfigFile)) {
    LAP_ASSIGN_OR_RETURN(const JsonDocument document, files.document(kTokenizerConfigFile));
    config = document.json();
  }
  LAP_RETURN_IF_ERROR(out.read_special_tokens(config, files.where(kTokenizerConfigFile)));
  LAP_ASSIGN_OR_RETURN(const auto source, find_template(files));
  if (!source) {
    return bad_input(files.origin(),
                     "no chat template: neither chat_template.jinja nor the key "
                     "chat_template in tokenizer_config.json",
                     "use plain completion (--raw), or add the template");
  }
  out.where_ = source->where;
  LAP_RETURN_IF_ERROR(out.add_from_config(source->value, out.where_));
  return out;
}

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, const Json& tokenizer_config,
                                         const std::string& where) {
  ChatTemplate out;
  out.where_ = where;
  LAP_RETURN_IF_ERROR(out.read_special_tokens(tokenizer_config, where));
  LAP_RETURN_IF_ERROR(out.add("default", source, where));
  return out;
}

std::vector<std::string> ChatTemplate::names() const {
  std::vector<std::string> out;
  for (const Named& named : templates_) out.push_back(named.name);
  return out;
}

Result<const ChatTemplate::Named*> ChatTemplate::choose(const ChatOptions& options) const {
  const auto find = [&](std::string_view name) -> const Named* {
    const auto same = [&](const Named& named) { return named.name == name; };
    const auto it = std::find_if(templates_.begin(), templates_.end(), same);
    return it == templates_.end() ? nullptr : &*it;
  };
  const Named* chosen = nullptr;
  if (!options.name.empty()) {
    chosen = find(options.name);
  } else {
    if (!options.tools.is_null()) chosen = find("tool_use");
    if (chosen == nullptr) chosen = find("default");
  }
  if (chosen != nullptr) return chosen;
  return bad_input(where_,
                   options.name.empty()
                       ? "none of the templates is named 'default'"
                       : fmt::format("there is no template named '{}'", options.name),
                   fmt::format("choose one of: {}", fmt::join(names(), ", ")));
}

Result<std::string> ChatTemplate::render(const Json& messages, const ChatOptions& options) const {
  if (!messages.is_array()) return bad_input("messages", "expected a list of messages");
  Json list = Json::array();
  for (const Json& message : messages) {
    LAP_RETURN_IF_ERROR(check_message(message, fmt::format("messages[{}]", list.size())));
    list.push_back(with_reasoning_aliases(message));
  }
  if (!options.tools.is_null() && !options.tools.is_array()) {
    return bad_input("tools", "expected a list of tool declarations");
  }
  if (!options.extra.is_object()) {
    return bad_input("template variables", "expected an object");
  }
  LAP_ASSIGN_OR_RETURN(const Named* chosen, choose(options));
  Json variables = Json::object();
  for (const auto& [name, text] : special_tokens_) variables[name] = text;
  variables["tools"] = options.tools;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = options.add_generation_prompt;
  if (options.enable_thinking) variables["enable_thinking"] = *options.enable_thinking;
  for (const auto& [name, value] : options.extra.items()) variables[name] = value;
  variables["messages"] = std::move(list);
  jinja::RenderOptions render_options;
  render_options.now = options.now;
  render_options.cancel = options.cancel;
  return chosen->source.render(variables, render_options);
}

}  // namespace lapidary::text
