"""Encoders of Gemma 4 E2B's dims on the emulated HTP: compiler's memory, claims, whole graphs against the CPU.

    test_real_encoders.py CHECKPOINT WORK --lapidary BINARY [--arch v81] [--only vision_encoder]

Builds CHECKPOINT with htp-w8a16 below WORK, a package for each encoder and length, unless it is there: all are
compiled, the shortest are emulated as well. Only that encoder is quantized and compiled. Calibrated on a few media of
models/tiny-gemma4/corpus, weights rounded to nearest: what is compared are the same integers, however they were found.
A line a check; exit code 1 when one fails.
"""
import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass

from test_real_dims import LEAST_COSINE, MOST_MEMORY, Checks

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "models", "tiny-gemma4", "corpus")
MEDIA = 2  # of each kind
QUANTIZED = {"range_margin": 0.25}


@dataclass
class Encoder:
    option: str      # of MobiusBuilder: its soft tokens
    emulated: int    # a length that the emulator runs in minutes
    compiled: tuple  # longer ones; auto: that of the checkpoint's processor


ENCODERS = {
    "audio_encoder": Encoder("audio_soft_tokens", 48, (250, "auto")),
    "vision_encoder": Encoder("image_soft_tokens", 70, ("auto",)),
}


def package_of(args, encoder, length):
    return os.path.join(args.work, f"{encoder}-{length}")


def write_chats(path):
    """One chat for each of the first MEDIA pictures and clips."""
    left, seen = {"image": MEDIA, "audio": MEDIA}, set()
    with open(os.path.join(CORPUS, "chats_media.jsonl"), encoding="utf-8") as file:
        chats = [json.loads(line) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        for chat in chats:
            part = next(p for p in chat["messages"][0]["content"] if p["type"] in left)
            if part["path"] not in seen and left[part["type"]]:
                seen.add(part["path"])
                left[part["type"]] -= 1
                part["path"] = os.path.join(CORPUS, part["path"])
                file.write(json.dumps(chat) + "\n")


def build(args, encoder, length):
    """The summary of the build, made now or before."""
    package = package_of(args, encoder, length)
    summary = package + ".json"
    if not (os.path.exists(summary) and os.path.exists(os.path.join(package, "lapidary.json"))):
        chats = os.path.join(args.work, "chats.jsonl")
        write_chats(chats)
        settings = {
            f"build.{ENCODERS[encoder].option}": length,
            "quantize.components": json.dumps([encoder]),
            "quantize.component_options": json.dumps({encoder: QUANTIZED}),
            "contexts.components": json.dumps([encoder]),
        }
        command = [args.lapidary, "build", args.checkpoint, "--recipe", "htp-w8a16", "--arch", args.arch,
                   "--calibration", chats, "--compile-seconds", "7200", "--no-cache", "--no-probe", "--force", "--json",
                   "-o", package]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        with open(summary + ".partial", "w", encoding="utf-8") as file:
            subprocess.run(command, check=True, stdout=file)
        os.rename(summary + ".partial", summary)
    with open(summary, encoding="utf-8") as file:
        return json.load(file)


def check_compiled(checks, args, encoder, length):
    built = build(args, encoder, length)
    checks.check(built["contexts"], f"{encoder} of {length} soft tokens: {len(built['contexts'])} contexts")
    for c in built["contexts"]:
        checks.check(c["peak_resident_bytes"] < MOST_MEMORY,
                     f"{c['name']}: compiled in {c['peak_resident_bytes'] / 1e9:.2f} GB and {c['seconds']:.1f} s")
    checks.check(built["peak_resident_bytes"] < MOST_MEMORY,
                 f"build: {built['peak_resident_bytes'] / 1e9:.2f} GB and {built['seconds']:.1f} s")
    with open(os.path.join(package_of(args, encoder, length), encoder, "claims.json"), encoding="utf-8") as file:
        for graph in json.load(file)["graphs"]:
            totals = graph["totals"]
            checks.check(totals["cpu"] == 0 and totals["percent_on_htp"] == 100,
                         f"{encoder}: {totals['percent_on_htp']:g} % of {totals['onnx_nodes']} nodes on the HTP")


def check_whole(checks, args, encoder):
    package = package_of(args, encoder, ENCODERS[encoder].emulated)
    with open(os.path.join(package, "lapidary.json"), encoding="utf-8") as file:
        models = [c["file"] for c in json.load(file)["components"] if c["name"] == encoder]
    ran = subprocess.run([args.lapidary, "probe", os.path.join(package, models[0]), "--arch", args.arch, "--whole",
                          "--qnn-option", "htp_graph_finalization_optimization_mode=1", "--seconds", "7200", "--json"],
                         stdout=subprocess.PIPE, check=False)
    if not ran.stdout:
        checks.check(False, f"{encoder}: exit code {ran.returncode}")
        return
    run = json.loads(ran.stdout)
    checks.check(ran.returncode == 0 and run["lowest_cosine"] >= LEAST_COSINE,
                 f"{encoder} of {ENCODERS[encoder].emulated} soft tokens, whole against the CPU: cosine "
                 f"{run['lowest_cosine']:.7f}; emulated in {run['run_seconds']:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("work")
    parser.add_argument("--lapidary", required=True)
    parser.add_argument("--arch", default="v81")
    parser.add_argument("--only", choices=sorted(ENCODERS))
    args = parser.parse_args()
    wanted = [args.only] if args.only else sorted(ENCODERS)
    checks = Checks()
    for encoder in wanted:
        check_compiled(checks, args, encoder, ENCODERS[encoder].emulated)
        check_whole(checks, args, encoder)
    for encoder in wanted:
        for length in ENCODERS[encoder].compiled:
            check_compiled(checks, args, encoder, length)
    print(f"{checks.passed + checks.failed} checks, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
