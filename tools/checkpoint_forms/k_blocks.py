"""Weights as K-quant blocks of 256, which the gguf package reads but does not write.

Nothing is searched for: a sub-block's step is its range over the codes, the steps and minimums of a
block are integers times one float16 each. tests/forms/ggml_blocks.cc does the same, bit for bit.
"""

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf.quants import quantize

F = np.float32


def half(x):
    """float16 bytes, and what they mean."""
    stored = x.astype(np.float16)
    return stored.view(np.uint8).reshape(len(x), 2), stored.astype(F)


def divided(a, b):
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape), F), where=b != 0)


def with_minimums(x, sub, top, largest):
    """x [blocks, 256] -> codes, steps [blocks, 256 / sub], minimums, and their two float16."""
    parts = x.reshape(len(x), -1, sub)
    low = np.minimum(parts.min(2), F(0))
    step, minimum = (parts.max(2) - low) / F(top), -low
    d_bytes, d = half(step.max(1) / F(largest))
    m_bytes, m = half(minimum.max(1) / F(largest))
    steps = np.rint(divided(step, d[:, None])).clip(0, largest)
    minimums = np.rint(divided(minimum, m[:, None])).clip(0, largest)
    wide, offset = (d[:, None] * steps)[..., None], (m[:, None] * minimums)[..., None]
    codes = np.rint(divided(parts + offset, wide)).clip(0, top)
    bytes_ = [a.astype(np.uint8) for a in (codes.reshape(len(x), 256), steps, minimums)]
    return *bytes_, d_bytes, m_bytes


def symmetric(x, middle, largest):
    parts = x.reshape(len(x), 16, 16)
    step = np.abs(parts).max(2) / F(middle - 1)
    d_bytes, d = half(step.max(1) / F(largest))
    steps = np.rint(divided(step, d[:, None])).clip(0, largest)
    codes = np.rint(divided(parts, (d[:, None] * steps)[..., None])).clip(-middle, middle - 1)
    return (codes.reshape(len(x), 256) + middle).astype(np.uint8), steps.astype(np.uint8), d_bytes


def nibbles_of_64(codes):
    pairs = (codes & 15).reshape(-1, 4, 2, 32)
    return (pairs[:, :, 0] | pairs[:, :, 1] << 4).reshape(-1, 128)


def two_bits(codes):
    parts = (codes & 3).reshape(-1, 2, 4, 32)
    return sum(parts[:, :, s] << 2 * s for s in range(4)).reshape(-1, 64).astype(np.uint8)


def bit_of_32(codes, bit):
    parts = (codes >> bit & 1).reshape(-1, 8, 32)
    return sum(parts[:, b] << b for b in range(8)).astype(np.uint8)


def six_bit_pairs(a, b):
    """Two lists of eight 6-bit numbers in 12 bytes."""
    low = [x[:, :4] | x[:, 4:] >> 4 << 6 for x in (a, b)]
    return np.concatenate([*low, a[:, 4:] & 15 | (b[:, 4:] & 15) << 4], 1)


def q2_k(x):
    codes, steps, minimums, d, m = with_minimums(x, 16, 3, 15)
    return [steps | minimums << 4, two_bits(codes), d, m]


def q3_k(x):
    codes, steps, d = symmetric(x, 4, 31)
    steps = steps + 32
    high = sum(steps.reshape(-1, 4, 4)[:, s] >> 4 << 2 * s for s in range(4)).astype(np.uint8)
    low = steps[:, :8] & 15 | (steps[:, 8:] & 15) << 4
    return [bit_of_32(codes, 2), two_bits(codes), low, high, d]


def q4_k(x):
    codes, steps, minimums, d, m = with_minimums(x, 32, 15, 63)
    return [d, m, six_bit_pairs(steps, minimums), nibbles_of_64(codes)]


def q5_k(x):
    codes, steps, minimums, d, m = with_minimums(x, 32, 31, 63)
    return [d, m, six_bit_pairs(steps, minimums), bit_of_32(codes, 4), nibbles_of_64(codes)]


def q6_k(x):
    codes, steps, d = symmetric(x, 32, 127)
    parts = (codes & 15).reshape(-1, 2, 2, 64)
    low = (parts[:, :, 0] | parts[:, :, 1] << 4).reshape(-1, 128)
    return [low, two_bits(codes >> 4), steps, d]


PACKERS = {T.Q2_K: q2_k, T.Q3_K: q3_k, T.Q4_K: q4_k, T.Q5_K: q5_k, T.Q6_K: q6_k}


def packed(weight, type_):
    """float32 [N, K] -> bytes [N, ...], by the gguf package where it can."""
    if type_ not in PACKERS:
        return quantize(weight, type_)
    blocks = np.concatenate(PACKERS[type_](weight.reshape(-1, 256)), 1)
    return blocks.reshape(len(weight), -1)
