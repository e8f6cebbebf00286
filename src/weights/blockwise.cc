#include "weights/blockwise.h"

#include <fmt/core.h>

#include <cassert>
#include <memory>
#include <vector>

#include "contract/notes.h"
#include "quant/kquant.h"
#include "quant/rtn.h"
#include "tensor/expressions.h"
#include "weights/block_types.h"
#include "weights/kept_codes.h"

namespace lapidary::weights {
namespace {

using tensor::Tensor;

// Reads float32 rows and quantizes them; one tile is one row of the weight.
class QuantizeRows final : public tensor::Producer {
 public:
  QuantizeRows(const Tensor& rows, WeightFormat format)
      : Producer(
            block_types(rows.shape()[0], rows.shape()[1], format.block, !format.block.symmetric),
            rows.shape()[0]),
        rows_(tensor::cast(rows, DType::kFloat)),
        format_(format) {}

  Status read_tiles(int64_t begin, int64_t end,
                    std::span<const std::span<std::byte>> outs) const override {
    // Small groups of rows keep the float32 values in the core's own cache.
    constexpr int64_t kScratchBytes = 512 << 10;
    const int64_t k = rows_.shape()[1];
    const int64_t group = std::max<int64_t>(1, kScratchBytes / (4 * k));
    thread_local std::vector<float> scratch;
    scratch.resize(static_cast<size_t>(std::min(group, end - begin) * k));
    // The kernels fill all three arrays; give those nobody wants a place of their own.
    std::vector<std::span<std::byte>> targets(outs.begin(), outs.end());
    std::vector<std::vector<std::byte>> unwanted(targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
      if (!targets[i].empty()) continue;
      unwanted[i].resize(static_cast<size_t>((end - begin) * (outputs()[i].bytes() / tiles())));
      targets[i] = unwanted[i];
    }
    for (int64_t r = begin; r < end; r += group) {
      const int64_t count = std::min(group, end - r);
      const std::span<float> values = std::span(scratch).first(static_cast<size_t>(count * k));
      const std::span<std::byte> bytes = std::as_writable_bytes(values);
      LAP_RETURN_IF_ERROR(rows_.producer()->read_tiles(r, r + count, std::span(&bytes, 1)));
      if (Status status = quantize(values, part(targets, r - begin, count)); !status.ok()) {
        Error error = status.take_error();
        error.where = rows_.describe() + (error.where.empty() ? "" : ", " + error.where);
        return error;
      }
    }
    return {};
  }

  const Tensor& rows() const { return rows_; }

  std::string describe() const override {
    return fmt::format("quantize<{}{}>({})", format_.describe(),
                       format_.block.layout == quant::Layout::kMatMulNBits ? "" : ", gather",
                       rows_.describe());
  }

 private:
  Status quantize(std::span<const float> values, const quant::QuantizedRows& out) const {
    const auto k = static_cast<size_t>(rows_.shape()[1]);
    return format_.method == QuantMethod::kKQuant
               ? quant::kquant_rows(values, k, format_.block, out)
               : quant::rtn_rows(values, k, format_.block, out);
  }

  // The outputs' bytes for `count` rows from row `first` of this call.
  quant::QuantizedRows part(std::span<const std::span<std::byte>> outs, int64_t first,
                            int64_t count) const {
    const auto bytes = [&](size_t output) {
      const auto per_row = static_cast<size_t>(outputs()[output].bytes() / tiles());
      return outs[output].subspan(static_cast<size_t>(first) * per_row,
                                  static_cast<size_t>(count) * per_row);
    };
    const auto as_uint8 = [](std::span<std::byte> s) {
      return std::span<uint8_t>(reinterpret_cast<uint8_t*>(s.data()), s.size());
    };
    const std::span<std::byte> scales = bytes(1);
    quant::QuantizedRows rows;
    rows.codes = as_uint8(bytes(0));
    rows.scales = {static_cast<float*>(static_cast<void*>(scales.data())), scales.size() / 4};
    if (outputs().size() > 2) rows.zero_points = as_uint8(bytes(2));
    return rows;
  }

  Tensor rows_;
  WeightFormat format_;
};

}  // namespace

std::string WeightFormat::describe() const {
  const char* how = method == QuantMethod::kKQuant ? "k-quant"
                    : method == QuantMethod::kRtn  ? "rtn"
                                                   : "kept";
  return fmt::format("{} int{}, block {}{}", how, block.bits, block.block_size,
                     block.symmetric ? ", symmetric" : ", asymmetric");
}

std::string reason_against(const Tensor& rows, const WeightFormat& format) {
  if (rows.shape().size() != 2) return fmt::format("the weight has rank {}", rows.shape().size());
  if (!is_float(rows.dtype())) {
    return fmt::format("the weight is {}", name_of(rows.dtype()));
  }
  if (rows.type().elements() == 0) return "the weight is empty";
  if (format.block.layout == quant::Layout::kGatherBlockQuantized &&
      rows.shape()[1] * format.block.bits % 8 != 0) {
    return fmt::format("rows of {} codes do not fill whole bytes", rows.shape()[1]);
  }
  return "";
}

BlockwiseWeight quantize_blockwise(const Tensor& rows, const WeightFormat& format) {
  assert(reason_against(rows, format).empty() && format.method != QuantMethod::kKept);
  const auto producer = std::make_shared<QuantizeRows>(rows, format);
  BlockwiseWeight out{Tensor(producer, 0), Tensor(producer, 1), {}};
  if (!format.block.symmetric) out.zero_points = Tensor(producer, 2);
  return out;
}

Tensor quantized_operand(const Tensor& codes) {
  if (!codes.valid() || codes.output() != 0) return {};
  const auto* quantizer = dynamic_cast<const QuantizeRows*>(codes.producer().get());
  return quantizer == nullptr ? kept_operand(codes) : quantizer->rows();
}

std::vector<std::string> add_blockwise(graph::Graph& graph, graph::FreshNames& names,
                                       const std::string& weight, const BlockwiseWeight& quantized,
                                       const WeightFormat& format) {
  std::vector<std::string> added;
  const auto add = [&](const std::string& wanted, const Tensor& tensor) {
    std::string name = names.fresh(wanted);
    graph.initializers.emplace(name, tensor);
    graph.metadata[contract::notes::quantization(name)] = format.describe();
    added.push_back(std::move(name));
  };
  add(codes_name(weight, format.block.bits), quantized.codes);
  add(scales_name(weight), quantized.scales);
  if (quantized.zero_points.valid()) add(zero_point_name(weight), quantized.zero_points);
  return added;
}

}  // namespace lapidary::weights
