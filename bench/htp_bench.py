"""See run_htp_bench. Standard library only."""
import argparse
import collections
import fnmatch
import json
import os
import subprocess
import sys

from common import LAPIDARY, ROOT, WORK, machine, revision, save

TINY = os.path.join(ROOT, "models", "tiny-gemma4")
CORPUS = os.path.join(TINY, "corpus")
CHECKPOINT = os.path.join(TINY, "checkpoint")
TEXTS = os.path.join(CORPUS, "calibration.txt")
CHATS = os.path.join(CORPUS, "chats.jsonl")
BASE = ("static.context_length=256", "static.prefill_length=32", "static.calibration_length=256")
# The variants differ in the decoder alone: encoders stay float32 graphs for any length, on the CPU.
DECODER_ALONE = ("build.image_soft_tokens=null", "build.audio_soft_tokens=null", "quantize.component_options={}",
                 'quantize.components=["decoder"]', 'contexts.components=["decoder"]')
KEYS_AND_VALUES = ("past_key_values.*", "present.*")
CONVERSIONS = ("Dequantize", "Quantize", "Convert", "Cast")  # QNN operators that only change a type
CLOSE = 0.05  # logits; where fp32 leads by less, another token is no fault


def overrides(**fields):
    return "quantize.tensor_overrides=" + json.dumps({name: fields for name in KEYS_AND_VALUES})


def excluded(*ops):
    return "quantize.op_types_to_exclude=" + json.dumps(ops)


def mode(number):
    return "contexts.provider_options=" + json.dumps(
        {"htp_performance_mode": "burst", "htp_graph_finalization_optimization_mode": str(number)})


# name -> what differs from the base: settings, calibration files, or passes left out of the recipe.
VARIANTS = {
    "base": {},
    "attention=Attention": dict(sets=["static.attention=Attention"]),
    "softcap=host": dict(sets=["static.logit_softcap=host"]),
    "norms in float": dict(sets=[excluded("RMSNormalization")]),
    "softmax in float": dict(sets=[excluded("Softmax")]),
    "keys and values uint16": dict(sets=[overrides(type="uint16", symmetric=False)]),
    "calibration=texts": dict(calibration=[TEXTS]),
    "calibration=chats": dict(calibration=[CHATS]),
    "calibrate_method=Percentile": dict(sets=["quantize.calibrate_method=Percentile"]),
    "calibrate_method=MSE": dict(sets=["quantize.calibrate_method=MSE"]),
    "weight_search=mse": dict(sets=["quantize.weight_search=mse"]),
    "activation_type=uint8": dict(sets=["quantize.activation_type=uint8"]),
    "float": dict(without=["quantize"], sets=["static.calibration_length=0"], calibration=[]),
    "weight_sharing=false": dict(sets=["contexts.weight_sharing=false"]),
    "optimization mode 0": dict(sets=[mode(0)]),
    "optimization mode 2": dict(sets=[mode(2)]),
    "optimization mode 3": dict(sets=[mode(3)]),
    **{f"context_length={n}": dict(sets=[f"static.context_length={n}"]) for n in (128, 512, 1024, 4096)},
    **{f"prefill_length={n}": dict(sets=[f"static.prefill_length={n}"]) for n in (16, 64, 128)},
}


def options():
    parser = argparse.ArgumentParser(description="variants of the tiny model's package for the HTP, measured")
    parser.add_argument("--lapidary", default=LAPIDARY)
    parser.add_argument("--arch", default="v81")
    parser.add_argument("--only", nargs="+", default=["*"], help="globs of variants; --list names them")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--lines", type=int, default=20, help="of eval.txt, on the CPU")
    parser.add_argument("--emulated-lines", type=int, default=0, help="of eval.txt, on the emulated HTP; 0: none")
    parser.add_argument("--samples", type=int, default=8, help="greedy answers, of 8; 0: none")
    parser.add_argument("--samples-device", choices=("htp-emulated", "cpu"), default="htp-emulated")
    parser.add_argument("--cache", default=os.path.join(WORK, "htp-cache"))
    parser.add_argument("--work", default=os.path.join(WORK, "htp"), help="where packages are built")
    parser.add_argument("--out", default=os.path.join(WORK, "htp_bench.json"))
    return parser.parse_args()


