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
#include "runtime/decoder.h"
#include "runtime/text_graphs.h"

namespace lapidary::golden {

using BuiltModel = std::shared_ptr<const runtime::TextGraphs>;

// Writes the graphs below `scratch`.
Result<BuiltModel> build_model(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& scratch);

struct Embedded {
  std::vector<float> inputs_embeds;     // [tokens, hidden]
  std::vector<float> per_layer_inputs;  // [tokens, layers * ple], empty if the model has none
};

// The embedding graph alone. Features may be empty; their inputs are left out then.
Result<Embedded> embed(const runtime::TextGraphs& model, std::vector<int64_t> ids,
                       const runtime::SoftFeatures& features);

}  // namespace lapidary::golden
