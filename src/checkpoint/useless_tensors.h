// Tensors that checkpoints hold and no model needs: what some tools save beside the weights.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/weights.h"

namespace lapidary::checkpoint {

// Whether the tensor of this (canonical) name holds what transformers computes from config.json:
// rotary tables, scales, positions. Its modules keep these as buffers that are not saved; older
// versions and other tools save them. Source: transformers 5.24, models/gemma4/modeling_gemma4.py.
bool is_computed_buffer(std::string_view name);

// Takes out of `weights` the computed buffers, and the towers where config.json has text alone.
// Keys and values of layers that use another layer's stay, so that check_tensors sees their shapes;
// nothing reads them. A note for each kind, with the number of tensors.
void drop_useless_tensors(const Config& config, Weights& weights, std::vector<std::string>& notes);

}  // namespace lapidary::checkpoint
