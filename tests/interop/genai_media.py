"""Images and sound of a package in ONNX Runtime GenAI, beside ours and transformers'.

Three parts of GenAI take part in an answer, and each is held to what it does:

 - the graphs. Fed with the reference's inputs (prompt ids of transformers, pixels and log-mels of
   `lapidary features --frontend`), the answers are token for token those of transformers (fp32) or
   of `lapidary run` (int4).
 - the front ends. Sound: the same log-mel frames to 1e-5; the reference pads samples to a multiple
   of 128 and may have one frame more, masked as padding. Images: the same positions, other pixels.
   Both are bicubic with a = -0.5, but the reference's image is 8 bits wide, rounded and clipped after
   each of the two passes, and GenAI's stays float and keeps what the filter shoots over. Both are
   computed here from the file, so that this is shown and not only said.
 - the prompt. GenAI writes "\\n\\n" before and after the block of soft tokens, which the reference
   does not; nothing else differs.

So answers by GenAI's own front ends and prompts need not be equal. On these samples they are.
Several images, and an image with a clip, run as well. Two clips in one prompt GenAI 0.18 refuses.
"""
import os
import subprocess
import tempfile

import numpy as np
import onnxruntime_genai as og
from PIL import Image

from common import (SAMPLES, finish, generator_for, package_json, run_lapidary, run_sample, samples, without_stop,
                    worst_difference)


def frontend(program, package, kind, path):
    """Both arrays that our front end hands to the encoder, with a batch dim."""
    second = {"image": "position_ids", "audio": "input_features_mask"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "x.npy")
        subprocess.run([program, "features", package, "--" + kind, path, "--frontend", "-o", out], check=True,
                       capture_output=True)
        return np.load(out)[None], np.load(os.path.join(folder, f"x.{second}.npy"))[None]


def answer(model, inputs, prompt_length):
    generator = generator_for(model, prompt_length)
    generator.set_inputs(inputs)
    return finish(generator)


def named(values):
    inputs = og.NamedTensors()
    for name, value in values.items():
        inputs[name] = value
    return inputs


def reference_inputs(sample, first, second, manifest):
    """GenAI's names for what its processor would have made."""
    ids = sample["input_ids"]
    values = {"input_ids": np.array([ids], np.int32)}
    if sample["kind"] == "image":
        count = ids.count(manifest["vision"]["image_token_id"])
        values |= dict(pixel_values=first, pixel_position_ids=second, num_image_tokens=np.array([count], np.int64))
    else:
        count = ids.count(manifest["audio"]["audio_token_id"])
        values |= dict(audio_embeds=first, audio_attention_mask=second, audio_sizes=np.array([count], np.int64))
    return named(values)


def bicubic(size, target):
    """Weights [target, size] of one pass, a = -0.5, widened when it shrinks."""
    scale = size / target
    stretch = max(scale, 1.0)
    weights = np.zeros((target, size))
    for i in range(target):
        center = (i + 0.5) * scale
        low, high = max(int(center - 2 * stretch + 0.5), 0), min(int(center + 2 * stretch + 0.5), size)
        x = np.abs((np.arange(low, high) - center + 0.5) / stretch)
        row = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))
        weights[i, low:high] = row / row.sum()
    return weights


def resized(path, height, width, settle):
    """The picture in [0, 1], `settle` applied after each pass."""
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float64)
    across = settle(np.einsum("pj,ijc->ipc", bicubic(pixels.shape[1], width), pixels))
    return settle(np.einsum("oi,ipc->opc", bicubic(pixels.shape[0], height), across)) / 255


