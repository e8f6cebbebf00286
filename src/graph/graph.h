// The ONNX intermediate representation that all passes speak.
//
// A Graph is a value: copying it is cheap, because initializers are lazy tensors. Edges are names,
// as in ONNX itself. Node and value names carry the checkpoint's module path
// ("model.language_model.layers.3.self_attn.q_proj/MatMul"), through every pass, so that a line in
// a report, a tensor in a package and a key in the checkpoint can be matched by eye. A node's first
// output is named like the node, unless it is a graph output.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace lapidary::graph {

using tensor::Tensor;

inline constexpr const char* kMicrosoftDomain = "com.microsoft";

using Dim = std::variant<int64_t, std::string>;  // a number, or a symbol such as "sequence_len"
using SymbolicShape = std::vector<Dim>;
std::string to_string(const SymbolicShape& shape);  // "[batch, 4, past, 64]"

struct ValueInfo {
  std::string name;
  DType dtype = DType::kUndefined;
  SymbolicShape shape;
  bool ranked = true;  // false: not even the number of dims is known, and `shape` is empty
};

// The attribute types of ONNX that graphs of ours use. Integers are int64, floats are float32.
using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>, Tensor>;

// An attribute that passes carry as it is: the bodies of If and Loop, lists of tensors, ...
struct OpaqueAttribute {
  std::string proto;                  // an onnx.AttributeProto, serialized
  std::set<std::string> captures;     // values of the graph around that its bodies read
  std::set<std::string> ops;          // Node::qualified_op of the nodes in its bodies
  std::vector<DType> yields = {};     // dtypes that its body declares for what it yields
  std::set<std::string> values = {};  // that its bodies have themselves
  std::set<std::string> names = {};   // those, and of the nodes in its bodies
};

struct Node {
  std::string domain;  // "" is the ONNX standard domain
  std::string op_type;
  std::string name;
  std::vector<std::string> inputs;   // "" is an omitted optional input
  std::vector<std::string> outputs;  // "" is an output nobody wants
  std::map<std::string, Attribute> attributes;
  std::map<std::string, OpaqueAttribute> opaque = {};

  std::string qualified_op() const;  // "MatMul", "com.microsoft::MatMulNBits"
  int64_t int_attribute(const std::string& key, int64_t fallback) const;
  float float_attribute(const std::string& key, float fallback) const;
  std::string input(size_t index) const;  // "" beyond the last
  // Its inputs but for omitted ones, then what its bodies read of the graph around.
  std::vector<std::string> reads() const;
};

struct Graph {
  std::string name;
  std::map<std::string, int64_t> opsets;  // domain -> version
  std::vector<ValueInfo> inputs;          // a name that is also an initializer is an optional input
  std::vector<ValueInfo> outputs;
  std::vector<Node> nodes;                      // in topological order
  std::map<std::string, Tensor> initializers;   // by value name
  std::map<std::string, std::string> metadata;  // model-level key/value pairs
  std::vector<std::string> functions = {};  // onnx.FunctionProto each, serialized; carried along
  int64_t ir_version = 0;                   // of the file that it came from; 0: made here

  bool is_input(const std::string& value) const;
  bool is_output(const std::string& value) const;
  // An initializer that nothing can override at run time; nullptr otherwise.
  const Tensor* constant(const std::string& value) const;
};

// Every input, what bodies capture among them, is produced earlier or is an input or initializer;
// names are unique; outputs exist.
Status check(const Graph& graph);
// Drops initializers and nodes that reach no output. Returns how many nodes went.
size_t remove_unused(Graph& graph);
// One line per node: "path/MatMul = MatMul(a, b)".
std::string print(const Graph& graph);

}  // namespace lapidary::graph
