#include "htp/provider_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/edit_distance.h"

namespace lapidary::htp {
namespace {

// kLibrary: the path of a library; kOpPackages: OPERATOR:LIBRARY:SYMBOL[:TARGET],... Both libraries
// are loaded, so they must be named by absolute paths.
enum class Kind { kSwitch, kChoice, kNumber, kText, kLibrary, kOpPackages };

// One option of the provider. Keys: the strings of onnxruntime-qnn 2.7.0's library; values: its
// sources and the session options' documentation, which agree with the library's strings.
struct Option {
  std::string_view key;
  Kind kind = Kind::kSwitch;      // a switch is "0" or "1"
  std::string_view choices = {};  // of kChoice: separated by single spaces
  int64_t min = 0;
  int64_t max = 0;
};

constexpr std::string_view kPerformanceModes =
    "burst balanced default high_performance high_power_saver low_balanced low_power_saver "
    "power_saver extreme_power_saver sustained_high_performance";

constexpr std::array kOptions = {
    Option{"device_id", Kind::kNumber, {}, 0, 255},
    Option{"disable_file_mapped_weights"},
    Option{"dump_json_qnn_graph"},
    Option{"dump_qnn_ep_input_graph"},
    Option{"dump_qnn_ep_input_graph_dir", Kind::kText},
    Option{"dump_qnn_ir_dlc"},
    Option{"dump_qnn_ir_dlc_dir", Kind::kText},
    Option{"enable_block_quant_weight_optimization"},
    Option{"enable_framework_op_trace"},
    Option{"enable_htp_fp16_clamp_overflow"},
    Option{"enable_htp_fp16_precision"},
    Option{"enable_htp_graph_splitting"},
    Option{"enable_htp_monolithic_lstm"},
    Option{"enable_htp_prepare_and_load"},
    Option{"enable_htp_prepare_only"},
    Option{"enable_htp_shared_memory_allocator"},
    Option{"enable_htp_spill_fill_buffer"},
    Option{"enable_vtcm_backup_buffer_sharing"},
    Option{"extended_udma"},
    Option{"framework_op_trace_dir", Kind::kText},
    Option{"htp_bf16_enable"},
    Option{"htp_graph_finalization_optimization_mode", Kind::kChoice, "0 1 2 3"},
    Option{"htp_graph_splitting_num_prepare_threads", Kind::kNumber, {}, 1, 256},
    Option{"htp_performance_mode", Kind::kChoice, kPerformanceModes},
    Option{"htp_reused_io_limit_mb", Kind::kNumber, {}, 0, 1 << 20},
    Option{"htp_share_resource_optimization"},
    Option{"json_qnn_graph_dir", Kind::kText},
    Option{"offload_graph_io_quantization"},
    Option{"op_affinity", Kind::kText},
    Option{"op_packages", Kind::kOpPackages},
    Option{"profiling_file_path", Kind::kText},
    Option{"profiling_level", Kind::kChoice, "off basic detailed optrace"},
    Option{"qnn_context_priority", Kind::kChoice, "low normal normal_high high"},
    Option{"qnn_ir_backend_path", Kind::kLibrary},
    Option{"qnn_saver_path", Kind::kLibrary},
    Option{"rpc_control_latency", Kind::kNumber, {}, 0, 1'000'000},
    Option{"skip_backend_op_validation"},
    Option{"skip_qnn_version_check"},
    Option{"vtcm_mb", Kind::kNumber, {}, 1, 1024},
};
constexpr std::array<std::string_view, 4> kSetHere = {"backend_path", "backend_type", "htp_arch",
                                                      "soc_model"};

// Of a session over context binaries: clocks, priority, and how a binary comes into memory.
constexpr std::array<std::string_view, 6> kAtRunTime = {
    "disable_file_mapped_weights", "enable_htp_spill_fill_buffer", "extended_udma",
    "htp_performance_mode",        "qnn_context_priority",         "rpc_control_latency"};

// Keys that a misspelling may have meant: the nearest, three at most.
std::string near_keys(std::string_view key) {
  std::vector<std::string_view> keys;
  keys.reserve(kOptions.size());
  for (const Option& option : kOptions) keys.push_back(option.key);
  std::stable_sort(keys.begin(), keys.end(), [&](std::string_view a, std::string_view b) {
    return edit_distance(key, a) < edit_distance(key, b);
  });
  keys.resize(3);
  return fmt::format("{}", fmt::join(keys, ", "));
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::optional<int64_t> number_of(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool absolute_path(std::string_view path) { return path.substr(0, 1) == "/"; }

// Of "Op:/lib.so:symbol,Op2:/lib.so:symbol": whether each library has an absolute path.
bool absolute_op_packages(std::string_view text) {
  for (;;) {
    const std::string_view package = text.substr(0, text.find(','));
    const size_t colon = package.find(':');
    if (colon == std::string_view::npos || !absolute_path(package.substr(colon + 1))) return false;
    if (package.size() == text.size()) return true;
    text.remove_prefix(package.size() + 1);
  }
}

Status check_value(const Option& option, const std::string& value) {
  const std::string where = "QNN option " + std::string(option.key);
  switch (option.kind) {
    case Kind::kText:
      if (!value.empty()) return {};
      return bad_input(where, "is empty");
    case Kind::kNumber: {
      const std::optional<int64_t> number = number_of(value);
      if (number && *number >= option.min && *number <= option.max) return {};
      return bad_input(
          where, fmt::format("'{}' is no number from {} to {}", value, option.min, option.max));
    }
    case Kind::kLibrary:
    case Kind::kOpPackages: {
      const bool absolute =
          option.kind == Kind::kLibrary ? absolute_path(value) : absolute_op_packages(value);
      if (absolute) return {};
      return bad_input(where, "'" + value + "' names no library by an absolute path");
    }
    case Kind::kSwitch:
    case Kind::kChoice:
      break;
  }
  const std::vector<std::string_view> choices =
      words_of(option.kind == Kind::kSwitch ? "0 1" : option.choices);
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return {};
  return bad_input(where, fmt::format("'{}' is not one of {}", value, fmt::join(choices, ", ")));
}

Status check_option(const std::string& key, const std::string& value) {
  if (std::find(kSetHere.begin(), kSetHere.end(), key) != kSetHere.end()) {
    return bad_input("QNN option " + key, "is set from the arch, the soc and the libraries' folder",
                     "leave it out");
  }
  const auto* const found = std::find_if(kOptions.begin(), kOptions.end(),
                                         [&](const Option& option) { return option.key == key; });
  if (found == kOptions.end()) {
    return bad_input("QNN option " + key, "does not exist", "near ones: " + near_keys(key));
  }
  return check_value(*found, value);
}

}  // namespace

Result<ProviderOptions> provider_options(const Libraries& libraries, const target::Target& chip,
                                         const std::map<std::string, std::string>& extra) {
  ProviderOptions options = {{"backend_path", libraries.backend().string()},
                             {"htp_arch", std::to_string(static_cast<int>(chip.arch))},
                             {"soc_model", std::to_string(chip.soc->model)}};
  for (const auto& [key, value] : extra) {
    LAP_RETURN_IF_ERROR(check_option(key, value));
    options.emplace_back(key, value);
  }
  return options;
}

std::map<std::string, std::string> run_time_options(
    const std::map<std::string, std::string>& options) {
  std::map<std::string, std::string> out;
  for (const std::string_view key : kAtRunTime) {
    const auto found = options.find(std::string(key));
    if (found != options.end()) out.insert(*found);
  }
  return out;
}

}  // namespace lapidary::htp
