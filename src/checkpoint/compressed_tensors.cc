#include "checkpoint/compressed_tensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "checkpoint/packed_integers.h"
#include "tensor/expressions.h"
#include "tensor/grid.h"

namespace lapidary::checkpoint {
namespace {

using tensor::Tensor;

constexpr const char* kPackFormat = "pack-quantized";
constexpr const char* kUsePlain = "use the checkpoint with bfloat16 weights";
constexpr std::string_view kPackedSuffix = ".weight_packed";
constexpr int64_t kMostInputs = int64_t{1} << 31;

// Sets out keys that must hold nothing: each names something that changes what is computed.
void refuse_filled(JsonReader& reader, const char* key, const char* what) {
  const Json& value = reader.raw(key);
  if (value.is_null() || (value.is_structured() && value.empty())) return;
  reader.fail(key, what, kUsePlain, ErrorKind::kUnsupported);
}

void check_format(JsonReader& reader, const std::string& format) {
  if (format == kPackFormat) return;
  reader.fail("format", fmt::format("is '{}', which is not supported", format),
              fmt::format("only '{}' is: {}", kPackFormat, kUsePlain), ErrorKind::kUnsupported);
}

// "weight" and "static" only changed how the codes were found; the others reorder inputs.
void check_order(JsonReader& weights) {
  const Json& order = weights.raw("actorder");
  if (order.is_null() || order == "weight" || order == "static" || order == false) return;
  weights.fail("actorder", "has groups of inputs in another order (g_idx), which is not supported",
               "pack with actorder 'weight' or none", ErrorKind::kUnsupported);
}

std::optional<int64_t> read_group_size(JsonReader& weights) {
  const auto group_size = weights.optional_integer("group_size", {.min = -1, .max = kMostInputs});
  const std::string otherwise = group_size && *group_size > 0 ? "group" : "channel";
  const std::string strategy = weights.string_or("strategy", otherwise);
  if (strategy == "channel") return std::nullopt;
  if (strategy != "group") {
    weights.fail("strategy", fmt::format("is '{}', which is not supported", strategy),
                 "'group' and 'channel' are", ErrorKind::kUnsupported);
  } else if (!group_size || *group_size <= 0) {
    weights.fail("group_size", "has to be positive with strategy 'group'");
  }
  return group_size;
}

PackedScheme read_weights(JsonReader weights) {
  PackedScheme out;
  out.bits = static_cast<int>(weights.integer_or("num_bits", 8, {.min = 1, .max = 64}));
  if (out.bits != 4 && out.bits != 8) {
    weights.fail("num_bits", fmt::format("is {}, which is not supported", out.bits), "4 and 8 are",
                 ErrorKind::kUnsupported);
  }
  const std::string type = weights.string_or("type", "int");
  if (type != "int") {
    weights.fail("type", fmt::format("is '{}', which is not supported", type), "'int' is",
                 ErrorKind::kUnsupported);
  }
  out.symmetric = weights.boolean_or("symmetric", true);
  out.group_size = read_group_size(weights);
  check_order(weights);
  // A range that is found anew at every step is one of activations.
  const Json& dynamic = weights.raw("dynamic");
  if (!dynamic.is_null() && dynamic != false) {
    weights.fail("dynamic", "is set for weights, which is not supported", kUsePlain,
                 ErrorKind::kUnsupported);
  }
  refuse_filled(weights, "block_structure", "is set, which is not supported");
  // How the scales were found, and what they were stored as: the tensors have their own dtype.
  weights.ignore({"observer", "observer_kwargs", "scale_dtype", "zp_dtype"});
  weights.reject_unknown("this checkpoint needs a newer lapidary");
  return out;
}

std::optional<PackedScheme> read_group(JsonReader group, const std::string& format) {
  refuse_filled(group, "input_activations", "is set: quantized activations are not supported");
  refuse_filled(group, "output_activations", "is set: quantized activations are not supported");
  group.strings("targets");
  const std::string own = group.string_or("format", format);
  std::optional<JsonReader> weights = group.optional_child("weights");
  group.reject_unknown("this checkpoint needs a newer lapidary");
  if (!weights || own == "dense") return std::nullopt;
  check_format(group, own);
  return read_weights(*std::move(weights));
}

CompressedTensorsConfig read_config(JsonReader reader) {
  CompressedTensorsConfig out;
  const std::string format = reader.string("format");
  if (format != "mixed-precision" && reader.status().ok()) check_format(reader, format);
  refuse_filled(reader, "kv_cache_scheme", "is set: quantized keys and values are not supported");
  refuse_filled(reader, "transform_config", "is set: rotated weights are not supported");
  refuse_filled(reader, "moe_sparsity_config", "is set: sparse experts are not supported");
  if (std::optional<JsonReader> sparsity = reader.optional_child("sparsity_config")) {
    if (!sparsity->json().empty() && sparsity->string_or("format", "dense") != "dense") {
      reader.fail("sparsity_config", "is set: sparse weights are not supported", kUsePlain,
                  ErrorKind::kUnsupported);
    }
  }
  // Which layers are not packed, the tensors say themselves.
  reader.ignore({"quant_method", "ignore", "quantization_status", "global_compression_ratio",
                 "version", "run_compressed", "dequantize"});
  JsonReader groups = reader.child("config_groups");
  for (const auto& [name, unused] : groups.json().items()) {
    const std::optional<PackedScheme> scheme = read_group(groups.child(name), format);
    if (scheme && std::find(out.schemes.begin(), out.schemes.end(), *scheme) == out.schemes.end()) {
      out.schemes.push_back(*scheme);
    }
  }
  if (out.schemes.empty() && reader.status().ok()) {
    reader.fail("config_groups", "holds no group with weights", kUsePlain);
  }
  reader.reject_unknown("this checkpoint needs a newer lapidary");
  return out;
}

// The tensors in place of one weight.
class PackedWeight {
 public:
  PackedWeight(const Weights& weights, std::string stem)
      : weights_(weights), stem_(std::move(stem)), packed_(*weights.find(name("weight_packed"))) {}

