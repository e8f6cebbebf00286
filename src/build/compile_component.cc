#include "build/compile_component.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "htp/claims_report.h"
#include "htp/compile.h"
#include "htp/installed_stack.h"

namespace lapidary::build {
namespace {

namespace fs = std::filesystem;
using package::GraphRecord;

using Parts = std::map<int64_t, std::vector<const GraphRecord*>>;

Parts by_part(const std::vector<const GraphRecord*>& records) {
  Parts out;
  for (const GraphRecord* record : records) out[record->part].push_back(record);
  return out;
}

std::string stem(const GraphRecord& record) { return fs::path(record.file).stem().string(); }

class ComponentCompiler {
 public:
  ComponentCompiler(const recipe::CompileStep& step, const htp::Compiler& compiler,
                    fs::path staging, std::string component)
      : step_(step),
        compiler_(compiler),
        staging_(std::move(staging)),
        component_(std::move(component)) {}

  // What only a device loads.
  Status shared(const std::vector<const GraphRecord*>& graphs) {
    const std::string binary = fmt::format("part.{}.bin", graphs.front()->part);
    return compile(graphs, "htp", binary, {&out_.device});
  }
  // One binary a graph, which the emulator loads as a device does.
  Status alone(const std::vector<const GraphRecord*>& graphs) {
    for (const GraphRecord* graph : graphs) {
      LAP_RETURN_IF_ERROR(
          compile({graph}, "htp", stem(*graph) + ".bin", {&out_.device, &out_.emulated}));
    }
    return {};
  }
  Status emulated(const std::vector<const GraphRecord*>& graphs) {
    for (const GraphRecord* graph : graphs) {
      LAP_RETURN_IF_ERROR(compile({graph}, "emulated", stem(*graph) + ".bin", {&out_.emulated}));
    }
    return {};
  }

  Status write_claims(const target::Target& chip) {
    const std::string file = component_ + "/claims.json";
    const Json json = htp::claims_report(chip, claims_);
    LAP_RETURN_IF_ERROR(write_file(staging_ / file, json.dump(1) + "\n"));
    out_.files.push_back(file);
    return {};
  }

  CompiledComponent& out() { return out_; }

 private:
  Status compile(const std::vector<const GraphRecord*>& graphs, const std::string& folder,
                 const std::string& binary,
                 const std::vector<std::vector<package::ContextModel>*>& lists) {
    const std::string at = fmt::format("{}/{}/", component_, folder);
    htp::CompileJob job;
    if (!step_.embed_context) job.binary = staging_ / (at + binary);
    job.embed = step_.embed_context;
    std::vector<contract::Role> roles;
    for (const GraphRecord* graph : graphs) {
      job.graphs.push_back({staging_ / graph->file, staging_ / (at + stem(*graph) + ".onnx")});
      roles.push_back(graph->role);
    }
    job.name = recipe::context_name(component_, graphs.front()->part, roles);
    LAP_ASSIGN_OR_RETURN(htp::Compiled compiled, compiler_.compile(job));
    CompiledPart part{job.name, compiled.seconds, compiled.peak_bytes, compiled.binary_bytes,
                      compiled.cached};
    if (!step_.embed_context) out_.files.push_back(at + binary);
    for (size_t i = 0; i < graphs.size(); ++i) {
      const GraphRecord& graph = *graphs[i];
      const std::string file = at + stem(graph) + ".onnx";
      for (auto* models : lists) {
        models->push_back(
            {graph.name, graph.role, graph.part, file, step_.embed_context ? file : at + binary});
      }
      out_.files.push_back(file);
      htp::NodeClaims& claims = compiled.graphs[i].nodes;
      part.nodes += claims.nodes.size();
      part.cpu_nodes += claims.count(htp::NodeClaim::Place::kCpu);
      note_claims({graph.name, graph.role, graph.part, std::move(claims)});
    }
    out_.parts.push_back(std::move(part));
    return {};
  }

  // A graph compiled twice (shared and alone) is reported once: what is verified counts.
  void note_claims(htp::ReportedGraph entry) {
    const auto same = std::find_if(claims_.begin(), claims_.end(), [&](const auto& each) {
      return each.role == entry.role && each.part == entry.part;
    });
    if (same == claims_.end()) {
      claims_.push_back(std::move(entry));
    } else {
      *same = std::move(entry);
    }
  }

