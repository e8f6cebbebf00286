#include "htp/compile.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/glob.h"
#include "base/hash.h"
#include "base/version.h"
#include "graph/onnx_reader.h"
#include "htp/compile_run.h"
#include "htp/context_binary.h"
#include "htp/context_model.h"
#include "htp/cpu_errors.h"
#include "htp/file_memo.h"
#include "htp/model_files.h"

namespace lapidary::htp {
namespace {

namespace fs = std::filesystem;

// Of the provider: Quantize and DequantizeLinear at the graph's border are left to the CPU unless
// it is 0. It is 0 by itself when nothing may run on the CPU.
constexpr const char* kBorderOnCpu = "offload_graph_io_quantization";

// A folder that is gone when this goes.
class WorkFolder {
 public:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) { clear(); }
  ~WorkFolder() { clear(); }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  void clear() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path path_;
};

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? Status(system_error(folder, error.value())) : Status();
}

// How an output names its binary: relative to its own folder, downwards.
std::string relative_binary(const CompileJob& job, const CompileGraph& graph) {
  if (job.embed) return "";
  return fs::absolute(job.binary)
      .lexically_normal()
      .lexically_relative(fs::absolute(graph.output).lexically_normal().parent_path())
      .generic_string();
}

Status check(const CompileJob& job) {
  if (job.graphs.empty()) return bad_input(job.name, "has no graph to compile");
  if (job.embed != job.binary.empty()) {
    return bad_input(job.name, "needs a path for its binary, or to embed it, and not both");
  }
  if (job.embed && job.graphs.size() > 1) {
    return bad_input(job.name, "several graphs cannot share a binary that lies inside one of them",
                     "do not embed it");
  }
  std::set<fs::path> outputs;
  for (const CompileGraph& graph : job.graphs) {
    if (!outputs.insert(fs::absolute(graph.output).lexically_normal()).second) {
      return bad_input(graph.output.string(), "is the output of two graphs");
    }
    const std::string binary = relative_binary(job, graph);
    if (!job.embed && (binary.empty() || binary.starts_with("..") || binary.starts_with("/"))) {
      return bad_input(job.binary.string(), "lies outside the folder of " + graph.output.string(),
                       "ONNX Runtime reads context binaries below a model's folder only");
    }
  }
  return {};
}

Result<BinaryTarget> target_of(const CompileJob& job, const fs::path& products) {
  if (!job.embed) return read_binary_target(binary_file(products));
  const fs::path file = context_file(products, 0);
  LAP_ASSIGN_OR_RETURN(const graph::Graph context, graph::load(file));
  LAP_ASSIGN_OR_RETURN(const auto bytes, embedded_binary(context, file.string()));
  if (auto target = find_binary_target(bytes)) return *std::move(target);
  return internal_error(job.name, "the compiler's binary does not say for which arch it is");
}

// What the graph became. Errors: a node on the CPU that may not run there.
Result<CompiledGraph> read_graph(const CompileGraph& graph, const fs::path& products, size_t index,
                                 const std::vector<Refusal>& refused, const target::Target& chip,
                                 const std::vector<std::string>& allowed) {
  LAP_ASSIGN_OR_RETURN(const graph::Graph model, graph::load(graph.model));
  LAP_ASSIGN_OR_RETURN(const graph::Graph context, graph::load(context_file(products, index)));
  const std::vector<CpuNode> on_cpu = cpu_nodes(context, model);
  LAP_RETURN_IF_ERROR(check_cpu_nodes(on_cpu, allowed, refused, {graph.model, model, chip}));
  CompiledGraph out;
  for (const CpuNode& node : on_cpu) out.cpu_nodes.push_back(node.name);
  LAP_ASSIGN_OR_RETURN(const auto dumps, dumps_of(products, index));
  LAP_ASSIGN_OR_RETURN(out.claims, read_claims(dumps));
  out.nodes = claims_by_node(model, out.claims, out.cpu_nodes);
  return out;
}

