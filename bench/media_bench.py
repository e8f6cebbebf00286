"""See run_media_bench."""
import argparse
import json
import os
import statistics
import subprocess
import sys

import numpy as np
import soundfile
from PIL import Image, ImageFilter

from common import LAPIDARY, WORK, checkpoint, machine, revision, run, save

# Both towers at E2B's real dims, beside a text model that is as small as it gets.
FLAGS = ("--preset e2b --layers 2 --kv-shared 0 --vocab 4096 --hidden 1536 --ff 256 --ple 0 --context 8192 --seed 3")
STEPS = ("decode", "frontend", "encoder")


def options():
    parser = argparse.ArgumentParser(description="images and sound to soft tokens, beside Hugging Face")
    parser.add_argument("--lapidary", default=LAPIDARY)
    parser.add_argument("--recipes", nargs="+", default=["cpu-fp32", "cpu-int4"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="files of each kind, after one that warms up")
    parser.add_argument("--seconds", type=float, default=10, help="of a clip")
    parser.add_argument("--flags", default=FLAGS, help="of tools/tiny-gemma4/random_checkpoint.py")
    parser.add_argument("--out", default=os.path.join(WORK, "media_bench.json"))
    return parser.parse_args()


def write_image(path, rng):
    """A photograph's size and smoothness: 1600 x 1200, JPEG."""
    small = rng.integers(0, 256, (75, 100, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((1600, 1200), Image.Resampling.BICUBIC)
    picture.filter(ImageFilter.GaussianBlur(2)).save(path, quality=90)


def write_clip(path, rng, seconds):
    """16-bit stereo at 44.1 kHz, so that mixing and resampling are in the figures."""
    time = np.arange(int(44100 * seconds)) / 44100
    tone = 0.3 * np.sin(2 * np.pi * (200 + 300 * rng.random()) * time * (1 + 0.1 * time))
    noise = 0.02 * rng.standard_normal((2, time.size))
    soundfile.write(path, (tone + noise).T, 44100, subtype="PCM_16")


def write_files(args):
    """Different content each, since what was encoded once is not encoded again."""
    folder = os.path.join(WORK, "media")
    os.makedirs(folder, exist_ok=True)
    files = dict(image=[], audio=[])
    rng = np.random.default_rng(11)
    for i in range(args.rounds + 1):
        files["image"].append(os.path.join(folder, f"image{i}.jpg"))
        write_image(files["image"][-1], rng)
        files["audio"].append(os.path.join(folder, f"clip{i}.wav"))
        write_clip(files["audio"][-1], rng, args.seconds)
    with open(os.path.join(folder, "files.json"), "w") as f:
        json.dump(files, f)
    return files, os.path.join(folder, "files.json")


def run_lapidary(args, folder, recipe, files):
    package = os.path.join(WORK, "media_package_" + recipe)
    subprocess.run(["rm", "-rf", package], check=True)
    run([args.lapidary, "build", folder, "--recipe", recipe, "-o", package], quiet=True)
    command = [args.lapidary, "run", package, "Describe.", "--json", "--greedy", "--max-tokens", "1",
               "--threads", str(args.threads)]
    for kind in files:
        for path in files[kind]:
            command += ["--" + kind, path]
    result = run(command)
    rows = dict(image=[], audio=[])
    for item in json.loads(result["stdout"])["media"]:
        rows[item["kind"]].append(dict({step: item["timings"][step + "_seconds"] for step in STEPS},
                                       soft_tokens=item["soft_tokens"]))
    return dict(rows, peak_bytes=result["peak_bytes"])


def run_hf(args, folder, files_path):
    worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "media_hf_worker.py")
    result = run([sys.executable, worker, folder, str(args.threads), files_path], quiet=True)
    return json.loads(result["stdout"].strip().splitlines()[-1])


def summary(args, rows):
    """Medians in milliseconds, per image and per second of sound; the first file of a kind warms up."""
    out = {}
    for kind, unit in (("image", 1), ("audio", args.seconds)):
        steps = {step: 1e3 * statistics.median(row[step] for row in rows[kind][1:]) / unit for step in STEPS}
        total = sum(steps.values())
        out[kind] = dict(steps, total=total, soft_tokens=rows[kind][1]["soft_tokens"],
                         frontend_share=(steps["decode"] + steps["frontend"]) / total)
    return dict(out, peak_mb=rows["peak_bytes"] / 1e6)


def show(args, result):
    print(f"\n{args.threads} threads, median of {args.rounds}; ms per image, ms per second of sound\n")
    print("| | decode | front end | encoder | total | front-end share | Hugging Face / ours |\n|---|---|---|---|---|---|---|")
    for kind in ("image", "audio"):
        peer = result["table"]["huggingface-fp32"][kind]["total"]
        for name, row in result["table"].items():
            r = row[kind]
            print(f"| {kind}, {name} | {r['decode']:.1f} | {r['frontend']:.1f} | {r['encoder']:.1f} | {r['total']:.1f} | "
                  f"{100 * r['frontend_share']:.1f} % | {peer / r['total']:.2f} |")
    for name, row in result["table"].items():
        print(f"{name}: peak {row['peak_mb']:.0f} MB, {row['image']['soft_tokens']} soft tokens an image, "
              f"{row['audio']['soft_tokens']} a clip")


def main():
    args = options()
    os.makedirs(WORK, exist_ok=True)
    folder = checkpoint("media_checkpoint", args.flags)
    files, files_path = write_files(args)
    table = {recipe: summary(args, run_lapidary(args, folder, recipe, files)) for recipe in args.recipes}
    table["huggingface-fp32"] = summary(args, run_hf(args, folder, files_path))
    result = dict(machine=machine(), revision=revision(), threads=args.threads, rounds=args.rounds, flags=args.flags,
                  seconds=args.seconds, peer="transformers 5.23.0, torch 2.15.0, float32", table=table)
    show(args, result)
    save(args.out, result)


if __name__ == "__main__":
    main()
