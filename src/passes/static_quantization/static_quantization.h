// OnnxStaticQuantization: activations and weights as integers, in QDQ form.
//
//   before  y = MatMul(x, w)
//   after   x_quantized = QuantizeLinear(x, x_scale, x_zero_point)            uint16
//           x_dequantized = DequantizeLinear(x_quantized, ...)
//           w_dequantized = DequantizeLinear(w_int8, w_int8_scale, ...)       int8, per column
//           y = MatMul(x_dequantized, w_dequantized)
//           y_quantized, y_dequantized: what all readers of y read from here on
//
// Requires a float32 graph of opset 21 or later and the ranges of values_to_calibrate(). Ensures:
// - each float input and output of a selected node has an encoding; other nodes compute in float,
//   from dequantized values where a selected node made them ("islands");
// - what operators that only move data (Reshape, Transpose, Concat, Gather, ...) connect is one
//   group with one encoding, whose range holds the ranges of all; movers between islands stay
//   float;
// - a Softmax yields [0, 1];
// - constant matrices of MatMul, Gemm and Conv are symmetric, one scale for each output channel,
//   made when the graph is saved; other constants are quantized per tensor, and read for their
//   range when the pass runs;
// - a weight that came quantized, as DequantizeLinear of constants (in blocks or not, its scale a
//   DequantizeLinear of constants too or not), stays as it is, and the activations of the nodes
//   that read it are quantized; only operators that would move such a weight stay float.
// - in a set of graphs, what has one name has one encoding: the keys and values of a cache are the
//   same integers in all of them, as new rows, as past rows and joined.
// Where the target's traits (target/quantization_traits.h) ask for it, as the HTP's do:
// - clips_by_encoding: a Clip or Relu of what another selected node computes for it alone has the
//   encoding of its input and is left out: integers saturate at its limits;
// - signed_operands: the right side of a MatMul of two activations, its whole group with it, is
//   int16 with zero point 0 where activations have 16 bits (the HTP would make it uint8 otherwise);
// - one_integer_type: but for such right sides a node computes with integers of activation_type
//   alone: what it makes or reads of an int16 group is converted, x -> x_uint16 -> x_quantized,
//   with one scale and zero points 32768 apart, so that no number changes (the HTP would compute in
//   float, or refuse).
// An override of a value's type or symmetry is followed whatever the traits say.
// Values keep their names as the float results before encoding ("x"), so that Ranges carry over.
//
//   LAP_ASSIGN_OR_RETURN(auto values, values_to_calibrate(graph, options, traits));
//   LAP_ASSIGN_OR_RETURN(quant::Ranges ranges, calibrate(values));  // calibration/calibrate.h
//   LAP_ASSIGN_OR_RETURN(PassOutcome out,
//                        static_quantization(std::move(graph), ranges, options, traits));
//
// In a recipe the pass has PassContext::traits, asks PassContext::calibrate for the ranges, and
// PassContext::moments where weights are rounded error-aware: of the set's calibration graph, which
// it drops afterwards, or, where there is none, of each graph. Options there, besides those of
// read_static_quantization_options: calibrate_method ("MinMax", "Percentile", "MSE"), percentile,
// data_config. The digest of the ranges belongs to the cache key.
//
// With residual_stream "float16" the nodes of the stream are islands, and an error names what stands
// against it (residual_stream.h).
//
// Errors: a value without a range, by name; overrides that disagree within one group, by name;
// dtypes that cannot be inferred; an opset before 21; a name in `quantized_io` that is no float
// input or output of any graph.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"
#include "quant/moments.h"
#include "quant/ranges.h"

