"""Small models before and after Olive's graph surgeries, for tests/surgeries_test.cc.

    pip install --no-deps olive-ai==0.13.0 onnxscript==0.7.2 onnx-ir==1.1.0     (beside requirements.txt)
    python make_surgery_goldens.py

Writes tests/golden/surgeries: CASE.onnx, and cases.json with the surgeries of each case, inputs, and what Olive's
model has for ports, operators and results of ONNX Runtime.
"""

import importlib
import importlib.util
import json
import sys
import types
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parent.parent / "golden" / "surgeries"
RNG = np.random.default_rng(20)


def import_surgeries():
    """Imports the one module without the rest of Olive, which wants torch and more."""
    root = Path(importlib.util.find_spec("olive").origin).parent
    for name, folder in {"olive": root, "olive.passes": root / "passes", "olive.passes.onnx": root / "passes/onnx",
                         "olive.model": root / "model", "olive.common": root / "common"}.items():
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    sys.modules["olive.passes"].Pass = type("Pass", (), {})
    for name, names in {"olive.model.utils": ["resolve_onnx_path"],
                        "olive.passes.onnx.common": ["get_external_data_config", "model_proto_to_olive_model"],
                        "olive.passes.pass_config": ["BasePassConfig", "PassConfigParam"]}.items():
        module = types.ModuleType(name)
        for each in names:
            setattr(module, each, lambda *args, **kwargs: {})
        sys.modules[name] = module
    return importlib.import_module("olive.passes.onnx.graph_surgeries").Surgeon.registry


def weights(*shape):
    return np.round(RNG.standard_normal(shape), 3).astype(np.float32)


