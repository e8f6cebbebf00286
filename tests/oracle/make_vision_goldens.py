"""Writes tests/golden/vision/*: what transformers' vision tower and its projection make of patches.

Float32 copies of the weights, eager attention. NAME.json and, beside it, NAME.f32 with the image features
(little-endian float32, one case after another).

    OMP_NUM_THREADS=1 python tests/oracle/make_vision_goldens.py [NAME ...]

NAME: tiny (models/tiny-gemma4/checkpoint), or one of RANDOM below, whose config.json and model.safetensors are written
as well, to tests/golden/vision/NAME: the vision part of a checkpoint only, with seeded random weights.

A case is a batch: `positions` [batch][patches][x, y], and its pixels by one of two recipes,
    seed    byte i of all the batch's values, padding skipped, is (hash(i / values per patch) >> 25) + (hash(i) >> 25),
            hash(i) = ((i + seed) * 2654435761 mod 2^32 ^ itself >> 15) * 2246822519 mod 2^32
    pixels  a file of bytes: what the image processor of transformers made of a sample image
and a pixel value is byte * float32(1 / 255); padding holds 0.
"""
import copy
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoProcessor, Gemma4Config, Gemma4ForConditionalGeneration

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "vision")
TINY = "models/tiny-gemma4/checkpoint"
SAMPLE = "models/tiny-gemma4/samples/image5.png"  # 504 of 630 patches are real
# The vision_config's difference from the tiny model's, and the text model's hidden size.
RANDOM = {
    # Everything the other way round: plain linears, standardize, one key/value head for three, pooling 2, another theta,
    # epsilon and patch size, heads that do not add up to the hidden size.
    "standardized": dict(vision=dict(hidden_size=40, intermediate_size=72, num_hidden_layers=2, num_attention_heads=3,
                                     num_key_value_heads=1, head_dim=12, patch_size=8, pooling_kernel_size=2,
                                     position_embedding_size=33, use_clipped_linears=False, standardize=True,
                                     rms_norm_eps=3e-2, rope_parameters=dict(rope_type="axial", rope_theta=37.0)),
                         text=24),
    # Bounds that bite at every linear, one side of one of them infinite; two key/value heads for four; pooling 4.
    "clipped": dict(vision=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                                num_key_value_heads=2, head_dim=8, patch_size=4, pooling_kernel_size=4,
                                position_embedding_size=64, use_clipped_linears=True, standardize=False), text=40),
}


