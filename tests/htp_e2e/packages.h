// The packages for the HTP that the test fixture built (tests/htp_e2e.cmake).
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "runtime/model.h"

namespace lapidary::e2e {

// Of htp-w8a16: "v73", "v75", "v79", "v81"; in parts for v81: "two_parts", "three_parts". Of the
// recipes of 4 bits, for suites named Htp4bit...: "htp-lpbq-v81" and so on for every arch.
std::string htp_package(const std::string& name);

// A package opened in this process, on a device: "cpu" or "htp-emulated". Throws when it cannot be.
runtime::Model open_on(const std::string& package, engine::Device device);

// The greedy reply to a text sample, of at most `tokens` tokens, and the prompt's ids. Throws.
struct Reply {
  std::vector<int32_t> prompt, tokens;
};
Reply reply_to(const runtime::Model& model, const Json& sample, int64_t tokens = 110);
Reply reply_to(const runtime::Model& model, const std::string& question, int64_t tokens);

// Whether `tokens` are what fp32 answers to `prompt_ids`, up to a place where fp32's two likeliest
// tokens lie less than 0.05 apart (where both answers are as good); "" or what is wrong.
std::string difference_to_fp32(const std::vector<int32_t>& prompt_ids,
                               const std::vector<int32_t>& expected,
                               const std::vector<int32_t>& tokens);

}  // namespace lapidary::e2e
