"""One Hugging Face process of run_media_bench: loads the model once, then times each step, warm.

media_hf_worker.py CHECKPOINT THREADS FILES.json  -> one JSON line

FILES.json: {"image": [path, ...], "audio": [path, ...]}; a row for each file, in order.
"""
import json
import sys
import time

import torch
from transformers import AutoProcessor, Gemma4ForConditionalGeneration
from transformers.audio_utils import load_audio
from transformers.image_utils import load_image

from common import own_peak


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def image_round(model, processor, path):
    picture, decode = timed(lambda: load_image(path))
    inputs, frontend = timed(lambda: processor.image_processor(picture, return_tensors="pt"))
    positions = inputs["image_position_ids"]
    features, encoder = timed(lambda: model.model.get_image_features(inputs["pixel_values"], positions).pooler_output)
    tokens = sum(part.shape[0] for part in features) if isinstance(features, (list, tuple)) else features.shape[0]
    return dict(decode=decode, frontend=frontend, encoder=encoder, soft_tokens=int(tokens))


def audio_round(model, processor, path):
    rate = processor.feature_extractor.sampling_rate
    samples, decode = timed(lambda: load_audio(path, sampling_rate=rate))
    inputs, frontend = timed(lambda: processor.feature_extractor([samples], sampling_rate=rate, return_tensors="pt"))
    mask = inputs["input_features_mask"]
    output, encoder = timed(lambda: model.model.get_audio_features(inputs["input_features"], mask))
    return dict(decode=decode, frontend=frontend, encoder=encoder, soft_tokens=int(output.attention_mask.sum()))


def main():
    checkpoint, threads, files = sys.argv[1:]
    torch.set_num_threads(int(threads))
    processor = AutoProcessor.from_pretrained(checkpoint)
    model = Gemma4ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    with open(files) as f:
        files = json.load(f)
    with torch.no_grad():
        rows = dict(image=[image_round(model, processor, path) for path in files["image"]],
                    audio=[audio_round(model, processor, path) for path in files["audio"]])
    print(json.dumps(dict(rows, peak_bytes=own_peak())))


main()
