// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "engine/chunk_plan.h"
#include "engine/coded_values.h"
#include "engine/device.h"
#include "engine/kv_cache.h"
#include "engine/port_codec.h"
#include "engine/prompt.h"
#include "example.h"

namespace lapidary::engine {

Status chunk_plan_example() {
  // [engine/chunk_plan.h]
  // An image at [3, 9) that may not be cut, chunks of at most 8: [0, 3) [3, 11) [11, 12)
  LAP_ASSIGN_OR_RETURN(std::vector<Range> chunks, plan_chunks({0, 12}, {{3, 9}}, 8));
  // [end]
  EXPECT_EQ(chunks, (std::vector<Range>{{0, 3}, {3, 11}, {11, 12}}));
  return {};
}

Status coded_values_example(const package::GraphRecord* component, const ort::Session& session,
                            std::vector<ort::HostTensor> floats) {
  // [engine/coded_values.h]
  LAP_ASSIGN_OR_RETURN(auto inputs, coded_inputs(*component, std::move(floats)));
  LAP_ASSIGN_OR_RETURN(const auto outputs, session.run(inputs));
  LAP_ASSIGN_OR_RETURN(std::vector<float> y, decoded_output(*component, outputs, "features"));
  // [end]
  return {};
}

Status device_example(const package::Package& package, const package::GraphRecord& part) {
  // [engine/device.h]
  LAP_ASSIGN_OR_RETURN(const ResolvedDevice device,
                       resolve_device(package, {.device = Device::kHtpEmulated}));
  LAP_ASSIGN_OR_RETURN(ort::Session session,
                       ort::Session::open(package.path(device.file(part)),
                                          {.execution_provider = device.provider}));
  // [end]
  return {};
}

Status kv_cache_example(const package::TextModel& text, const KvCacheOptions& options,
                        int64_t tokens,
                        const std::function<void(const std::vector<KvCache::Layer>&)>& run_graph) {
  // [engine/kv_cache.h]
  LAP_ASSIGN_OR_RETURN(KvCache cache,
                       KvCache::create(text.caches, text.sliding_window, options));
  LAP_RETURN_IF_ERROR(cache.prepare(tokens));  // makes room for a step of `tokens` positions
  run_graph(cache.layers());                   // writes `tokens` rows behind those held
  cache.commit(tokens);
  // [end]
  EXPECT_EQ(cache.size(), tokens);
  return {};
}

Status port_codec_example(const package::PortEncoding& encoding, const std::vector<float>& floats,
                          std::byte* buffer) {
  // [engine/port_codec.h]
  LAP_ASSIGN_OR_RETURN(const PortCodec codec, PortCodec::create("uint16", encoding, "masks"));
  codec.encode(floats, buffer);
  // [end]
  return {};
}

void prompt_example(const std::vector<int32_t>& ids,
                    const std::shared_ptr<const SoftTokens>& features) {
  // [engine/prompt.h]
  Prompt text_only(ids);
  Prompt with_image(ids, {{.begin = 5, .medium = Medium::kImage, .tokens = features}});
  // [end]
}

TEST(EngineExamples, ChunkPlan) { expect_ok(chunk_plan_example()); }

TEST(EngineExamples, KvCache) {
  package::TextModel text;
  text.sliding_window = 4;
  text.caches = {{.layer = 0, .kv_heads = 1, .head_dim = 8, .sliding = true}};
  expect_ok(kv_cache_example(text, {.max_context = 16, .max_step = 4}, 3,
                             [](const std::vector<KvCache::Layer>&) {}));
}

TEST(EngineExamples, PortCodec) {
  std::array<std::byte, 4> buffer = {};
  expect_ok(port_codec_example({.scale = 0.5, .zero_point = 2}, {0.0F, 1.0F}, buffer.data()));
  EXPECT_EQ(buffer[0], std::byte{2});
  EXPECT_EQ(buffer[2], std::byte{4});
}

}  // namespace lapidary::engine
