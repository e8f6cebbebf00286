#include "checkpoint/checkpoint.h"

#include <fmt/core.h>

#include <string_view>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "checkpoint/adapter_merge.h"
#include "checkpoint/config_fields.h"
#include "checkpoint/downloaded_file.h"
#include "checkpoint/expected_tensors.h"
#include "checkpoint/gguf_checkpoint.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/useless_tensors.h"
#include "text/given_template.h"
#include "text/template_source.h"

namespace lapidary::checkpoint {
namespace {

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

Result<std::filesystem::path> required_file(const std::filesystem::path& dir, const char* name) {
  auto path = dir / name;
  if (!is_file(path)) {
    return missing_file(path, "is missing", "download the checkpoint whole");
  }
  return path;
}

// The two halves of a model come from different files; where they meet, they must agree.
Status check_processor(const Config& config, const ProcessorConfig& processor,
                       const std::filesystem::path& dir) {
  const std::string where = (dir / "processor_config.json").string();
  const auto mismatch = [&](const std::string& key, int64_t here, const std::string& other,
                            int64_t there) {
    return bad_input(where,
                     fmt::format("'{}' is {}, config.json has {} {}", key, here, other, there));
  };
  if (config.vision) {
    if (processor.image.patch_size != config.vision->patch_size) {
      return mismatch("image_processor.patch_size", processor.image.patch_size,
                      "vision_config.patch_size", config.vision->patch_size);
    }
    if (processor.image.pooling_kernel_size != config.vision->pooling_kernel_size) {
      return mismatch("image_processor.pooling_kernel_size", processor.image.pooling_kernel_size,
                      "vision_config.pooling_kernel_size", config.vision->pooling_kernel_size);
    }
  }
  // Two stride-2 convolutions leave a quarter of the mel bins, rounded up.
  if (config.audio) {
    const int64_t channels = config.audio->subsampling_conv_channels[0];
    if ((processor.audio.feature_size + 3) / 4 != channels / 4) {
      return mismatch("feature_extractor.feature_size", processor.audio.feature_size,
                      "audio_config.subsampling_conv_channels", channels);
    }
  }
  return {};
}

// Tools that add tokens often resize one of the two tables.
void note_short_table(const TextConfig& text, std::vector<std::string>& notes) {
  if (!text.has_per_layer_inputs() || text.vocab_size_per_layer_input >= text.vocab_size) return;
  notes.push_back(fmt::format(
      "token ids {} to {} have a row in embed_tokens and none in embed_tokens_per_layer: "
      "the model cannot take them",
      text.vocab_size_per_layer_input, text.vocab_size - 1));
}

Result<std::string> with_side_files(const std::string& weights_hash, const Checkpoint& checkpoint) {
  Fingerprint print;
  print.add(weights_hash);
  for (const std::string& name : checkpoint.side_files()) {
    print.add(name);
    LAP_RETURN_IF_ERROR(checkpoint.files.with_bytes(name, [&](std::string_view bytes) -> Status {
      print.add(bytes);
      return {};
    }));
  }
  return print.hex();
}

// The same hash without adapters, so that packages keep theirs.
std::string with_adapters(const std::string& hash, const std::vector<Adapter>& adapters) {
  if (adapters.empty()) return hash;
  Fingerprint print;
  print.add(hash);
  for (const Adapter& adapter : adapters) {
    print.add(adapter.content_hash);
    print.add(fmt::format("{}", adapter.source.weight));
  }
  return print.hex();
}

// What its readers noted, and what stands in for files that are not there.
void note_side_files(Checkpoint& checkpoint, bool has_generation_config) {
  std::vector<std::string>& notes = checkpoint.notes;
  const auto add = [&](const std::vector<std::string>& more) {
    notes.insert(notes.end(), more.begin(), more.end());
  };
  add(checkpoint.config.notes);
  if (!has_generation_config) {
    notes.emplace_back(
        "generation_config.json: is missing; the most likely token is chosen, as by default, and "
        "config.json's 'eos_token_id' ends a reply");
  } else if (const auto& keys = checkpoint.generation.ignored_keys; !keys.empty()) {
    notes.push_back(fmt::format("generation_config.json: not followed are {}", quoted_names(keys)));
  }
  const ProcessorConfig& processor = checkpoint.processor;
  add(processor.notes);
  const auto defaults = [&](bool needed, const char* what) {
    if (!needed) return;
    notes.push_back(fmt::format(
        "processor_config.json: neither it nor an older form of it speaks of {}; transformers' "
        "defaults hold",
        what));
  };
  const bool sees = checkpoint.config.vision.has_value();
  defaults(sees && !processor.has_image, "images");
  defaults(sees && !processor.has_video, "videos");
  defaults(checkpoint.config.audio && !processor.has_audio, "sounds");
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& path, const OpenOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) return open_gguf(path, options);
  if (!std::filesystem::is_directory(path, ignored)) {
    return bad_input(
        path.string(), "is not a directory",
        "give the folder that holds config.json and model.safetensors, or a GGUF file");
  }
  Checkpoint out;
  out.path = path;
  out.files = FileSet(path);
  for (const std::string& name : out.side_files()) {
    LAP_RETURN_IF_ERROR(check_downloaded(path / name));
  }
  LAP_ASSIGN_OR_RETURN(const auto config_path, required_file(path, "config.json"));
  LAP_ASSIGN_OR_RETURN(out.config, Config::load(config_path));
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    LAP_RETURN_IF_ERROR(required_file(path, name));
  }
  const auto generation_path = path / "generation_config.json";
  const bool has_generation_config = is_file(generation_path);
  if (has_generation_config) {
    LAP_ASSIGN_OR_RETURN(out.generation, GenerationConfig::load(generation_path, out.config));
  } else {
    out.generation = GenerationConfig::from_config(out.config);
  }
  LAP_ASSIGN_OR_RETURN(out.processor, ProcessorConfig::load(path));
  LAP_RETURN_IF_ERROR(check_processor(out.config, out.processor, path));
  note_side_files(out, has_generation_config);
  LAP_RETURN_IF_ERROR(out.use_template(options.chat_template));
  LAP_ASSIGN_OR_RETURN(out.stored, StoredTensors::open(path));
  out.notes.insert(out.notes.end(), out.stored.notes().begin(), out.stored.notes().end());
  Weights weights(out.stored);
  if (out.config.quantization) {
    LAP_ASSIGN_OR_RETURN(weights, unpack(std::move(weights), *out.config.quantization));
    out.notes.emplace_back(
        "config.json: weights that compressed-tensors packed are read with their own codes");
  }
  LAP_ASSIGN_OR_RETURN(out.weights, with_canonical_names(weights, out.notes));
  LAP_RETURN_IF_ERROR(out.fit_weights(options));
  return out;
}

