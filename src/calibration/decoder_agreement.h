// How far a saved decoder is from the float graph that it was made of: logits of the last tokens of
// some prompts, which go through the saved graphs as they will in use, prefill and decode.
//
//   auto prompts = agreement_prompts(all, length, 4);
//   LAP_ASSIGN_OR_RETURN(auto samples,
//                        DecoderSamples::create(graph, embedding, text, model, prompts));
//   LAP_ASSIGN_OR_RETURN(package::Agreement found,
//                        decoder_agreement(graph, samples, prompts, decoder, 0, options));
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "calibration/decoder_samples.h"
#include "calibration/observed_run.h"
#include "engine/prompt.h"
#include "graph/graph.h"
#include "package/manifest.h"
#include "runtime/decoder.h"

namespace lapidary::calibration {

// Of each prompt as many logits are compared, or fewer where soft tokens stand among them.
inline constexpr int64_t kComparedTokens = 8;

// At most `most` of the prompts, at equal distances among those that fit together into a row of
// `row_length` tokens. When none does, how the prompts begin, cut to fit; empty when not even two
// tokens of one fit, as of a prompt that begins with a long image.
std::vector<engine::Prompt> agreement_prompts(std::span<const engine::Prompt> prompts,
                                              int64_t row_length, int64_t most);

// `samples` were made of `prompts` for `reference`, whose output "logits" is [1, row_length,
// vocab]; `host_softcap` (0: none) is applied to it. Errors: those of observe_samples and of the
// decoder; kInternal when a prompt is not whole in one row.
Result<package::Agreement> decoder_agreement(const graph::Graph& reference, DecoderSamples& samples,
                                             std::span<const engine::Prompt> prompts,
                                             runtime::Decoder& saved, double host_softcap,
                                             const RunOptions& options);

}  // namespace lapidary::calibration
