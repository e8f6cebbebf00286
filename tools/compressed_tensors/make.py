#!/usr/bin/env python3
"""Checkpoints whose weights are packed, or lie on a grid, made from a plain one. numpy 2.x only.

    make.py goldens OUT               tests/golden/compressed_tensors: one small file a scheme
    make.py packed CHECKPOINT OUT [SCHEME]
                                      CHECKPOINT with its text matrices as compressed-tensors packs
                                      them (SCHEME: a name of SCHEMES), and OUT-plain with the
                                      values that they stand for, in float32
    make.py q4_0 CHECKPOINT OUT       CHECKPOINT with its text matrices as Q4_0 rounds them, stored as
                                      bfloat16 values: the form of "-qat-q4_0-unquantized"

Written from the format's definition, compressed-tensors 0.20.1 (compressors/pack_quantized): codes
plus 2^(bits-1), along K from the lowest bits of each int32 on; zero points alike, along N.
"""
import json
import pathlib
import shutil
import sys

import numpy as np

SCHEMES = {  # name: bits, group size (None: channel), symmetric, dtype of scales
    "int4_group": (4, 32, True, "BF16"),
    "int4_group_asymmetric": (4, 32, False, "BF16"),
    "int4_channel": (4, None, True, "F16"),
    "int8_channel": (8, None, True, "BF16"),
    "int8_group_asymmetric": (8, 64, False, "F32"),
}
DTYPES = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "I64": np.int64}


def to_bf16(x):
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def read(path):
    """name -> (dtype, array); bfloat16 as its bits in uint16."""
    raw = pathlib.Path(path).read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + length])
    header.pop("__metadata__", None)
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        data = np.frombuffer(raw[8 + length + begin:8 + length + end],
                             DTYPES.get(entry["dtype"], np.uint16))
        out[name] = (entry["dtype"], data.reshape(entry["shape"]))
    return out


def write(path, tensors):
    header, data, at = {}, [], 0
    for name in sorted(tensors, key=lambda n: (-tensors[n][1].dtype.itemsize, n)):
        dtype, array = tensors[name]
        piece = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape),
                        "data_offsets": [at, at + len(piece)]}
        data.append(piece)
        at += len(piece)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + b"".join(data))


