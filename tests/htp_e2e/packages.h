// The packages for the HTP that the test fixture built (tests/htp_e2e.cmake).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace lapidary::e2e {

// "v73", "v75", "v79", "v81": one part; "two_parts", "three_parts": v81.
std::string htp_package(const std::string& name);

// The text samples of the tiny model (samples/expected.json): what Hugging Face answered.
std::vector<Json> text_samples();

// The command that generates a sample's reply as the reference did, as JSON.
std::vector<std::string> reply_command(const Json& sample, const std::string& package,
                                       const std::string& device);

// Whether `tokens` are what fp32 answers to `prompt_ids`, up to a place where fp32's two likeliest
// tokens lie less than 0.05 apart (where both answers are as good); "" or what is wrong.
std::string difference_to_fp32(const std::vector<int32_t>& prompt_ids,
                               const std::vector<int32_t>& expected,
                               const std::vector<int32_t>& tokens);

}  // namespace lapidary::e2e
