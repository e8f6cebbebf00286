"""Packages of the tiny model in ONNX Runtime GenAI, and their graphs before onnx.checker.

    python tests/interop/test_genai.py --lapidary build/release/lapidary [--one-tower SEES HEARS] PACKAGE ...

Each PACKAGE, with caches shared between past and present and without:
 - every model.onnx passes onnx.checker, shape inference included;
 - the tokenizer gives the prompt's ids;
 - greedy generation equals `lapidary run --greedy` on the same package, token for token;
 - a package of recipe cpu-fp32 gives the tokens and the text of samples/expected.json (by transformers);
 - images and sound: see genai_media.py.
SEES and HEARS are cpu-fp32 packages of the tiny model without its audio or its vision tower.
scripts/test-interop makes the environment and the packages.
"""
import argparse
import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime_genai as og

from common import Report, finish, generate, generator_for, package_json, run_sample, samples, without_stop
from genai_media import check_media


def check_graphs(report, package):
    models = sorted(glob.glob(os.path.join(package, "*", "model.onnx")))
    listed = [c["file"] for c in package_json(package, "lapidary.json")["components"]]
    report.check(models == sorted(os.path.join(package, file) for file in listed), f"{package}: components", models)
    for model in models:
        try:
            onnx.checker.check_model(model, full_check=True)
            report.check(True, model)
        except Exception as error:  # noqa: BLE001: whatever it complains of is the finding
            report.check(False, f"onnx.checker {model}", error)


def check_generation(report, program, package):
    recipe = package_json(package, "lapidary.json")["recipe_name"]
    stop = package_json(package, "generation_config.json")["eos_token_id"]
    model = og.Model(package)
    tokenizer = og.Tokenizer(model)
    for sample in samples(has_file=False):
        name = f"{os.path.basename(package)} {sample['id']}"
        ids = sample["input_ids"]
        encoded = [int(t) for t in tokenizer.encode(sample["prompt"])]
        report.check(encoded in (ids, ids[1:]), f"{name}: tokenizer", f"{encoded} instead of {ids}")
        ours = run_sample(program, package, sample) if sample["kind"] == "chat" else None
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


def check_one_tower(report, packages):
    """Packages of models that only see or only hear: which form GenAI loads.

    "gemma4" runs without a speech model, not without a vision model. Sound only is a pipeline of
    embedding and decoder: GenAI has no place for its encoder, and text needs audio_features of no rows.
    """
    for package, kind in zip(packages, ("gemma4", "decoder-pipeline")):
        report.check(package_json(package, "genai_config.json")["model"]["type"] == kind, f"{package}: {kind}")
        model = og.Model(package)
        for sample in samples(has_file=False):
            generator = generator_for(model, len(sample["input_ids"]))
            if kind == "decoder-pipeline":
                hidden = package_json(package, "lapidary.json")["text"]["hidden_size"]
                generator.set_model_input("audio_features", np.zeros((0, hidden), np.float32))
            generator.append_tokens(np.array(sample["input_ids"], np.int32))
            tokens, stop = finish(generator), package_json(package, "generation_config.json")["eos_token_id"]
            report.check(without_stop(tokens, stop) == without_stop(sample["output_ids"], stop),
                         f"{package} {sample['id']}: tokens of transformers", tokens)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lapidary", required=True)
    parser.add_argument("--one-tower", default=[], nargs=2, metavar=("SEES", "HEARS"))
    parser.add_argument("packages", nargs="+")
    args = parser.parse_args()
    report = Report()
    for package in args.packages:
        package = os.path.abspath(package)
        check_graphs(report, package)
        check_generation(report, args.lapidary, package)
        check_media(report, args.lapidary, package)
    check_one_tower(report, args.one_tower)
    print(f"{report.passed} checks passed, {len(report.failed)} failed (onnxruntime-genai {og.__version__})")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
