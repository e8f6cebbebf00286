// A package, opened: everything one needs to talk to the model in it.
//
//   LAP_ASSIGN_OR_RETURN(Model model, Model::open("tiny.lap", {}));
//   LAP_ASSIGN_OR_RETURN(engine::Prompt prompt, model.chat_prompt(messages));
//   LAP_ASSIGN_OR_RETURN(Decoder decoder, model.new_decoder({.max_context = 4096}));
//   LAP_ASSIGN_OR_RETURN(Generation reply, generate(decoder, model.tokenizer(), prompt, options));
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/work.h"
#include "checkpoint/generation_config.h"
#include "checkpoint/processor_config.h"
#include "encoders/media_encoder.h"
#include "encoders/placeholders.h"
#include "engine/device.h"
#include "engine/prompt.h"
#include "engine/text_graphs.h"
#include "package/package.h"
#include "runtime/decoder.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace lapidary::runtime {

struct ModelOptions {
  ort::SessionOptions session;
  engine::DeviceOptions device;
  bool verify = true;  // compare every file with its checksum, not just its size
  Work work = {};      // the verification, then the loading of the decoder's graphs
};

// Immutable once open; copies share the sessions.
class Model {
 public:
  // All of one package: when a build replaces it meanwhile, the new one is opened. Errors:
  // kBadInput naming the file for whatever is missing, damaged, inconsistent or not listed in the
  // manifest; those of resolve_device; kIo, also when the package was replaced twice; kCancelled
  // within the verification and between two graphs.
  static Result<Model> open(const std::filesystem::path& package, const ModelOptions& options);

  const std::filesystem::path& path() const { return package_.dir; }
  // Where what the package compiled for a device runs: "cpu", "htp-emulated v81 (SM8850)".
  const std::string& device() const { return device_.name; }
  const engine::ResolvedDevice& resolved_device() const { return device_; }
  const package::Manifest& manifest() const { return package_.manifest; }
  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  const checkpoint::GenerationConfig& generation_config() const { return generation_config_; }
  const package::Package& package() const { return package_; }
  // What the front ends do, fitted to the encoders (fitted_processor.h); the defaults when the
  // package takes no media.
  const checkpoint::ProcessorConfig& processor() const { return processor_; }
  const ort::SessionOptions& session_options() const { return session_options_; }
  // How media of a kind appear in prompts; null when the package does not take that kind.
  const encoders::MediaTokens* media(encoders::MediaKind kind) const;
  // What a MediaEncoder of this model needs.
  encoders::MediaModel media_model() const {
    return {package_, processor_, media_, session_options_, device_};
  }

  // Errors: kBadInput, of a package without chat template.
  Status check_can_chat() const;

  // A conversation, ready for the model's turn. `messages` is an array of objects with "role" and
  // "content", as in OpenAI's API. `media` fills the placeholders of its kind in the rendered text,
  // in order. Errors: those of check_can_chat() and of the template; kBadInput when placeholders and
  // media of a kind do not agree in number; kCancelled while the template renders.
  Result<engine::Prompt> chat_prompt(const Json& messages,
                                     std::span<const encoders::EncodedMedia> media = {},
                                     const CancelToken* cancel = nullptr) const;
  // A text to be continued: <bos> and the text. A text that begins with <bos> gets no second one.
  // Placeholders as in chat_prompt.
  Result<engine::Prompt> raw_prompt(std::string_view text,
                                    std::span<const encoders::EncodedMedia> media = {}) const;
  // That the model has an embedding for every token of a text (engine/token_check.h); the prompts
  // above are checked as well. Before encoders run, for what a user says. Errors: kBadInput naming
  // the token; those of the tokenizer.
  Status check_text(std::string_view text) const;
  // <bos>, when the model has one.
  std::optional<int32_t> bos() const { return bos_; }

  // Most positions that a sequence may have.
  int64_t max_context() const;
  // Where images attend to themselves and so are never cut, a chunk is at least as long as the
  // longest image.
  Result<Decoder> new_decoder(const engine::DecoderOptions& options) const;

 private:
  Model(package::Package package, text::Tokenizer tokenizer);
  // Of a package that is verified.
  static Result<Model> load(const package::Package& package, const ModelOptions& options);
  Status load_side_files();
  Status check_rows(const engine::Prompt& prompt) const;
  Result<engine::Prompt> prompt_of(std::string_view text,
                                   std::span<const encoders::EncodedMedia> media) const;

  package::Package package_;
  text::Tokenizer tokenizer_;
  std::optional<text::ChatTemplate> chat_template_;
  checkpoint::GenerationConfig generation_config_;
  std::optional<int32_t> bos_;
  std::vector<encoders::MediaTokens> media_;
  checkpoint::ProcessorConfig processor_;
  ort::SessionOptions session_options_;
  engine::ResolvedDevice device_;
  std::shared_ptr<const engine::TextGraphs> graphs_;         // null: the decoder has fixed lengths
  std::shared_ptr<const engine::FixedGraphs> fixed_graphs_;  // null: it has not
};

}  // namespace lapidary::runtime
