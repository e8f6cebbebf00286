"""What the host computes of a token before the decoder: milliseconds of the embedding graph, by operator.

    build/bench/venv/bin/python bench/embedding_cost.py EMBEDDING_FOLDER [--threads 1] [--runs 200]

The venv is run_text_bench's. The least of all runs is printed, so that a busy machine matters little.
"""
import argparse
import collections
import json
import os
import tempfile
import time

import numpy as np
import onnxruntime as ort


def session_of(folder, threads, profile=None):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    return ort.InferenceSession(os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])


def least_ms(session, inputs, runs):
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        session.run(None, inputs)
        best = min(best, time.perf_counter() - start)
    return 1000 * best


def least_by_op(folder, threads, inputs, runs):
    with tempfile.TemporaryDirectory() as scratch:
        session = session_of(folder, threads, os.path.join(scratch, "profile"))
        for _ in range(runs):
            session.run(None, inputs)
        with open(session.end_profiling(), encoding="utf-8") as f:
            events = json.load(f)
    least = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            op, at = event["args"]["op_name"], event["name"]
            least[at] = min(least.get(at, (op, 1 << 60)), (op, event["dur"]))
    by_op = collections.Counter()
    for op, microseconds in least.values():
        by_op[op] += microseconds / 1000
    return by_op


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=200)
    args = parser.parse_args()
    session = session_of(args.folder, args.threads)
    vocabulary = np.random.default_rng(1)
    for tokens in (1, 64, 128):
        inputs = {"input_ids": vocabulary.integers(100, 1000, (1, tokens))}
        outputs = {o.name: o.shape[-1] for o in session.get_outputs()}
        total = least_ms(session, inputs, args.runs)
        by_op = least_by_op(args.folder, args.threads, inputs, args.runs)
        print(f"{tokens} tokens: {total:.3f} ms; " + ", ".join(f"{op} {ms:.3f}" for op, ms in by_op.most_common(5)))
    print("a token as uint16: " + ", ".join(f"{name} {2 * width} bytes" for name, width in outputs.items()))


if __name__ == "__main__":
    main()
