// What the files of this room share and no other room may see: ONNX Runtime's environment.
//
// ONNX Runtime is kept quiet. From 1.29 on (seen up to 1.31.1, Linux) the library has a telemetry
// client of its own: with the environment it makes ~/.cache/Microsoft/DeveloperTools/.onnxruntime
// with a database and a number for this machine, and some nine seconds later it looks for its
// server. What we run is nobody else's business, so the client is never made: this room sets
// ORT_DISABLE_TELEMETRY=1 before main(), whatever the variable was. Before main(), because setenv()
// races with any other thread's getenv(); not too late, because the library reads the variable when
// its environment is made and not when it is loaded. Child processes inherit it. The API's
// DisableTelemetryEvents() is no substitute: it takes an environment, and by then the database
// is written and the client running; it went on to look for its server all the same. Versions
// before 1.29 have no client and do not know the variable. tests/quiet.sh holds the whole program
// to this.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ort/session.h"

namespace lapidary::ort {

// ONNX Runtime keeps one environment a process. It lives until exit, as its logger must outlive
// every session. No other code may make one. Throws what ONNX Runtime throws, std::bad_alloc when
// there was no memory for what keeps it quiet.
Ort::Env& environment();

// What ONNX Runtime lists: a device of this machine that a provider can use.
struct ListedDevice {
  std::string provider;
  OrtHardwareDeviceType type = OrtHardwareDeviceType_CPU;
};

// Which of `devices` a session of `provider` is for: its NPU, else the first that it has (an
// emulator is listed as the CPU that it runs on); none when it has none. As ONNX Runtime lists them
// in no order that it promises, a machine may name its CPU or GPU first.
std::optional<size_t> choose_device(const std::vector<ListedDevice>& devices,
                                    const std::string& provider);
// "CPUExecutionProvider (CPU), QNN (GPU)"; "none".
std::string text(const std::vector<ListedDevice>& devices);

// Registers the provider's library with the process, unless that has been done, and appends the
// provider to `session`. The only place where a library is loaded on purpose while the program runs;
// its path must be absolute, as the loader seeks any other one in places that are not ours. Throws
// what ONNX Runtime throws, std::runtime_error for a relative path and when the library lists no
// device, with what is listed.
void append_execution_provider(const ExecutionProvider& provider, Ort::SessionOptions& session);

std::string one_line(std::string_view text);

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

}  // namespace lapidary::ort
