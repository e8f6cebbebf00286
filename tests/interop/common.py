"""What the interoperability checks share: counting, samples, `lapidary`, generation by GenAI."""
import json
import os
import subprocess

import numpy as np
import onnxruntime_genai as og

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "models/tiny-gemma4/samples")
MAX_NEW = 110  # as in expected.json


class Report:
    def __init__(self):
        self.passed, self.failed = 0, []

    def check(self, ok, what, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed.append(what)
            print(f"FAIL {what}: {detail}")


def worst_difference(a, b):
    """NaN, which passes no bound, for shapes that differ, for values that are not finite and for nothing."""
    if a.shape != b.shape or a.size == 0:
        return float("nan")
    difference = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max()
    return float(difference) if np.isfinite(difference) else float("nan")


def samples(has_file):
    with open(os.path.join(SAMPLES, "expected.json"), encoding="utf-8") as f:
        chosen = [s for s in json.load(f)["samples"] if (s["file"] is not None) == has_file]
    assert len(chosen) >= 8, "too few samples in expected.json"
    return chosen


def package_json(package, name):
    with open(os.path.join(package, name), encoding="utf-8") as f:
        return json.load(f)


def run_lapidary(program, package, question, files=(), system=None):
    """`files` holds ("image" or "audio", path)."""
    command = [program, "run", package, question, "--greedy", "--json", "--max-tokens", str(MAX_NEW)]
    if system:
        command += ["--system", system]
    for kind, path in files:
        command += ["--" + kind, path]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def run_sample(program, package, sample):
    files = [(sample["kind"], os.path.join(SAMPLES, sample["file"]))] if sample["file"] else []
    return run_lapidary(program, package, sample["question"], files, sample["system"])


def finish(generator):
    """The tokens after the prompt, greedily; GenAI leaves the stop token out."""
    prompt = len(generator.get_sequence(0))
    while not generator.is_done():
        generator.generate_next_token()
    return [int(t) for t in generator.get_sequence(0)[prompt:]]


def generator_for(model, prompt_length, share=True):
    params = og.GeneratorParams(model)
    params.set_search_options(do_sample=False, max_length=prompt_length + MAX_NEW, past_present_share_buffer=share)
    return og.Generator(model, params)


def generate(model, ids, share=True):
    generator = generator_for(model, len(ids), share)
    generator.append_tokens(np.array(ids, np.int32))
    return finish(generator)


def without_stop(tokens, stop):
    """GenAI leaves the stop token out of its sequence."""
    return tokens[:-1] if tokens and tokens[-1] in stop else tokens
