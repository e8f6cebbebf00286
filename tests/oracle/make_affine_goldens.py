#!/usr/bin/env python3
"""Writes tests/golden/quant/affine.json: scales, zero points and codes of onnxruntime.quantization.

  python tests/oracle/make_affine_goldens.py

Environment: requirements.txt. Floats are stored as the hex of their bits.
"""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto
from onnxruntime.quantization.quant_utils import compute_scale_zp, quantize_nparray

OUT = Path(__file__).resolve().parent.parent / "golden" / "quant" / "affine.json"
TYPES = {
    "uint8": (TensorProto.UINT8, np.uint8, 0, 255, 0, 255),
    "uint16": (TensorProto.UINT16, np.uint16, 0, 65535, 0, 65535),
    "int8": (TensorProto.INT8, np.int8, -128, 127, -127, 127),
    "int16": (TensorProto.INT16, np.int16, -32768, 32767, -32767, 32767),
    # Symmetric int4 is ours: compute_scale_zp takes any limits.
    "int4": (TensorProto.INT4, np.int8, -8, 7, -7, 7),
}


def bits(x):
    return f"{int(np.float32(x).view(np.uint32)):08x}"


def main():
    rng = np.random.default_rng(7)
    ranges = [(0, 0), (-1, 1), (0, 6), (-3.5, 0), (2, 5), (-5, -2), (1e-39, 2e-39), (-1e-36, 1e-36),
              (-3e38, 3e38), (-0.1, 0.2), (-7.25, 1e-7), (-1e-7, 7.25)]
    for _ in range(60):
        a, b = rng.normal(size=2) * 10.0 ** rng.integers(-4, 5)
        ranges.append((min(a, b), max(a, b)))
    cases = []
    for name, (onnx_type, np_type, low, high, sym_low, sym_high) in TYPES.items():
        for symmetric in (False, True):
            for lo, hi in ranges:
                lo, hi = np.float32(lo), np.float32(hi)
                qmin, qmax = (sym_low, sym_high) if symmetric else (low, high)
                zero, scale = compute_scale_zp(lo, hi, np.array(qmin, dtype=np_type), np.array(qmax, dtype=np_type),
                                               symmetric)
                case = {"type": name, "symmetric": symmetric, "range": [bits(lo), bits(hi)],
                        "scale": bits(scale), "zero_point": int(zero)}
                if lo != hi and float(hi) - float(lo) < 1e30:
                    x = np.linspace(float(lo) * 1.25, float(hi) * 1.25, 9).astype(np.float32)
                    codes = quantize_nparray(onnx_type, x, np.float32(scale), zero)
                    case["x"] = [bits(v) for v in x]
                    case["codes"] = [int(c) for c in codes]
                cases.append(case)
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(len(cases), "cases,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
