// ONNX Runtime behind our own types. This room is the only one that sees its headers.
//
//   LAP_ASSIGN_OR_RETURN(ort::Session session, ort::Session::open(path, {.threads = 2}));
//   LAP_ASSIGN_OR_RETURN(ort::Binding binding, session.bind());
//   LAP_RETURN_IF_ERROR(binding.input("x", {DType::kFloat, x.data(), {1, 128}}));
//   LAP_RETURN_IF_ERROR(binding.output("y", {DType::kFloat, y.data(), {1, 64}}));
//   LAP_RETURN_IF_ERROR(binding.run());  // writes y; no tensor is copied or allocated here
//
// Errors: a file that cannot be read is kIo, a model that ONNX Runtime refuses is kBadInput, a
// failing run is kInternal. Each names the model file. No exception leaves this file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

struct OrtCustomOpDomain;

namespace lapidary::ort {

// The version of the library that is linked, e.g. "1.31.1".
std::string version();

enum class Optimization { kNone, kBasic, kExtended, kAll };

// An accelerator's execution provider that lives in a library of its own ("plugin"). The library is
// loaded once a process and stays until it ends. Its options are passed on verbatim, and providers
// accept unknown ones in silence: validate them first.
struct ExecutionProvider {
  std::string name;               // as its devices are listed: "QNN"
  std::filesystem::path library;  // .../libonnxruntime_providers_qnn.so; absolute
  std::vector<std::pair<std::string, std::string>> options = {};
  bool allow_cpu = false;  // false: a node that the provider does not take is an error
};

struct SessionOptions {
  int threads = 0;  // threads of one operator, the caller's among them; 0: default_threads()
  // Idle threads of the pool wait actively. Faster steps, but each pool that spins occupies cores,
  // so at most one session of a process should.
  bool spinning = true;
  Optimization optimization = Optimization::kAll;
  // ONNX Runtime can plan one allocation for each set of input shapes it meets and keeps the plans.
  // A decoder meets a new set at every step, so plans only cost there.
  bool memory_pattern = false;
  bool arena = true;  // keep freed activations for the next run
  std::vector<std::pair<std::string, std::string>> config = {};  // session.* entries, verbatim
  std::string profile_prefix = {};  // not empty: write a JSON trace to PREFIX_<date>.json
  // Operators of our own. Not owned; a domain must outlive every session made with it.
  std::vector<OrtCustomOpDomain*> custom_ops = {};
  std::optional<ExecutionProvider> execution_provider = {};  // none: the CPU
  // Everything that ONNX Runtime has to say goes to the process's own output. Only for a process
  // that is made to be listened to (htp/worker.h).
  bool verbose = false;
};

// Of SessionOptions::config: DequantizeLinear of constants is computed when the session is made, not
// at every run, and no pair of QuantizeLinear and DequantizeLinear is moved, merged or dropped: a graph
// computes exactly what it says (ONNX Runtime's session.disable_quant_qdq).
inline const std::pair<std::string, std::string> kUnpackWeights = {"session.disable_quant_qdq",
                                                                   "1"};

// The element types of tensors that a run can be given and can give back: float32, float16, bool,
// int64 and int32, and the integers of 16 and 8 bits. Others live inside of models only.
bool is_element_type(DType type);
// Such a type by its name, as ports spell it: "float32", "uint16", ...; nothing for others.
std::optional<DType> element_type(std::string_view name);

// Memory that a run reads or writes: row-major, not owned.
struct TensorView {
  DType type = DType::kFloat;
  void* data = nullptr;
  std::vector<int64_t> shape = {};
};

// Views of what a run only reads; bytes are bools.
TensorView input_view(std::span<const float> data, std::vector<int64_t> shape);
TensorView input_view(std::span<const int64_t> data, std::vector<int64_t> shape);
TensorView input_view(std::span<const uint8_t> data, std::vector<int64_t> shape);

// A tensor that owns its values: row-major.
struct HostTensor {
  std::string name;
  DType type = DType::kFloat;
  std::vector<int64_t> shape = {};
  std::vector<std::byte> data = {};
};

// One input or output as the model file declares it.
struct Port {
  std::string name;
  std::string dtype;                 // "float32", "int64", ...; "" for what is not a tensor
  std::vector<int64_t> dims;         // -1: symbolic
  std::vector<std::string> symbols;  // name of each symbolic dim, "" elsewhere
  bool optional = false;             // has a default in the model
};

class Binding;

// A loaded model. Immutable: several bindings may run at once from several threads.
class Session {
 public:
  static Result<Session> open(const std::filesystem::path& model, const SessionOptions& options);

  const std::filesystem::path& path() const;
  const std::vector<Port>& inputs() const;  // required ones first, then optional ones
  const std::vector<Port>& outputs() const;
  Result<Binding> bind() const;
  // One run that allocates its outputs, all of them, in the order of outputs(). For tools; what
  // runs often binds its own memory. Thread-safe.
  Result<std::vector<HostTensor>> run(std::span<const HostTensor> inputs) const;
  // Ends profiling and returns the trace's file name. Only with SessionOptions::profile_prefix.
  Result<std::string> end_profiling() const;

 private:
  friend class Binding;
  struct State;
  explicit Session(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// The tensors one caller runs a session with. What was bound stays bound from run to run; bind
// again only what moved or changed its shape. Keeps its session alive.
class Binding {
 public:
  Binding(Binding&&) noexcept;
  Binding& operator=(Binding&&) noexcept;
  ~Binding();

  Status input(const std::string& name, const TensorView& tensor);
  Status output(const std::string& name, const TensorView& tensor);
  Status run();

 private:
  friend class Session;
  struct State;
  explicit Binding(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lapidary::ort
