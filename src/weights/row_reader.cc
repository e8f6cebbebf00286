#include "weights/row_reader.h"

#include <fmt/core.h>

#include <map>

namespace lapidary::weights {

Result<RowReader> RowReader::create(std::vector<tensor::Tensor> tensors, int64_t rows) {
  RowReader out;
  out.rows_ = rows;
  for (tensor::Tensor& tensor : tensors) {
    Part part{std::move(tensor), 0, {}, {}};
    if (rows <= 0 || part.tensor.bytes() % rows != 0) {
      return internal_error(part.tensor.describe(),
                            fmt::format("does not consist of {} equal rows", rows));
    }
    part.row_bytes = part.tensor.bytes() / rows;
    const auto& producer = *part.tensor.producer();
    if (producer.tiles() % rows != 0 || producer.tiles() == 0) {
      LAP_ASSIGN_OR_RETURN(part.whole, part.tensor.materialize());
    }
    out.parts_.push_back(std::move(part));
  }
  return out;
}

Result<std::vector<std::span<const std::byte>>> RowReader::read(int64_t begin, int64_t end) {
  std::map<const tensor::Producer*, std::vector<std::span<std::byte>>> wanted;
  for (Part& part : parts_) {
    if (!part.whole.empty()) continue;
    part.buffer.resize(static_cast<size_t>((end - begin) * part.row_bytes));
    auto& outs = wanted[part.tensor.producer().get()];
    outs.resize(part.tensor.producer()->outputs().size());
    outs[part.tensor.output()] = part.buffer;
  }
  for (const auto& [producer, outs] : wanted) {
    const int64_t tiles = producer->tiles() / rows_;
    LAP_RETURN_IF_ERROR(producer->read_tiles(begin * tiles, end * tiles, outs));
  }
  std::vector<std::span<const std::byte>> out;
  for (const Part& part : parts_) {
    const auto first = static_cast<size_t>(begin * part.row_bytes);
    const auto count = static_cast<size_t>((end - begin) * part.row_bytes);
    out.push_back(part.whole.empty() ? std::span<const std::byte>(part.buffer)
                                     : std::span(part.whole).subspan(first, count));
  }
  return out;
}

}  // namespace lapidary::weights