Result<Checkpoint> Checkpoint::open_gguf(const std::filesystem::path& path,
                                         const OpenOptions& options) {
  LAP_ASSIGN_OR_RETURN(GgufCheckpoint gguf, read_gguf_checkpoint(path));
  Checkpoint out;
  out.path = path;
  out.files = std::move(gguf.files);
  out.notes = std::move(gguf.notes);
  LAP_ASSIGN_OR_RETURN(const std::string config, out.files.read("config.json"));
  LAP_ASSIGN_OR_RETURN(out.config, Config::parse(config, out.files.where("config.json")));
  LAP_ASSIGN_OR_RETURN(const std::string generation, out.files.read("generation_config.json"));
  LAP_ASSIGN_OR_RETURN(
      out.generation,
      GenerationConfig::parse(generation, out.files.where("generation_config.json"), out.config));
  LAP_RETURN_IF_ERROR(out.use_template(options.chat_template));
  out.stored = std::move(gguf.stored);
  out.weights = std::move(gguf.weights);
  LAP_RETURN_IF_ERROR(out.fit_weights(options));
  return out;
}

// The note names no folder: the same package comes of the same file, wherever it lay.
Status Checkpoint::use_template(const std::filesystem::path& file) {
  if (file.empty()) return {};
  LAP_RETURN_IF_ERROR(check_downloaded(file));
  LAP_ASSIGN_OR_RETURN(const text::GivenTemplate given, text::read_given_template(file));
  LAP_ASSIGN_OR_RETURN(const auto own, text::find_template(files));
  LAP_RETURN_IF_ERROR(text::replace_template(files, given.source, given.where));
  notes.push_back(fmt::format("{}: its chat template is used, as --chat-template says{}",
                              file.filename().string(),
                              own ? ", and not that of the checkpoint's " + own->file : ""));
  return {};
}

// What the weights are to the model of the config.
Status Checkpoint::fit_weights(const OpenOptions& options) {
  drop_useless_tensors(config, weights, notes);
  for (const AdapterSource& source : options.adapters) {
    LAP_ASSIGN_OR_RETURN(Adapter adapter, Adapter::open(source));
    adapters.push_back(std::move(adapter));
  }
  LAP_RETURN_IF_ERROR(apply_adapters(adapters, config, weights, notes));
  LAP_ASSIGN_OR_RETURN(head, checkpoint::settle_head(stored, config, weights, notes));
  LAP_RETURN_IF_ERROR(check_tensors(config, weights));
  note_short_table(config.text, notes);
  return {};
}

Status Checkpoint::settle_head(const Work& work) {
  if (head == HeadState::kSettled) return {};
  LAP_RETURN_IF_ERROR(settle_head_whole(stored, weights, work, config, notes));
  head = HeadState::kSettled;
  return {};
}

std::vector<std::string> Checkpoint::side_files() const {
  std::vector<std::string> out;
  for (const char* name :
       {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "chat_template.jinja", "processor_config.json", "preprocessor_config.json",
        "video_preprocessor_config.json", "chat_template.json"}) {
    const bool in_texts = files.folder().empty() || files.replaced(name);
    const bool there = in_texts ? files.has(name) : is_file(files.folder() / name);
    if (there) out.emplace_back(name);
  }
  return out;
}

Result<std::string> Checkpoint::source_hash() const {
  const std::string hash = stored.sample_hash();
  LAP_RETURN_IF_ERROR(stored.intact());
  LAP_ASSIGN_OR_RETURN(const std::string whole, with_side_files(hash, *this));
  return with_adapters(whole, adapters);
}

Result<std::string> Checkpoint::content_hash(const Work& work) const {
  LAP_ASSIGN_OR_RETURN(const std::string hash, stored.content_hash(work));
  for (const Adapter& adapter : adapters) LAP_RETURN_IF_ERROR(adapter.unchanged(work));
  LAP_ASSIGN_OR_RETURN(const std::string whole, with_side_files(hash, *this));
  return with_adapters(whole, adapters);
}

}  // namespace lapidary::checkpoint
