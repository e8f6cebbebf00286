"""Where the decoder graph's time goes: ONNX Runtime's own profile of one prompt and some decode steps.

    split(package, ids, threads, steps) -> {"prompt": {op: seconds}, "decode": {op: seconds per token}}

Runs as the product does: past and present in one buffer, logits of the last position only.
"""
import json
import os
import tempfile

import numpy as np
import onnxruntime as ort


def feed(session, binding, name, array):
    binding.bind_cpu_input(name, np.ascontiguousarray(array))


class Decoder:
    def __init__(self, package, threads, capacity, profile=None):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.embedding = ort.InferenceSession(os.path.join(package, "embedding/model.onnx"), options)
        if profile:
            options.enable_profiling = True
            options.profile_file_prefix = profile
        self.session = ort.InferenceSession(os.path.join(package, "decoder/model.onnx"), options)
        self.optional = [i.name for i in self.session.get_overridable_initializers()]
        self.one = ort.OrtValue.ortvalue_from_numpy(np.ones(1, np.int64))
        self.total = 0
        self.cache = {}
        for port in self.session.get_inputs():
            if port.name.startswith("past_key_values."):
                shape = [1, port.shape[1], capacity, port.shape[3]]
                self.cache[port.name] = ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))

    def step(self, ids):
        names = [o.name for o in self.embedding.get_outputs()]
        embedded = dict(zip(names, self.embedding.run(names, {"input_ids": np.array([ids], np.int64)})))
        self.total += len(ids)
        binding = self.session.io_binding()
        for name, value in embedded.items():
            feed(self.session, binding, name, value)
        feed(self.session, binding, "attention_mask", np.ones((1, self.total), np.int64))
        if "logits_to_keep" in self.optional:
            # bind_cpu_input refuses inputs with a default.
            binding.bind_ortvalue_input("logits_to_keep", self.one)
        for name, value in self.cache.items():
            binding.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_output(name.replace("past_key_values", "present"), value)
        binding.bind_output("logits")
        self.session.run_with_iobinding(binding)
        return int(binding.get_outputs()[-1].numpy()[0, -1].argmax())  # bound last


def kernel_times(events):
    times = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            op = event["args"]["op_name"]
            times[op] = times.get(op, 0.0) + event["dur"] / 1e6
    return times


def split(package, ids, threads, steps):
    with tempfile.TemporaryDirectory() as folder:
        decoder = Decoder(package, threads, len(ids) + steps, os.path.join(folder, "profile"))
        token = decoder.step(ids)
        for _ in range(steps):
            token = decoder.step([token])
        events = json.load(open(decoder.session.end_profiling()))
    runs = sorted((e for e in events if e["name"] == "model_run"), key=lambda e: e["ts"])
    end_of_prompt = runs[0]["ts"] + runs[0]["dur"]
    prompt = kernel_times(e for e in events if e["ts"] < end_of_prompt)
    decode = kernel_times(e for e in events if e["ts"] >= end_of_prompt)
    prompt["(whole run)"] = runs[0]["dur"] / 1e6
    decode["(whole run)"] = sum(r["dur"] for r in runs[1:]) / 1e6
    return dict(prompt=prompt, decode={op: t / steps for op, t in decode.items()})


def shares(times):
    """Three shares of a run: weights (MatMulNBits and MatMul), attention, and all the rest, overhead included."""
    whole = times["(whole run)"]
    weights = sum(t for op, t in times.items() if op in ("MatMulNBits", "MatMul", "Gemm", "FusedMatMul"))
    attention = sum(t for op, t in times.items() if op in ("GroupQueryAttention", "Attention", "MultiHeadAttention"))
    return dict(weights=weights / whole, attention=attention / whole, rest=1 - (weights + attention) / whole)
