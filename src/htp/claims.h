// What the HTP's compiler was given, read from the graph that the provider dumps: which QNN node
// each ONNX node became, in which dtype and encoding. Nothing here is assumed from the ONNX graph.
//
//   LAP_ASSIGN_OR_RETURN(htp::Claims claims, htp::read_claims(run.graph_dumps));
//   for (const auto& [type, count] : claims.op_counts()) print(type, count);
//
// Source of the numbers: QNN's public headers (QnnTypes.h): data types, tensor types, encodings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace lapidary::htp {

struct ClaimedTensor {
  std::string name;
  std::string dtype;  // "ufixed16", "sfixed8", "float16", ...; "type N" for an unknown number
  std::string
      encoding;  // "SCALE_OFFSET", "AXIS", "BLOCKWISE_EXPANSION", ...; "" when not quantized
  std::vector<int64_t> dims;
  bool constant = false;
};

struct ClaimedNode {
  std::string name;  // QNN's: the ONNX node's, or made of it where a node became several
  std::string type;  // "FullyConnected"
  std::vector<ClaimedTensor> inputs;
  std::vector<ClaimedTensor> outputs;
};

struct Claims {
  std::vector<ClaimedNode> nodes;  // of all partitions, in the dumps' order

  std::map<std::string, size_t> op_counts() const;        // by QNN type
  std::map<std::string, size_t> encoding_counts() const;  // of constants, each counted once
  // {"ops": {type: count}, "constant_encodings": {...}, "nodes": [...]}
  Json to_json() const;
};

// One dump's text; `where` names it in errors.
// Errors: kBadInput for what is no such dump: not JSON, a node that names a tensor that is not
// there, a field of another type.
Result<Claims> parse_claims(std::string_view text, const std::string& where);
// All partitions of a model. Errors also: kIo; kBadInput for no dump at all.
Result<Claims> read_claims(std::span<const std::filesystem::path> dumps);

}  // namespace lapidary::htp
