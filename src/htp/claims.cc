#include "htp/claims.h"

#include <fmt/core.h>

#include <array>
#include <limits>
#include <set>

#include "base/input_file.h"

namespace lapidary::htp {
namespace {

// A kilobyte and a half for each node of the largest graph that the provider takes whole.
constexpr uint64_t kMostDumpBytes = 256U << 20;

struct Named {
  int64_t number;
  std::string_view name;
};

constexpr std::array kDtypes = {
    Named{0x0008, "int8"},     Named{0x0016, "int16"},    Named{0x0032, "int32"},
    Named{0x0064, "int64"},    Named{0x0108, "uint8"},    Named{0x0116, "uint16"},
    Named{0x0132, "uint32"},   Named{0x0164, "uint64"},   Named{0x0216, "float16"},
    Named{0x0232, "float32"},  Named{0x0264, "float64"},  Named{0x0304, "sfixed4"},
    Named{0x0308, "sfixed8"},  Named{0x0316, "sfixed16"}, Named{0x0332, "sfixed32"},
    Named{0x0404, "ufixed4"},  Named{0x0408, "ufixed8"},  Named{0x0416, "ufixed16"},
    Named{0x0432, "ufixed32"}, Named{0x0508, "bool"}};

// 4 and 11 are not in the public headers: seen for MatMulNBits and for blockwise DequantizeLinear.
constexpr std::array kEncodings = {Named{0, "SCALE_OFFSET"},    Named{1, "AXIS"},
                                   Named{2, "BW_SCALE_OFFSET"}, Named{3, "BW_AXIS"},
                                   Named{4, "BLOCK"},           Named{5, "BLOCKWISE_EXPANSION"},
                                   Named{6, "VECTOR"},          Named{11, "BW_FLOAT_BLOCK"}};

// QNN has at most 8. Nodes hold copies of their tensors, so a list of thousands would multiply.
constexpr size_t kMostDims = 32;
constexpr int64_t kUndefined = 0x7fffffff;
constexpr int64_t kStaticTensor = 4;  // QNN_TENSOR_TYPE_STATIC

template <size_t N>
std::string name_of(const std::array<Named, N>& names, int64_t number, const char* unknown) {
  for (const Named& entry : names) {
    if (entry.number == number) return std::string(entry.name);
  }
  return fmt::format("{}{}", unknown, number);
}

using Tensors = std::map<std::string, ClaimedTensor>;

// What cannot be read is recorded in the reader's document.
ClaimedTensor tensor_of(const std::string& name, JsonReader reader) {
  ClaimedTensor tensor;
  tensor.name = name;
  tensor.dtype = name_of(kDtypes, reader.integer("data_type"), "type ");
  tensor.dims = reader.integers("dims", {.min = 0});
  if (tensor.dims.size() > kMostDims) reader.fail("dims", "has more than a tensor's dims");
  tensor.constant = reader.integer("type") == kStaticTensor;
  JsonReader quantization = reader.child("quant_params");
  const int64_t encoding = quantization.integer("encoding");
  if (encoding != kUndefined) tensor.encoding = name_of(kEncodings, encoding, "encoding ");
  return tensor;
}

Result<std::vector<ClaimedTensor>> ports_of(const std::vector<std::string>& names,
                                            const Tensors& tensors, const std::string& where) {
  std::vector<ClaimedTensor> ports;
  for (const std::string& name : names) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      return bad_input(where, fmt::format("names a tensor '{}' that the dump does not have", name));
    }
    ports.push_back(found->second);
  }
  return ports;
}

Result<ClaimedNode> node_of(const std::string& name, JsonReader reader, const Tensors& tensors,
                            const std::string& where) {
  const std::string here = fmt::format("{}: node '{}'", where, name);
  ClaimedNode node;
  node.name = name;
  node.type = reader.string("type");
  const auto inputs = reader.strings("input_names");
  const auto outputs = reader.strings("output_names");
  LAP_RETURN_IF_ERROR(reader.status());
  LAP_ASSIGN_OR_RETURN(node.inputs, ports_of(inputs, tensors, here));
  LAP_ASSIGN_OR_RETURN(node.outputs, ports_of(outputs, tensors, here));
  return node;
}

Json json_of(const ClaimedTensor& tensor) {
  Json json = {{"name", tensor.name}, {"dtype", tensor.dtype}, {"dims", tensor.dims}};
  if (!tensor.encoding.empty()) json["encoding"] = tensor.encoding;
  if (tensor.constant) json["constant"] = true;
  return json;
}

Json json_of(const std::vector<ClaimedTensor>& tensors) {
  Json list = Json::array();
  for (const ClaimedTensor& tensor : tensors) list.push_back(json_of(tensor));
  return list;
}

}  // namespace

std::map<std::string, size_t> Claims::op_counts() const {
  std::map<std::string, size_t> counts;
  for (const ClaimedNode& node : nodes) ++counts[node.type];
  return counts;
}

std::map<std::string, size_t> Claims::encoding_counts() const {
  std::map<std::string, size_t> counts;
  std::set<std::string> seen;
  for (const ClaimedNode& node : nodes) {
    for (const ClaimedTensor& tensor : node.inputs) {
      if (!tensor.constant || tensor.encoding.empty() || !seen.insert(tensor.name).second) continue;
      ++counts[tensor.encoding];
    }
  }
  return counts;
}

Json Claims::to_json() const {
  Json list = Json::array();
  for (const ClaimedNode& node : nodes) {
    list.push_back(Json{{"name", node.name},
                        {"type", node.type},
                        {"inputs", json_of(node.inputs)},
                        {"outputs", json_of(node.outputs)}});
  }
  return Json{
      {"ops", op_counts()}, {"constant_encodings", encoding_counts()}, {"nodes", std::move(list)}};
}

Result<Claims> parse_claims(std::string_view text, const std::string& where) {
  LAP_ASSIGN_OR_RETURN(const JsonDocument document,
                       JsonDocument::parse(text, where, kMostDumpBytes));
  JsonReader root = document.root();
  JsonReader graph = root.child("graph");
  JsonReader tensor_list = graph.child("tensors");
  JsonReader node_list = graph.child("nodes");
  LAP_RETURN_IF_ERROR(root.status());
  Tensors tensors;
  for (const auto& [name, unused] : tensor_list.json().items()) {
    tensors.emplace(name, tensor_of(name, tensor_list.child(name)));
  }
  LAP_RETURN_IF_ERROR(root.status());
  Claims claims;
  for (const auto& [name, unused] : node_list.json().items()) {
    LAP_ASSIGN_OR_RETURN(ClaimedNode node, node_of(name, node_list.child(name), tensors, where));
    claims.nodes.push_back(std::move(node));
  }
  return claims;
}

Result<Claims> read_claims(std::span<const std::filesystem::path> dumps) {
  if (dumps.empty()) {
    return bad_input("claims", "the compiler dumped no graph", "let the emulator's job dump it");
  }
  Claims claims;
  for (const std::filesystem::path& dump : dumps) {
    LAP_ASSIGN_OR_RETURN(const std::string text, read_file(dump, kMostDumpBytes));
    LAP_ASSIGN_OR_RETURN(Claims one, parse_claims(text, dump.string()));
    claims.nodes.insert(claims.nodes.end(), std::make_move_iterator(one.nodes.begin()),
                        std::make_move_iterator(one.nodes.end()));
  }
  return claims;
}

}  // namespace lapidary::htp