  std::string name(const char* part) const { return stem_ + "." + part; }

  Result<Weight> unpacked(const CompressedTensorsConfig& config) const {
    if (weights_.find(name("weight_g_idx")) != nullptr) {
      return unsupported(where("weight_g_idx"),
                         "groups of inputs in another order are not supported",
                         "pack with actorder 'weight' or none");
    }
    if (weights_.find(name("weight")) != nullptr) {
      return bad_input(where("weight"), "stands beside its packed form", "keep one of the two");
    }
    LAP_ASSIGN_OR_RETURN(const tensor::Shape shape, stored_shape());
    LAP_ASSIGN_OR_RETURN(const Tensor scale, part("weight_scale"));
    if (!is_float(scale.dtype()) || scale.dtype() == DType::kDouble) {
      return bad_input(where("weight_scale"),
                       fmt::format("is {}, not a float", name_of(scale.dtype())));
    }
    for (const PackedScheme& scheme : config.schemes) {
      if (!fits(scheme, shape, scale)) continue;
      LAP_ASSIGN_OR_RETURN(const tensor::Grid grid, grid_of(scheme, shape, scale));
      return Weight{tensor::on_grid(grid), packed_.file, packed_.stored_as};
    }
    return bad_input(
        where("weight_packed"),
        fmt::format("is {} {} with scales {} and {} zero points, which fits the shape "
                    "{} under none of the schemes in quantization_config",
                    name_of(packed_.value.dtype()), tensor::to_string(packed_.value.shape()),
                    tensor::to_string(scale.shape()), has_zeros() ? "with" : "no",
                    tensor::to_string(shape)),
        "download the checkpoint again");
  }

 private:
  std::string where(const char* part) const {
    return fmt::format("{}: tensor '{}'", packed_.file.string(), name(part));
  }
  bool has_zeros() const { return weights_.find(name("weight_zero_point")) != nullptr; }

  Result<Tensor> part(const char* which) const {
    const Weight* found = weights_.find(name(which));
    if (found == nullptr) {
      return bad_input(where(which), "is missing", "download the checkpoint again");
    }
    return found->value;
  }