def random_model(name):
    spec, folder = RANDOM[name], os.path.join(OUT, name)
    config = json.load(open(os.path.join(ROOT, TINY, "config.json")))
    config["vision_config"].update(spec["vision"])
    config["audio_config"] = None
    text = config["text_config"]
    text.update(hidden_size=spec["text"], intermediate_size=16, num_hidden_layers=2, num_kv_shared_layers=0,
                layer_types=["sliding_attention", "full_attention"], num_attention_heads=1, num_key_value_heads=1,
                head_dim=8, global_head_dim=8, hidden_size_per_layer_input=0)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    model = Gemma4ForConditionalGeneration(Gemma4Config(**copy.deepcopy(config)))
    rng = np.random.Generator(np.random.SFC64(sorted(RANDOM).index(name)))
    stored = {}
    for key, value in sorted(model.state_dict().items()):
        if not key.startswith(("model.vision_tower.", "model.embed_vision.")):
            continue
        shape = tuple(value.shape)
        new = rng.standard_normal(shape)
        if key.endswith(("norm.weight", "std_scale")):
            new = 1 + 0.2 * new
        elif key.endswith(("_min", "_max")):
            new = (1 if key.endswith("max") else -1) * rng.uniform(0.4, 1.6)
        elif key.endswith("weight"):
            new = new * shape[-1] ** -0.5
        if key.endswith("layers.0.mlp.up_proj.output_max"):
            new = np.inf
        value.copy_(torch.tensor(new, dtype=torch.bfloat16))
        stored[key] = value.to(torch.bfloat16).clone()
    save_file(stored, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    return model


def load(name):
    if name != "tiny":
        model = random_model(name)
    else:
        model = Gemma4ForConditionalGeneration.from_pretrained(os.path.join(ROOT, TINY), dtype=torch.float32)
    model = model.float().eval()
    model.set_attn_implementation("eager")
    assert model.config.vision_config._attn_implementation == "eager"
    return model


def scrambled(i):
    h = i.astype(np.uint64) * 2654435761 & 0xFFFFFFFF
    return (h ^ h >> 15) * 2246822519 & 0xFFFFFFFF


def seeded_bytes(seed, patches, per_patch):
    i = np.arange(patches * per_patch)
    return ((scrambled(i // per_patch + seed) >> 25) + (scrambled(i + seed) >> 25)).astype(np.uint8)


def pixel_values(raw, positions, per_patch):
    values = np.zeros((*positions.shape[:2], per_patch), np.float32)
    values[(positions >= 0).all(-1)] = raw.reshape(-1, per_patch).astype(np.float32) * np.float32(1 / 255)
    return values


def grid(width, height):
    return np.stack([np.tile(np.arange(width), height), np.repeat(np.arange(height), width)], -1)


def batch(images, patches, order=None):
    """Positions of images of (width, height) patches. order: a generator that mixes patches and padding."""
    rows = []
    for width, height in images:
        row = np.concatenate([grid(width, height), np.full((patches - width * height, 2), -1)])
        rows.append(order.permutation(row) if order is not None else row)
    return np.stack(rows).astype(np.int64)


def cases(name, kernel):
    k, k2 = kernel, kernel * kernel
    mixed = np.random.default_rng(7)
    yield "one soft token", dict(seed=1), batch([(k, k)], k2)
    yield "one soft token and padding", dict(seed=2), batch([(k, k)], 4 * k2)
    yield "wide", dict(seed=3), batch([(8 * k, k)], 8 * k2)
    yield "high", dict(seed=4), batch([(k, 7 * k)], 7 * k2)
    yield "patches out of order", dict(seed=5), batch([(4 * k, 3 * k)], 12 * k2, mixed)
    yield "two images, one padded", dict(seed=6), batch([(2 * k, 3 * k), (5 * k, 2 * k)], 10 * k2)
    yield "three images, patches and padding mixed", dict(seed=7), batch([(4 * k, k), (k, 3 * k), (2 * k, 2 * k)],
                                                                         5 * k2, mixed)
    if name == "tiny":
        processor = AutoProcessor.from_pretrained(os.path.join(ROOT, TINY)).image_processor
        out = processor(images=[Image.open(os.path.join(ROOT, SAMPLE)).convert("RGB")], return_tensors="np")
        positions, values = np.asarray(out["image_position_ids"]), np.asarray(out["pixel_values"], np.float32)
        raw = np.rint(values[(positions >= 0).all(-1)] * 255).astype(np.uint8)
        assert (pixel_values(raw, positions, values.shape[-1]) == values).all()
        raw.tofile(os.path.join(OUT, "sample.u8"))
        yield "sample image", dict(pixels="sample.u8"), positions


def features(model, pixels, positions):
    with torch.no_grad():
        out = model.model.vision_tower(pixel_values=torch.tensor(pixels), pixel_position_ids=torch.tensor(positions))
        return model.model.embed_vision(inputs_embeds=out.last_hidden_state).numpy()


def main():
    torch.set_num_threads(1)
    os.makedirs(OUT, exist_ok=True)
    for name in sys.argv[1:] or ["tiny", *RANDOM]:
        model = load(name)
        vision = model.config.vision_config
        per_patch, written, blob = 3 * vision.patch_size ** 2, [], []
        for title, recipe, positions in cases(name, vision.pooling_kernel_size):
            count = int((positions >= 0).all(-1).sum())
            raw = (np.fromfile(os.path.join(OUT, recipe["pixels"]), np.uint8) if "pixels" in recipe
                   else seeded_bytes(recipe["seed"], count, per_patch))
            result = features(model, pixel_values(raw, positions, per_patch), positions)
            assert result.shape[0] == count // vision.pooling_kernel_size ** 2 and np.isfinite(result).all()
            written.append(dict(name=title, **recipe, positions=positions.tolist(), soft_tokens=result.shape[0]))
            blob.append(result.astype("<f4").tobytes())
            print(f"{name}: {title}: {positions.shape[:2]} -> {result.shape}, up to {abs(result).max():.2f}")
        checkpoint = TINY if name == "tiny" else f"tests/golden/vision/{name}"
        with open(os.path.join(OUT, name + ".json"), "w", encoding="utf-8") as f:
            json.dump(dict(checkpoint=checkpoint, features=f"{name}.f32", cases=written), f, separators=(",", ":"))
            f.write("\n")
        with open(os.path.join(OUT, name + ".f32"), "wb") as f:
            f.write(b"".join(blob))


if __name__ == "__main__":
    main()