// Renames whole files to where they belong; all of them, or none.
class Installer {
 public:
  ~Installer() {
    std::error_code ignored;
    for (const fs::path& file : placed_) fs::remove(file, ignored);
  }
  Status place(const fs::path& from, const fs::path& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) return system_error(to, errno);
    placed_.push_back(to);
    return {};
  }
  void keep() { placed_.clear(); }

 private:
  std::vector<fs::path> placed_;
};

Status install(const CompileJob& job, const fs::path& products, const fs::path& folder) {
  struct Staged {
    fs::path from, to;
  };
  std::vector<Staged> staged;
  if (!job.embed) staged.push_back({binary_file(products), job.binary});
  for (size_t i = 0; i < job.graphs.size(); ++i) {
    const fs::path& output = job.graphs[i].output;
    const fs::path place = folder / fmt::format("final_{}", i);
    LAP_RETURN_IF_ERROR(make_folder(place));
    LAP_ASSIGN_OR_RETURN(graph::Graph context, graph::load(context_file(products, i)));
    LAP_ASSIGN_OR_RETURN(const auto files,
                         save_context(std::move(context), relative_binary(job, job.graphs[i]),
                                      place / output.filename()));
    for (const fs::path& file : files) {
      staged.push_back({file, output.parent_path() / file.filename()});
    }
  }
  Installer installer;
  for (const auto& [from, to] : staged) {
    if (!to.parent_path().empty()) LAP_RETURN_IF_ERROR(make_folder(to.parent_path()));
    LAP_RETURN_IF_ERROR(installer.place(from, to));
  }
  installer.keep();
  return {};
}

fs::path folder_of(const CompileJob& job) {
  fs::path folder = job.embed ? job.graphs.front().output : job.binary;
  folder += ".partial";
  return folder;
}

// Of the libraries' contents, 215 MB: a build asks several times.
Result<std::string> stack_key(const Libraries& libraries, const Work& work) {
  static FileMemo hashes;
  const auto hash = [&work](const fs::path& file) { return file_hash(file, work); };
  std::vector<std::string> parts;
  for (const fs::path& file :
       {libraries.provider(), libraries.backend(), libraries.folder / "libHtpPrepare.so"}) {
    LAP_ASSIGN_OR_RETURN(parts.emplace_back(), hashes.get(file, hash));
  }
  return cache_key(parts, {});
}

}  // namespace

Compiler::Compiler(Libraries libraries, const target::Target& chip, ProviderOptions options,
                   CompilerSettings settings)
    : libraries_(std::move(libraries)),
      chip_(chip),
      options_(std::move(options)),
      settings_(std::move(settings)) {}

Result<Compiler> Compiler::create(const Libraries& libraries, const target::Target& chip,
                                  CompilerSettings settings) {
  LAP_ASSIGN_OR_RETURN(ProviderOptions options,
                       htp::provider_options(libraries, chip, settings.provider_options));
  if (!settings.allow_cpu.empty() && !settings.provider_options.contains(kBorderOnCpu)) {
    options.emplace_back(kBorderOnCpu, "0");
  }
  if (settings.program.empty()) settings.program = own_program();
  Compiler compiler(libraries, chip, std::move(options), std::move(settings));
  if (compiler.settings_.cache.empty()) return compiler;
  LAP_ASSIGN_OR_RETURN(compiler.cache_, CompileCache::open(compiler.settings_.cache));
  LAP_ASSIGN_OR_RETURN(compiler.stack_, stack_key(libraries, compiler.settings_.work.silent()));
  return compiler;
}

