// Weights on grids, as tools/compressed_tensors/make.py rounds them.
#pragma once

#include <string>

#include "base/json.h"
#include "checkpoint/test_tensors.h"

namespace lapidary::golden {

// float32 of what is stored as BF16 or F32.
std::vector<float> floats_of(const checkpoint::TestTensors::Stored& stored);

// As ggml rounds to Q4_0, stored as bfloat16 values.
void round_to_q4_0(checkpoint::TestTensors::Stored& weight);

// A matrix of the decoder's layers that compressed-tensors packs here.
bool is_packed_here(const std::string& name, const checkpoint::TestTensors::Stored& stored);

// Replaces "NAME.weight" by its parts under a scheme, a name of tests/golden/compressed_tensors.
void pack_weight(checkpoint::TestTensors& tensors, const std::string& name,
                 const std::string& scheme);

}  // namespace lapidary::golden
