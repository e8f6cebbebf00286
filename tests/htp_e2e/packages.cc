#include "htp_e2e/packages.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/testing/source_dir.h"
#include "e2e/child.h"
#include "e2e/opened_model.h"
#include "runtime/generation.h"

namespace lapidary::e2e {
namespace {

constexpr float kUnsure = 0.05F;

// NaN when a logit is, which is below no bound.
float margin(std::span<const float> logits) {
  float first = -INFINITY;
  float second = -INFINITY;
  for (const float logit : logits) {
    if (std::isnan(logit)) return logit;
    second = std::max(second, std::min(first, logit));
    first = std::max(first, logit);
  }
  return first - second;
}

}  // namespace

std::string htp_package(const std::string& name) {
  return (build_dir() / "htp-packages" / name).string();
}

runtime::Model open_on(const std::string& package, engine::Device device) {
  runtime::ModelOptions options;
  options.session.threads = 1;
  options.device.device = device;
  return std::move(runtime::Model::open(package, options)).value();
}

Reply reply_to(const runtime::Model& model, const engine::Prompt& prompt, int64_t tokens) {
  auto decoder = model.new_decoder({}).value();
  runtime::GenerationOptions options = runtime::default_options(model.generation_config());
  options.sampling.greedy = true;
  options.max_tokens = tokens;
  auto reply = runtime::generate(decoder, model.tokenizer(), prompt, options).value();
  return {prompt.ids, std::move(reply.tokens)};
}

Reply reply_to(const runtime::Model& model, const Json& sample, int64_t tokens) {
  if (sample["kind"] == "completion") {
    return reply_to(model, model.raw_prompt(sample["prompt"].get<std::string>()).value(), tokens);
  }
  Json messages = Json::array();
  if (sample["system"].is_string()) {
    messages.push_back({{"role", "system"}, {"content", sample["system"]}});
  }
  messages.push_back({{"role", "user"}, {"content", sample["question"]}});
  return reply_to(model, model.chat_prompt(messages).value(), tokens);
}

Reply reply_to(const runtime::Model& model, const std::string& question, int64_t tokens) {
  const Json messages = {{{"role", "user"}, {"content", question}}};
  return reply_to(model, model.chat_prompt(messages).value(), tokens);
}

std::string difference_to_fp32(const std::vector<int32_t>& prompt_ids,
                               const std::vector<int32_t>& expected,
                               const std::vector<int32_t>& tokens) {
  const auto [at, unused] =
      std::mismatch(expected.begin(), expected.end(), tokens.begin(), tokens.end());
  if (at == expected.end()) return tokens.size() == expected.size() ? "" : "goes on too long";
  std::vector<int32_t> before = prompt_ids;
  before.insert(before.end(), expected.begin(), at);
  auto decoder = model().new_decoder({.max_context = 1024}).value();
  const auto logits = decoder.prefill(engine::Prompt(before));
  if (!logits.ok()) return logits.error().message();
  const float lead = margin(*logits);
  if (lead < kUnsure) return "";
  return fmt::format("token {} differs where fp32 leads by {:f}", at - expected.begin(), lead);
}

}  // namespace lapidary::e2e