  const recipe::CompileStep& step_;
  const htp::Compiler& compiler_;
  fs::path staging_;
  std::string component_;
  std::vector<htp::ReportedGraph> claims_;
  CompiledComponent out_;
};

Result<htp::Compiler> make_compiler(const recipe::CompileStep& step, const target::Target& chip,
                                    const HtpOptions& options, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(options.qnn_libs));
  htp::CompilerSettings settings;
  settings.provider_options = step.provider_options;
  settings.provider_options.erase("soc_model");  // follows from the chip
  settings.limits = {.seconds = options.seconds, .memory_bytes = options.memory_bytes};
  settings.allow_cpu = options.allow_cpu;
  if (!options.cache.empty()) settings.cache = options.cache / "contexts";
  settings.work = work;
  return htp::Compiler::create(libraries, chip, std::move(settings));
}

}  // namespace

Result<target::Target> chip_of(const recipe::CompileStep& step, const HtpOptions& options) {
  const auto soc = step.provider_options.find("soc_model");
  if (soc == step.provider_options.end()) {
    if (options.chip) return *options.chip;
    return bad_input(step.name, "compiles for a chip, and none is named",
                     "add --arch (v73, v75, v79, v81) or --soc; `lapidary targets` lists them");
  }
  LAP_ASSIGN_OR_RETURN(const target::Target named, target::resolve("", soc->second));
  if (options.chip && options.chip->soc != named.soc) {
    return bad_input(step.name,
                     fmt::format("compiles for {}, the command line asks for {}",
                                 target::name_of(named), target::name_of(*options.chip)),
                     "leave out --arch and --soc, or the recipe's soc_model");
  }
  return named;
}

Result<std::optional<target::Target>> chip_of(const recipe::Recipe& recipe,
                                              const HtpOptions& options) {
  std::optional<target::Target> out;
  if (recipe.compile) {
    LAP_ASSIGN_OR_RETURN(out, chip_of(*recipe.compile, options));
  } else if (options.chip) {
    return bad_input(recipe.where,
                     "compiles nothing for the HTP, so --arch and --soc mean nothing to it",
                     "choose a recipe such as htp-w8a16, or leave them out");
  }
  return out;
}

Status check_compiler(const recipe::CompileStep& step, const target::Target& chip,
                      const HtpOptions& options) {
  const auto compiler = make_compiler(step, chip, options, {});
  return compiler.ok() ? Status() : compiler.error();
}

Result<package::HtpModel> htp_model(const target::Target& chip, const HtpOptions& options) {
  LAP_ASSIGN_OR_RETURN(const htp::Libraries libraries, htp::find_libraries(options.qnn_libs));
  LAP_ASSIGN_OR_RETURN(const htp::InstalledStack stack, htp::installed_stack(libraries));
  package::HtpModel out;
  out.arch = target::name_of(chip.arch);
  out.soc = chip.soc->name;
  out.soc_model = chip.soc->model;
  out.onnxruntime_qnn = stack.versions.onnxruntime_qnn;
  out.qnn = stack.versions.qnn;
  return out;
}

Result<CompiledComponent> compile_component(const recipe::CompileStep& step,
                                            const std::vector<const GraphRecord*>& records,
                                            const target::Target& chip, const HtpOptions& options,
                                            const fs::path& staging, const Work& work) {
  LAP_ASSIGN_OR_RETURN(const htp::Compiler compiler, make_compiler(step, chip, options, work));
  const std::string component = records.front()->name;
  std::error_code ignored;
  for (const char* folder : {"htp", "emulated"})
    fs::remove_all(staging / component / folder, ignored);
  ComponentCompiler compile(step, compiler, staging, component);
  for (const auto& [part, graphs] : by_part(records)) {
    const bool share = step.shares(graphs.size());
    LAP_RETURN_IF_ERROR(share ? compile.shared(graphs) : compile.alone(graphs));
    if (step.emulation && share) LAP_RETURN_IF_ERROR(compile.emulated(graphs));
  }
  LAP_RETURN_IF_ERROR(compile.write_claims(chip));
  return std::move(compile.out());
}

}  // namespace lapidary::build
