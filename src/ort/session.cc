#include "ort/session.h"

#include <onnxruntime_cxx_api.h>
#include <onnxruntime_session_options_config_keys.h>

#include <array>
#include <fstream>
#include <optional>
#include <string_view>

#include "base/parallel.h"

namespace lapidary::ort {
namespace {

// ONNX Runtime keeps one environment a process. It lives until exit, as its logger must outlive
// every session. Its own log lines would break the "library never prints" rule; what matters in
// them also arrives as exceptions.
const Ort::Env& environment() {
  static const Ort::Env env(ORT_LOGGING_LEVEL_FATAL, "lapidary");
  return env;
}

const Ort::MemoryInfo& cpu_memory() {
  static const Ort::MemoryInfo info =
      Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  return info;
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Calls `body`; an exception becomes an error of `kind` about the model at `where`.
template <typename Body>
Status guarded(const std::filesystem::path& where, ErrorKind kind, const Body& body) {
  try {
    body();
    return {};
  } catch (const Ort::Exception& e) {
    return Error{kind, "ONNX Runtime: " + one_line(e.what()), where.string(), ""};
  } catch (const std::bad_alloc&) {
    return Error{ErrorKind::kInternal, "out of memory", where.string(), ""};
  } catch (const std::exception& e) {
    return Error{kind, one_line(e.what()), where.string(), ""};
  }
}

GraphOptimizationLevel level(Optimization optimization) {
  switch (optimization) {
    case Optimization::kNone:
      return ORT_DISABLE_ALL;
    case Optimization::kBasic:
      return ORT_ENABLE_BASIC;
    case Optimization::kExtended:
      return ORT_ENABLE_EXTENDED;
    case Optimization::kAll:
      break;
  }
  return ORT_ENABLE_ALL;
}

Ort::SessionOptions ort_options(const SessionOptions& options) {
  Ort::SessionOptions out;
  const int threads = options.threads > 0 ? options.threads : static_cast<int>(default_threads());
  out.SetIntraOpNumThreads(threads);
  out.SetInterOpNumThreads(1);
  out.SetExecutionMode(ORT_SEQUENTIAL);
  out.SetGraphOptimizationLevel(level(options.optimization));
  if (!options.memory_pattern) out.DisableMemPattern();
  if (!options.arena) out.DisableCpuMemArena();
  out.AddConfigEntry(kOrtSessionOptionsConfigAllowIntraOpSpinning, options.spinning ? "1" : "0");
  for (const auto& [key, value] : options.config) out.AddConfigEntry(key.c_str(), value.c_str());
  if (!options.profile_prefix.empty()) out.EnableProfiling(options.profile_prefix.c_str());
  for (OrtCustomOpDomain* domain : options.custom_ops) out.Add(domain);
  return out;
}

std::string dtype_name(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return "float32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return "float16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return "bfloat16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return "float64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return "int64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return "int32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return "uint8";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return "int8";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return "bool";
    default:
      return "type " + std::to_string(static_cast<int>(type));
  }
}

Port port_of(std::string name, const Ort::TypeInfo& type, bool optional) {
  Port port;
  port.name = std::move(name);
  port.optional = optional;
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return port;
  const auto info = type.GetTensorTypeAndShapeInfo();
  port.dtype = dtype_name(info.GetElementType());
  port.dims = info.GetShape();
  for (const char* symbol : info.GetSymbolicDimensions()) port.symbols.emplace_back(symbol);
  return port;
}

std::vector<Port> input_ports(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<Port> ports;
  for (size_t i = 0; i < session.GetInputCount(); ++i) {
    ports.push_back(port_of(session.GetInputNameAllocated(i, allocator).get(),
                            session.GetInputTypeInfo(i), false));
  }
  for (size_t i = 0; i < session.GetOverridableInitializerCount(); ++i) {
    ports.push_back(port_of(session.GetOverridableInitializerNameAllocated(i, allocator).get(),
                            session.GetOverridableInitializerTypeInfo(i), true));
  }
  return ports;
}

std::vector<Port> output_ports(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  std::vector<Port> ports;
  for (size_t i = 0; i < session.GetOutputCount(); ++i) {
    ports.push_back(port_of(session.GetOutputNameAllocated(i, allocator).get(),
                            session.GetOutputTypeInfo(i), false));
  }
  return ports;
}

template <typename T>
Ort::Value value_of(void* data, size_t elements, const std::vector<int64_t>& shape) {
  return Ort::Value::CreateTensor<T>(cpu_memory(), static_cast<T*>(data), elements, shape.data(),
                                     shape.size());
}

Ort::Value value_of(const TensorView& tensor) {
  size_t elements = 1;
  for (const int64_t dim : tensor.shape) elements *= static_cast<size_t>(dim);
  // ONNX Runtime refuses a null pointer even for an empty tensor.
  static std::array<int64_t, 1> nothing{};
  void* data = tensor.data != nullptr ? tensor.data : nothing.data();
  switch (tensor.type) {
    case ElementType::kInt64:
      return value_of<int64_t>(data, elements, tensor.shape);
    case ElementType::kBool:
      return value_of<bool>(data, elements, tensor.shape);
    case ElementType::kFloat32:
      break;
  }
  return value_of<float>(data, elements, tensor.shape);
}

}  // namespace

// ONNX Runtime only reads an input, but its type does not say so.
// NOLINTBEGIN(cppcoreguidelines-pro-type-const-cast)
TensorView input_view(std::span<const float> data, std::vector<int64_t> shape) {
  return {ElementType::kFloat32, const_cast<float*>(data.data()), std::move(shape)};
}
TensorView input_view(std::span<const int64_t> data, std::vector<int64_t> shape) {
  return {ElementType::kInt64, const_cast<int64_t*>(data.data()), std::move(shape)};
}
TensorView input_view(std::span<const uint8_t> data, std::vector<int64_t> shape) {
  return {ElementType::kBool, const_cast<uint8_t*>(data.data()), std::move(shape)};
}
// NOLINTEND(cppcoreguidelines-pro-type-const-cast)

struct Session::State {
  std::filesystem::path path;
  Ort::Session session{nullptr};
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

struct Binding::State {
  std::shared_ptr<Session::State> session;
  Ort::IoBinding binding{nullptr};
  Ort::RunOptions run_options;
};

std::string version() { return OrtGetApiBase()->GetVersionString(); }

Result<Session> Session::open(const std::filesystem::path& model, const SessionOptions& options) {
  // ONNX Runtime reports a missing file in terms of its own source; say it plainly.
  if (!std::ifstream(model).good()) return io_error(model.string(), "cannot open the model file");
  auto state = std::make_shared<State>();
  state->path = model;
  LAP_RETURN_IF_ERROR(guarded(model, ErrorKind::kBadInput, [&] {
    state->session = Ort::Session(environment(), model.c_str(), ort_options(options));
    state->inputs = input_ports(state->session);
    state->outputs = output_ports(state->session);
  }));
  return Session(std::move(state));
}

const std::filesystem::path& Session::path() const { return state_->path; }
const std::vector<Port>& Session::inputs() const { return state_->inputs; }
const std::vector<Port>& Session::outputs() const { return state_->outputs; }

Result<Binding> Session::bind() const {
  std::unique_ptr<Binding::State> state;
  LAP_RETURN_IF_ERROR(guarded(state_->path, ErrorKind::kInternal, [&] {
    state = std::make_unique<Binding::State>();
    state->session = state_;
    state->binding = Ort::IoBinding(state_->session);
  }));
  return Binding(std::move(state));
}

Result<std::string> Session::end_profiling() const {
  std::string file;
  LAP_RETURN_IF_ERROR(guarded(state_->path, ErrorKind::kInternal, [&] {
    Ort::AllocatorWithDefaultOptions allocator;
    file = state_->session.EndProfilingAllocated(allocator).get();
  }));
  return file;
}

Binding::Binding(std::unique_ptr<State> state) : state_(std::move(state)) {}
Binding::Binding(Binding&&) noexcept = default;
Binding& Binding::operator=(Binding&&) noexcept = default;
Binding::~Binding() = default;

Status Binding::input(const std::string& name, const TensorView& tensor) {
  return guarded(state_->session->path, ErrorKind::kInternal,
                 [&] { state_->binding.BindInput(name.c_str(), value_of(tensor)); });
}

Status Binding::output(const std::string& name, const TensorView& tensor) {
  return guarded(state_->session->path, ErrorKind::kInternal,
                 [&] { state_->binding.BindOutput(name.c_str(), value_of(tensor)); });
}

Status Binding::run() {
  return guarded(state_->session->path, ErrorKind::kInternal,
                 [&] { state_->session->session.Run(state_->run_options, state_->binding); });
}

}  // namespace lapidary::ort