  Result<tensor::Shape> stored_shape() const {
    LAP_ASSIGN_OR_RETURN(const Tensor shape, part("weight_shape"));
    const bool integers = shape.dtype() == DType::kInt64 || shape.dtype() == DType::kInt32;
    if (!integers || shape.type().elements() != 2) {
      return bad_input(where("weight_shape"), "is not two integers");
    }
    LAP_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, shape.to_integers());
    for (const int64_t dim : dims) {
      if (dim < 1 || dim > kMostInputs) {
        return bad_input(where("weight_shape"), fmt::format("holds {}", dim));
      }
    }
    return tensor::Shape(dims);
  }

  static int64_t words(int64_t count, int bits) { return (count * bits + 31) / 32; }

  bool fits(const PackedScheme& scheme, const tensor::Shape& shape, const Tensor& scale) const {
    const int64_t group = scheme.group_size.value_or(shape[1]);
    return scheme.symmetric != has_zeros() && packed_.value.dtype() == DType::kInt32 &&
           packed_.value.shape() == tensor::Shape{shape[0], words(shape[1], scheme.bits)} &&
           shape[1] % group == 0 && scale.shape() == tensor::Shape{shape[0], shape[1] / group};
  }

  Result<tensor::Grid> grid_of(const PackedScheme& scheme, const tensor::Shape& shape,
                               const Tensor& scale) const {
    tensor::Grid out{.bits = scheme.bits,
                     .block_size = scheme.group_size.value_or(shape[1]),
                     .codes = unpacked_columns(packed_.value, scheme.bits, shape[1]),
                     .scales = tensor::cast(scale, DType::kFloat)};
    if (scheme.symmetric) return out;
    LAP_ASSIGN_OR_RETURN(const Tensor zeros, part("weight_zero_point"));
    const tensor::Shape wanted = {words(shape[0], scheme.bits), scale.shape()[1]};
    if (zeros.dtype() != DType::kInt32 || zeros.shape() != wanted) {
      return bad_input(where("weight_zero_point"),
                       fmt::format("is {} {}, not int32 {}", name_of(zeros.dtype()),
                                   tensor::to_string(zeros.shape()), tensor::to_string(wanted)),
                       "download the checkpoint again");
    }
    out.zero_points = unpacked_rows(zeros, scheme.bits, shape[0]);
    return out;
  }

  const Weights& weights_;
  std::string stem_;
  const Weight& packed_;
};

}  // namespace

std::optional<CompressedTensorsConfig> read_quantization_config(JsonReader& section) {
  std::optional<JsonReader> reader = section.optional_child("quantization_config");
  if (!reader) return std::nullopt;
  const std::string method = reader->string_or("quant_method", "");
  if (method != "compressed-tensors") {
    section.fail("quantization_config",
                 method.empty() ? std::string("is set and names no quant_method")
                                : fmt::format("is set: quant_method '{}' is not supported", method),
                 "use the checkpoint with bfloat16 weights, or one that compressed-tensors packed",
                 ErrorKind::kUnsupported);
    return std::nullopt;
  }
  return read_config(*std::move(reader));
}

Result<Weights> unpack(Weights weights, const CompressedTensorsConfig& config) {
  int64_t count = 0;
  for (const std::string& name : weights.names()) {
    if (!name.ends_with(kPackedSuffix)) continue;
    const std::string stem = name.substr(0, name.size() - kPackedSuffix.size());
    LAP_ASSIGN_OR_RETURN(Weight weight, PackedWeight(weights, stem).unpacked(config));
    for (const char* part :
         {".weight_packed", ".weight_scale", ".weight_shape", ".weight_zero_point"}) {
      weights.erase(stem + part);
    }
    weights.set(stem + ".weight", std::move(weight));
    ++count;
  }
  if (count == 0) {
    return bad_input(weights.path().string(),
                     "holds no packed weight, although config.json has a quantization_config",
                     "remove that key if the weights are plain ones");
  }
  return weights;
}

}  // namespace lapidary::checkpoint
