// The regions are as the comments of those headers have them: scripts/check-examples --fix.
// clang-format off
#include <gtest/gtest.h>

#include "base/files.h"
#include "checkpoint/test_files.h"
#include "checkpoint/weights.h"
#include "example.h"
#include "tensor/expressions.h"
#include "tensor/grid.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"
#include "tensor/tensor_digest.h"

namespace lapidary::tensor {

Status tensor_example(const checkpoint::Weights& weights) {
  // [tensor/tensor.h]
  const std::string name = "model.language_model.layers.3.self_attn.q_proj.weight";
  LAP_ASSIGN_OR_RETURN(Tensor w, weights.tensor(name));  // [N, K] bfloat16
  Tensor b = transpose(cast(w, DType::kFloat));          // [K, N] float32; nothing was read yet
  LAP_ASSIGN_OR_RETURN(std::vector<std::byte> all, b.materialize());
  // [end]
  EXPECT_EQ(w.dtype(), DType::kBfloat16);
  EXPECT_EQ(b.shape(), (Shape{w.shape()[1], w.shape()[0]}));
  EXPECT_EQ(all.size(), b.bytes());
  return {};
}

Status npy_example(const std::vector<float>& values) {
  // [tensor/npy.h]
  LAP_ASSIGN_OR_RETURN(std::string file,
                       npy_bytes({DType::kFloat, {70, 128}}, std::as_bytes(std::span(values))));
  LAP_RETURN_IF_ERROR(replace_file("x.npy", file));
  // [end]
  return {};
}

Status tensor_digest_example(const std::filesystem::path& path) {
  LAP_ASSIGN_OR_RETURN(const auto file, MappedFile::open(path));
  const std::string name = "a";
  const TensorType type{DType::kUint8, {2, 4}};
  const int64_t offset = 0;
  const CancelToken* cancel = nullptr;
  // [tensor/tensor_digest.h]
  auto digest = std::make_shared<TensorDigest>(type);
  tensor::Tensor weight = tensor::from_file(file, offset, type, name, digest);
  use(weight.materialize());                                     // any rows, on any threads
  LAP_RETURN_IF_ERROR(digest->complete(*file, offset, cancel));  // the rest
  const std::string hash = digest->hex();
  // [end]
  EXPECT_EQ(hash.size(), 32U);
  return {};
}

std::optional<Grid> grid_example(const Tensor& codes, const Tensor& scales) {
  // [tensor/grid.h]
  Grid g{.bits = 4, .block_size = 32, .codes = codes, .scales = scales};
  Tensor w = on_grid(g);                                    // float32 [N, K]
  Tensor b = transpose(cast(w, DType::kFloat));
  std::optional<Grid> same = grid_of(transposed_operand(b));  // g
  // [end]
  EXPECT_EQ(w.shape(), codes.shape());
  return same;
}

TEST(TensorExamples, Tensor) {
  const auto weights = checkpoint::Weights::open(checkpoint::tiny_checkpoint());
  ASSERT_TRUE(weights.ok()) << weights.error().message();
  expect_ok(tensor_example(*weights));
  expect_ok(tensor_digest_example(checkpoint::tiny_checkpoint() / "model.safetensors"));
}

}  // namespace lapidary::tensor
