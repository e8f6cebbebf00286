#include "checkpoint/checkpoint.h"

#include <fmt/core.h>

#include <system_error>
#include <utility>

#include "base/hash.h"
#include "base/mapped_file.h"
#include "checkpoint/expected_tensors.h"

namespace lapidary::checkpoint {
namespace {

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

Result<std::filesystem::path> required_file(const std::filesystem::path& dir, const char* name) {
  auto path = dir / name;
  if (!is_file(path)) {
    return bad_input(path.string(), "is missing", "download the checkpoint whole");
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

Result<std::string> with_side_files(const std::string& weights_hash,
                                    const std::vector<std::filesystem::path>& files) {
  Fingerprint print;
  print.add(weights_hash);
  for (const auto& path : files) {
    LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
    print.add(path.filename().string());
    print.add(file->bytes());
    LAP_RETURN_IF_ERROR(file->intact());
  }
  return print.hex();
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& dir) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(dir, ignored)) {
    return bad_input(dir.string(), "is not a directory",
                     "give the folder that holds config.json and model.safetensors");
  }
  Checkpoint out;
  out.dir = dir;
  LAP_ASSIGN_OR_RETURN(const auto config_path, required_file(dir, "config.json"));
  LAP_ASSIGN_OR_RETURN(out.config, Config::load(config_path));
  LAP_ASSIGN_OR_RETURN(out.tokenizer, required_file(dir, "tokenizer.json"));
  LAP_ASSIGN_OR_RETURN(out.tokenizer_config, required_file(dir, "tokenizer_config.json"));
  if (const auto path = dir / "chat_template.jinja"; is_file(path)) out.chat_template = path;
  if (const auto path = dir / "generation_config.json"; is_file(path)) {
    LAP_ASSIGN_OR_RETURN(out.generation, GenerationConfig::load(path, out.config));
  } else {
    out.generation = GenerationConfig::from_config(out.config);
  }
  LAP_ASSIGN_OR_RETURN(out.processor, ProcessorConfig::load(dir));
  LAP_RETURN_IF_ERROR(check_processor(out.config, out.processor, dir));
  LAP_ASSIGN_OR_RETURN(out.stored, StoredTensors::open(dir));
  out.weights = Weights(out.stored);
  if (out.config.quantization) {
    LAP_ASSIGN_OR_RETURN(out.weights, unpack(std::move(out.weights), *out.config.quantization));
    out.notes.push_back(config_path.string() +
                        ": weights that compressed-tensors packed are read with their own codes");
  }
  LAP_RETURN_IF_ERROR(check_tensors(out.config, out.weights));
  return out;
}

std::vector<std::filesystem::path> Checkpoint::side_files() const {
  std::vector<std::filesystem::path> out;
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json",
                           "tokenizer_config.json", "chat_template.jinja", "processor_config.json",
                           "preprocessor_config.json", "video_preprocessor_config.json"}) {
    if (is_file(dir / name)) out.push_back(dir / name);
  }
  return out;
}

Result<std::string> Checkpoint::source_hash() const {
  const std::string hash = stored.sample_hash();
  LAP_RETURN_IF_ERROR(stored.intact());
  return with_side_files(hash, side_files());
}

Result<std::string> Checkpoint::content_hash(const Work& work) const {
  LAP_ASSIGN_OR_RETURN(const std::string hash, stored.content_hash(work));
  return with_side_files(hash, side_files());
}

}  // namespace lapidary::checkpoint
