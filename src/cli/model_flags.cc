#include "cli/model_flags.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "base/peak_memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cli/terminal.h"

namespace lapidary::cli {
namespace {

double milli(double value) { return std::round(value * 1e3) / 1e3; }

// Sampling flags ask for sampling even where the package's default is greedy.
bool asks_for_sampling(const GenerationFlags& f) {
  return f.temperature || f.top_k || f.top_p || f.min_p || f.seed;
}

// CLI11 takes -1 for a large number and cuts what does not fit.
std::string check_seed(const std::string& text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && rest == end) return {};
  return fmt::format("{} is not a whole number from 0 to {}", text,
                     std::numeric_limits<uint64_t>::max());
}

}  // namespace

Status check_utf8(const std::string& where, std::string_view text) {
  const size_t bad = find_invalid_utf8(text);
  if (bad == std::string_view::npos) return {};
  return bad_input(where, fmt::format("byte {} is not valid UTF-8", bad),
                   "convert the text to UTF-8");
}

void ModelFlags::add_to(Command command) {
  command.add_option("PACKAGE", package, "Package directory, made by `lapidary build`").required();
  command.add_option("--threads", threads, "Threads (default: all processors)").between(0, 1024);
  command.add_flag("--no-verify", no_verify, "Do not compare files with their checksums");
  add_device_to(command);
}

Option add_device_option(Command command, std::string& device) {
  return command
      .add_option("--device", device, "Where the model runs: cpu, htp-emulated (x86) or htp")
      .one_of({"cpu", "htp-emulated", "htp"});
}

engine::Device device_of(const std::string& word) {
  using engine::Device;
  for (const Device each : {Device::kHtpEmulated, Device::kHtp}) {
    if (word == name_of(each)) return each;
  }
  return Device::kCpu;
}

void ModelFlags::add_device_to(Command command) {
  add_device_option(command, device).show_default();
  command.add_option("--qnn-libs", qnn_libs,
                     "Folder of the QNN libraries (default: LAPIDARY_QNN_LIBS, the program's own)");
  command.add_option("--arch", arch, "The HTP's arch, e.g. v81 (default: the SoC's)");
  command.add_option("--soc", soc, "The SoC, e.g. SM8850 (default: this machine's)");
}

Result<engine::DeviceOptions> ModelFlags::device_options() const {
  using engine::Device;
  engine::DeviceOptions out;
  out.device = device_of(device);
  const std::pair<const char*, const std::string*> of_htp[] = {
      {"--qnn-libs", &qnn_libs}, {"--arch", &arch}, {"--soc", &soc}};
  for (const auto& [flag, value] : of_htp) {
    if (out.device != Device::kCpu || value->empty()) continue;
    return bad_input(flag, "means nothing on the CPU",
                     "leave it out, or add --device htp-emulated or --device htp");
  }
  out.qnn_libs = qnn_libs;
  out.arch = arch;
  out.soc = soc;
  return out;
}

void ModelFlags::add_chunk_to(Command command) {
  command.add_option("--chunk", chunk, "Most prompt tokens in one run of the graphs")
      .between(1, int64_t{1} << 20)
      .show_default();
}

void ModelFlags::add_unpack_weights_to(Command command) {
  command.add_flag(
      "--unpack-weights", unpack_weights,
      "On the CPU: make float32 of a package's integer weights once, when it is loaded "
      "(many times as fast for those of the HTP; four to eight times the memory)");
}

void ModelFlags::add_context_to(Command command) {
  command.add_option("--context", context, "Most tokens of prompt and reply together")
      .between(1, int64_t{1} << 30);
}

Result<runtime::Model> ModelFlags::open(const Work& work) const {
  runtime::ModelOptions options;
  options.session.threads = threads;
  LAP_ASSIGN_OR_RETURN(options.device, device_options());
  if (unpack_weights) {
    if (options.device.device != engine::Device::kCpu) {
      return bad_input("--unpack-weights", "means nothing on the HTP", "leave it out");
    }
    options.session.config.push_back(ort::kUnpackWeights);
  }
  options.verify = !no_verify;
  options.work = work;
  return runtime::Model::open(package, options);
}

