#!/usr/bin/env python3
"""Runs OnnxFloatToFloat16 over the models of onnx's own backend tests, one operator each.

  pip install onnx==1.23.2 onnxruntime==1.31.1     # the versions of scripts/pins.sh
  tools/onnx_backend_float16.py build/release/lapidary

Of every model with float32 inputs that ONNX Runtime runs: what the program makes of it must run too,
and compute the same to float16's precision. Prints the models that do not, and counts; exit code 1
if there is one. --all also takes models of several nodes (functions expanded).
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

RANDOM = {"Bernoulli", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
          "Multinomial", "Dropout"}


def cases(all_of_them):
    warnings.simplefilter("ignore")  # about values of its own expectations
    from onnx.backend.test.case.node import collect_testcases
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if not all_of_them and len(nodes) != 1:
            continue
        ports = [*case.model.graph.input, *case.model.graph.output]
        if not all(port.type.HasField("tensor_type") for port in ports):
            continue  # sequences, which the program does not read
        floats = [i for i in case.model.graph.input
                  if i.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
        if floats and not RANDOM & {node.op_type for node in nodes}:
            yield case


def arrays(case):
    """The inputs of the first data set, by name; None: not all are tensors."""
    out = {}
    for info, value in zip(case.model.graph.input, case.data_sets[0][0]):
        if isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value)
        if not isinstance(value, (np.ndarray, np.generic)):
            return None
        value = np.asarray(value)
        if value.dtype == np.float32:  # what float16 can hold, so that the results can be compared
            value = value.clip(-6e4, 6e4).astype(np.float16).astype(np.float32)
        out[info.name] = value
    return out


def run(model, inputs):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    halves = {i.name for i in session.get_inputs() if i.type == "tensor(float16)"}
    feeds = {k: v.astype(np.float16) if k in halves and v.dtype == np.float32 else v
             for k, v in inputs.items()}
    return session.run(None, feeds)


def difference(wanted, got):
    """What is wrong; "" for nothing."""
    for k, (a, b) in enumerate(zip(wanted, got)):
        if not isinstance(a, np.ndarray):
            continue
        if a.shape != b.shape:
            return f"output {k} has shape {b.shape}, not {a.shape}"
        if a.dtype.kind != "f":
            continue  # positions and codes may fall on the other side of a tie
        a, b = a.astype(np.float64), b.astype(np.float64)
        big = np.abs(a) > 6e4  # beyond what float16 holds
        scale = max(1, np.abs(a[np.isfinite(a)]).max(initial=0))
        same = np.isclose(a, b, rtol=2e-2, atol=2e-2 * scale, equal_nan=True)
        if not np.all(same | big):
            return f"output {k} is off by {np.abs(a - b)[~(same | big)].max():.3g}"
    return ""


def judge(program, case, inputs, folder):
    source, made = folder / "model.onnx", folder / "made.onnx"
    onnx.save(case.model, str(source))
    try:
        wanted = run(str(source), inputs)
    except Exception:  # ONNX Runtime does not run everything
        return "not run by ONNX Runtime before", ""
    made.unlink(missing_ok=True)
    done = subprocess.run([program, "convert", str(source), "-o", str(made), "-p",
                           "OnnxFloatToFloat16"], capture_output=True, text=True)
    if done.returncode != 0:
        return "refused", f"exit {done.returncode}: {done.stderr.strip()[:200]}"
    try:
        problem = difference(wanted, run(str(made), inputs))
    except Exception as error:
        return "cannot be run", str(error)[:200]
    return ("differs", problem) if problem else ("the same", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(4)
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(options.all):
            inputs = arrays(case)
            if inputs is None:
                continue
            verdict, why = judge(options.program, case, inputs, pathlib.Path(folder))
            counts[verdict] += 1
            if why:
                print(f"{case.name}: {verdict}: {why}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    return 1 if counts["refused"] + counts["cannot be run"] + counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
