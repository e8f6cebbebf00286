#!/usr/bin/env python3
"""Weight passes of Olive beside ours, through `lapidary convert`: the same bytes and the same numbers.

  python tests/interop/test_olive_weights.py --lapidary build/release/lapidary

OnnxKQuantQuantization and OnnxBlockWiseRtnQuantization: codes, scales and zero points of MatMul and
Gather. OnnxFloatToFloat16: Olive runs the converter of onnxruntime.transformers, and so does this;
weights, and results on ONNX Runtime. Environment: scripts/test-olive makes it.
"""

import argparse
import importlib
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper as h
from onnx import numpy_helper as nh
from onnxruntime.transformers.float16 import convert_float_to_float16
from test_olive_qdq import import_olive, run

K, N = 256, 48


def save(path, nodes, inputs, outputs, tensors):
    info = lambda name, dtype, dims: h.make_tensor_value_info(name, dtype, dims)
    graph = h.make_graph(nodes, "g", [info(*i) for i in inputs], [info(*o) for o in outputs],
                         [nh.from_array(a, name) for name, a in tensors.items()])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10), path)


def convert(lapidary, model, name, output, options):
    command = [lapidary, "convert", str(model), "--pass", name, "-o", str(output), "--force"]
    for key, value in options.items():
        command += ["--set", f"{key}={str(value).lower()}"]
    subprocess.run(command, check=True, capture_output=True)
    return onnx.load(output)


def inputs_of(model, op_type):
    """The constants that the first node of that type reads, in order."""
    tensors = {t.name: nh.to_array(t) for t in model.graph.initializer}
    node = next(n for n in model.graph.node if n.op_type == op_type)
    return [tensors[name] for name in node.input if name in tensors]


def same_bytes(what, theirs, ours):
    assert len(theirs) == len(ours), (what, len(theirs), len(ours))
    for i, (a, b) in enumerate(zip(theirs, ours)):
        if np.ascontiguousarray(a).tobytes() != b.tobytes():
            differ = np.flatnonzero(np.ravel(a) != np.ravel(b))[:4]
            raise AssertionError((what, i, np.shape(a), np.shape(b), np.ravel(a)[differ], np.ravel(b)[differ]))
    print(f"{what}: equal")


def check_weights(lapidary, kquant, rtn, folder):
    weights = np.random.default_rng(5).normal(size=(K, N)).astype(np.float32)
    product, table, out = folder / "product.onnx", folder / "table.onnx", folder / "out.onnx"
    save(product, [h.make_node("MatMul", ["x", "w"], ["y"], name="m")],
         [("x", onnx.TensorProto.FLOAT, [4, K])], [("y", onnx.TensorProto.FLOAT, [4, N])], {"w": weights})
    save(table, [h.make_node("Gather", ["w", "i"], ["y"], name="t")],
         [("i", onnx.TensorProto.INT64, [4])], [("y", onnx.TensorProto.FLOAT, [4, N])], {"w": weights})
    for bits in (4, 8):
        for block in (16, 32, 128):
            options = {"bits": bits, "block_size": block}
            ours = convert(lapidary, product, "OnnxKQuantQuantization", out, options)
            theirs = kquant._kquant_block_quant(weights, bits, block)
            same_bytes(f"OnnxKQuantQuantization {options}", theirs, inputs_of(ours, "MatMulNBits"))
            for symmetric in (True, False):
                options["is_symmetric"] = symmetric
                parts = 2 if symmetric else 3
                ours = convert(lapidary, product, "OnnxBlockWiseRtnQuantization", out, options)
                theirs = rtn._qbits_block_quant(weights, bits, block, symmetric)[:parts]
                same_bytes(f"OnnxBlockWiseRtnQuantization MatMul {options}", theirs, inputs_of(ours, "MatMulNBits"))
                ours = convert(lapidary, table, "OnnxBlockWiseRtnQuantization", out, options)
                theirs = rtn._quantize_ndarray(weights, 1, block, symmetric, bits)[:parts]
                same_bytes(f"OnnxBlockWiseRtnQuantization Gather {options}", theirs,
                           inputs_of(ours, "GatherBlockQuantized"))


def check_float16(lapidary, folder):
    """Weights beyond both ends of float16, and a chain with a norm, as a decoder has."""
    rng = np.random.default_rng(6)
    weights = rng.normal(size=(K, N)).astype(np.float32)
    weights[0, :4] = [1e-9, -1e-9, 7e4, -7e4]
    model, out = folder / "float.onnx", folder / "half.onnx"
    save(model,
         [h.make_node("LayerNormalization", ["x", "g"], ["n"], name="norm"),
          h.make_node("MatMul", ["n", "w"], ["m"], name="m"), h.make_node("Tanh", ["m"], ["y"], name="tanh")],
         [("x", onnx.TensorProto.FLOAT, [4, K])], [("y", onnx.TensorProto.FLOAT, [4, N])],
         {"g": np.ones(K, np.float32), "w": weights})
    for keep in (False, True):
        ours = convert(lapidary, model, "OnnxFloatToFloat16", out, {"keep_io_types": keep})
        # Limits as Olive's pass has them, not as the converter has.
        theirs = convert_float_to_float16(onnx.load(model), keep_io_types=keep, min_positive_val=1e-7,
                                          max_finite_val=1e4)
        onnx.save(theirs, folder / "theirs.onnx")
        same_bytes(f"OnnxFloatToFloat16 keep_io_types={keep}, weights", inputs_of(theirs, "MatMul"),
                   inputs_of(ours, "MatMul"))
        same_bytes(f"OnnxFloatToFloat16 keep_io_types={keep}, results", run(folder / "theirs.onnx"), run(out))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lapidary", required=True)
    args = parser.parse_args()
    _, kquant = import_olive()
    rtn = importlib.import_module("olive.passes.onnx.rtn_quantization").OnnxBlockWiseRtnQuantization()
    with tempfile.TemporaryDirectory() as folder:
        check_weights(args.lapidary, kquant, rtn, Path(folder))
        check_float16(args.lapidary, Path(folder))


if __name__ == "__main__":
    main()