void GenerationFlags::add_to(Command command) {
  command.add_flag("--greedy", greedy, "Always take the likeliest token");
  command.add_option("--temperature", temperature, "Flatten (> 1) or sharpen (< 1) the choice");
  command.add_option("--top-k", top_k, "Choose among the k likeliest tokens; 0: all");
  command.add_option("--top-p", top_p, "Choose among the likeliest tokens that sum to p");
  command.add_option("--min-p", min_p, "Drop tokens less likely than p times the likeliest");
  command.add_option("--repetition-penalty", repetition_penalty,
                     "Make tokens seen before less likely (> 1)");
  command.add_option("--seed", seed, "Seed of the random choice").passes(check_seed);
  command.add_option("--stop", stop, "End the reply before this text (repeatable)").repeatable();
  command.add_option("--max-tokens", max_tokens, "Most tokens of a reply");
  command.add_option("--min-tokens", min_tokens, "No stop token before so many tokens");
}

Result<runtime::GenerationOptions> GenerationFlags::resolve(const runtime::Model& model) const {
  runtime::GenerationOptions options = runtime::default_options(model.generation_config());
  runtime::SamplingOptions& sampling = options.sampling;
  if (asks_for_sampling(*this)) sampling.greedy = false;
  if (greedy) sampling.greedy = true;
  if (temperature) sampling.temperature = *temperature;
  if (top_k) sampling.top_k = *top_k;
  if (top_p) sampling.top_p = *top_p;
  if (min_p) sampling.min_p = *min_p;
  if (repetition_penalty) sampling.repetition_penalty = *repetition_penalty;
  sampling.seed = seed ? *seed : std::random_device()();
  if (min_tokens) options.min_tokens = *min_tokens;
  if (max_tokens) options.max_tokens = *max_tokens;
  // A wish for many tokens means a reply that may be that long.
  if (!max_tokens) options.max_tokens = std::max(options.max_tokens, options.min_tokens);
  for (const std::string& text : stop) {
    if (text.empty()) return bad_input("--stop", "is an empty text, which would end every reply");
    LAP_RETURN_IF_ERROR(check_utf8("--stop", text));
  }
  options.stop_strings.insert(options.stop_strings.end(), stop.begin(), stop.end());
  LAP_RETURN_IF_ERROR(runtime::validate(options));
  return options;
}

std::string stats_text(const std::string& device, const runtime::Generation& reply,
                       double load_seconds) {
  const runtime::GenerationTimings& t = reply.timings;
  return fmt::format(
      "device  {}\n"
      "load    {:.3f} s\n"
      "prompt  {} tokens ({} reused), {:.1f} tokens/s\n"
      "first   {:.3f} s to the first token\n"
      "decode  {} tokens, {:.1f} tokens/s, finish: {}\n"
      "memory  {} at most\n",
      device, load_seconds, t.prompt_tokens, t.reused_tokens, t.prompt_tokens_per_second(),
      t.first_token_seconds, reply.tokens.size(), t.decode_tokens_per_second(),
      runtime::name(reply.finish_reason), human_bytes(peak_resident_bytes()));
}

double micro(double seconds) { return std::round(seconds * 1e6) / 1e6; }

Json timings_json(const runtime::Generation& reply, double load_seconds) {
  const runtime::GenerationTimings& t = reply.timings;
  return {{"load_seconds", micro(load_seconds)},
          {"prompt_tokens", t.prompt_tokens},
          {"reused_tokens", t.reused_tokens},
          {"prompt_seconds", micro(t.prompt_seconds)},
          {"prompt_tokens_per_second", milli(t.prompt_tokens_per_second())},
          {"first_token_seconds", micro(t.first_token_seconds)},
          {"decode_tokens", reply.tokens.size()},
          {"decode_steps", t.decode_steps},
          {"decode_seconds", micro(t.decode_seconds)},
          {"decode_tokens_per_second", milli(t.decode_tokens_per_second())},
          {"peak_memory_bytes", peak_resident_bytes()}};
}

}  // namespace lapidary::cli
