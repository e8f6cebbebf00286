// The grid of 4-bit blocks that bfloat16 weights lie on, found again: checkpoints of
// quantization-aware training for Q4_0 are published as the bfloat16 values that their codes stand
// for. Rounding such values a second time, with a step taken from the largest of them, moves every
// one of them (a step of largest / 7.5 by 5 % and more); recovering the step and the codes moves
// none.
//
//   w = bfloat16(code * step),   code in [-8, 7], one step for 32 weights, of either sign
//
//   std::array<uint8_t, 32> codes;
//   std::optional<float> step = recover_block(weights, codes);
//   // bfloat16((codes[i] - 8) * *step) == weights[i] for every i, bit for bit
//
// How: the largest magnitude is some level 1 .. 8 of the grid. Under each guess every other weight
// has to be within its own rounding of a level; a weight of level q then says that the step lies
// within (|w| +- half a unit in the last place) / q, and the step is taken from where those
// intervals meet: the float16 nearest to their middle if one lies there, as Q4_0 stores it, else
// their middle. 8 is tried first, which is where Q4_0 puts the largest weight. Weights that use
// only some levels lie on more than one grid; each of them is exact, and always the same is found.
//
// Weights of no grid do not pass by chance (none of a hundred thousand blocks in the tests, and the
// widths of the intervals say fewer than one in 1e30), unless nearly all of them are zero or alike.
//
// Source of the form: block_q4_0 of ggml. The recovery is ours.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace lapidary::quant {

inline constexpr int64_t kGridBlock = 32;  // weights of one step

// At most kGridBlock weights, as the bits of bfloat16; as many codes, each the level plus 8.
// Returns the step, 0 for a block of zeros, and nothing when the weights lie on no grid, which
// leaves the codes undefined. A zero's sign is not kept. Weights below 2^-120 count as on no grid.
std::optional<float> recover_block(std::span<const uint16_t> weights, std::span<uint8_t> codes);

}  // namespace lapidary::quant
