#include "runtime/device.h"

#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "htp/context_binary.h"
#include "htp/libraries.h"
#include "htp/provider_options.h"
#include "target/soc.h"

namespace lapidary::runtime {
namespace {

using package::ContextModel;
using package::HtpModel;
using package::Package;

// The chip of this machine by its own word.
Result<target::Target> machine_chip(const std::filesystem::path& machine) {
  std::string name;
  std::ifstream(machine) >> name;
  auto chip = target::resolve("", name);
  if (!name.empty() && chip.ok()) return chip;
  const std::string what =
      name.empty() ? "does not name the SoC of this machine" : "names '" + name + "', not known";
  return bad_input(machine.string(), what, "say which chip it is: --soc NAME or --arch vNN");
}

Result<target::Target> wanted_chip(const DeviceOptions& options, const HtpModel& htp) {
  if (!options.arch.empty() || !options.soc.empty()) {
    return target::resolve(options.arch, options.soc);
  }
  if (options.device == Device::kHtp) return machine_chip(options.machine);
  return target::resolve(htp.arch, htp.soc);
}

Status check_arch(const Package& package, const target::Target& chip) {
  const HtpModel& htp = *package.manifest.htp;
  if (htp.arch == target::name_of(chip.arch)) return {};
  return unsupported(
      package.dir.string(),
      "is built for " + htp.arch + " (" + htp.soc + "), not for " + target::name_of(chip),
      "build it again with --arch " + target::name_of(chip.arch));
}

// A file copied from another package has another checksum, but checksums need not be compared.
Status check_binaries(const Package& package, const std::vector<ContextModel>& contexts) {
  const HtpModel& htp = *package.manifest.htp;
  std::set<std::string> seen;
  for (const ContextModel& context : contexts) {
    if (!seen.insert(context.binary).second) continue;
    const std::filesystem::path path = package.path(context.binary);
    LAP_ASSIGN_OR_RETURN(const htp::BinaryTarget target, htp::read_binary_target(path));
    if (target.arch == htp.arch) continue;
    return unsupported(path.string(),
                       "is for " + target.arch + " (" + target.soc + "), but " +
                           package::kManifestFile + " says " + htp.arch + " (" + htp.soc + ")",
                       "restore the file, or build the package again");
  }
  return {};
}

}  // namespace

const char* name_of(Device device) {
  switch (device) {
    case Device::kHtpEmulated:
      return "htp-emulated";
    case Device::kHtp:
      return "htp";
    case Device::kCpu:
      break;
  }
  return "cpu";
}

const std::string& ResolvedDevice::file(const package::Component& graph) const {
  const auto context = contexts.find(graph.file);
  return context == contexts.end() ? graph.file : context->second;
}

Result<ResolvedDevice> resolve_device(const Package& package, const DeviceOptions& options) {
  if (options.device == Device::kCpu) return ResolvedDevice{};
  const package::Manifest& manifest = package.manifest;
  const std::string where = package.dir.string();
  if (!manifest.htp || (manifest.htp->device.empty() && manifest.htp->emulated.empty())) {
    return unsupported(where, "was not compiled for the HTP",
                       "use --device cpu, or build it with a recipe for the HTP");
  }
  const bool emulated = options.device == Device::kHtpEmulated;
  const std::vector<ContextModel>& list = emulated ? manifest.htp->emulated : manifest.htp->device;
  if (list.empty()) {
    return unsupported(
        where, std::string("holds no context binaries for --device ") + name_of(options.device),
        "build it again with them, or use --device " +
            std::string(emulated ? "htp" : "htp-emulated") + " or cpu");
  }
  LAP_ASSIGN_OR_RETURN(const target::Target chip, wanted_chip(options, *manifest.htp));
  LAP_RETURN_IF_ERROR(check_arch(package, chip));
  LAP_RETURN_IF_ERROR(check_binaries(package, list));
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(options.qnn_libs));
  LAP_ASSIGN_OR_RETURN(auto provider_options, htp::provider_options(libraries, chip, {}));
  ResolvedDevice out;
  out.provider = ort::ExecutionProvider{"QNN", libraries.provider(), std::move(provider_options)};
  for (const ContextModel& context : list) {
    for (const package::Component* part : manifest.parts(context.component, context.role)) {
      if (part->part == context.part) out.contexts[part->file] = context.file;
    }
  }
  return out;
}

}  // namespace lapidary::runtime
