// Olive's recipes for the HTP say less than a build needs, and some things that the HTP computes
// wrong. This brings one into the form that a build follows, and says what it changed.
//
//   HtpForm form = htp_form(json);  // unchanged when the recipe compiles nothing for the HTP
//
// A pass without "components" means every component in Olive. Here the embedding stays on the CPU
// (its tables are mapped, not read), the decoder gets its lengths from StaticLLM, and encoders are
// built at theirs. What is changed, each with a note:
//   StaticLLM              runs first, on the decoder; encoders get fixed lengths; lengths that are
//                          left out are chosen so that they fit context_length
//   LowerRotaryEmbedding, LowerRMSNormalization    added behind it
//   OnnxStaticQuantization asymmetric 8-bit weights become int8 per channel; ports are integers
//   MatMulNBitsToQDQ       blocks that the HTP computes wrong are quantized again, symmetric
//   convert_bq_to_lpbq     (of EPContextBinaryGenerator) adds BlockQuantToLpbq in front of it
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::recipe {

struct HtpForm {
  Json recipe;
  std::vector<std::string> notes;
};

// `recipe`: an object, not checked otherwise; what is malformed is left for the parser.
HtpForm htp_form(Json recipe);

}  // namespace lapidary::recipe
