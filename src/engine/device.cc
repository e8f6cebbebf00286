#include "engine/device.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "htp/context_binary.h"
#include "htp/libraries.h"
#include "htp/provider_options.h"
#include "target/soc.h"

namespace lapidary::engine {
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
  const std::string what = name.empty() ? "does not name the SoC of this machine"
                                        : fmt::format("names '{}', not known", name);
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
      fmt::format("is built for {} ({}), not for {}", htp.arch, htp.soc, target::name_of(chip)),
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
                       fmt::format("is for {} ({}), but {} says {} ({})", target.arch, target.soc,
                                   package::kManifestFile, htp.arch, htp.soc),
                       "restore the file, or build the package again");
  }
  return {};
}

// The devices that the package holds graphs for: "--device htp or --device cpu".
std::string devices_of(const package::Manifest& manifest) {
  const bool plain =
      std::all_of(manifest.components.begin(), manifest.components.end(),
                  [&](const package::GraphRecord& graph) { return manifest.lists(graph.file); });
  std::string out;
  const auto add = [&](bool there, Device device) {
    if (there) out += (out.empty() ? "--device " : " or --device ") + std::string(name_of(device));
  };
  add(manifest.htp && !manifest.htp->device.empty(), Device::kHtp);
  add(manifest.htp && !manifest.htp->emulated.empty(), Device::kHtpEmulated);
  add(plain, Device::kCpu);
  return out;
}

const std::vector<ContextModel>& contexts_for(const HtpModel& htp, Device device) {
  return device == Device::kHtpEmulated ? htp.emulated : htp.device;
}

// The provider options of the passes that compiled, as the recipe writes them (Olive writes numbers
// and switches as strings; either is meant).
std::map<std::string, std::string> compile_options(const Json& recipe) {
  std::map<std::string, std::string> out;
  if (!recipe.contains("passes")) return out;
  for (const Json& pass : recipe["passes"]) {
    if (!pass.is_object() || !pass.contains("provider_options")) continue;
    for (const auto& [key, value] : pass["provider_options"].items()) {
      if (value.is_boolean()) {
        out[key] = value.get<bool>() ? "1" : "0";
      } else {
        out[key] = value.is_string() ? value.get<std::string>() : value.dump();
      }
    }
  }
  return out;
}

Result<htp::ProviderOptions> provider_options(const Package& package,
                                              const htp::Libraries& libraries,
                                              const target::Target& chip) {
  return htp::provider_options(libraries, chip,
                               htp::run_time_options(compile_options(package.manifest.recipe)));
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

const std::string& ResolvedDevice::file(const package::GraphRecord& graph) const {
  const auto context = contexts.find(graph.file);
  return context == contexts.end() ? graph.file : context->second;
}

Status check_device(const Package& package, Device device) {
  const package::Manifest& manifest = package.manifest;
  const std::string where = package.dir.string();
  const std::string held = devices_of(manifest);
  const std::string remedy = held.empty() ? "build the package again" : "use " + held;
  if (device == Device::kCpu) {
    for (const package::GraphRecord& graph : manifest.components) {
      if (manifest.lists(graph.file)) continue;
      return unsupported(where, "was exported for the HTP and lacks " + graph.file,
                         remedy + ", or the package that it was exported from");
    }
    return {};
  }
  if (!manifest.htp || (manifest.htp->device.empty() && manifest.htp->emulated.empty())) {
    return unsupported(where, "was not compiled for the HTP, or exported for the CPU",
                       remedy + ", or build it with a recipe for the HTP");
  }
  if (contexts_for(*manifest.htp, device).empty()) {
    return unsupported(where,
                       fmt::format("holds no context binaries for --device {}", name_of(device)),
                       remedy + ", or a package that has them");
  }
  return {};
}

Result<ResolvedDevice> resolve_device(const Package& package, const DeviceOptions& options) {
  LAP_RETURN_IF_ERROR(check_device(package, options.device));
  if (options.device == Device::kCpu) return ResolvedDevice{};
  const package::Manifest& manifest = package.manifest;
  const std::vector<ContextModel>& list = contexts_for(*manifest.htp, options.device);
  LAP_ASSIGN_OR_RETURN(const target::Target chip, wanted_chip(options, *manifest.htp));
  LAP_RETURN_IF_ERROR(check_arch(package, chip));
  LAP_RETURN_IF_ERROR(check_binaries(package, list));
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries,
                       options.device == Device::kHtp
                           ? htp::find_device_libraries(options.qnn_libs, chip.arch)
                           : htp::find_libraries(options.qnn_libs));
  LAP_ASSIGN_OR_RETURN(auto chosen, provider_options(package, libraries, chip));
  ResolvedDevice out;
  out.provider = ort::ExecutionProvider{"QNN", libraries.provider(), std::move(chosen)};
  out.name = fmt::format("{} {}", name_of(options.device), target::name_of(chip));
  for (const ContextModel& context : list) {
    for (const package::GraphRecord* part : manifest.parts(context.component, context.role)) {
      if (part->part == context.part) out.contexts[part->file] = context.file;
    }
  }
  return out;
}

}  // namespace lapidary::engine
