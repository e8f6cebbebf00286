// libFuzzer target: what compressed-tensors packed. Before the first zero byte stands a config.json
// with a quantization_config, behind it a safetensors file. What is accepted can be read, every
// weight of it has a grid, and codes and values agree in number.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/testing/fuzz.h"
#include "checkpoint/compressed_tensors.h"
#include "checkpoint/stored_tensors.h"
#include "tensor/grid.h"

namespace {

namespace fuzzing = lapidary::fuzzing;
namespace checkpoint = lapidary::checkpoint;

constexpr int64_t kMostElements = 1 << 16;

void read(const lapidary::tensor::Tensor& weight) {
  const auto grid = lapidary::tensor::grid_of(weight);
  if (!grid) return;
  fuzzing::require(grid->codes.shape() == weight.shape(), "codes of another shape");
  if (weight.type().elements() > kMostElements) return;
  const auto values = weight.to_floats();
  fuzzing::require(values.ok(), "an accepted weight cannot be read");
  const auto codes = grid->codes.to_integers();
  fuzzing::require(codes.ok() && codes->size() == values->size(), "codes cannot be read");
  for (const int64_t code : *codes) {
    fuzzing::require(code >= 0 && code < int64_t{1} << grid->bits, "a code is out of bounds");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto [config_text, file] = fuzzing::split(fuzzing::text_of(data, size));
  const fuzzing::MemoryBound bound(size);
  const auto doc = lapidary::JsonDocument::parse(config_text, "config.json");
  if (!fuzzing::accepted(doc)) return 0;
  lapidary::JsonReader root = doc->root();
  const auto config = checkpoint::read_quantization_config(root);
  if (!fuzzing::accepted(doc->finish()) || !config) return 0;
  fuzzing::require(!config->schemes.empty(), "no schemes");
  const fuzzing::Folder folder;
  folder.write("model.safetensors", file);
  auto weights = checkpoint::Weights::open(folder.path());
  if (!fuzzing::accepted(weights)) return 0;
  const auto unpacked = checkpoint::unpack(*std::move(weights), *config);
  if (!fuzzing::accepted(unpacked)) return 0;
  for (const std::string& name : unpacked->names()) read(*unpacked->tensor(name));
  return 0;
}