def pack_columns(codes, bits):
    """Unsigned codes [N, K] -> int32 [N, ceil(K * bits / 32)]."""
    per_word = 32 // bits
    rows, cols = codes.shape
    padded = np.zeros((rows, -(-cols // per_word) * per_word), np.uint32)
    padded[:, :cols] = codes
    words = padded.reshape(rows, -1, per_word) << (np.arange(per_word, dtype=np.uint32) * bits)
    return np.bitwise_or.reduce(words, axis=2).astype(np.uint32).view(np.int32)


def in_dtype(scale, dtype):
    if dtype == "BF16":
        bits = to_bf16(scale)
        return bits, from_bf16(bits)
    stored = scale.astype(DTYPES[dtype])
    return stored, stored.astype(np.float32)


def pack(name, weight, scheme):
    """The parts of one weight, and the float32 values that they stand for."""
    bits, group, symmetric, dtype = scheme
    n, k = weight.shape
    group = group or k
    blocks = weight.reshape(n, k // group, group)
    top = 2 ** bits - 1
    if symmetric:
        scale = np.abs(blocks).max(2) / (top / 2)
        zero = np.full(scale.shape, 2 ** (bits - 1))
    else:
        low, high = np.minimum(blocks.min(2), 0), np.maximum(blocks.max(2), 0)
        scale = (high - low) / top
        zero = np.clip(np.rint(-low / np.maximum(scale, 1e-12)), 0, top)
    stored, scale = in_dtype(np.maximum(scale, 1e-8), dtype)
    codes = np.clip(np.rint(blocks / scale[..., None]) + zero[..., None], 0, top).astype(np.uint32)
    value = ((codes.astype(np.float32) - zero[..., None].astype(np.float32)) * scale[..., None])
    parts = {
        name + ".weight_packed": ("I32", pack_columns(codes.reshape(n, k), bits)),
        name + ".weight_scale": (dtype, stored),
        name + ".weight_shape": ("I64", np.array([n, k], np.int64)),
    }
    if not symmetric:
        zeros = pack_columns(np.ascontiguousarray(zero.T).astype(np.uint32), bits).T
        parts[name + ".weight_zero_point"] = ("I32", zeros)
    return parts, value.reshape(n, k).astype(np.float32)


def quantization_config(scheme):
    bits, group, symmetric, _ = scheme
    weights = {"num_bits": bits, "type": "int", "symmetric": symmetric,
               "strategy": "group" if group else "channel", "group_size": group,
               "block_structure": None, "dynamic": False, "actorder": None, "observer": "minmax",
               "observer_kwargs": {}}
    groups = {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": None,
                          "output_activations": None}}
    return {"quant_method": "compressed-tensors", "format": "pack-quantized",
            "quantization_status": "compressed", "config_groups": groups,
            "ignore": ["lm_head"], "kv_cache_scheme": None, "global_compression_ratio": None,
            "sparsity_config": {}, "transform_config": {}, "version": "0.20.1"}


def is_matrix(name, array):
    return (name.startswith("model.language_model.layers.") and name.endswith("_proj.weight")
            and array.ndim == 2 and array.shape[1] % 64 == 0)


def floats(dtype, array):
    return from_bf16(array) if dtype == "BF16" else array.astype(np.float32)


def copy_side_files(source, out):
    out.mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, out / path.name)


def q4_0(weight):
    """As ggml rounds to Q4_0, as bfloat16 bits."""
    blocks = weight.reshape(-1, 32)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    step = (largest / -8).astype(np.float32)
    inverse = np.where(step == 0, 0, 1 / np.where(step == 0, 1, step)).astype(np.float32)
    codes = np.minimum(15, (blocks * inverse + np.float32(8.5)).astype(np.int32))
    return to_bf16((codes - 8).astype(np.float32) * step.astype(np.float16).astype(np.float32)
                   ).reshape(weight.shape)


def main():
    what, *args = sys.argv[1:] or [""]
    if what == "goldens" and len(args) == 1:
        out = pathlib.Path(args[0])
        random = np.random.default_rng(15)
        for name, scheme in SCHEMES.items():
            weight = random.normal(0, 0.02, (11, 128)).astype(np.float32)
            parts, value = pack("a.layer", weight, scheme)
            write(out / f"{name}.safetensors", {**parts, "expected": ("F32", value)})
            (out / f"{name}.json").write_text(
                json.dumps({"quantization_config": quantization_config(scheme)}, indent=1) + "\n")
        return
    if what == "packed" and len(args) in (2, 3):
        scheme = SCHEMES[args[2] if len(args) == 3 else "int4_group"]
        source, out, plain = (pathlib.Path(p) for p in (args[0], args[1], args[1] + "-plain"))
        packed, values = {}, {}
        for name, (dtype, array) in read(source / "model.safetensors").items():
            if not is_matrix(name, array):
                packed[name] = values[name] = (dtype, array)
                continue
            parts, value = pack(name.removesuffix(".weight"), floats(dtype, array), scheme)
            packed.update(parts)
            values[name] = ("F32", value)
        for folder, tensors in ((out, packed), (plain, values)):
            copy_side_files(source, folder)
            write(folder / "model.safetensors", tensors)
        config = json.loads((source / "config.json").read_text())
        config["quantization_config"] = quantization_config(scheme)
        (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        return
    if what == "q4_0" and len(args) == 2:
        source, out = (pathlib.Path(p) for p in args)
        tensors = read(source / "model.safetensors")
        for name, (dtype, array) in tensors.items():
            if is_matrix(name, array):
                tensors[name] = ("BF16", q4_0(floats(dtype, array)))
        copy_side_files(source, out)
        write(out / "model.safetensors", tensors)
        return
    sys.exit(__doc__)


if __name__ == "__main__":
    main()
