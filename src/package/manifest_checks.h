// Whether what a manifest says fits together. A package that does not would fail in the middle of a
// prompt instead of when it is opened.
#pragma once

#include <string>

#include "base/result.h"
#include "package/manifest.h"

namespace lapidary::package {

// - Each graph, each context and its binary is among the files, so that it is verified before it is
//   loaded; no file twice. Only a graph of fixed lengths may be missing there: when it is a context
//   as well, as in a package exported for a device.
// - A component is one model, or the static decoder: parts 0, 1, ... of a decode and a prefill
//   role, of the latter not more, with fixed_model beside them.
// - Contexts belong to graphs of fixed lengths; those of a list are all that the decoder has, and
//   what else is not there as a plain file.
// - vision and audio come with their encoders. An encoder has the length that its fixed_encoder
//   says; one of fixed lengths has a fixed_encoder.
// - What was measured is of components that are there; no figure twice.
// Error: kBadInput with `where` and the section.
Status check_consistency(const Manifest& manifest, const std::string& where);

}  // namespace lapidary::package
