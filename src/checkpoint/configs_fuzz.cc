// libFuzzer target: the JSON files of a checkpoint. The first byte chooses: '0' config.json,
// '1' generation_config.json, '2' processor_config.json, '3' preprocessor_config.json, '4'
// video_preprocessor_config.json, '5' model.safetensors.index.json beside two small shards.
// What is accepted lies within the bounds that graphs and front ends count on.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/testing/fuzz.h"
#include "checkpoint/config.h"
#include "checkpoint/config_fields.h"
#include "checkpoint/generation_config.h"
#include "checkpoint/processor_config.h"
#include "checkpoint/stored_tensors.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace checkpoint = lapidary::checkpoint;

bool is_size(int64_t value) {
  return checkpoint::kDim.min <= value && value <= checkpoint::kDim.max;
}

void read_config(std::string_view text) {
  const auto config = checkpoint::Config::parse(text, "config.json");
  if (!fuzzing::accepted(config)) return;
  fuzzing::require(is_size(config->text.hidden_size), "hidden_size is out of bounds");
  fuzzing::require(config->text.num_hidden_layers >= checkpoint::kLayerCount.min &&
                       config->text.num_hidden_layers <= checkpoint::kLayerCount.max,
                   "num_hidden_layers is out of bounds");
  const auto generation = checkpoint::GenerationConfig::from_config(*config);
  fuzzing::require(generation.temperature > 0, "the default temperature is not positive");
}

void read_generation(std::string_view text) {
  static const checkpoint::Config kConfig;
  const auto read = checkpoint::GenerationConfig::parse(text, "generation_config.json", kConfig);
  if (!fuzzing::accepted(read)) return;
  fuzzing::require(read->temperature > 0 && std::isfinite(read->temperature), "temperature");
  fuzzing::require(read->top_p > 0 && read->top_p <= 1, "top_p is out of bounds");
  fuzzing::require(read->top_k >= 0, "top_k is negative");
  fuzzing::require(read->repetition_penalty > 0, "repetition_penalty is not positive");
}

void read_processor(std::string_view text, const std::string& file) {
  const fuzzing::Folder folder;
  folder.write(file, text);
  const auto read = checkpoint::ProcessorConfig::load(folder.path());
  if (!fuzzing::accepted(read)) return;
  const auto& budgets = checkpoint::kSoftTokenBudgets;
  for (const auto* image : {&read->image, &read->video.frames}) {
    fuzzing::require(
        std::find(budgets.begin(), budgets.end(), image->max_soft_tokens) != budgets.end(),
        "max_soft_tokens is none of the budgets");
    fuzzing::require(image->patch_size > 0 && image->pooling_kernel_size > 0, "no patches");
  }
  const checkpoint::AudioFeatureConfig& audio = read->audio;
  fuzzing::require(audio.frame_length() > 0 && audio.hop_length() > 0, "no frames");
  fuzzing::require(audio.fft_length() >= audio.frame_length(), "the FFT is shorter than a frame");
  for (const auto* values : {&audio.per_bin_mean, &audio.per_bin_stddev}) {
    fuzzing::require(values->empty() || static_cast<int64_t>(values->size()) == audio.feature_size,
                     "per_bin values are not one a bin");
  }
}

std::string shard(std::string header, size_t bytes) {
  std::string file;
  for (size_t i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return file + header + std::string(bytes, '\1');
}

void read_index(std::string_view text) {
  static const fuzzing::Folder folder;
  static const bool written = [] {
    folder.write("a.safetensors",
                 shard(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                       R"("y":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}})",
                       12));
    folder.write("b.safetensors",
                 shard(R"({"z":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4));
    return true;
  }();
  static_cast<void>(written);
  folder.write("model.safetensors.index.json", text);
  const auto weights = checkpoint::StoredTensors::open(folder.path());
  if (!fuzzing::accepted(weights)) return;
  fuzzing::require(weights->names().size() <= 3, "tensors that no shard has");
  for (const std::string& name : weights->names()) {
    fuzzing::require(weights->find(name) != nullptr, "a tensor is listed and not found");
    fuzzing::require(weights->file_of(name).parent_path() == folder.path(),
                     "a shard lies outside the checkpoint");
    fuzzing::require(weights->tensor(name).ok(), "a tensor is found and not given");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzzing::Choice input(data, size, 6);
  const fuzzing::MemoryBound bound(size);
  switch (input.parser) {
    case 0:
      read_config(input.rest);
      break;
    case 1:
      read_generation(input.rest);
      break;
    case 2:
      read_processor(input.rest, "processor_config.json");
      break;
    case 3:
      read_processor(input.rest, "preprocessor_config.json");
      break;
    case 4:
      read_processor(input.rest, "video_preprocessor_config.json");
      break;
    default:
      read_index(input.rest);
  }
  return 0;
}
