// The two graphs of the text model, loaded and checked against the manifest. Immutable; any number
// of Decoders (one for each sequence) may share one.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/work.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::engine {

// The package's embedding: input_ids -> inputs_embeds, per_layer_inputs. Errors: as
// TextGraphs::open.
Result<ort::Session> open_embedding(const package::Package& package,
                                    const ort::SessionOptions& options);

struct TextGraphs {
  package::TextModel text;
  ort::Session embedding;  // input_ids -> inputs_embeds, per_layer_inputs
  ort::Session decoder;    // inputs_embeds, ..., past_key_values.* -> logits, present.*

  // A stage counted in graphs. Errors: kBadInput when the package lacks a component or a graph's
  // inputs and outputs are not what the manifest says (naming the port), what ort::Session::open
  // returns, and kCancelled between two graphs.
  static Result<std::shared_ptr<const TextGraphs>> open(const package::Package& package,
                                                        const ort::SessionOptions& options,
                                                        const Work& work = {});
};

}  // namespace lapidary::engine
