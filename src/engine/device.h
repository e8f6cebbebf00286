// Where a model runs, and whether the package is for that place. Graphs that the package holds as
// contexts run on the device: the decoder, and encoders of fixed lengths. All others run on the
// CPU, the embedding always.
//
//   LAP_ASSIGN_OR_RETURN(const ResolvedDevice device,
//                        resolve_device(package, {.device = Device::kHtpEmulated}));
//   LAP_ASSIGN_OR_RETURN(ort::Session session,
//                        ort::Session::open(package.path(device.file(part)),
//                                           {.execution_provider = device.provider}));
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "ort/session.h"
#include "package/package.h"

namespace lapidary::engine {

enum class Device {
  kCpu,          // the ONNX graphs on ONNX Runtime's CPU
  kHtpEmulated,  // context binaries on the vendor's emulation of the HTP, on x86
  kHtp,          // context binaries on the HTP of this machine
};
const char* name_of(Device device);  // "cpu", "htp-emulated", "htp"

struct DeviceOptions {
  Device device = Device::kCpu;
  std::string qnn_libs = {};  // folder of the vendor's libraries; "": htp/libraries.h
  // The chip, as target::resolve takes it; "": for kHtp as the machine says of itself, for
  // kHtpEmulated the one that the package is for.
  std::string arch = {}, soc = {};
  std::filesystem::path machine = "/sys/devices/soc0/machine";  // where Linux names its SoC
};

struct ResolvedDevice {
  std::optional<ort::ExecutionProvider> provider;  // none: the CPU
  std::map<std::string, std::string> contexts;     // file of a graph -> that of its context
  std::string name = "cpu";                        // "htp-emulated v81 (SM8850)"
  // Whether the graph has a context there.
  bool runs(const package::GraphRecord& graph) const { return contexts.contains(graph.file); }
  // What to load of the graph: its context, else its plain file.
  const std::string& file(const package::GraphRecord& graph) const;
};

// Whether the package holds graphs for the device; its files are not looked at.
// Errors: kUnsupported naming the devices that it holds graphs for.
Status check_device(const package::Package& package, Device device);

// The provider gets the options of the recipe that compiled, as far as they matter at run time.
// Errors, all before a library of the vendor is loaded: those of check_device; kUnsupported for a
// package built for another arch, by what its manifest says or what its binaries say, naming both;
// kBadInput for an unknown chip, for none on kHtp, for missing libraries and for such an option
// that is none of the provider's or has a value out of range.
Result<ResolvedDevice> resolve_device(const package::Package& package,
                                      const DeviceOptions& options);

}  // namespace lapidary::engine
