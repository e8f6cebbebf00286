"""A text decoder of Gemma 4 E2B's dims on the emulated HTP: plan against build, compiler's memory, whole graphs against
ONNX Runtime's CPU.

    test_real_dims.py CHECKPOINT WORK --lapidary BINARY [--arch v81]

Builds CHECKPOINT with htp-w8a16 in two parts as WORK/package, calibrated on made-up texts, unless it is there. A line a
check; exit code 1 when one fails.
"""
import argparse
import json
import os
import random
import subprocess
import sys

MOST_MEMORY = 8e9
MOST_OFF = 0.1  # of what was planned
LEAST_COSINE = 0.9999
GRAPHS = ("decode.1", "decode.0", "prefill.0")


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, good, text):
        self.passed += bool(good)
        self.failed += not good
        print(f"{'ok    ' if good else 'FAILED'} {text}", flush=True)


def write_texts(checkpoint, path, documents=8, words=600):
    """Random words of the checkpoint's own vocabulary, a document a line; the same ones every time."""
    with open(os.path.join(checkpoint, "tokenizer.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)["model"]["vocab"]
    known = sorted(t[1:] for t in vocabulary if t[0] == "\u2581" and t[1:].isascii() and t[1:].isalpha())
    choice = random.Random(1)
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(documents):
            file.write(" ".join(choice.choices(known, k=words)) + "\n")


def build(args, package, summary):
    texts = os.path.join(args.work, "texts.txt")
    write_texts(args.checkpoint, texts)
    command = [args.lapidary, "build", args.checkpoint, "--recipe", "htp-w8a16", "--arch", args.arch, "--calibration",
               texts, "--set", "split.num_splits=2", "--set", "split.max_bytes=null", "--no-cache", "--force", "--json",
               "-o", package]
    with open(summary + ".partial", "w", encoding="utf-8") as file:
        subprocess.run(command, check=True, stdout=file)
    os.rename(summary + ".partial", summary)


def check_build(checks, built):
    contexts = {c["name"]: c for c in built["contexts"]}
    for name, c in contexts.items():
        checks.check(c["peak_resident_bytes"] < MOST_MEMORY,
                     f"{name}: compiled in {c['peak_resident_bytes'] / 1e9:.2f} GB and {c['seconds']:.1f} s")
    checks.check(built["peak_resident_bytes"] < MOST_MEMORY,
                 f"build: {built['peak_resident_bytes'] / 1e9:.2f} GB and {built['seconds']:.1f} s")
    part = "decoder part 0"
    shared, prefill, decode = (contexts[f"{part} ({roles})"]["bytes"]
                               for roles in ("prefill, decode", "prefill", "decode"))
    checks.check(shared < 0.6 * (prefill + decode),
                 f"{part}: prefill and decode share weights: {shared / 1e6:.1f} MB, "
                 f"alone {prefill / 1e6:.1f} + {decode / 1e6:.1f} MB")
    for row in built["compared"]:
        checks.check(abs(row["off"]) <= MOST_OFF, f"{row['name']}: {row['what']} planned {row['planned'] / 1e6:.1f} MB, "
                     f"measured {row['measured'] / 1e6:.1f} MB, {row['off'] * 100:+.2f} %")


def check_claims(checks, package):
    with open(os.path.join(package, "decoder", "claims.json"), encoding="utf-8") as file:
        graphs = {f"{g['role']}.{g['part']}": g["totals"] for g in json.load(file)["graphs"]}
    checks.check(sorted(graphs) == sorted(GRAPHS), f"graphs: {', '.join(sorted(graphs))}")
    for name, totals in graphs.items():
        checks.check(totals["cpu"] == 0 and totals["percent_on_htp"] == 100,
                     f"{name}: {totals['percent_on_htp']:g} % of {totals['onnx_nodes']} nodes on the HTP")


def check_whole(checks, args, package, name):
    model = os.path.join(package, "decoder", name + ".onnx")
    ran = subprocess.run([args.lapidary, "probe", model, "--arch", args.arch, "--whole", "--qnn-option",
                          "htp_graph_finalization_optimization_mode=1", "--json"],
                         stdout=subprocess.PIPE, check=False)
    if not ran.stdout:
        checks.check(False, f"{name}: exit code {ran.returncode}")
        return
    run = json.loads(ran.stdout)
    worst = max(output["relative_error"] for output in run["outputs"])
    checks.check(ran.returncode == 0 and run["lowest_cosine"] >= LEAST_COSINE,
                 f"{name}, whole against the CPU: lowest cosine of {len(run['outputs'])} outputs "
                 f"{run['lowest_cosine']:.7f}, largest relative error {worst:.1e}; emulated in "
                 f"{run['run_seconds']:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("work")
    parser.add_argument("--lapidary", required=True)
    parser.add_argument("--arch", default="v81")
    args = parser.parse_args()
    package, summary = os.path.join(args.work, "package"), os.path.join(args.work, "build.json")
    if not (os.path.exists(summary) and os.path.exists(os.path.join(package, "lapidary.json"))):
        build(args, package, summary)
    checks = Checks()
    with open(summary, encoding="utf-8") as file:
        check_build(checks, json.load(file))
    check_claims(checks, package)
    for name in GRAPHS:
        check_whole(checks, args, package, name)
    print(f"{checks.passed + checks.failed} checks, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
