#include "runtime/model.h"

#include <utility>

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
                       package::Package::open(package, mode, options.cancel));
  LAP_ASSIGN_OR_RETURN(text::Tokenizer tokenizer, text::Tokenizer::load(opened.path(kTokenizer)));
  Model model(std::move(opened), std::move(tokenizer));
  if (text::ChatTemplate::present(model.package_.dir)) {
    LAP_ASSIGN_OR_RETURN(model.chat_template_, text::ChatTemplate::load(model.package_.dir));
  }
  LAP_ASSIGN_OR_RETURN(model.generation_config_, load_generation_config(model.package_));
  if (const auto bos = model.generation_config_.bos_token_id) {
    model.bos_ = static_cast<int32_t>(*bos);
  }
  LAP_ASSIGN_OR_RETURN(model.graphs_, TextGraphs::open(model.package_, options.session));
  return model;
}

Result<std::vector<int32_t>> Model::chat_prompt(const Json& messages) const {
  if (!chat_template_) {
    return bad_input(package_.path(kChatTemplate).string(), "the package has no chat template",
                     "use --raw, or build the package from a checkpoint that has one");
  }
  LAP_ASSIGN_OR_RETURN(const std::string text, chat_template_->render(messages));
  // The template writes <bos> itself.
  return tokenizer_.encode(text, false);
}

Result<std::vector<int32_t>> Model::raw_prompt(std::string_view text) const {
  LAP_ASSIGN_OR_RETURN(std::vector<int32_t> ids, tokenizer_.encode(text, false));
  if (bos_ && (ids.empty() || ids.front() != *bos_)) ids.insert(ids.begin(), *bos_);
  return ids;
}

Result<Decoder> Model::new_decoder(const DecoderOptions& options) const {
  return Decoder::create(graphs_, options);
}

}  // namespace lapidary::runtime
