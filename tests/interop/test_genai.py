"""Packages of the tiny model in ONNX Runtime GenAI, and their graphs before onnx.checker.

    python tests/interop/test_genai.py --lapidary build/release/lapidary PACKAGE [PACKAGE ...]

Each package, with caches shared between past and present and without:
 - every model.onnx passes onnx.checker, shape inference included;
 - the tokenizer gives the prompt's ids;
 - greedy generation equals `lapidary run --greedy` on the same package, token for token;
 - a package of recipe cpu-fp32 gives the tokens and the text of samples/expected.json (by transformers).
scripts/test-interop makes the environment and the packages.
"""
import argparse
import glob
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime_genai as og

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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


def samples():
    with open(os.path.join(ROOT, "models/tiny-gemma4/samples/expected.json"), encoding="utf-8") as f:
        chosen = [s for s in json.load(f)["samples"] if s["file"] is None]
    assert len(chosen) >= 8, "no text samples in expected.json"
    return chosen


def check_graphs(report, package):
    models = sorted(glob.glob(os.path.join(package, "*", "model.onnx")))
    report.check(len(models) >= 2, f"{package}: embedding and decoder", models)
    for model in models:
        try:
            onnx.checker.check_model(model, full_check=True)
            report.check(True, model)
        except Exception as error:  # noqa: BLE001: whatever it complains of is the finding
            report.check(False, f"onnx.checker {model}", error)


def generate(model, ids, share):
    params = og.GeneratorParams(model)
    params.set_search_options(do_sample=False, max_length=len(ids) + MAX_NEW, past_present_share_buffer=share)
    generator = og.Generator(model, params)
    generator.append_tokens(np.array(ids, np.int32))
    while not generator.is_done():
        generator.generate_next_token()
    return [int(t) for t in generator.get_sequence(0)[len(ids):]]


def run_lapidary(program, package, sample):
    command = [program, "run", package, sample["question"], "--greedy", "--json", "--max-tokens", str(MAX_NEW)]
    if sample["system"]:
        command += ["--system", sample["system"]]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def without_stop(tokens, stop):
    """GenAI leaves the stop token out of its sequence."""
    return tokens[:-1] if tokens and tokens[-1] in stop else tokens


def check_generation(report, program, package):
    with open(os.path.join(package, "lapidary.json"), encoding="utf-8") as f:
        recipe = json.load(f)["recipe_name"]
    with open(os.path.join(package, "generation_config.json"), encoding="utf-8") as f:
        stop = json.load(f)["eos_token_id"]
    model = og.Model(package)
    tokenizer = og.Tokenizer(model)
    for sample in samples():
        name = f"{os.path.basename(package)} {sample['id']}"
        ids = sample["input_ids"]
        encoded = [int(t) for t in tokenizer.encode(sample["prompt"])]
        report.check(encoded in (ids, ids[1:]), f"{name}: tokenizer", f"{encoded} instead of {ids}")
        ours = run_lapidary(program, package, sample) if sample["kind"] == "chat" else None
        for share in (True, False):
            tokens = generate(model, ids, share)
            where = f"{name}, {'shared' if share else 'separate'} caches"
            if ours:
                report.check(without_stop(tokens, stop) == without_stop(ours["tokens"], stop),
                             f"{where}: as lapidary run", f"{tokens} instead of {ours['tokens']}")
            if "fp32" in recipe:
                report.check(without_stop(tokens, stop) == without_stop(sample["output_ids"], stop),
                             f"{where}: tokens of transformers",
                             f"{tokens} instead of {sample['output_ids']}")
                text = tokenizer.decode(np.array(without_stop(tokens, stop), np.int32))
                report.check(text.strip() == sample["output_text"].strip(), f"{where}: text",
                             f"{text!r} instead of {sample['output_text']!r}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lapidary", required=True)
    parser.add_argument("packages", nargs="+")
    args = parser.parse_args()
    report = Report()
    for package in args.packages:
        package = os.path.abspath(package)
        check_graphs(report, package)
        check_generation(report, args.lapidary, package)
    print(f"{report.passed} checks passed, {len(report.failed)} failed (onnxruntime-genai {og.__version__})")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
