#!/usr/bin/env python3
"""Writes tests/golden/quant/*: what Olive's weight quantizers make of given weights.

  python tests/oracle/make_quant_goldens.py [--checkpoint DIR]

Environment: requirements-olive.txt. The weights of cases.json come from a generator that
src/quant/goldens_test.cc repeats, so the file stores only hashes and the first values of the results.
--checkpoint (a Gemma 4 checkpoint with a model.safetensors) adds a few real rows, which are stored
in full as tiny_rows.bin; without it those stay as committed.
"""

import argparse
import importlib
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "quant"
BLOCKS = (16, 32, 64, 128, 256)


def import_olive():
    """Imports the two pass modules with everything that is not arithmetic stubbed out."""

    class Anything:
        def __init__(self, *args, **kwargs):
            pass

    class Stub(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (Anything,), {"unset": 0})

    root = Path(importlib.util.find_spec("olive").origin).parent
    packages = {"olive": root, "olive.passes": root / "passes", "olive.passes.onnx": root / "passes/onnx"}
    for name, folder in packages.items():
        module = Stub(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    for name in (
        "onnx_ir", "olive.constants", "olive.hardware", "olive.hardware.accelerator", "olive.model",
        "olive.model.utils", "olive.passes.onnx.common", "olive.passes.pass_config",
    ):
        sys.modules[name] = Stub(name)
    kquant = importlib.import_module("olive.passes.onnx.kquant_quantization")
    rtn = importlib.import_module("olive.passes.onnx.rtn_quantization")
    # The CPU path even where a GPU is present.
    kquant._kquant_quantize = kquant._kquant_quantize_cpu
    return kquant.OnnxKQuantQuantization, rtn.OnnxBlockWiseRtnQuantization


# ---- weights, repeated by goldens_test.cc -------------------------------------------------------


def mix(seed, count):
    """splitmix64 of seed + 1, seed + 2, ...; uint64[count]."""
    z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bell(seed, count):
    """Sum of four 16-bit uniforms, about normal, standard deviation about 0.036; exact float32."""
    z = mix(seed, count)
    total = sum(((z >> np.uint64(s)) & np.uint64(0xFFFF)).astype(np.int64) for s in (0, 16, 32, 48))
    return (total - 131070).astype(np.float32) * np.float32(2.0**-20)


def make_weights(kind, seed, rows, k):
    g = bell(seed, rows * k)
    f = np.float32
    if kind == "gaussian":
        w = g
    elif kind == "heavy":
        w = (g * g) * (g * f(4096))
    elif kind == "bf16":
        w = (g.view(np.uint32) & np.uint32(0xFFFF0000)).view(f)
    elif kind == "ternary":
        w = np.where(g > f(0.03125), f(0.5), np.where(g < f(-0.03125), f(-0.5), f(0))).astype(f)
    elif kind == "positive":
        w = np.abs(g) + f(1)
    elif kind == "tiny":
        w = g * f(2.0**-60)
    elif kind == "subnormal":
        w = g * f(2.0**-70) * f(2.0**-70)
    elif kind == "huge":
        w = g * f(2.0**80)
    elif kind == "runs":  # stretches of 48 equal values, of zeros, of noise
        i = np.arange(rows * k)
        w = np.where(i // 48 % 3 == 0, g[i // 48 * 48], np.where(i // 48 % 3 == 1, f(0), g)).astype(f)
    elif kind == "coarse":  # few distinct values: many ties in rounding
        w = np.floor(g * f(128)) * f(0.125)
    else:
        raise ValueError(kind)
    return w.reshape(rows, k)


# ---- results ------------------------------------------------------------------------------------


def digest(array):
    """Polynomial hash of the bytes modulo 2^64, as 16 hex digits."""
    data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8).astype(np.uint64)
    powers = np.cumprod(np.full(data.size, 0x9E3779B97F4A7C15, np.uint64)) if data.size else data
    return f"{int(np.sum((data + np.uint64(1)) * powers)):016x}"


def head(array, count):
    return np.ascontiguousarray(array).tobytes()[:count].hex()


def quantize(passes, weights, method, layout, bits, block, symmetric):
    """weights: float32 [N, K]. Returns codes, scales, zero points (None where not stored)."""
    kquant, rtn = passes
    if method == "kquant":
        # With one block a row, Olive would sum a transposed view in another order (see kquant.h).
        order = np.asfortranarray if weights.shape[1] <= block else np.ascontiguousarray
        return kquant._kquant_block_quant(order(weights.T), bits, block)
    if layout == "matmul":
        codes, scales, zps = rtn()._qbits_block_quant(np.ascontiguousarray(weights.T), bits, block, symmetric)
    else:
        codes, scales, zps = rtn()._quantize_ndarray(weights, 1, block, symmetric, bits)
    return codes, scales, None if symmetric else zps


def record(case, result):
    codes, scales, zps = result
    assert codes.dtype == np.uint8 and scales.dtype == np.float32
    case["codes"], case["codes_head"] = digest(codes), head(codes, 24)
    case["scales"], case["scales_head"] = digest(scales), head(scales, 16)
    if zps is not None:
        assert zps.dtype == np.uint8
        case["zero_points"], case["zero_points_head"] = digest(zps), head(zps, 8)
    return case


def methods():
    yield "kquant", "matmul", False
    for layout in ("matmul", "gather"):
        for symmetric in (False, True):
            yield "rtn", layout, symmetric


INPUTS = [
    # kind, seed, rows, k
    ("gaussian", 1, 64, 1536),
    ("gaussian", 2, 5, 840),  # K is no multiple of any block, k_blocks odd or even
    ("heavy", 3, 16, 768),
    ("bf16", 4, 16, 768),
    ("ternary", 5, 8, 768),
    ("positive", 6, 8, 768),
    ("tiny", 7, 8, 768),
    ("subnormal", 8, 8, 768),
    ("huge", 9, 8, 768),
    ("runs", 10, 9, 592),
    ("coarse", 11, 8, 768),
]


def write_json(path, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    path.write_text(f"[\n{lines}\n]\n")


def add_cases(passes, cases, weights, source):
    for bits in (4, 8):
        for block in BLOCKS:
            for method, layout, symmetric in methods():
                result = quantize(passes, weights, method, layout, bits, block, symmetric)
                case = dict(source, method=method, layout=layout, symmetric=symmetric, bits=bits, block=block)
                cases.append(record(case, result))


def read_tiny(checkpoint):
    from safetensors.numpy import load_file
    import ml_dtypes  # noqa: F401  (bfloat16 for numpy)

    tensors = load_file(str(Path(checkpoint) / "model.safetensors"))
    names = [
        "model.language_model.embed_tokens.weight",
        "model.language_model.layers.0.self_attn.q_proj.weight",
        "model.language_model.layers.1.mlp.down_proj.weight",
        "model.audio_tower.layers.0.feed_forward1.ffw_layer_1.linear.weight",
    ]
    return [(name, tensors[name][:6, :].view(np.uint16)) for name in names if name in tensors]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint")
    args = parser.parse_args()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    np.seterr(all="ignore")
    passes = import_olive()

    cases = []
    for kind, seed, rows, k in INPUTS:
        add_cases(passes, cases, make_weights(kind, seed, rows, k),
                  {"kind": kind, "seed": seed, "rows": rows, "k": k})
    write_json(GOLDEN / "cases.json", cases)

    if args.checkpoint:
        cases, blob = [], b""
        for name, bits in read_tiny(args.checkpoint):
            weights = (bits.astype(np.uint32) << 16).view(np.float32)
            source = {"tensor": name, "offset": len(blob), "rows": bits.shape[0], "k": bits.shape[1]}
            add_cases(passes, cases, weights, source)
            blob += bits.tobytes()
        (GOLDEN / "tiny_rows.bin").write_bytes(blob)
        write_json(GOLDEN / "tiny_cases.json", cases)


if __name__ == "__main__":
    main()
