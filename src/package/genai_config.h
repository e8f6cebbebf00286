// genai_config.json: what ONNX Runtime GenAI (measured: 0.18) needs to run a package.
//
// A package without encoders is a "decoder-pipeline" there: embedding, then decoder. (GenAI's own
// type "gemma4" insists on a vision model and on features being fed.) Inputs that have defaults in
// the graphs are left out, so GenAI does not feed them: all logits, full-length caches.
#pragma once

#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/generation_config.h"
#include "package/manifest.h"

namespace lapidary::package {

// Reads `manifest.text` and `manifest.components` (embedding and decoder must be there).
Json genai_config(const Manifest& manifest, const checkpoint::Config& config,
                  const checkpoint::GenerationConfig& generation);

}  // namespace lapidary::package