namespace lapidary::passes {

// Of one value, or constant, by name. The first override that sets a field, in the order given,
// decides it; within a group all members must get the same.
struct TensorOverride {
  std::optional<DType> type;
  std::optional<bool> symmetric;
  std::optional<quant::Range> range;
};

// How a weight becomes a code: the nearest one, or so that errors of neighbouring input channels
// make up for each other, as the second moments of the activations say
// (quant/error_aware_rounding.h).
enum class WeightRounding { kNearest, kErrorAware };

// What the residual stream, and what is added to it, is computed in: integers as everything else,
// or float16 under a common factor (residual_stream.h).
enum class ResidualType { kInt16, kFloat16 };

struct StaticNodeOverride {
  std::optional<DType> activation_type;  // of the node's outputs
  std::optional<DType> weight_type;
  std::optional<quant::ScaleSearch> weight_search;
  std::optional<WeightRounding> weight_rounding;
};

template <typename T>
using ByPattern = std::vector<std::pair<std::string, T>>;  // glob -> T

struct StaticQuantizationOptions {
  DType activation_type = DType::kUint16;
  DType weight_type = DType::kInt8;  // int4, int8 or int16
  quant::ScaleSearch weight_search = quant::ScaleSearch::kMinMax;
  // Error-aware: of weights [K, N] of MatMul and Gemm; the scales are searched as well, whatever
  // weight_search says. Conv and Gemm with transB are rounded to nearest, and noted as declined.
  WeightRounding weight_rounding = WeightRounding::kNearest;
  // Calibrated ranges are made wider on either side of zero by this share of themselves, up to the
  // limits of a Clip or Relu: calibration data is a sample, and what is beyond an encoding is cut
  // off. 0.25 costs 16-bit activations a third of a bit.
  double range_margin = 0;
  ResidualType residual_stream = ResidualType::kInt16;
  std::vector<std::string> op_types_to_exclude;
  std::vector<std::string> nodes_to_exclude;  // globs
  ByPattern<TensorOverride> tensor_overrides;
  ByPattern<StaticNodeOverride> node_overrides;
  // Graph inputs and outputs, by glob, that are integers in the result: no Quantize or Dequantize
  // at the boundary. The encoding is in the metadata, "encoding:<name>" ->
  // {"dtype": "uint16", "scale": 0.5, "zero_point": 7}.
  std::vector<std::string> quantized_io;
};

// Reads activation_type, weight_type (or Olive's `precision`), weight_search ("min_max", "mse"),
// weight_rounding ("nearest", "error_aware"), op_types_to_exclude, nodes_to_exclude,
// tensor_overrides {glob: {type, symmetric, range}}, node_overrides {glob: {activation_type,
// weight_type, weight_search, weight_rounding}}, range_margin, residual_stream ("int16", "float16")
// and quantized_io. Types may be spelt "uint16" or, as in ONNX Runtime, "QUInt16". What concerns
// calibration alone (calibrate_method, data_config) is left to the caller.
StaticQuantizationOptions read_static_quantization_options(JsonReader& reader);
Json to_json(const StaticQuantizationOptions& options);

// The values that need a range, in the order in which the graph makes them.
Result<std::vector<std::string>> values_to_calibrate(const graph::Graph& graph,
                                                     const StaticQuantizationOptions& options,
                                                     const target::QuantizationTraits& traits);

// The values whose second moments error-aware rounding wants: inputs of the products it rounds.
Result<std::vector<std::string>> values_for_moments(const graph::Graph& graph,
                                                    const StaticQuantizationOptions& options,
                                                    const target::QuantizationTraits& traits);

// `moments`: of values_for_moments; a weight of whose input nothing is known is rounded to nearest,
// and noted as declined unless nothing is known at all. They are kept until the weights are
// written. Errors besides: those named above.
Result<SetOutcome> static_quantization(GraphSet graphs, const quant::Ranges& ranges,
                                       const StaticQuantizationOptions& options,
                                       const target::QuantizationTraits& traits,
                                       const std::shared_ptr<const quant::Moments>& moments = {});
Result<PassOutcome> static_quantization(graph::Graph graph, const quant::Ranges& ranges,
                                        const StaticQuantizationOptions& options,
                                        const target::QuantizationTraits& traits,
                                        const std::shared_ptr<const quant::Moments>& moments = {});

BoundPass bind_static_quantization(JsonReader& reader);

}  // namespace lapidary::passes
