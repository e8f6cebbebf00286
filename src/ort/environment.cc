#include "ort/environment.h"

#include <fmt/format.h>
#include <onnxruntime_session_options_config_keys.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>
#include <unordered_map>
#include <vector>

namespace lapidary::ort {
namespace {

// See the header. Runs before main(): a static object of this file, which every program that makes
// an environment links.
// NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet
const bool kTelemetryIsOff = ::setenv("ORT_DISABLE_TELEMETRY", "1", 1) == 0;

// Which library a provider's name was registered with. ONNX Runtime has no second library under
// one name, and no way to ask.
void register_library(const ExecutionProvider& provider) {
  if (!provider.library.is_absolute()) {
    throw std::runtime_error("the library of execution provider " + provider.name + ", '" +
                             provider.library.string() + "', is not named by an absolute path");
  }
  static std::mutex mutex;
  static std::map<std::string, std::filesystem::path> registered;
  const std::scoped_lock lock(mutex);
  const auto found = registered.find(provider.name);
  if (found == registered.end()) {
    environment().RegisterExecutionProviderLibrary(provider.name.c_str(),
                                                   provider.library.string());
    registered.emplace(provider.name, provider.library);
  } else if (found->second != provider.library) {
    throw std::runtime_error(fmt::format("execution provider {} is loaded from {} already, not {}",
                                         provider.name, found->second.string(),
                                         provider.library.string()));
  }
}

const char* name_of(OrtHardwareDeviceType type) {
  switch (type) {
    case OrtHardwareDeviceType_CPU:
      return "CPU";
    case OrtHardwareDeviceType_GPU:
      return "GPU";
    case OrtHardwareDeviceType_NPU:
      return "NPU";
  }
  return "unknown";
}

}  // namespace

// Log lines would break the "library never prints" rule; what matters in them also arrives as
// exceptions.
Ort::Env& environment() {
  static Ort::Env env = [] {
    if (!kTelemetryIsOff) throw std::bad_alloc();  // setenv() fails for want of memory alone
    return Ort::Env(ORT_LOGGING_LEVEL_FATAL, "lapidary");
  }();
  return env;
}

std::optional<size_t> choose_device(const std::vector<ListedDevice>& devices,
                                    const std::string& provider) {
  std::optional<size_t> first;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].provider != provider) continue;
    if (devices[i].type == OrtHardwareDeviceType_NPU) return i;
    if (!first) first = i;
  }
  return first;
}

std::string text(const std::vector<ListedDevice>& devices) {
  if (devices.empty()) return "none";
  std::vector<std::string> out;
  out.reserve(devices.size());
  for (const ListedDevice& device : devices) {
    out.push_back(fmt::format("{} ({})", device.provider, name_of(device.type)));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

void append_execution_provider(const ExecutionProvider& provider, Ort::SessionOptions& session) {
  register_library(provider);
  const std::vector<Ort::ConstEpDevice> all = environment().GetEpDevices();
  std::vector<ListedDevice> listed;
  listed.reserve(all.size());
  for (const Ort::ConstEpDevice& device : all) {
    listed.push_back({device.EpName(), device.Device().Type()});
  }
  const std::optional<size_t> chosen = choose_device(listed, provider.name);
  if (!chosen) {
    throw std::runtime_error(
        fmt::format("execution provider {} of {} lists no device; there are: {}", provider.name,
                    provider.library.string(), text(listed)));
  }
  const std::unordered_map<std::string, std::string> options(provider.options.begin(),
                                                             provider.options.end());
  session.AppendExecutionProvider_V2(environment(), {all[*chosen]}, options);
  if (!provider.allow_cpu) {
    session.AddConfigEntry(kOrtSessionOptionsDisableCPUEPFallback, "1");
  }
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(c == '\n' || c == '\r' ? ' ' : c);
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace lapidary::ort
