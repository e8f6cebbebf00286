"""See run_text_bench."""
import argparse
import json
import os
import statistics
import subprocess
import sys

from tokenizers import Tokenizer

import profile_split
from common import LAPIDARY, ROOT, WORK, checkpoint, machine, revision, run, save

# Real E2B layer dims (hidden 1536, MLP 6144 and 12288, 8 heads, head dims 256 and 512, window 512), fewer layers.
FLAGS = "--preset e2b --layers 15 --kv-shared 8 --vocab 16384 --vision-layers 0 --audio-layers 0 --context 4096 --seed 1"


def options():
    parser = argparse.ArgumentParser(description="lapidary run beside onnxruntime-genai on one package")
    parser.add_argument("--lapidary", default=LAPIDARY)
    parser.add_argument("--recipe", default="cpu-int4")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--decode-tokens", type=int, default=64)
    parser.add_argument("--flags", default=FLAGS, help="of tools/tiny-gemma4/random_checkpoint.py")
    parser.add_argument("--no-profile", action="store_true")
    parser.add_argument("--out", default=os.path.join(WORK, "text_bench.json"))
    return parser.parse_args()


def prompt_of(folder, count):
    """A text that encodes to `count` tokens with <bos>."""
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(ROOT, "models/tiny-gemma4/corpus/eval.txt"), encoding="utf-8") as f:
        text = " ".join(f.read().splitlines())
    ids = tokenizer.encode(text).ids
    for length in range(count, count + 64):
        cut = tokenizer.decode(ids[:length])
        if len(tokenizer.encode(cut).ids) == count:
            return cut
    sys.exit(f"found no prompt of {count} tokens")


def build(args, folder):
    package = os.path.join(WORK, "text_package_" + os.path.basename(args.recipe).replace(".json", ""))
    subprocess.run(["rm", "-rf", package], check=True)
    run([args.lapidary, "build", folder, "--recipe", args.recipe, "-o", package])
    return package


def run_lapidary(args, package, prompt):
    result = run([args.lapidary, "run", package, "-", "--raw", "--greedy", "--json", "--threads", str(args.threads),
                  "--max-tokens", str(args.decode_tokens), "--min-tokens", str(args.decode_tokens)], stdin=prompt)
    reply = json.loads(result["stdout"])
    timings = reply["timings"]
    return dict(prompt_ids=reply["prompt_tokens"], tokens=reply["tokens"], load_seconds=timings["load_seconds"],
                prompt_rate=len(reply["prompt_tokens"]) / timings["prompt_seconds"],
                decode_rate=timings["decode_steps"] / timings["decode_seconds"], peak_bytes=result["peak_bytes"])


def run_genai(args, package, ids_path):
    worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "genai_worker.py")
    result = run([sys.executable, worker, package, ids_path, str(args.decode_tokens), str(args.threads)])
    reply = json.loads(result["stdout"].strip().splitlines()[-1])
    return dict(tokens=reply["tokens"], load_seconds=reply["load_seconds"],
                prompt_rate=len(json.load(open(ids_path))) / reply["prompt_seconds"],
                decode_rate=reply["decode_steps"] / reply["decode_seconds"], peak_bytes=result["peak_bytes"],
                interpreter_bytes=reply["interpreter_bytes"])


def bandwidth(args):
    return json.loads(run([os.path.join(WORK, "read_bandwidth"), str(args.threads)])["stdout"])["median"]


def weight_bytes(package):
    """Bytes of weights that one decoded token reads: all linears of both graphs, no tables that are gathered from."""
    manifest = json.load(open(os.path.join(package, "lapidary.json")))
    return sum(tensor["bytes"] for component in manifest["components"] for tensor in component["tensors"]
               if component["name"] in ("embedding", "decoder")
               and not any(table in tensor["name"] for table in ("embed_tokens", "cos", "sin"))
               or "lm_head" in tensor["name"])


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def summary(ours, peer):
    rows = []
    for label, key in (("prompt tokens/s", "prompt_rate"), ("decode tokens/s", "decode_rate"),
                               ("load seconds", "load_seconds"), ("peak memory MB", "peak_bytes")):
        scale = 1e-6 if key == "peak_bytes" else 1
        a, b = median(ours, key) * scale, median(peer, key) * scale
        rows.append(dict(what=label, lapidary=a, genai=b, ratio=a / b))
    return rows


