#!/usr/bin/env python3
"""Writes tests/golden/convert/*: small ONNX models as other writers make them, and what ONNX
Runtime's CPU computes for them.

  python tests/oracle/make_convert_goldens.py

Environment: requirements.txt. NAME.onnx (with NAME.bin where values are external), NAME.json:
{"inputs": {name: {shape, values}}, "outputs": ...}, float32 all.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "convert"
RNG = np.random.default_rng(11)


def int4(name, codes, dtype=T.INT4):
    flat = np.append(codes.astype(np.int8).flatten(), np.zeros(codes.size % 2, np.int8)).astype(np.uint8) & 15
    tensor = T(name=name, data_type=dtype, dims=codes.shape)
    tensor.raw_data = (flat[0::2] | (flat[1::2] << 4)).tobytes()
    return tensor


def info(name, shape, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def model(nodes, inputs, outputs, initializers, opset=21, ir=10, functions=(), domains=("com.microsoft",)):
    graph = h.make_graph(nodes, "foreign", inputs, outputs, initializers)
    opsets = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains]
    return h.make_model(graph, opset_imports=opsets, ir_version=ir, functions=list(functions))


def describe(arrays):
    return {
        name: {"shape": list(a.shape), "values": [float(f"{v:.9g}") for v in np.asarray(a, np.float32).flatten()]}
        for name, a in arrays.items()
    }


def write(name, proto, feeds, external=False):
    path = GOLDEN / f"{name}.onnx"
    if external:
        (GOLDEN / f"{name}.bin").unlink(missing_ok=True)
        onnx.save(proto, path, save_as_external_data=True, location=f"{name}.bin", size_threshold=64)
    else:
        onnx.save(proto, path)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, feeds)))
    golden = {"inputs": describe(feeds), "outputs": describe(outputs)}
    (GOLDEN / f"{name}.json").write_text(json.dumps(golden) + "\n")


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def nbits(name, n, k, block, bits=4, zero_points=True):
    """Initializers of a MatMulNBits: names and tensors."""
    blocks = -(-k // block)
    codes = RNG.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
    scales = RNG.uniform(0.01, 0.05, (n, blocks)).astype(np.float32)
    tensors = [nh.from_array(codes, name + ".q"), nh.from_array(scales, name + ".s")]
    if zero_points:
        zeros = RNG.integers(0, 256, (n, (blocks * bits + 7) // 8)).astype(np.uint8)
        tensors.append(nh.from_array(zeros, name + ".z"))
    return [t.name for t in tensors], tensors


def nbits_node(x, names, y, n, k, block, bits=4, extra=(), **attributes):
    return h.make_node("MatMulNBits", [x] + names + list(extra), [y], domain="com.microsoft", K=k, N=n,
                       bits=bits, block_size=block, **attributes)


def make_nbits():
    """No node names, external data, opset 17, a bias, K no multiple of the block, 8 bits, one block."""
    nodes, tensors = [], []
    a, t = nbits("a", 24, 80, 32)  # 3 blocks, the last one short
    tensors += t
    bias = nh.from_array(floats(24), "bias")
    # ONNX Runtime 1.31.1 computes something else with an ordinary g_idx, so there is none.
    nodes.append(nbits_node("x", a, "h", 24, 80, 32, extra=["", "bias"]))
    nodes.append(h.make_node("ReduceMean", ["h"], ["mean"], axes=[-1], keepdims=1))
    nodes.append(h.make_node("Sub", ["h", "mean"], ["c"]))
    b, t = nbits("b", 32, 24, 32, zero_points=False)  # one block: per channel
    tensors += t
    nodes.append(nbits_node("c", b, "d", 32, 24, 32))
    e, t = nbits("e", 16, 32, 16, bits=8)
    tensors += t
    nodes.append(nbits_node("d", e, "f", 16, 32, 16, bits=8))
    # A half that only the reader of an If sees, and a Split without its sizes.
    nodes.append(h.make_node("Split", ["f"], ["left", "right"], axis=-1))
    branch = lambda op, name: h.make_graph([h.make_node(op, ["left", "right"], [name])], name + "_g", [], [info(name, None)])
    nodes.append(h.make_node("If", ["flag"], ["y"], then_branch=branch("Add", "sum"), else_branch=branch("Mul", "product")))
    proto = model(nodes, [info("x", ["batch", 80])], [info("y", ["batch", 8])],
                  tensors + [bias, nh.from_array(np.array(True), "flag")], opset=17, ir=8)
    write("nbits", proto, {"x": floats(3, 80)}, external=True)


def make_zoo():
    """Attributes of every kind, a function, typed fields, constants as nodes, odd int4 rows, halves, optional inputs."""
    body = [h.make_node("Add", ["a", "b"], ["t"]), h.make_node("Tanh", ["t"], ["r"])]
    function = h.make_function("local", "AddTanh", ["a", "b"], ["r"], body, [h.make_opsetid("", 21)])
    constants = [
        h.make_node("Constant", [], ["k_tensor"], value=nh.from_array(floats(5, 3), "")),
        h.make_node("Constant", [], ["k_float"], value_float=0.5),
        h.make_node("Constant", [], ["k_ints"], value_ints=[1, 3]),
    ]
    typed = [
        h.make_tensor("half", T.FLOAT16, [3], [0.5, -1.5, 2.0]),
        h.make_tensor("brain", T.BFLOAT16, [3], [1.0, 0.25, -4.0]),
        int4("odd", RNG.integers(-8, 8, (5, 3))),
        nh.from_array(np.float32(0.25), "odd_scale"),
        h.make_tensor("limits_max", T.FLOAT, [], [0.75]),
    ]
    loop_body = h.make_graph(
        [h.make_node("Identity", ["cond_in"], ["cond_out"]), h.make_node("Add", ["v_in", "half32"], ["v_out"])],
        "body", [info("i", [], T.INT64), info("cond_in", [], T.BOOL), info("v_in", None)],
        [info("cond_out", [], T.BOOL), info("v_out", None)])
    nodes = constants + [
        h.make_node("Cast", ["half"], ["half32"], to=T.FLOAT),
        h.make_node("Cast", ["brain"], ["brain32"], to=T.FLOAT),
        h.make_node("DequantizeLinear", ["odd", "odd_scale"], ["odd32"]),
        h.make_node("AddTanh", ["k_tensor", "odd32"], ["m"], domain="local"),
        h.make_node("MatMul", ["x", "m"], ["p"], name="product"),
        h.make_node("Clip", ["p", "", "limits_max"], ["q"]),
        h.make_node("Mul", ["q", "k_float"], ["r"]),
        h.make_node("Add", ["r", "brain32"], ["s"]),
        h.make_node("Loop", ["trips", "", "s"], ["u"], body=loop_body),
        h.make_node("Reshape", ["u", "k_ints"], ["y"]),
    ]
    trips = nh.from_array(np.array(2, np.int64), "trips")
    proto = model(nodes, [info("x", [1, 5])], [info("y", None)], typed + [trips], functions=[function],
                  domains=("local",))
    write("zoo", proto, {"x": floats(1, 5)})


def qdq(name, value, scale, zero, nodes, tensors, dtype=np.uint16):
    tensors += [nh.from_array(np.float32(scale), name + ".s"), nh.from_array(dtype(zero), name + ".z")]
    nodes.append(h.make_node("QuantizeLinear", [value, name + ".s", name + ".z"], [name + ".q"]))
    nodes.append(h.make_node("DequantizeLinear", [name + ".q", name + ".s", name + ".z"], [name]))
    return name


def block_weight(name, shape, axis, block, nodes, tensors):
    """A weight in blocks of int4 with zeros written; block magnitudes differ much."""
    scale_shape = list(shape)
    scale_shape[axis] //= block
    scales = (0.02 * np.exp(0.5 * RNG.normal(size=scale_shape))).astype(np.float32)
    tensors += [int4(name + ".q", RNG.integers(-8, 8, shape)), nh.from_array(scales, name + ".s"),
                int4(name + ".z", np.zeros(scale_shape))]
    nodes.append(h.make_node("DequantizeLinear", [name + ".q", name + ".s", name + ".z"], [name], axis=axis,
                             block_size=block))
    return name


def make_blocks():
    """All products that BlockQuantToLpbq converts, on integers of 16 bits."""
    nodes, tensors = [], []
    x = qdq("xd", "x", 8 / 65535, 32768, nodes, tensors)
    w = block_weight("w", (64, 48), 0, 16, nodes, tensors)
    nodes.append(h.make_node("MatMul", [x, w], ["h"], name="matmul"))
    hd = qdq("hd", "h", 20 / 65535, 32768, nodes, tensors)
    g = block_weight("g", (32, 48), 1, 16, nodes, tensors)
    tensors.append(nh.from_array(floats(32), "c"))
    nodes.append(h.make_node("Gemm", [hd, g, "c"], ["i"], name="gemm", transB=1, alpha=0.5, beta=2.0))
    qdq("y", "i", 20 / 65535, 30000, nodes, tensors)
    t = block_weight("t", (16, 64), 1, 32, nodes, tensors)
    nodes.append(h.make_node("Transpose", [t], ["t_turned"], perm=[1, 0]))
    nodes.append(h.make_node("MatMul", [x, "t_turned"], ["j"], name="turned"))
    qdq("z", "j", 20 / 65535, 32768, nodes, tensors)
    image = qdq("vd", "v", 8 / 65535, 32768, nodes, tensors)
    one = block_weight("one", (32, 32, 1, 1), 1, 16, nodes, tensors)
    nodes.append(h.make_node("Conv", [image, one], ["m"], name="conv1"))
    md = qdq("md", "m", 20 / 65535, 32768, nodes, tensors)
    three = block_weight("three", (16, 32, 3, 3), 1, 32, nodes, tensors)
    tensors.append(nh.from_array(floats(16), "three.bias"))
    nodes.append(h.make_node("Conv", [md, three, "three.bias"], ["n"], name="conv3", pads=[1, 1, 1, 1], strides=[2, 1]))
    qdq("o", "n", 60 / 65535, 32768, nodes, tensors)
    proto = model(nodes, [info("x", [5, 64]), info("v", [1, 32, 6, 5])],
                  [info("y", [5, 32]), info("z", [5, 16]), info("o", [1, 16, 3, 5])], tensors, domains=())
    write("blocks", proto, {"x": floats(5, 64), "v": floats(1, 32, 6, 5)})


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    make_nbits()
    make_zoo()
    make_blocks()
