// What the manifest says of graphs of fixed lengths: the decoder's that StaticLLM has made, and
// encoders'.
#pragma once

#include <optional>

#include "base/result.h"
#include "checkpoint/checkpoint.h"
#include "package/manifest.h"
#include "passes/graph_set.h"
#include "recipe/recipe.h"
#include "target/quantization_traits.h"

namespace lapidary::build {

// Nothing when no StaticLLM runs on the component. `graphs`: as all passes leave them. `traits`: of
// the target that they are for (target::traits_of). Error: kInternal, naming graph, note and value,
// for a soft-cap noted as something else than a positive number.
Result<std::optional<package::FixedModel>> fixed_model(const recipe::Recipe& recipe,
                                                       const std::string& component,
                                                       const checkpoint::Config& config,
                                                       const passes::GraphSet& graphs,
                                                       const target::QuantizationTraits& traits);

// Nothing for a component that is no encoder of fixed length (build_step.h). Errors: those of
// encoder_length.
Result<std::optional<package::FixedEncoder>> fixed_encoder(
    const recipe::Recipe& recipe, const std::string& component,
    const checkpoint::Checkpoint& checkpoint, const target::QuantizationTraits& traits);

// What the attention masks of a recipe's static component add where nothing may be seen: the target
// says which number an encoding or float16 bears.
double masked_value(const recipe::Recipe& recipe, const std::string& component,
                    const target::QuantizationTraits& traits);

}  // namespace lapidary::build