def picture(patches, positions):
    """Patches of 16 x 16, row by row, back to a picture."""
    width, height = positions[0].max(0) + 1
    grid = patches.reshape(height, width, 16, 16, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(height * 16, width * 16, 3)


def check_pixels(report, name, path, theirs, ours, positions):
    report.check(np.array_equal(theirs["pixel_position_ids"].as_numpy(), positions), f"{name}: positions")
    genai = picture(theirs["pixel_values"].as_numpy(), positions)
    reference = picture(ours, positions)
    height, width, _ = genai.shape
    exact = resized(path, height, width, lambda x: x)
    difference = worst_difference(genai, exact)
    report.check(difference < 1e-5, f"{name}: GenAI's pixels are float bicubic", difference)
    eight_bits = resized(path, height, width, lambda x: np.floor(np.clip(x, 0, 255) + 0.5))
    difference = worst_difference(reference, eight_bits)
    report.check(difference < 1.01 / 255, f"{name}: the reference's are 8 bits wide", difference)
    return worst_difference(genai, reference)


def check_mels(report, name, theirs, ours, mask):
    genai = theirs["audio_embeds"].as_numpy()
    frames = genai.shape[1]
    report.check(frames <= ours.shape[1] and not mask[0, frames:].any() and mask[0, :frames].all(),
                 f"{name}: frames", f"{frames} instead of {mask.sum()} real ones of {ours.shape[1]}")
    difference = worst_difference(genai, ours[:, :frames])
    report.check(difference < 1e-5, f"{name}: log-mel", difference)
    return difference


def with_breaks(ids, breaks, marks):
    """`ids` with `breaks` before and after the block between the marks."""
    begin, end = ids.index(marks[0]), ids.index(marks[1])
    return ids[:begin] + breaks + ids[begin:end + 1] + breaks + ids[end + 1:]


def check_sample(report, program, package, context, sample):
    model, processor, breaks, manifest, stop = context
    name = f"{os.path.basename(package)} {sample['id']}"
    path = os.path.join(SAMPLES, sample["file"])
    first, second = frontend(program, package, sample["kind"], path)
    ids = sample["input_ids"]
    if "fp32" in manifest["recipe_name"]:
        expected = without_stop(sample["output_ids"], stop)
    else:
        expected = without_stop(run_sample(program, package, sample)["tokens"], stop)
    fed = answer(model, reference_inputs(sample, first, second, manifest), len(ids))
    report.check(fed == expected, f"{name}: tokens from the reference's inputs", f"{fed} instead of {expected}")

    if sample["kind"] == "image":
        marks = manifest["vision"]["boi_token_id"], manifest["vision"]["eoi_token_id"]
        theirs = processor(sample["prompt"], images=og.Images.open(path))
        difference = check_pixels(report, name, path, theirs, first, second)
    else:
        marks = manifest["audio"]["boa_token_id"], manifest["audio"]["eoa_token_id"]
        theirs = processor(sample["prompt"], audios=og.Audios.open(path))
        difference = check_mels(report, name, theirs, first, second)
    prompt = [int(t) for t in theirs["input_ids"].as_numpy().ravel()]
    report.check(prompt == with_breaks(ids, breaks, marks), f"{name}: prompt with line breaks", prompt)
    own = answer(model, theirs, len(prompt))
    report.check(own == expected, f"{name}: tokens by GenAI's front end", f"{own} instead of {expected}")
    return sample["kind"], difference


def batched(program, package, names):
    """The reference's inputs for several images: as long as the longest, padded at position (-1, -1)."""
    parts = [frontend(program, package, "image", os.path.join(SAMPLES, name)) for name in names]
    length = max(pixels.shape[1] for pixels, _ in parts)

    def padded(array, value):
        return np.pad(array, ((0, 0), (0, length - array.shape[1]), (0, 0)), constant_values=value)

    return (np.concatenate([padded(pixels, 0) for pixels, _ in parts]),
            np.concatenate([padded(positions, -1) for _, positions in parts]))


def check_several(report, program, package, context):
    """Two images of different sizes, and one with a clip: from the reference's inputs, as `lapidary run`."""
    model, processor, _, manifest, stop = context
    for images, clips in ((["image5.png", "image7.png"], []), (["image0.png"], ["audio0.wav"])):
        name = f"{os.path.basename(package)} {'+'.join(images + clips)}"
        files = [(kind, os.path.join(SAMPLES, file))
                 for kind, group in (("image", images), ("audio", clips)) for file in group]
        ours = run_lapidary(program, package, "What is in the picture?", files)
        pixels, positions = batched(program, package, images)
        counts = [int((each >= 0).all(-1).sum()) // 9 for each in positions]
        values = dict(input_ids=np.array([ours["prompt_tokens"]], np.int32), pixel_values=pixels,
                      pixel_position_ids=positions, num_image_tokens=np.array(counts, np.int64))
        for clip in clips:
            mels, mask = frontend(program, package, "audio", os.path.join(SAMPLES, clip))
            count = ours["prompt_tokens"].count(manifest["audio"]["audio_token_id"])
            values |= dict(audio_embeds=mels, audio_attention_mask=mask, audio_sizes=np.array([count], np.int64))
        tokens = answer(model, named(values), len(ours["prompt_tokens"]))
        report.check(tokens == without_stop(ours["tokens"], stop), f"{name}: as lapidary run",
                     f"{tokens} instead of {ours['tokens']}")
    # When this fails, GenAI has learnt something.
    clips = og.Audios.open(*(os.path.join(SAMPLES, f"audio{i}.wav") for i in range(2)))
    try:
        processor("<|audio|><|audio|>", audios=clips)
        refused = ""
    except RuntimeError as error:
        refused = str(error)
    report.check("only 1 audio clip" in refused, f"{package}: GenAI takes one clip a prompt", refused)


def check_media(report, program, package):
    model = og.Model(package)
    processor = model.create_multimodal_processor()
    breaks = [int(t) for t in og.Tokenizer(model).encode("\n\n")]
    context = (model, processor, breaks, package_json(package, "lapidary.json"),
               package_json(package, "generation_config.json")["eos_token_id"])
    worst = {}
    for sample in samples(has_file=True):
        kind, difference = check_sample(report, program, package, context, sample)
        worst[kind] = np.maximum(worst.get(kind, 0), difference)  # max() would drop a NaN
    check_several(report, program, package, context)
    for kind, difference in worst.items():
        print(f"{os.path.basename(package)}: GenAI's {kind} front end differs by {difference:.2g} at most")