def common_prefix(a, b):
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def main():
    args = options()
    os.makedirs(WORK, exist_ok=True)
    folder = checkpoint("text_checkpoint", args.flags)
    package = build(args, folder)
    prompt = prompt_of(folder, args.prompt_tokens)
    ids_path = os.path.join(WORK, "text_prompt_ids.json")
    ours, peer, speeds = [], [], []
    for round_number in range(args.rounds):
        speeds.append(bandwidth(args))
        ours.append(run_lapidary(args, package, prompt))
        if round_number == 0:
            with open(ids_path, "w") as f:
                json.dump(ours[0]["prompt_ids"], f)
        peer.append(run_genai(args, package, ids_path))
        print(f"round {round_number + 1}: lapidary {ours[-1]['prompt_rate']:.1f} / {ours[-1]['decode_rate']:.2f}, genai "
              f"{peer[-1]['prompt_rate']:.1f} / {peer[-1]['decode_rate']:.2f} tokens/s", file=sys.stderr)
    result = dict(machine=machine(), revision=revision(), threads=args.threads, rounds=args.rounds, flags=args.flags,
                  recipe=args.recipe, prompt_tokens=len(ours[0]["prompt_ids"]), decode_tokens=args.decode_tokens,
                  peer="onnxruntime-genai 0.18.0", table=summary(ours, peer),
                  genai_interpreter_mb=median(peer, "interpreter_bytes") / 1e6,
                  # Says little: with random weights and int8 activations a rounding of 1e-6 (one row of logits
                  # or all) grows to another token. scripts/test-interop compares tokens, on a trained model.
                  same_tokens=common_prefix(ours[0]["tokens"], peer[0]["tokens"]),
                  rounds_lapidary=[{k: v for k, v in r.items() if "rate" in k or "_bytes" in k or "seconds" in k}
                                   for r in ours],
                  rounds_genai=[{k: v for k, v in r.items() if k != "tokens"} for r in peer])
    memory = statistics.median(speeds)
    per_token = weight_bytes(package)
    reached = per_token * median(ours, "decode_rate")
    result["decode"] = dict(weight_bytes_per_token=per_token, read_bandwidth=memory, reached=reached,
                            share_of_bandwidth=reached / memory, limit_tokens_per_second=memory / per_token)
    if not args.no_profile:
        times = profile_split.split(package, ours[0]["prompt_ids"], args.threads, 16)
        result["profile"] = {part: dict(shares=profile_split.shares(t), seconds=t) for part, t in times.items()}
    show(result)
    save(args.out, result)


def show(result):
    print(f"\n{result['prompt_tokens']} + {result['decode_tokens']} tokens, {result['threads']} threads, "
          f"median of {result['rounds']}\n")
    print("| | lapidary | onnxruntime-genai 0.18 | ratio |\n|---|---|---|---|")
    for row in result["table"]:
        print(f"| {row['what']} | {row['lapidary']:.2f} | {row['genai']:.2f} | {row['ratio']:.2f} |")
    d = result["decode"]
    print(f"\ndecode reads {d['weight_bytes_per_token'] / 1e6:.0f} MB of weights a token: {d['reached'] / 1e9:.1f} GB/s of "
          f"{d['read_bandwidth'] / 1e9:.1f} GB/s, {100 * d['share_of_bandwidth']:.0f} % "
          f"(limit {d['limit_tokens_per_second']:.1f} tokens/s)")
    for part, profile in result.get("profile", {}).items():
        s = profile["shares"]
        print(f"{part}: {100 * s['weights']:.0f} % weights (MatMulNBits, MatMul), {100 * s['attention']:.0f} % attention, "
              f"{100 * s['rest']:.0f} % everything else")


if __name__ == "__main__":
    main()
