// genai_config.json: what ONNX Runtime GenAI (measured: 0.18) needs to run a package.
//
// A package that sees has GenAI's model type "gemma4". That type insists on a vision encoder, so
// one without is a "decoder-pipeline" there: embedding, then decoder. (With an audio encoder only,
// GenAI has no type that runs it, and a caller feeds audio_features by hand, no rows for text.)
// Inputs that have defaults in the graphs are left out, so GenAI does not feed them: all logits,
// full-length caches.
#pragma once

#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/generation_config.h"
#include "package/manifest.h"

namespace lapidary::package {

// Reads the manifest's `text`, `vision`, `audio` and `components`; a package that sees needs them
// all (Config::vision, embedding and decoder too).
Json genai_config(const Manifest& manifest, const checkpoint::Config& config,
                  const checkpoint::GenerationConfig& generation);

}  // namespace lapidary::package
