#!/usr/bin/env python3
"""MatMulNBitsToQDQ of Olive beside ours, on the same models: the same codes, scales and zero points,
and the same numbers on ONNX Runtime.

  python tests/interop/test_olive_qdq.py --lapidary build/release/lapidary [MODEL.onnx...]

Environment: scripts/test-olive makes it. What Olive imports besides the pass's
arithmetic is stubbed out, so it can be installed without its dependencies. Without models: two of 4
and 8 bits made here, with weights that Olive's K-quant quantized.
"""

import argparse
import enum
import importlib
import importlib.util
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pydantic
from onnx import helper as h
from onnx import numpy_helper as nh


def import_olive():
    class Anything:
        def __init__(self, *args, **kwargs):
            pass

    class Stub(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (Anything,), {"unset": 0})

    root = Path(importlib.util.find_spec("olive").origin).parent
    for name, folder in {"olive": root, "olive.passes": root / "passes", "olive.passes.onnx": root / "passes/onnx",
                         "olive.common": root / "common"}.items():
        module = Stub(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    for name in ("onnx_ir", "olive.constants", "olive.hardware", "olive.hardware.accelerator", "olive.model",
                 "olive.model.utils", "olive.passes.onnx.common", "olive.passes.pass_config", "olive.common.utils"):
        sys.modules[name] = Stub(name)
    # What the graph of Olive itself is built on.
    sys.modules["olive.common.utils"].StrEnumBase = enum.StrEnum
    config = sys.modules["olive.common.config_utils"] = Stub("olive.common.config_utils")
    config.ConfigBase = type("ConfigBase", (pydantic.BaseModel,),
                             {"model_config": pydantic.ConfigDict(arbitrary_types_allowed=True), "__module__": __name__})
    pass_module = importlib.import_module("olive.passes.onnx.mnb_to_qdq")
    kquant = importlib.import_module("olive.passes.onnx.kquant_quantization")
    kquant._kquant_quantize = kquant._kquant_quantize_cpu
    return pass_module, kquant.OnnxKQuantQuantization


def olive_convert(module, model, output, **options):
    """The pass on a file, its result caught before Olive's own saving."""
    module.resolve_onnx_path = lambda path, *_: path
    module.model_proto_to_olive_model = lambda proto, path, config: onnx.save(proto, path)
    config = types.SimpleNamespace(use_transpose_op=False, use_int4=True, use_signed_int=False, add_zero_point=True,
                                   nodes_to_exclude=None)
    vars(config).update(options)
    module.MatMulNBitsToQDQ()._run_for_config(types.SimpleNamespace(model_path=str(model)), config, str(output))


def make_model(kquant, path, bits, k, n, block):
    rng = np.random.default_rng(bits)
    weights = rng.normal(size=(k, n)).astype(np.float32)
    codes, scales, zeros = kquant._kquant_block_quant(weights, bits, block)
    tensors = [nh.from_array(np.ascontiguousarray(a), name) for a, name in
               ((codes, "w.q"), (scales, "w.s"), (zeros, "w.z"))]
    node = h.make_node("MatMulNBits", ["x", "w.q", "w.s", "w.z"], ["y"], name="layer/MatMulNBits",
                       domain="com.microsoft", K=k, N=n, bits=bits, block_size=block)
    info = lambda name, dims: h.make_tensor_value_info(name, onnx.TensorProto.FLOAT, dims)
    graph = h.make_graph([node], "g", [info("x", [4, k])], [info("y", [4, n])], tensors)
    opsets = [h.make_opsetid("", 21), h.make_opsetid("com.microsoft", 1)]
    onnx.save(h.make_model(graph, opset_imports=opsets, ir_version=10), path)


def weights_of(path):
    """For each DequantizeLinear in order: dtype, shape and bytes of codes, scales and zero points."""
    model = onnx.load(path)
    tensors = {t.name: t for t in model.graph.initializer}
    out = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            attributes = {a.name: h.get_attribute_value(a) for a in node.attribute}
            out.append([attributes] + [(tensors[i].data_type, list(tensors[i].dims), tensors[i].raw_data)
                                       for i in node.input])
    return out


def run(path):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(3)
    dtype = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    feeds = {i.name: rng.normal(size=i.shape).astype(dtype[i.type]) for i in session.get_inputs()}
    return session.run(None, feeds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lapidary", required=True)
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    module, kquant = import_olive()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        models = [Path(m) for m in args.models]
        if not models:
            for bits, k, n, block in ((4, 256, 48, 32), (8, 128, 32, 64), (4, 96, 16, 128)):
                models.append(folder / f"{bits}bits_{k}x{n}.onnx")
                make_model(kquant, models[-1], bits, k, n, block)
        for model in models:
            for options in ({"use_int4": True}, {"use_int4": False}, {"use_signed_int": True},
                            {"use_int4": True, "use_transpose_op": True}):
                theirs, ours = folder / "theirs.onnx", folder / "ours.onnx"
                olive_convert(module, model, theirs, **options)
                command = [args.lapidary, "convert", str(model), "--pass", "MatMulNBitsToQDQ", "-o", str(ours),
                           "--force", "--set", "on_unsafe=keep"]
                for key, value in options.items():
                    command += ["--set", f"{key}={str(value).lower()}"]
                subprocess.run(command, check=True, capture_output=True)
                for a, b in zip(weights_of(theirs), weights_of(ours), strict=True):
                    for what, x, y in zip(("attributes", "codes", "scales", "zero points"), a, b, strict=True):
                        assert x == y, (model.name, options, what, x if what == "attributes" else x[:2],
                                        y if what == "attributes" else y[:2])
                for a, b in zip(run(theirs), run(ours)):
                    assert np.array_equal(a, b), (model.name, options)
                print(f"{model.name} {options}: equal")


if __name__ == "__main__":
    main()