Result<std::string> Compiler::key_of(const CompileJob& job) const {
  std::vector<std::string> texts = {kVersion, stack_, target::name_of(chip_),
                                    job.embed ? "embedded" : "beside",
                                    settings_.allow_cpu.empty() ? "htp" : "htp and cpu"};
  for (const auto& [key, value] : options_) {
    if (key != "backend_path") texts.push_back(key + "=" + value);
  }
  std::vector<fs::path> files;
  for (const CompileGraph& graph : job.graphs) {
    LAP_ASSIGN_OR_RETURN(const std::vector<fs::path> each, model_files(graph.model));
    texts.push_back(fmt::format("graph of {} files", each.size()));
    // The names of partitions in the binary depend on it (compile_run.cc).
    texts.push_back(graph.model.filename().string());
    files.insert(files.end(), each.begin(), each.end());
  }
  return cache_key(texts, files, settings_.work.silent());
}

// True: the products came out of the cache.
Result<bool> Compiler::make_products(const fs::path& folder, const CompileJob& job,
                                     const std::string& key) const {
  if (cache_) {
    LAP_ASSIGN_OR_RETURN(const bool found,
                         cache_->fetch(key, products_of(folder), settings_.work.silent()));
    if (found) return true;
  }
  CompilerRun run{job.name, {}, job.embed, !settings_.allow_cpu.empty()};
  for (const CompileGraph& graph : job.graphs) run.models.push_back(graph.model);
  run.program = settings_.program;
  run.provider = libraries_.provider();
  run.options = options_;
  run.limits = settings_.limits;
  run.retries = settings_.retries;
  run.work = settings_.work;
  LAP_ASSIGN_OR_RETURN(const std::vector<NotTaken> not_taken, run_compiler(run, folder));
  if (!not_taken.empty()) return explain(not_taken.front(), run, folder, chip_);
  return false;
}

Result<Compiled> Compiler::compile_in(const fs::path& folder, const CompileJob& job) const {
  std::string key;
  if (cache_) {
    LAP_ASSIGN_OR_RETURN(key, key_of(job));
  }
  LAP_ASSIGN_OR_RETURN(const bool cached, make_products(folder, job, key));
  const fs::path products = products_of(folder);
  LAP_ASSIGN_OR_RETURN(const RunRecord record, read_record(products));
  Compiled out;
  out.cached = cached;
  out.seconds = record.seconds;
  out.peak_bytes = record.peak_bytes;
  for (size_t i = 0; i < job.graphs.size(); ++i) {
    LAP_ASSIGN_OR_RETURN(CompiledGraph graph, read_graph(job.graphs[i], products, i, record.refused,
                                                         chip_, settings_.allow_cpu));
    out.graphs.push_back(std::move(graph));
  }
  LAP_ASSIGN_OR_RETURN(const BinaryTarget made_for, target_of(job, products));
  out.arch = made_for.arch;
  out.soc = made_for.soc;
  if (out.arch != target::name_of(chip_.arch)) {
    return internal_error(
        job.name, fmt::format("the compiler made a binary for {} ({}) instead of {}", out.arch,
                              out.soc, target::name_of(chip_)));
  }
  std::error_code error;
  const fs::path binary = job.embed ? context_file(products, 0) : binary_file(products);
  out.binary_bytes = fs::file_size(binary, error);
  if (error) return system_error(binary, error.value());
  // Whoever ends the work now will want what took the compiler an hour: it is kept all the same.
  if (cache_ && !cached) LAP_RETURN_IF_ERROR(cache_->store(key, products));
  LAP_RETURN_IF_ERROR(install(job, products, folder));
  return out;
}

Result<Compiled> Compiler::compile(const CompileJob& job) const {
  LAP_RETURN_IF_ERROR(check(job));
  settings_.work.stage("compile " + job.name, job.graphs.size(), Unit::kGraphs);
  const WorkFolder folder(folder_of(job));
  LAP_RETURN_IF_ERROR(make_folder(folder.path()));
  auto compiled = compile_in(folder.path(), job);
  if (compiled.ok()) settings_.work.advance(job.graphs.size());
  return compiled;
}

}  // namespace lapidary::htp
