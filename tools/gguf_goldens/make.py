#!/usr/bin/env python3
"""Writes tests/golden/gguf/: tensors of each type in blocks.gguf, and what gguf.quants.dequantize
makes of them in blocks.f32, one tensor's float32 values after the other in the file's order.

  python tools/gguf_goldens/make.py

Environment: requirements.txt beside this file. Also the seeds of the fuzzer, tests/fuzz/gguf_gguf_fuzz/.
"""

import struct
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "gguf"
SEEDS = ROOT / "tests" / "fuzz" / "gguf_gguf_fuzz"
ARCH = "gemma3"

# Where a block has its float16 numbers.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}
# Zeros of both signs, the least and the largest subnormal, the least normal, the largest, 1 and -1/3.
AWKWARD = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00, 0xB555]


def packed_rows(rng, type_, rows, cols):
    """Random bytes as blocks: every code with every scale. The first blocks have awkward scales."""
    elements, size = GGML_QUANT_SIZES[type_]
    blocks = rng.integers(0, 256, (rows * cols // elements, size), np.uint8)
    for at in HALVES[type_]:
        halves = (rng.standard_normal(len(blocks)) * 0.02).astype(np.float16)
        awkward = np.array(AWKWARD[: len(blocks)], np.uint16).view(np.float16)
        halves[: len(awkward)] = np.roll(awkward, at)
        blocks[:, at : at + 2] = halves.view(np.uint8).reshape(-1, 2)
    # All bits of the codes unset, then set, where the scales are ordinary.
    for block, value in ((-1, 0), (-2, 255))[: len(blocks)]:
        kept = {at: blocks[block, at : at + 2].copy() for at in HALVES[type_]}
        blocks[block] = value
        for at, half in kept.items():
            blocks[block, at : at + 2] = half
    return blocks.reshape(rows, cols // elements * size)


def plain_rows(rng, type_, rows, cols):
    values = (rng.standard_normal((rows, cols)) * 3).astype(np.float32)
    values[0, :6] = [0.0, -0.0, 1e-40, -1e-42, 3e38, -6e-8]
    if type_ == T.F16:
        values = values.clip(-65504, 65504)
    return quantize(values, type_)


def write(path, tensors, add=lambda writer: None):
    writer = GGUFWriter(str(path), ARCH)
    add(writer)
    for name, (data, type_) in tensors.items():
        writer.add_tensor(name, data, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def metadata(writer):
    """A value of each type."""
    writer.add_uint8("test.uint8", 200)
    writer.add_int8("test.int8", -100)
    writer.add_uint16("test.uint16", 60000)
    writer.add_int16("test.int16", -30000)
    writer.add_uint32("test.uint32", 4000000000)
    writer.add_int32("test.int32", -2000000000)
    writer.add_uint64("test.uint64", 1 << 62)
    writer.add_int64("test.int64", -(1 << 62))
    writer.add_float32("test.float32", 0.1)
    writer.add_float64("test.float64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "na\u00efve \U0001f98a")
    writer.add_array("test.strings", ["<pad>", "", "\u2581the", "line\n"])
    writer.add_array("test.integers", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1000.0])
    writer.add_array("test.bools", [True, False, True])
    writer.add_array("test.nested", [[1, 2], [3]])


def goldens():
    rng = np.random.default_rng(20261201)
    tensors = {}
    expected = []
    for type_ in [T.F32, T.F16, T.BF16]:
        tensors[f"plain.{type_.name}"] = (plain_rows(rng, type_, 3, 70), type_)
    for type_ in HALVES:
        elements = GGML_QUANT_SIZES[type_][0]
        tensors[f"packed.{type_.name}"] = (packed_rows(rng, type_, 5, 3 * elements), type_)
    # As the package itself quantizes: values on both sides of zero, and a block of zeros.
    for type_ in [T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0]:
        values = (rng.standard_normal((4, 96)) * 0.1).astype(np.float32)
        values[1, 32:64] = 0
        values[2, :32] *= 1e-6
        tensors[f"quantized.{type_.name}"] = (quantize(values, type_), type_)
    for data, type_ in tensors.values():
        values = dequantize(data, type_).astype(np.float32)
        assert np.isfinite(values).all(), type_
        expected.append(values.tobytes())
    GOLDEN.mkdir(parents=True, exist_ok=True)
    write(GOLDEN / "blocks.gguf", tensors, metadata)
    (GOLDEN / "blocks.f32").write_bytes(b"".join(expected))


def seeds():
    SEEDS.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    one = {"t": (packed_rows(rng, T.Q4_0, 1, 32), T.Q4_0)}
    write(SEEDS / "metadata.gguf", one, metadata)
    write(SEEDS / "every_type.gguf", {
        **{n.name: (plain_rows(rng, n, 1, 8), n) for n in [T.F32, T.F16, T.BF16]},
        **{n.name: (packed_rows(rng, n, 1, GGML_QUANT_SIZES[n][0]), n) for n in HALVES},
    })
    write(SEEDS / "aligned.gguf", one, lambda w: w.add_custom_alignment(64))
    write(SEEDS / "split.gguf", one, lambda w: w.add_uint16("split.count", 3))
    write(SEEDS / "codes.gguf", {n.name: (packed_rows(rng, n, 2, 32), n)
                                 for n in [T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0]})
    whole = (SEEDS / "aligned.gguf").read_bytes()
    (SEEDS / "cut.gguf").write_bytes(whole[:-60])
    (SEEDS / "version_2.gguf").write_bytes(whole[:4] + struct.pack("<I", 2) + whole[8:])
    (SEEDS / "big_endian.gguf").write_bytes(whole[:4] + struct.pack(">I", 3) + whole[8:])
    (SEEDS / "many_tensors.gguf").write_bytes(whole[:8] + struct.pack("<Q", 1 << 40) + whole[16:])
    (SEEDS / "pointer.gguf").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 253000000\n")


if __name__ == "__main__":
    goldens()
    seeds()
