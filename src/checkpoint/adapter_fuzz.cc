// libFuzzer target: adapter_config.json, a zero byte, adapter_model.safetensors. What is accepted
// leaves each tensor of a small model its shape, and every update can be read.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/testing/fuzz.h"
#include "checkpoint/adapter.h"
#include "checkpoint/adapter_merge.h"
#include "tensor/expressions.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace fuzzing = lapidary::fuzzing;
  namespace checkpoint = lapidary::checkpoint;
  const fuzzing::MemoryBound bound(size);
  const auto [config, tensors] = fuzzing::split(fuzzing::text_of(data, size));
  const fuzzing::Folder folder;
  folder.write("adapter_config.json", config);
  folder.write("adapter_model.safetensors", tensors);
  auto adapter = checkpoint::Adapter::open({.dir = folder.path()});
  if (!fuzzing::accepted(adapter)) return 0;
  checkpoint::Config model;
  model.text.num_hidden_layers = 1;
  model.text.layers = {{.full_attention = true, .head_dim = 2, .kv_heads = 1}};
  checkpoint::Weights weights;
  const std::string name = "model.language_model.layers.0.self_attn.q_proj.weight";
  weights.set(name, {lapidary::tensor::floats({2, 3}, {1, 2, 3, 4, 5, 6}), "f", name});
  std::vector<std::string> notes;
  const auto applied = checkpoint::apply_adapters({*adapter}, model, weights, notes);
  if (!fuzzing::accepted(applied)) return 0;
  const auto merged = weights.tensor(name);
  fuzzing::require(merged->shape() == lapidary::tensor::Shape{2, 3}, "another shape");
  fuzzing::require(merged->to_floats().ok(), "an update that cannot be read");
  return 0;
}
