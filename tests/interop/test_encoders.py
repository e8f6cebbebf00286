"""The encoders of a package against transformers' at the real dims of Gemma 4 E2B: float32, random weights.

    test_encoders.py PACKAGE --lapidary BINARY

PACKAGE: cpu-fp32, of the checkpoint in tests/golden/encoders_e2b/checkpoint.txt. Three comparisons with the goldens of
tests/oracle/make_e2b_encoder_goldens.py: the graphs on the very inputs that transformers' front ends made, and the raw
files through `lapidary features`. Prints a table; exit code 1 when a figure misses its bound.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "golden", "encoders_e2b")
SAMPLES = os.path.join(ROOT, "models", "tiny-gemma4", "samples")
# Least cosine of a soft token, largest difference of a value. From the raw file the clip's log-mel is not the golden's,
# which was rounded to float16 before the reference read it, and a pixel may be another by a rounding.
SAME_INPUT = dict(cosine=0.999999, difference=1e-3)
SAME_FILE = dict(cosine=0.99999, difference=2e-2)


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


class Table:
    def __init__(self, features):
        self.features, self.passed, self.failed = features, 0, 0
        print(f"{'encoder':<10} {'input':<34} {'tokens':>6} {'cosine':>11} {'difference':>10} {'seconds':>8}")

    def row(self, encoder, given, case, got, seconds, bounds, tokens=None):
        """tokens: how many of the golden's first ones `got` should hold; None: all."""
        sampled = self.features[case + ".sampled"][:tokens]
        rows = self.features[case + ".rows"]
        rows = rows[rows < len(sampled)]
        whole = self.features[case + ".features"][:len(rows)]
        if got.shape != (len(sampled), whole.shape[1]) or not np.isfinite(got).all():
            print(f"{encoder:<10} {given:<34} FAILED: shape {got.shape}, expected {(len(sampled), whole.shape[1])}")
            self.failed += 1
            return
        part = got[:, self.features[case + ".columns"]]
        # min() and max() would drop a NaN that comes second.
        cosine = np.min([cosines(got[rows], whole).min(), cosines(part, sampled).min()])
        difference = np.max([abs(got[rows] - whole).max(), abs(part - sampled).max()])
        good = cosine >= bounds["cosine"] and difference <= bounds["difference"]
        self.passed += good
        self.failed += not good
        print(f"{encoder:<10} {given:<34} {len(got):>6} {cosine:>11.8f} {difference:>10.2e} {seconds:>8.2f}"
              + ("" if good else f"   FAILED: bounds {bounds['cosine']}, {bounds['difference']}"))


def run_graph(package, name, feeds, output):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(os.path.join(package, name, "model.onnx"), options, ["CPUExecutionProvider"])
    start = time.monotonic()
    return session.run([output], feeds)[0], time.monotonic() - start


def run_features(lapidary, package, flag, path):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "features.npy")
        start = time.monotonic()
        subprocess.run([lapidary, "features", package, "--no-verify", flag, path, "-o", out], check=True,
                       stdout=subprocess.DEVNULL)
        return np.load(out), time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--lapidary", required=True)
    args = parser.parse_args()
    inputs, features = (np.load(os.path.join(GOLDEN, name)) for name in ("inputs.npz", "features.npz"))
    table = Table(features)

    pixels = inputs["image.pixels"].astype(np.float32) * np.float32(1 / 255)
    table.row("vision", "transformers' patches", "image", *run_graph(
        args.package, "vision_encoder",
        dict(pixel_values=pixels, pixel_position_ids=inputs["image.positions"].astype(np.int64)), "image_features"),
        SAME_INPUT)
    table.row("audio", "transformers' log-mel of two clips", "clips", *run_graph(
        args.package, "audio_encoder",
        dict(input_features=inputs["clips.input_features"].astype(np.float32),
             input_features_mask=inputs["clips.mask"]), "audio_features"), SAME_INPUT)
    image, seconds = run_features(args.lapidary, args.package, "--image", os.path.join(SAMPLES, "image5.png"))
    table.row("vision", "image5.png by lapidary features", "image", image, seconds, SAME_FILE)
    sound, seconds = run_features(args.lapidary, args.package, "--audio", os.path.join(SAMPLES, "audio0.wav"))
    first = int(inputs["clips.mask"][0, ::4].sum())  # two strides of 2 leave every fourth frame's mask
    table.row("audio", "audio0.wav by lapidary features", "clips", sound, seconds, SAME_FILE, first)

    own, children = (resource.getrusage(who).ru_maxrss / 2 ** 20 for who in (resource.RUSAGE_SELF,
                                                                            resource.RUSAGE_CHILDREN))
    print(f"peak memory: {own:.1f} GB both graphs in Python, {children:.1f} GB lapidary features")
    print(f"tests: {table.passed} passed, {table.failed} failed")
    sys.exit(table.failed > 0)


if __name__ == "__main__":
    main()
