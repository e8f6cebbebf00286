#include "runtime/model.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "encoders/fitted_processor.h"
#include "engine/token_check.h"

namespace lapidary::runtime {
namespace {

constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kChatTemplate = "chat_template.jinja";
constexpr const char* kGenerationConfig = "generation_config.json";
// What a package may lack and is read when it is there.
constexpr std::array<const char*, 6> kOptionalFiles = {
    kChatTemplate,           "chat_template.json",       "tokenizer_config.json",
    "processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json"};

Result<checkpoint::GenerationConfig> load_generation_config(const package::Package& package) {
  // A package has no config.json: what the file needs of it is in the manifest.
  checkpoint::Config config;
  config.text.vocab_size = package.manifest.text.vocab_size;
  LAP_ASSIGN_OR_RETURN(const std::filesystem::path file, package.listed(kGenerationConfig));
  return checkpoint::GenerationConfig::load(file, config);
}

}  // namespace

Model::Model(package::Package package, text::Tokenizer tokenizer)
    : package_(std::move(package)), tokenizer_(std::move(tokenizer)) {}

Result<Model> Model::open(const std::filesystem::path& package, const ModelOptions& options) {
  using package::VerifyMode;
  const VerifyMode mode = options.verify ? VerifyMode::kChecksums : VerifyMode::kSizes;
  std::optional<Model> model;
  Status done = package::while_unchanged(package, [&](package::Package& opened) -> Status {
    LAP_RETURN_IF_ERROR(opened.verify(mode, options.work));
    LAP_ASSIGN_OR_RETURN(model, load(opened, options));
    return {};
  });
  if (!done.ok()) return done.take_error();
  return *std::move(model);
}

Result<Model> Model::load(const package::Package& package, const ModelOptions& options) {
  LAP_ASSIGN_OR_RETURN(const std::filesystem::path file, package.listed(kTokenizer));
  LAP_ASSIGN_OR_RETURN(text::Tokenizer tokenizer, text::Tokenizer::load(file));
  Model model(package, std::move(tokenizer));
  LAP_RETURN_IF_ERROR(model.load_side_files());
  model.session_options_ = options.session;
  LAP_ASSIGN_OR_RETURN(model.device_, engine::resolve_device(model.package_, options.device));
  if (model.manifest().fixed_model) {
    LAP_ASSIGN_OR_RETURN(
        model.fixed_graphs_,
        engine::FixedGraphs::open(model.package_, options.session, model.device_, options.work));
    return model;
  }
  LAP_ASSIGN_OR_RETURN(model.graphs_,
                       engine::TextGraphs::open(model.package_, options.session, options.work));
  return model;
}

Status Model::load_side_files() {
  // Loaders take what lies in the folder.
  for (const char* file : kOptionalFiles) {
    if (const auto there = package_.has(file); !there.ok()) return there.error();
  }
  if (text::ChatTemplate::present(package_.dir)) {
    LAP_ASSIGN_OR_RETURN(chat_template_, text::ChatTemplate::load(package_.dir));
  }
  LAP_ASSIGN_OR_RETURN(generation_config_, load_generation_config(package_));
  if (const auto bos = generation_config_.bos_token_id) bos_ = static_cast<int32_t>(*bos);
  LAP_ASSIGN_OR_RETURN(media_, encoders::media_tokens(manifest(), tokenizer_));
  if (media_.empty()) return {};
  LAP_ASSIGN_OR_RETURN(auto processor, checkpoint::ProcessorConfig::load(package_.dir));
  LAP_ASSIGN_OR_RETURN(processor_, encoders::fitted_processor(std::move(processor), manifest()));
  return {};
}

const encoders::MediaTokens* Model::media(encoders::MediaKind kind) const {
  const auto at =
      std::find_if(media_.begin(), media_.end(),
                   [&](const encoders::MediaTokens& tokens) { return tokens.kind == kind; });
  return at == media_.end() ? nullptr : &*at;
}

Status Model::check_rows(const engine::Prompt& prompt) const {
  const auto id = engine::first_without_row(prompt, manifest().text);
  if (!id) return {};
  return bad_input(
      "prompt",
      fmt::format("holds the token {} (id {}), and the model's per-layer table has {} rows only",
                  tokenizer_.id_to_token(*id).value_or(""), *id, manifest().text.embedded_limit()),
      "leave the token out, or resize that table as well as the other");
}

Status Model::check_text(std::string_view text) const {
  if (!manifest().text.embedded_ids) return {};
  LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer_.encode(text, false));
  const package::Manifest& model = manifest();
  std::erase_if(ids, [&model](int32_t id) {  // placeholders, which soft tokens will replace
    const bool image =
        model.vision && (id == model.vision->image_token_id || id == model.vision->video_token_id);
    return image || (model.audio && id == model.audio->audio_token_id);
  });
  return check_rows(engine::Prompt(std::move(ids)));
}

Result<engine::Prompt> Model::prompt_of(std::string_view text,
                                        std::span<const encoders::EncodedMedia> media) const {
  LAP_ASSIGN_OR_RETURN(const std::string expanded,
                       encoders::expand_placeholders(text, media_, media));
  LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer_.encode(expanded, false));
  LAP_ASSIGN_OR_RETURN(std::vector<engine::SoftBlock> blocks,
                       encoders::place_blocks(ids, media_, media));
  engine::Prompt prompt(std::move(ids), std::move(blocks));
  LAP_RETURN_IF_ERROR(check_rows(prompt));
  return prompt;
}

Status Model::check_can_chat() const {
  if (chat_template_) return {};
  return bad_input(package_.path(kChatTemplate).string(), "the package has no chat template",
                   "use `lapidary run --raw`, or build the package with --chat-template FILE");
}

Result<engine::Prompt> Model::chat_prompt(const Json& messages,
                                          std::span<const encoders::EncodedMedia> media,
                                          const CancelToken* cancel) const {
  LAP_RETURN_IF_ERROR(check_can_chat());
  text::ChatOptions options;
  options.cancel = cancel;
  LAP_ASSIGN_OR_RETURN(const std::string text, chat_template_->render(messages, options));
  // The template writes <bos> itself.
  return prompt_of(text, media);
}

Result<engine::Prompt> Model::raw_prompt(std::string_view text,
                                         std::span<const encoders::EncodedMedia> media) const {
  LAP_ASSIGN_OR_RETURN(engine::Prompt prompt, prompt_of(text, media));
  if (bos_ && (prompt.ids.empty() || prompt.ids.front() != *bos_)) {
    prompt.ids.insert(prompt.ids.begin(), *bos_);
    for (engine::SoftBlock& block : prompt.blocks) ++block.begin;
  }
  return prompt;
}

int64_t Model::max_context() const {
  const int64_t positions = manifest().text.max_positions;
  if (!manifest().fixed_model) return positions;
  return std::min(positions, manifest().fixed_model->context_length);
}

Result<Decoder> Model::new_decoder(const engine::DecoderOptions& options) const {
  if (fixed_graphs_) return Decoder::create(fixed_graphs_, options);
  engine::DecoderOptions chosen = options;
  if (manifest().text.vision_bidirectional_attention && options.chunk > 0) {
    // An image is never cut there, so a chunk must hold the longest.
    chosen.chunk = std::max(
        {options.chunk, processor_.image.max_soft_tokens, processor_.video.frames.max_soft_tokens});
  }
  return Decoder::create(graphs_, chosen);
}

}  // namespace lapidary::runtime
