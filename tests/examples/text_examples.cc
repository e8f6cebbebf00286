// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <iostream>

#include "checkpoint/test_files.h"
#include "example.h"
#include "text/chat_template.h"
#include "text/given_template.h"
#include "text/piece_decoder.h"
#include "text/piece_vocabulary.h"
#include "text/template_source.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace lapidary::text {

Status chat_template_example(const std::filesystem::path& package_dir) {
  // [text/chat_template.h]
  LAP_ASSIGN_OR_RETURN(ChatTemplate chat, ChatTemplate::load(package_dir));
  Json messages = Json::array(
      {chat_message("system", "Be brief."),
       chat_message("user", {image_part(), text_part("What is this?")})});
  LAP_ASSIGN_OR_RETURN(std::string prompt, chat.render(messages));
  // [end]
  EXPECT_NE(prompt.find("Be brief."), std::string::npos) << prompt;
  EXPECT_NE(prompt.find("What is this?"), std::string::npos) << prompt;
  return {};
}

Status given_template_example(const std::filesystem::path& dir) {
  FileSet files("model.gguf", {});
  // [text/given_template.h]
  LAP_ASSIGN_OR_RETURN(GivenTemplate given, read_given_template(dir / "chat_template.jinja"));
  LAP_RETURN_IF_ERROR(replace_template(files, given.source, given.where));
  // [end]
  const auto found = find_template(files);
  EXPECT_TRUE(found.ok() && *found && (*found)->value == given.source);
  return {};
}

Status piece_vocabulary_example() {
  // [text/piece_vocabulary.h]
  PieceVocabulary vocabulary;  // its views must outlive the call
  vocabulary.pieces = {"<bos>", "a", "b", "ab"};
  vocabulary.kinds = {PieceKind::kControl, PieceKind::kNormal, PieceKind::kNormal,
                      PieceKind::kNormal};
  vocabulary.scores = {0.0F, -1.0F, -2.0F, -3.0F};
  LAP_ASSIGN_OR_RETURN(const std::string json, tokenizer_json(vocabulary, "model.gguf"));
  // [end]
  EXPECT_TRUE(Tokenizer::parse(json, "model.gguf").ok());
  return {};
}

std::string decoder_example(const PieceDecoder& decoder, const std::vector<std::string>& tokens) {
  // [text/piece_decoder.h]
  DecoderStream stream(decoder);
  std::string text;
  for (const std::string& token : tokens) stream.push(token, text);  // what is certain by now
  stream.flush(text);                                                // and the rest
  // [end]
  return text;
}

Status tokenizer_example(const std::filesystem::path& dir) {
  // [text/tokenizer.h]
  LAP_ASSIGN_OR_RETURN(const Tokenizer tokenizer, Tokenizer::load(dir / "tokenizer.json"));
  LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer.encode("Once upon", true));
  std::string text = tokenizer.decode(ids, true);
  // [end]
  EXPECT_EQ(text, "Once upon");

  // [text/tokenizer.h]
  StreamingDecoder stream(tokenizer, true);
  for (int32_t id : ids) std::cout << stream.push(id);
  std::cout << stream.flush();
  // [end]
  return {};
}

Status tokenizer_config_example(const std::filesystem::path& dir) {
  // [text/tokenizer_config.h]
  LAP_ASSIGN_OR_RETURN(TokenizerConfig config,
                       TokenizerConfig::load(dir / "tokenizer_config.json"));
  if (config.bos_token) use(*config.bos_token);
  // [end]
  return {};
}

TEST(TextExamples, OnTheTinyModel) {
  const std::filesystem::path dir = checkpoint::tiny_checkpoint();
  expect_ok(chat_template_example(dir));
  expect_ok(given_template_example(dir));
  expect_ok(piece_vocabulary_example());
  expect_ok(tokenizer_example(dir));
  expect_ok(tokenizer_config_example(dir));
}

}  // namespace lapidary::text