def lapidary(args, *words):
    """-> (its JSON, None), or (None, its one line of error)."""
    child = subprocess.run([args.lapidary, *words, "--json"], capture_output=True, text=True, check=False)
    if child.returncode != 0:
        lines = [line for line in child.stderr.splitlines() if "error:" in line] or child.stderr.splitlines()[-1:]
        return None, " ".join(lines) or f"exit code {child.returncode}"
    return json.loads(child.stdout), None


def measured(args, *words):
    result, error = lapidary(args, *words)
    if error:
        sys.exit(f"{' '.join(words)}: {error}")
    return result


def recipe_of(args, variant):
    """The built-in recipe, or a file of it without some passes."""
    if not variant.get("without"):
        return "htp-w8a16"
    with open(os.path.join(ROOT, "recipes", "htp-w8a16.json"), encoding="utf-8") as f:
        recipe = json.load(f)
    for name in variant["without"]:
        del recipe["passes"][name]
    path = os.path.join(args.work, "without-" + "-".join(variant["without"]) + ".json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(recipe, f, indent=2)
    return path


def build(args, variant, package):
    words = ["build", CHECKPOINT, "--recipe", recipe_of(args, variant), "--arch", args.arch, "-o", package, "--force",
             "--cache", args.cache, "--no-probe"]
    without = tuple(name + "." for name in variant.get("without", ()))
    for setting in (*BASE, *DECODER_ALONE, *variant.get("sets", ())):
        if without and setting.startswith(without):
            continue
        words += ["--set", setting]
    for path in variant.get("calibration", (TEXTS, CHATS)):
        words += ["--calibration", path]
    return lapidary(args, *words)


def claims_of(args, package):
    """Per role: ONNX nodes, QNN nodes, those that only convert, and results in float."""
    roles = {}
    for component in measured(args, "inspect", "--claims", package).values():
        for graph in component["graphs"]:
            counts = roles.setdefault(graph["role"], collections.Counter())
            counts["onnx"] += graph["totals"]["onnx_nodes"]
            counts["qnn"] += graph["totals"]["qnn_nodes"]
            counts["cpu"] += graph["totals"]["cpu"]
            for node in graph["nodes"]:
                counts["float"] += node["on"] == "htp" and node.get("dtype", "").startswith("float")
                counts["conversions"] += sum(qnn["type"] in CONVERSIONS for qnn in node.get("qnn", ()))
    return roles


def contexts_of(report):
    """Bytes that a device loads, bytes without sharing, and what the compiler took."""
    contexts = report["contexts"]
    alone = [c for c in contexts if "," not in c["name"]]
    shared = [c for c in contexts if "," in c["name"]]
    return dict(shared_bytes=sum(c["bytes"] for c in shared) or None, alone_bytes=sum(c["bytes"] for c in alone),
                compile_seconds=None if any(c["cached"] for c in contexts) else sum(c["seconds"] for c in contexts),
                compile_peak_bytes=max(c["peak_resident_bytes"] for c in contexts))


def samples(args):
    with open(os.path.join(TINY, "samples", "expected.json"), encoding="utf-8") as f:
        text = [s for s in json.load(f)["samples"] if s["kind"] in ("chat", "completion")]
    return text[:args.samples]


def device_of(args, device):
    return ("--device", device, *(("--arch", args.arch) if device != "cpu" else ()))


def reply(args, package, sample):
    words = ["run", package]
    if sample["kind"] == "completion":
        words += [sample["prompt"].removeprefix("<bos>"), "--raw"]
    else:
        words += [sample["question"]] + (["--system", sample["system"]] if sample["system"] else [])
    return measured(args, *words, "--greedy", "--max-tokens", "110", *device_of(args, args.samples_device))


def answers(args, package, chunk):
    """How many samples have all tokens, which differ, and milliseconds of a chunk and of a step."""
    differ, chunks, steps, prompt, decode = [], 0, 0, 0.0, 0.0
    for sample in samples(args):
        got = reply(args, package, sample)
        if got["prompt_tokens"] != sample["input_ids"]:
            sys.exit(f"{sample['id']}: not the prompt's tokens")
        if got["tokens"] != sample["output_ids"]:
            differ.append(sample["id"] + (" (close)" if sample["min_margin"] < CLOSE else ""))
        before_last = len(sample["input_ids"]) - 1  # the last token passes through the decode graph
        chunks += -(-before_last // chunk)
        steps += got["timings"]["decode_steps"]
        prompt += got["timings"]["prompt_seconds"]
        decode += got["timings"]["decode_seconds"]
    step = decode / max(1, steps)
    return dict(differ=differ, step_ms=1000 * step,
                chunk_ms=1000 * max(0.0, prompt - step * len(samples(args))) / max(1, chunks))


def perplexity(args, package, device, lines):
    words = ["eval", package, "--text", os.path.join(CORPUS, "eval.txt"), "--limit", str(lines)]
    return measured(args, *words, *device_of(args, device))["perplexity"]


def setting(variant, name):
    values = [s.split("=", 1)[1] for s in (*BASE, *variant.get("sets", ())) if s.startswith(name + "=")]
    return int(values[-1])


def measure(args, name, variant):
    package = os.path.join(args.work, "package")
    report, error = build(args, variant, package)
    if error:
        return dict(name=name, error=error)
    result = dict(name=name, claims=claims_of(args, package), **contexts_of(report),
                  **answers(args, package, setting(variant, "static.prefill_length")))
    if args.lines:
        result["perplexity"] = perplexity(args, package, "cpu", args.lines)
    if args.emulated_lines:
        result["emulated_perplexity"] = perplexity(args, package, "htp-emulated", args.emulated_lines)
        result["same_lines_perplexity"] = perplexity(args, package, "cpu", args.emulated_lines)
    return result


def reference(args):
    package = os.path.join(args.work, "fp32")
    if not os.path.exists(package):
        measured(args, "build", CHECKPOINT, "--recipe", "cpu-fp32", "-o", package)
    return {lines: perplexity(args, package, "cpu", lines) for lines in {args.lines, args.emulated_lines} if lines}


def off(value, fp32):
    return f"{100 * (value / fp32 - 1):+.3f} %" if value is not None else ""


def row(args, fp32, r):
    if "error" in r:
        return f"| {r['name']} | {r['error']} |" + " |" * 10
    pair = lambda key: " + ".join(str(r["claims"][role][key]) for role in ("prefill", "decode") if role in r["claims"])
    kilobytes = lambda n: f"{n / 1000:.0f}" if n else ""
    seconds = f"{r['compile_seconds']:.1f} s, " if r["compile_seconds"] is not None else ""
    count = min(args.samples, len(samples(args)))
    equal = f"{count - len(r['differ'])} of {count}"
    return (f"| {r['name']} | {pair('onnx')} | {pair('qnn')} | {pair('float')} | {pair('conversions')} "
            f"| {kilobytes(r['shared_bytes'])} / {kilobytes(r['alone_bytes'])} "
            f"| {seconds}{r['compile_peak_bytes'] / 1e6:.0f} MB "
            f"| {off(r.get('perplexity'), fp32.get(args.lines))} "
            f"| {off(r.get('same_lines_perplexity'), fp32.get(args.emulated_lines))} "
            f"| {off(r.get('emulated_perplexity'), fp32.get(args.emulated_lines))} "
            f"| {', '.join([equal, *r['differ']])} | {r['chunk_ms']:.0f} / {r['step_ms']:.0f} |")


def main():
    args = options()
    chosen = {name: v for name, v in VARIANTS.items() if any(fnmatch.fnmatchcase(name, glob) for glob in args.only)}
    if args.list or not chosen:
        sys.exit("\n".join(VARIANTS))
    os.makedirs(args.work, exist_ok=True)
    fp32 = reference(args)
    print("fp32: " + ", ".join(f"perplexity {v:.6f} on {n} lines" for n, v in sorted(fp32.items())) + "\n")
    print("| variant | ONNX nodes, prefill + decode | QNN nodes | in float | only converting | kB shared / alone "
          f"| compiler | perplexity, CPU, {args.lines} lines | CPU, {args.emulated_lines} lines "
          f"| emulated, {args.emulated_lines} lines | answers as fp32's, {args.samples_device} | ms a chunk / a step |")
    print("|" + "---|" * 12)
    results = []
    for name, variant in chosen.items():
        results.append(measure(args, name, variant))
        print(row(args, fp32, results[-1]), flush=True)
    save(args.out, dict(machine=machine(), revision=revision(), arch=args.arch, base=BASE, lines=args.lines,
                        emulated_lines=args.emulated_lines, fp32={str(n): v for n, v in fp32.items()}, results=results))


if __name__ == "__main__":
    main()
