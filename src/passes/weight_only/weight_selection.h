// Which nodes a weight-only quantizer touches, and how: the part of the options that Olive's
// quantizers share, globs allowed wherever a node is named.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "quant/format.h"

namespace lapidary::passes {

struct NodeOverride {
  std::optional<int> bits;
  std::optional<int> block_size;
  std::optional<bool> symmetric;
};

struct WeightSelection {
  quant::BlockFormat format;
  int64_t accuracy_level = 0;  // of MatMulNBits; 0: unset, 4: activations rounded to int8
  std::vector<std::string> nodes_to_exclude;
  std::vector<std::string> nodes_to_include;  // empty: all
  std::vector<std::pair<std::string, NodeOverride>>
      overrides;  // "customized_weight_config", in order

  bool selects(const std::string& node) const;
  // The format with the overrides that match applied, the last one winning.
  quant::BlockFormat format_of(const std::string& node) const;
  Json to_json() const;
};

// Reads bits, block_size, accuracy_level, nodes_to_exclude, nodes_to_include,
// customized_weight_config and is_symmetric; `defaults` holds the pass's own defaults.
WeightSelection read_weight_selection(JsonReader& options, WeightSelection defaults);

// Patterns of the selection that match none of `nodes`: a misspelt name would otherwise go
// unnoticed.
std::vector<std::string> unmatched_patterns(const WeightSelection& selection,
                                            const std::vector<std::string>& nodes);

}  // namespace lapidary::passes
