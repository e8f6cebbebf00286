#!/usr/bin/env python3
"""Writes tests/golden/media/images/*: image files, and what transformers' Gemma 4 front end makes of them.

  python tests/oracle/make_image_goldens.py

Environment: requirements.txt. cases.json tells each case's file, processor options and result;
expected.f32 holds samples of pixel_values. Value number k of a case is at k * 2654435761 modulo the
number of values; `hash` is the sum over all values, as 32-bit patterns, of value * (2 index + 1) *
0x9E3779B97F4A7C15 modulo 2^64.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from image_files import files
from transformers.image_utils import load_image
from transformers.models.gemma4.image_processing_gemma4 import Gemma4ImageProcessor

FOLDER = Path(__file__).resolve().parent.parent / "golden" / "media" / "images"
SAMPLES = 1000
# Options beside the defaults, each on one image.
OPTIONS = [
    ("rgb_333x777.png", dict(max_soft_tokens=70)),
    ("rgb_333x777.png", dict(max_soft_tokens=140)),
    ("rgb_333x777.png", dict(max_soft_tokens=280)),
    ("rgb_333x777.png", dict(max_soft_tokens=560)),
    ("rgb_333x777.png", dict(max_soft_tokens=1120)),
    ("photo_4000x3000.jpg", dict(max_soft_tokens=70)),
    ("photo_4000x3000.jpg", dict(max_soft_tokens=1120)),
    ("rgb_20000x3.png", dict(max_soft_tokens=1120)),
    ("rgb_7x2500.png", dict(max_soft_tokens=70)),
    ("rgba.png", dict(resample=0)),
    ("rgba.png", dict(resample=1)),
    ("rgba.png", dict(resample=2)),
    ("rgb_816x768.png", dict(resample=0, max_soft_tokens=70)),
    ("rgb_816x768.png", dict(resample=1, max_soft_tokens=70)),
    ("rgb_816x768.png", dict(resample=2, max_soft_tokens=70)),
    ("rgba.png", dict(resample=4)),
    ("rgba.png", dict(resample=5)),
    ("rgba.png", dict(do_rescale=False)),
    ("rgba.png", dict(rescale_factor=0.01)),
    ("rgba.png", dict(do_normalize=True)),
    ("rgba.png", dict(do_normalize=True, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.3])),
    ("rgba.png", dict(do_normalize=True, do_rescale=False, image_mean=[100, 90, 80], image_std=[50, 60, 70])),
    ("rgb_48x48.png", dict(do_resize=False)),
    ("rgb_816x768.png", dict(do_resize=False)),
    ("rgba.png", dict(do_resize=False)),
    ("rgba.png", dict(patch_size=14, pooling_kernel_size=2, max_soft_tokens=140)),
    ("rgba.png", dict(patch_size=8, pooling_kernel_size=1, max_soft_tokens=1120)),
]


def weighted_hash(values):
    bits = np.ascontiguousarray(values).reshape(-1).view(np.uint32).astype(np.uint64)
    weights = (np.arange(bits.size, dtype=np.uint64) * np.uint64(2) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return f"{int((bits * weights).sum(dtype=np.uint64)):016x}"


def expected(path, options):
    """What the reference makes of the file, and samples of it; nothing if it refuses."""
    try:
        image = load_image(str(path))
        processor = Gemma4ImageProcessor(**options)
        out = processor(images=[image], return_tensors="pt")
    except Exception as error:  # whatever it is, the file is refused
        print(f"{path.name} {options}: refused: {type(error).__name__}: {str(error)[:80]}")
        return None, np.zeros(0, np.float32)
    positions = out["image_position_ids"][0].numpy()
    used = positions[:, 0] >= 0
    positions = positions[used]
    values = out["pixel_values"][0].numpy()[used].astype(np.float32)
    columns, rows = (int(n) for n in positions.max(0) + 1)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    assert (positions == grid).all()
    flat = values.reshape(-1)
    sample = flat[np.arange(SAMPLES, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(flat.size)]
    facts = dict(width=image.width, height=image.height, columns=columns, rows=rows,
                 soft_tokens=int(out["num_soft_tokens_per_image"][0]), hash=weighted_hash(values))
    return facts, sample


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    names = []
    for name, data in files():
        (FOLDER / name).write_bytes(data)
        names.append(name)
    assert len(set(names)) == len(names)
    cases, samples = [], []
    for name, options in [(n, {}) for n in names] + OPTIONS:
        facts, sample = expected(FOLDER / name, options)
        cases.append(dict(file=name, options=options, expected=facts))
        samples.append(sample)
    text = ",\n".join(json.dumps(c) for c in cases)
    (FOLDER / "cases.json").write_text(f'{{"samples": {SAMPLES}, "cases": [\n{text}\n]}}\n')
    np.concatenate(samples).astype("<f4").tofile(FOLDER / "expected.f32")
    size = sum(p.stat().st_size for p in FOLDER.iterdir())
    print(f"{len(names)} files, {len(cases)} cases, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
