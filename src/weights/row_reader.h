// Reads tensors that belong together by rows of a weight: codes, scales and zero points of one
// matrix, which one expression may make all at once.
//
//   LAP_ASSIGN_OR_RETURN(RowReader reader, RowReader::create({codes, scales}, n));
//   LAP_ASSIGN_OR_RETURN(auto rows, reader.read(64, 128));  // rows[0]: bytes of codes, ...
#pragma once

#include <cstddef>
#include <vector>

#include "tensor/tensor.h"

namespace lapidary::weights {

class RowReader {
 public:
  // Each tensor holds `rows` runs of equally many bytes, whatever its shape. What cannot be read in
  // such runs is read now, as a whole.
  static Result<RowReader> create(std::vector<tensor::Tensor> tensors, int64_t rows);

  // Bytes of rows [begin, end), one buffer a tensor, good until the next call.
  Result<std::vector<std::span<const std::byte>>> read(int64_t begin, int64_t end);

 private:
  struct Part {
    tensor::Tensor tensor;
    int64_t row_bytes = 0;
    std::vector<std::byte> whole;   // all rows, when they were read at once
    std::vector<std::byte> buffer;  // of the last call otherwise
  };
  std::vector<Part> parts_;
  int64_t rows_ = 0;
};

}  // namespace lapidary::weights
