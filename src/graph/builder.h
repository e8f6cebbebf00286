// Builds a Graph, with names taken from the module path of the code that emits it.
//
//   Builder b("decoder");
//   Ref x = b.input("inputs_embeds", DType::kFloat, {"batch", "sequence_len", int64_t{128}});
//   {
//     auto scope = b.enter("model.language_model.layers.0");
//     Ref w = b.weight("mlp.down_proj.weight", tensor);  // named model.[...].mlp.down_proj.weight
//     x = b.op("MatMul", {x, w}, "mlp.down_proj");       // model.[...].mlp.down_proj/MatMul
//   }
//   b.output("hidden", x, DType::kFloat, {"batch", "sequence_len", int64_t{64}});
//   Graph g = std::move(b).finish();
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace lapidary::graph {

// A value of the graph under construction. A default Ref is an omitted optional input.
struct Ref {
  std::string name;
  bool omitted() const { return name.empty(); }
};

using Attributes = std::map<std::string, Attribute>;

class Builder {
 public:
  explicit Builder(std::string graph_name, int64_t opset = 23);

  // While the returned object lives, `path` is appended to the names of what is emitted.
  class Scope {
   public:
    Scope(Builder& builder, std::string saved) : builder_(builder), saved_(std::move(saved)) {}
    ~Scope() { builder_.path_ = std::move(saved_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Builder& builder_;
    std::string saved_;
  };
  [[nodiscard]] Scope enter(const std::string& path);
  const std::string& path() const { return path_; }

  Ref input(const std::string& name, DType dtype, SymbolicShape shape);
  // An input that need not be fed: `fallback` is its value then. Its declared shape may be
  // symbolic.
  Ref optional_input(const std::string& name, SymbolicShape shape, Tensor fallback);

  // An initializer, named by the current path and `name`.
  Ref weight(const std::string& name, Tensor tensor);
  // A small constant shared by everything that asks for the same values.
  Ref constant(const std::vector<int64_t>& values);  // 1-D int64
  Ref constant_scalar(int64_t value);                // rank 0
  Ref constant_scalar(float value);                  // rank 0

  // Emits a node; `at` is appended to the path in its name ("self_attn.q_proj"), may be empty.
  Ref op(const std::string& op_type, const std::vector<Ref>& inputs, const std::string& at = "",
         Attributes attributes = {});
  Ref microsoft_op(const std::string& op_type, const std::vector<Ref>& inputs,
                   const std::string& at = "", Attributes attributes = {});
  std::vector<Ref> multi_op(const std::string& domain, const std::string& op_type,
                            const std::vector<Ref>& inputs, size_t outputs, const std::string& at,
                            Attributes attributes);

  // Declares a graph output and gives the value that name.
  void output(const std::string& name, const Ref& value, DType dtype, SymbolicShape shape);

  Graph finish() &&;

 private:
  std::string qualified(const std::string& name) const;
  std::string unique(const std::string& name);
  Ref shared_constant(const std::string& name, const Tensor& tensor);

  Graph graph_;
  std::string path_;
  std::set<std::string> names_;
  std::map<std::string, int> counters_;
};

}  // namespace lapidary::graph
