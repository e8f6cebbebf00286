#include "passes/weight_only/weight_selection.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "base/glob.h"

namespace lapidary::passes {
namespace {

bool any_match(const std::vector<std::string>& patterns, const std::string& node) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, node); });
}

void check_bits(JsonReader& reader, const std::string& key, int64_t bits) {
  if (bits != 4 && bits != 8) reader.fail(key, fmt::format("is {}, must be 4 or 8", bits));
}

void check_block_size(JsonReader& reader, const std::string& key, int64_t size) {
  if (size < 16 || size > 256 || !std::has_single_bit(static_cast<uint64_t>(size))) {
    reader.fail(key, fmt::format("is {}, must be 16, 32, 64, 128 or 256", size));
  }
}

NodeOverride read_override(JsonReader reader) {
  NodeOverride out;
  if (const auto bits = reader.optional_integer("bits")) {
    check_bits(reader, "bits", *bits);
    out.bits = static_cast<int>(*bits);
  }
  // Olive says group_size here and block_size elsewhere; both are understood.
  for (const char* key : {"group_size", "block_size"}) {
    if (const auto size = reader.optional_integer(key)) {
      check_block_size(reader, key, *size);
      out.block_size = static_cast<int>(*size);
    }
  }
  out.symmetric = reader.optional_boolean("is_symmetric");
  reader.reject_unknown("known keys: bits, group_size, is_symmetric");
  return out;
}

}  // namespace

bool WeightSelection::selects(const std::string& node) const {
  return !any_match(nodes_to_exclude, node) &&
         (nodes_to_include.empty() || any_match(nodes_to_include, node));
}

quant::BlockFormat WeightSelection::format_of(const std::string& node) const {
  quant::BlockFormat out = format;
  for (const auto& [pattern, change] : overrides) {
    if (!glob_match(pattern, node)) continue;
    out.bits = change.bits.value_or(out.bits);
    out.block_size = change.block_size.value_or(out.block_size);
    out.symmetric = change.symmetric.value_or(out.symmetric);
  }
  return out;
}

Json WeightSelection::to_json() const {
  Json custom = Json::object();
  for (const auto& [pattern, change] : overrides) {
    Json entry = Json::object();
    if (change.bits) entry["bits"] = *change.bits;
    if (change.block_size) entry["group_size"] = *change.block_size;
    if (change.symmetric) entry["is_symmetric"] = *change.symmetric;
    custom[pattern] = std::move(entry);
  }
  return {{"bits", format.bits},
          {"block_size", format.block_size},
          {"is_symmetric", format.symmetric},
          {"accuracy_level", accuracy_level},
          {"nodes_to_exclude", nodes_to_exclude},
          {"nodes_to_include", nodes_to_include},
          {"customized_weight_config", std::move(custom)}};
}

WeightSelection read_weight_selection(JsonReader& options, WeightSelection defaults) {
  WeightSelection out = std::move(defaults);
  const int64_t bits = options.integer_or("bits", out.format.bits);
  check_bits(options, "bits", bits);
  const int64_t block_size = options.integer_or("block_size", out.format.block_size);
  check_block_size(options, "block_size", block_size);
  out.format.bits = static_cast<int>(bits);
  out.format.block_size = static_cast<int>(block_size);
  out.format.symmetric = options.boolean_or("is_symmetric", out.format.symmetric);
  out.accuracy_level = options.integer_or("accuracy_level", out.accuracy_level, {0, 4});
  out.nodes_to_exclude = options.strings("nodes_to_exclude");
  out.nodes_to_include = options.strings("nodes_to_include");
  if (auto custom = options.optional_child("customized_weight_config")) {
    for (const auto& [pattern, value] : custom->json().items()) {
      if (auto entry = custom->optional_child(pattern)) {
        out.overrides.emplace_back(pattern, read_override(*std::move(entry)));
      }
    }
  }
  // Lapidary always writes external data; Olive's switches for it change nothing here.
  options.ignore({"save_as_external_data", "all_tensors_to_one_file", "external_data_name",
                  "size_threshold", "convert_attribute"});
  return out;
}

std::vector<std::string> unmatched_patterns(const WeightSelection& selection,
                                            const std::vector<std::string>& nodes) {
  std::vector<std::string> out;
  const auto look = [&](const std::string& pattern) {
    if (std::none_of(nodes.begin(), nodes.end(),
                     [&](const std::string& node) { return glob_match(pattern, node); })) {
      out.push_back(pattern);
    }
  };
  for (const std::string& pattern : selection.nodes_to_exclude) look(pattern);
  for (const std::string& pattern : selection.nodes_to_include) look(pattern);
  for (const auto& [pattern, change] : selection.overrides) look(pattern);
  return out;
}

}  // namespace lapidary::passes
