"""Writes tests/golden/encoders_e2b/: transformers' encoders of a random checkpoint with the real dims of Gemma 4 E2B.

Float32 copies of the bf16 weights, eager attention. The checkpoint is made by
    python tools/tiny-gemma4/random_checkpoint.py OUT $(cat tests/golden/encoders_e2b/checkpoint.txt)
from seeds of numpy, same bytes everywhere; its two towers have 16 layers of 768 and 12 of 1024, its text model two of no
use. It is too large to commit, so this script and scripts/test-encoders make it where they run.

    OMP_NUM_THREADS=1 python tests/oracle/make_e2b_encoder_goldens.py CHECKPOINT

inputs.npz      what transformers' own front ends make of samples of models/tiny-gemma4, the encoders' inputs:
                image.pixels  uint8 [1, patches, values], a pixel value is byte * float32(1 / 255); image.positions
                clips.input_features  float16 [2, frames, mels] (rounded before the reference reads it), .mask
features.npz    CASE.rows [k], CASE.features [k, 1536] of soft tokens `rows`, all values; CASE.sampled [tokens, 32] of
                every soft token, the values at CASE.columns
"""
import os
import sys

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, Gemma4ForConditionalGeneration

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "encoders_e2b")
SAMPLES = os.path.join(ROOT, "models", "tiny-gemma4", "samples")
IMAGE, CLIPS = "image5.png", ["audio0.wav", "audio3.wav"]  # the first clip is the shorter one


def clip(name):
    import soundfile
    samples, rate = soundfile.read(os.path.join(SAMPLES, name), dtype="float32")
    assert rate == 16000 and samples.ndim == 1
    return samples


def inputs(checkpoint):
    processor = AutoProcessor.from_pretrained(checkpoint)
    image = processor.image_processor(images=[Image.open(os.path.join(SAMPLES, IMAGE)).convert("RGB")],
                                      return_tensors="np")
    values = np.asarray(image["pixel_values"], np.float32)
    pixels = np.rint(values * 255).astype(np.uint8)
    assert (pixels.astype(np.float32) * np.float32(1 / 255) == values).all()
    sound = processor.feature_extractor([clip(name) for name in CLIPS], sampling_rate=16000, return_tensors="np")
    return {"image.pixels": pixels, "image.positions": np.asarray(image["image_position_ids"], np.int16),
            "clips.input_features": np.asarray(sound["input_features"]).astype(np.float16),
            "clips.mask": np.asarray(sound["input_features_mask"], bool)}


class Watch:
    """What the clipped linears of a tower do: the share of values that a bound changes, and how large values get."""

    def __init__(self, tower):
        self.shares, self.largest, self.linears = [], 0.0, 0
        for module in tower.modules():
            if type(module).__name__ == "Gemma4ClippableLinear":
                self.linears += 1
                module.register_forward_hook(self.seen)

    def seen(self, module, args, output):
        x = args[0]
        raw = module.linear(torch.clamp(x, module.input_min, module.input_max))
        self.shares.append([float(((v < low) | (v > high)).float().mean()) for v, low, high in (
            (x, module.input_min, module.input_max), (raw, module.output_min, module.output_max))])
        self.largest = max(self.largest, float(x.abs().max()), float(raw.abs().max()))

    def report(self, name):
        share = np.asarray(self.shares)
        print(f"{name}: {self.linears} clipped linears, bounds change {share[:, 0].mean():.1%} of inputs and "
              f"{share[:, 1].mean():.1%} of outputs, both somewhere in {int((share > 0).all(1).sum())}; "
              f"largest value {self.largest:.1f}")
        assert (share > 0).any(0).all(), "the bounds do not bite"


def sampled(case, features, rows):
    columns = np.arange(7, features.shape[1], features.shape[1] // 32)[:32]
    print(f"{case}: {features.shape}, standard deviation {features.std():.3f}, largest {abs(features).max():.2f}")
    assert np.isfinite(features).all() and 0.1 < features.std() < 10
    return {f"{case}.rows": np.asarray(rows), f"{case}.features": features[rows], f"{case}.columns": columns,
            f"{case}.sampled": features[:, columns]}


def main():
    checkpoint = sys.argv[1]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    os.makedirs(OUT, exist_ok=True)
    given = inputs(checkpoint)
    model = Gemma4ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager")
    model = model.eval().model
    watches = dict(vision=Watch(model.vision_tower), audio=Watch(model.audio_tower))
    with torch.no_grad():
        pixels = torch.tensor(given["image.pixels"].astype(np.float32) * np.float32(1 / 255))
        image = model.get_image_features(pixels, torch.tensor(given["image.positions"].astype(np.int64)),
                                         return_dict=True).pooler_output
        image = torch.cat(list(image)).reshape(-1, image[0].shape[-1]).numpy()
        sound = model.get_audio_features(torch.tensor(given["clips.input_features"].astype(np.float32)),
                                         torch.tensor(given["clips.mask"]), return_dict=True)
        clips = sound.pooler_output[sound.attention_mask].numpy()
    for name, watch in watches.items():
        watch.report(name)
    np.savez_compressed(os.path.join(OUT, "inputs.npz"), **given)
    np.savez_compressed(os.path.join(OUT, "features.npz"),
                        **sampled("image", image, [0, 1, 19, 100, 139, 140, 251, len(image) - 1]),
                        **sampled("clips", clips, [0, 1, 11, 12, 13, 25, 40, len(clips) - 1]))
    for name in sorted(os.listdir(OUT)):
        print(name, os.path.getsize(os.path.join(OUT, name)))


if __name__ == "__main__":
    main()
