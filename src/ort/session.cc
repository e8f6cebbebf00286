#include "ort/session.h"

#include <onnxruntime_session_options_config_keys.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/input_file.h"
#include "base/parallel.h"
#include "ort/element_types.h"
#include "ort/environment.h"
#include "ort/quiet_stdout.h"

namespace lapidary::ort {
namespace {

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
  if (options.verbose) out.SetLogSeverityLevel(ORT_LOGGING_LEVEL_VERBOSE);
  if (options.execution_provider) append_execution_provider(*options.execution_provider, out);
  return out;
}

Port port_of(std::string name, const Ort::TypeInfo& type, bool optional) {
  Port port;
  port.name = std::move(name);
  port.optional = optional;
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return port;
  const auto info = type.GetTensorTypeAndShapeInfo();
  port.dtype = port_dtype(info.GetElementType());
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

}  // namespace

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
  if (std::error_code ignored; !std::filesystem::exists(model, ignored)) {
    return io_error(model.string(), "cannot open the model file");
  }
  // And would wait for a writer where the file is a pipe.
  if (auto file = InputFile::open(model); !file.ok()) return file.take_error();
  auto state = std::make_shared<State>();
  state->path = model;
  std::optional<QuietStdout> quiet;
  if (options.execution_provider && !options.verbose) quiet.emplace();
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

Result<std::vector<HostTensor>> Session::run(std::span<const HostTensor> inputs) const {
  std::vector<HostTensor> outputs;
  LAP_RETURN_IF_ERROR(guarded(state_->path, ErrorKind::kInternal, [&] {
    std::vector<const char*> input_names;
    std::vector<Ort::Value> input_values;
    for (const HostTensor& tensor : inputs) {
      input_names.push_back(tensor.name.c_str());
      input_values.push_back(value_of(input_view(tensor)));
    }
    std::vector<const char*> output_names;
    for (const Port& port : state_->outputs) output_names.push_back(port.name.c_str());
    const std::vector<Ort::Value> values =
        state_->session.Run(Ort::RunOptions(), input_names.data(), input_values.data(),
                            input_values.size(), output_names.data(), output_names.size());
    for (size_t i = 0; i < values.size(); ++i) {
      outputs.push_back(host_tensor(state_->outputs[i].name, values[i]));
    }
  }));
  return outputs;
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
