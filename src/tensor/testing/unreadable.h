// A tensor whose bytes cannot be had, as of a file that was cut off: what reads one must say so.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "tensor/tensor.h"

namespace lapidary::tensor {

class Unreadable final : public Producer {
 public:
  explicit Unreadable(TensorType type) : Producer(std::move(type)) {}

  Status read_tiles(int64_t /*begin*/, int64_t /*end*/,
                    std::span<const std::span<std::byte>> /*outs*/) const override {
    return io_error("weights.bin", "ends early", "copy the file again");
  }
  std::string describe() const override { return "unreadable"; }
};

inline Tensor unreadable(DType dtype, Shape shape) {
  return Tensor(std::make_shared<Unreadable>(TensorType{dtype, std::move(shape)}));
}

}  // namespace lapidary::tensor
