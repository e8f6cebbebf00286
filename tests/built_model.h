// A checkpoint's graphs in fp32, built and loaded without recipe or package between.
//
//   LAP_ASSIGN_OR_RETURN(BuiltModel model, build_model(checkpoint, scratch_folder));
//   LAP_ASSIGN_OR_RETURN(auto decoder, runtime::Decoder::create(model, {.max_context = 64}));
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "engine/prompt.h"
#include "engine/text_graphs.h"
#include "runtime/decoder.h"

namespace lapidary::golden {

using BuiltModel = std::shared_ptr<const engine::TextGraphs>;

// Writes the graphs below `scratch`.
Result<BuiltModel> build_model(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& scratch,
                               const checkpoint::OpenOptions& options = {});

struct Embedded {
  std::vector<float> inputs_embeds;     // [tokens, hidden]
  std::vector<float> per_layer_inputs;  // [tokens, layers * ple], empty if the model has none
};

// The embedding graph alone.
Result<Embedded> embed(const engine::TextGraphs& model, const engine::Prompt& prompt);

// A prompt whose k-th image (audio) placeholder is row k of the features, each run of placeholders
// a block.
engine::Prompt prompt_with(const checkpoint::Config& config, const std::vector<int64_t>& ids,
                           const std::vector<float>& image_features,
                           const std::vector<float>& audio_features);

}  // namespace lapidary::golden
