#include "runtime/model.h"

#include <algorithm>
#include <utility>

#include "encoders/fitted_processor.h"

namespace lapidary::runtime {
namespace {

constexpr const char* kTokenizer = "tokenizer.json";
constexpr const char* kChatTemplate = "chat_template.jinja";
constexpr const char* kGenerationConfig = "generation_config.json";

Result<checkpoint::GenerationConfig> load_generation_config(const package::Package& package) {
  // A package has no config.json: what the file needs of it is in the manifest.
  checkpoint::Config config;
  config.text.vocab_size = package.manifest.text.vocab_size;
  return checkpoint::GenerationConfig::load(package.path(kGenerationConfig), config);
}

}  // namespace

Model::Model(package::Package package, text::Tokenizer tokenizer)
    : package_(std::move(package)), tokenizer_(std::move(tokenizer)) {}

Result<Model> Model::open(const std::filesystem::path& package, const ModelOptions& options) {
  using package::VerifyMode;
  const VerifyMode mode = options.verify ? VerifyMode::kChecksums : VerifyMode::kSizes;
  LAP_ASSIGN_OR_RETURN(package::Package opened,
                       package::Package::open(package, mode, options.work));
  LAP_ASSIGN_OR_RETURN(text::Tokenizer tokenizer, text::Tokenizer::load(opened.path(kTokenizer)));
  Model model(std::move(opened), std::move(tokenizer));
  if (text::ChatTemplate::present(model.package_.dir)) {
    LAP_ASSIGN_OR_RETURN(model.chat_template_, text::ChatTemplate::load(model.package_.dir));
  }
  LAP_ASSIGN_OR_RETURN(model.generation_config_, load_generation_config(model.package_));
  if (const auto bos = model.generation_config_.bos_token_id) {
    model.bos_ = static_cast<int32_t>(*bos);
  }
  LAP_ASSIGN_OR_RETURN(model.media_, encoders::media_tokens(model.manifest(), model.tokenizer_));
  if (!model.media_.empty()) {
    LAP_ASSIGN_OR_RETURN(auto processor, checkpoint::ProcessorConfig::load(model.package_.dir));
    LAP_ASSIGN_OR_RETURN(model.processor_,
                         encoders::fitted_processor(std::move(processor), model.manifest()));
  }
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

const encoders::MediaTokens* Model::media(encoders::MediaKind kind) const {
  const auto at =
      std::find_if(media_.begin(), media_.end(),
                   [&](const encoders::MediaTokens& tokens) { return tokens.kind == kind; });
  return at == media_.end() ? nullptr : &*at;
}

Result<engine::Prompt> Model::prompt_of(std::string_view text,
                                        std::span<const encoders::EncodedMedia> media) const {
  LAP_ASSIGN_OR_RETURN(const std::string expanded,
                       encoders::expand_placeholders(text, media_, media));
  LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer_.encode(expanded, false));
  LAP_ASSIGN_OR_RETURN(std::vector<engine::SoftBlock> blocks,
                       encoders::place_blocks(ids, media_, media));
  return engine::Prompt(std::move(ids), std::move(blocks));
}

Result<engine::Prompt> Model::chat_prompt(const Json& messages,
                                          std::span<const encoders::EncodedMedia> media,
                                          const CancelToken* cancel) const {
  if (!chat_template_) {
    return bad_input(package_.path(kChatTemplate).string(), "the package has no chat template",
                     "use --raw, or build the package from a checkpoint that has one");
  }
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