def model(nodes, inputs, outputs, initializers, domains=()):
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs],
        [numpy_helper.from_array(v, n) for n, v in initializers.items()])
    opsets = [helper.make_opsetid("", 21)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


F = TensorProto.FLOAT


def gemms():
    nodes = [helper.make_node("Gemm", ["x", "a", "bias"], ["p"], name="p/Gemm", transB=1),
             helper.make_node("Gemm", ["p", "b"], ["q"], name="q/Gemm"),
             helper.make_node("Gemm", ["q", "b"], ["y"], name="r/Gemm", alpha=0.5)]
    return model(nodes, [("x", F, ["n", 4])], [("y", F, ["n", 6])],
                 {"a": weights(6, 4), "bias": weights(6), "b": weights(6, 6)}), {"x": weights(2, 4)}


def erf():
    nodes = [helper.make_node("Erf", ["x"], ["e"], name="a/Erf"), helper.make_node("Mul", ["e", "x"], ["y"], name="a/Mul")]
    return model(nodes, [("x", F, ["n", 4])], [("y", F, ["n", 4])], {}), {"x": weights(3, 4)}


def reciprocal():
    nodes = [helper.make_node("Reciprocal", ["x"], ["r"], name="a/Reciprocal"),
             helper.make_node("Mul", ["r", "a"], ["p"], name="a/Mul"),
             helper.make_node("Mul", ["p", "r"], ["y"], name="b/Mul")]
    return model(nodes, [("x", F, ["n", 4])], [("y", F, ["n", 4])], {"a": weights(4)}), {"x": 2 + abs(weights(3, 4))}


def mask():
    lowest = np.array([0, np.finfo(np.float32).min, -1e9, 1], np.float32)
    fill = numpy_helper.from_array(np.array([np.finfo(np.float32).min], np.float32), "fill")
    nodes = [helper.make_node("Add", ["x", "mask"], ["s"], name="s/Add"),
             helper.make_node("Shape", ["x"], ["shape"], name="s/Shape"),
             helper.make_node("ConstantOfShape", ["shape"], ["low"], name="s/ConstantOfShape", value=fill),
             helper.make_node("Where", ["keep", "s", "low"], ["w"], name="s/Where"),
             helper.make_node("Sub", ["w", "other"], ["y"], name="y/Sub")]
    keep = np.array([True, True, False, True])
    return model(nodes, [("x", F, ["n", 4])], [("y", F, ["n", 4])],
                 {"mask": lowest, "keep": keep, "other": np.array([0, -1e35, 0, 0], np.float32)}), {"x": weights(2, 4)}


def group_index():
    k, n, block = 64, 4, 32
    tensors = {"b": RNG.integers(0, 256, (n, k // block, block // 2), np.uint8), "s": abs(weights(n, k // block)),
               "w.g_idx": (np.arange(k) // block).astype(np.int32)}
    node = helper.make_node("MatMulNBits", ["x", "b", "s", "", "w.g_idx"], ["y"], name="w/MatMulNBits",
                            domain="com.microsoft", K=k, N=n, bits=4, block_size=block)
    return model([node], [("x", F, ["m", k])], [("y", F, ["m", n])], tensors, ["com.microsoft"]), {"x": weights(2, k)}


def ports():
    nodes = [helper.make_node("Sub", ["x", "y"], ["d"], name="d/Sub"), helper.make_node("Mul", ["d", "w"], ["z"], name="z/Mul")]
    return model(nodes, [("x", F, [1, 4]), ("y", F, ["n", 4]), ("w", F, [4])], [("z", F, ["n", 4])],
                 {"w": weights(4)}), {"x": weights(1, 4), "y": weights(2, 4)}


def attention():
    """As ONNX Runtime GenAI's builder makes it: lengths are sums over the mask."""
    heads, size = 2, 8
    width = heads * size
    constants = {"one": np.array([1], np.int64), "index": np.array(1, np.int64), "table": weights(40, width)}
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["h"], name="h/Gather"),
             helper.make_node("ReduceSum", ["attention_mask", "one"], ["sum"], name="mask/ReduceSum", keepdims=1),
             helper.make_node("Sub", ["sum", "one"], ["less"], name="mask/Sub"),
             helper.make_node("Cast", ["less"], ["seqlens_k"], name="mask/Cast", to=TensorProto.INT32),
             helper.make_node("Shape", ["attention_mask"], ["shape"], name="mask/Shape"),
             helper.make_node("Gather", ["shape", "index"], ["total"], name="mask/Gather", axis=0),
             helper.make_node("Cast", ["total"], ["total_i32"], name="mask/Cast_1", to=TensorProto.INT32),
             helper.make_node("GroupQueryAttention", ["h", "h", "h", "past.k", "past.v", "seqlens_k", "total_i32"],
                              ["y", "present.k", "present.v"], name="attn/GroupQueryAttention", domain="com.microsoft",
                              num_heads=heads, kv_num_heads=heads)]
    cache = ["b", heads, "past", size]
    present = ["b", heads, "total", size]
    made = model(nodes,
                 [("input_ids", TensorProto.INT64, ["b", "s"]), ("attention_mask", TensorProto.INT64, ["b", "total"]),
                  ("past.k", F, cache), ("past.v", F, cache)],
                 [("y", F, ["b", "s", width]), ("present.k", F, present), ("present.v", F, present)], constants,
                 ["com.microsoft"])
    return made, {"input_ids": np.array([[3, 5, 9]], np.int64), "past.k": weights(1, heads, 2, size),
                  "past.v": weights(1, heads, 2, size), "past_seq_len": np.array([[4]], np.int32),
                  "total_seq_len": np.array(5, np.int32)}


CASES = {
    "gemms": (gemms, [{"surgeon": "GemmToMatMulAdd"}]),
    "erf": (erf, [{"surgeon": "ReplaceErfWithTanh"}]),
    "reciprocal": (reciprocal, [{"surgeon": "ReciprocalMulToDiv"}]),
    "mask": (mask, [{"surgeon": "ReplaceAttentionMaskValue", "threshold": -1e8, "replacement": -100.0}]),
    "group_index": (group_index, [{"surgeon": "RemoveGidxFromMatMulNBits"}]),
    "ports": (ports, [{"surgeon": "RemoveInitializerFromInputs"},
                      {"surgeon": "ReorderInputs", "permutation": [1, 0]},
                      {"surgeon": "ExposeOutputs", "names": ["d/Sub"]},
                      {"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["left"]},
                      {"surgeon": "RenameOutputs", "old_names": ["z"], "new_names": ["product"]},
                      {"surgeon": "RenameInputDims", "input_name": "left", "dim_idx": 0, "dim_name": "m"},
                      {"surgeon": "RenameOutputDims", "output_idx": 0, "dim_idx": 1, "dim_name": "width"}]),
    "attention": (attention, [{"surgeon": "AttentionMaskToSequenceLengths"}]),
}


def port(value):
    dims = value.type.tensor_type.shape.dim
    return {"name": value.name, "dims": [d.dim_param or d.dim_value for d in dims]}


def array(value):
    return {"dtype": str(value.dtype), "shape": list(value.shape), "values": value.flatten().tolist()}


def main():
    registry = import_surgeries()
    OUT.mkdir(parents=True, exist_ok=True)
    out = {"versions": {"olive-ai": "0.13.0", "onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__}}
    for name, (build, surgeries) in CASES.items():
        before, feeds = build()
        onnx.save(before, OUT / f"{name}.onnx")
        after = onnx.shape_inference.infer_shapes(before)
        for surgery in surgeries:
            options = {k: v for k, v in surgery.items() if k != "surgeon"}
            after = registry[surgery["surgeon"].lower()](**options)(after)
        renamed = {"left": "x"} if name == "ports" else {}
        fed = {i.name: feeds[renamed.get(i.name, i.name)] for i in after.graph.input}
        session = onnxruntime.InferenceSession(after.SerializeToString(), providers=["CPUExecutionProvider"])
        results = session.run(None, fed)
        out[name] = {
            "surgeries": surgeries, "inputs": [port(i) for i in after.graph.input],
            "outputs": [port(o) for o in after.graph.output],
            "operators": dict(sorted(Counter(n.op_type for n in after.graph.node).items())),
            "feeds": {k: array(v) for k, v in fed.items()},
            "results": {o.name: array(v) for o, v in zip(after.graph.output, results)}}
    (OUT / "cases.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
