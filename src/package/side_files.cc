#include "package/side_files.h"

#include <system_error>

#include "base/files.h"
#include "base/hash.h"
#include "package/genai_config.h"
#include "package/genai_processors.h"

namespace lapidary::package {
namespace {

constexpr const char* kGenerationConfig = "generation_config.json";

Result<Json> generation_json(const checkpoint::Checkpoint& checkpoint) {
  Json json = Json::object();
  if (checkpoint.files.has(kGenerationConfig)) {
    LAP_ASSIGN_OR_RETURN(const JsonDocument document, checkpoint.files.document(kGenerationConfig));
    json = document.json();
  }
  const auto fill = [&](const char* key, Json value) {
    if (!json.contains(key) || json[key].is_null()) json[key] = std::move(value);
  };
  const checkpoint::GenerationConfig& generation = checkpoint.generation;
  if (generation.bos_token_id) fill("bos_token_id", *generation.bos_token_id);
  if (generation.pad_token_id) fill("pad_token_id", *generation.pad_token_id);
  if (!generation.eos_token_ids.empty()) fill("eos_token_id", generation.eos_token_ids);
  return json;
}

// GenAI drives graphs of any length, and one of them a component.
bool has_fixed_lengths(const Manifest& manifest) {
  return manifest.fixed_model || (manifest.vision && manifest.vision->fixed_encoder) ||
         (manifest.audio && manifest.audio->fixed_encoder);
}

}  // namespace

Result<std::vector<std::string>> write_side_files(const checkpoint::Checkpoint& checkpoint,
                                                  const Manifest& manifest,
                                                  const std::filesystem::path& dir) {
  std::vector<std::string> written;
  for (const std::string& name : checkpoint.side_files()) {
    if (name == "config.json" || name == kGenerationConfig) continue;
    LAP_RETURN_IF_ERROR(checkpoint.files.copy(name, dir / name));
    written.push_back(name);
  }
  const auto write_json = [&](const std::string& name, const Json& json) -> Status {
    written.push_back(name);
    return write_file(dir / name, json.dump(2) + "\n");
  };
  LAP_ASSIGN_OR_RETURN(const Json generation, generation_json(checkpoint));
  LAP_RETURN_IF_ERROR(write_json(kGenerationConfig, generation));
  if (has_fixed_lengths(manifest)) return written;
  LAP_RETURN_IF_ERROR(write_json("genai_config.json",
                                 genai_config(manifest, checkpoint.config, checkpoint.generation)));
  if (manifest.vision) {
    LAP_RETURN_IF_ERROR(
        write_json(kImageProcessorFile, genai_image_processor(checkpoint.processor.image)));
  }
  if (manifest.audio) {
    LAP_RETURN_IF_ERROR(
        write_json(kAudioProcessorFile, genai_audio_processor(checkpoint.processor.audio)));
  }
  return written;
}

Result<FileRecord> file_record(const std::filesystem::path& dir, const std::string& relative,
                               const Work& work) {
  FileRecord out;
  out.path = relative;
  std::error_code problem;
  out.size = std::filesystem::file_size(dir / relative, problem);
  if (problem) return io_error((dir / relative).string(), problem.message());
  LAP_ASSIGN_OR_RETURN(out.xxh3, file_hash(dir / relative, work));
  return out;
}

}  // namespace lapidary::package
