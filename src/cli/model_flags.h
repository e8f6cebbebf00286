// Options that the commands talking to a model share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/work.h"
#include "cli/command.h"
#include "runtime/generation.h"
#include "runtime/model.h"

namespace lapidary::cli {

// Which package, and how it is run.
struct ModelFlags {
  std::string package;
  int threads = 0;
  int64_t chunk = 256;
  int64_t context = 0;  // 0: the command's choice
  bool no_verify = false;
  bool unpack_weights = false;
  std::string device = "cpu";
  std::string qnn_libs, arch, soc;  // of the HTP

  void add_to(Command command);
  // --chunk, for the commands that run prompts.
  void add_chunk_to(Command command);
  // --context, for the commands whose cache is the user's to size.
  void add_context_to(Command command);
  // --unpack-weights, for the commands that run a package for long.
  void add_unpack_weights_to(Command command);
  // Errors besides Model::open's: kBadInput for options of another device than the chosen one.
  Result<runtime::Model> open(const Work& work) const;

 private:
  void add_device_to(Command command);
  Result<engine::DeviceOptions> device_options() const;
};

// --device of `command`, in the words of engine::name_of.
Option add_device_option(Command command, std::string& device);
engine::Device device_of(const std::string& word);

// How text is generated. What is not given comes from the package's generation_config.json.
struct GenerationFlags {
  bool greedy = false;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::optional<uint64_t> seed;  // without one, each run of the program draws its own
  std::vector<std::string> stop;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> min_tokens;

  void add_to(Command command);
  // Errors: kBadInput naming an option out of range.
  Result<runtime::GenerationOptions> resolve(const runtime::Model& model) const;
};

// Errors: kBadInput naming `where` (an option, the prompt) and the first byte that is not UTF-8.
Status check_utf8(const std::string& where, std::string_view text);

// The lines of --stats; `device`: Model::device().
std::string stats_text(const std::string& device, const runtime::Generation& reply,
                       double load_seconds);
// Seconds as --json has them: to the millionth.
double micro(double seconds);
// The members of "timings" in --json.
Json timings_json(const runtime::Generation& reply, double load_seconds);

}  // namespace lapidary::cli
