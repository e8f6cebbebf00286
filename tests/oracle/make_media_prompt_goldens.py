"""Writes tests/golden/media/prompts.json: prompts with several images, clips and videos, and what
transformers answers.

    OMP_NUM_THREADS=1 python tests/oracle/make_media_prompt_goldens.py

Greedy, float32 copies of the tiny model's weights, eager attention, the real processor. `options` and
`prompt` are what `lapidary run` is given; SAMPLES/ stands for models/tiny-gemma4/samples, VIDEO for a
tests/golden/media/video, which holds image0.png to image7.png resized to 96 x 96 pixels; frames that are
missing there are written.
"""

import json
import pathlib

import numpy as np
import soundfile
import torch
from PIL import Image
from transformers import AutoProcessor, Gemma4ForConditionalGeneration
from transformers.video_utils import VideoMetadata

torch.set_num_threads(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "models/tiny-gemma4/checkpoint"
SAMPLES = ROOT / "models/tiny-gemma4/samples"
OUT = ROOT / "tests/golden/media"

P = AutoProcessor.from_pretrained(CHECKPOINT)
M = Gemma4ForConditionalGeneration.from_pretrained(CHECKPOINT, dtype=torch.float32, attn_implementation="eager")
M.eval()


def frames():
    """The video: written once, so that all read the same pixels."""
    folder = OUT / "video"
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for i in range(8):
        path = folder / f"frame{i}.png"
        if not path.exists():
            Image.open(SAMPLES / f"image{i}.png").convert("RGB").resize((96, 96)).save(path, optimize=True)
        out.append(np.asarray(Image.open(path).convert("RGB")))
    return np.stack(out)


def sound(name):
    x, rate = soundfile.read(SAMPLES / name, dtype="int16")
    assert rate == 16000
    return x.astype(np.float32) / 32768.0


def generate(text, media, fps=None, n=40):
    """`media`: (kind, name) in the order of the placeholders of each kind."""
    kw = {}
    images = [Image.open(SAMPLES / name).convert("RGB") for kind, name in media if kind == "image"]
    audio = [sound(name) for kind, name in media if kind == "audio"]
    videos = [frames() for kind, _ in media if kind == "video"]
    if images:
        kw["images"] = images
    if audio:
        kw["audio"] = audio
    if videos:
        kw["videos"] = [torch.from_numpy(v).permute(0, 3, 1, 2) for v in videos]
        kw["video_metadata"] = [VideoMetadata(total_num_frames=8, fps=fps, frames_indices=list(range(8)))] * len(videos)
    inputs = P(text=[text], return_tensors="pt", add_special_tokens=False, **kw)
    with torch.no_grad():
        out = M.generate(**inputs, max_new_tokens=n, do_sample=False, return_dict_in_generate=True, output_logits=True)
    ids = inputs["input_ids"][0].tolist()
    new = out.sequences[0].tolist()[len(ids) :]
    top = [logits[0].topk(2).values for logits in out.logits]
    return dict(
        input_ids=ids,
        output_ids=new,
        output_text=P.tokenizer.decode(new, skip_special_tokens=True),
        min_margin=round(min(float(t[0] - t[1]) for t in top), 4),
    )


def chat_text(messages):
    return P.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def user(parts):
    return dict(role="user", content=parts)


def words(media, fps):
    out = []
    for kind, name in media:
        out += [f"--{kind}", "VIDEO" if kind == "video" else f"SAMPLES/{name}"]
    return out + (["--video-fps", str(fps)] if fps else [])


I = [("image", f"image{k}.png") for k in range(8)]
A = [("audio", f"audio{k}.wav") for k in range(8)]
V = ("video", "VIDEO")
cases = []


def case(name, media, prompt, fps=None, raw=False, placed=False):
    if raw:
        text = "<bos>" + prompt
    else:
        parts = [] if placed else [dict(type=kind) for kind, _ in media]
        text = chat_text([user(parts + [dict(type="text", text=prompt)])])
    options = words(media, fps) + (["--raw"] if raw else [])
    cases.append(dict(name=name, options=options, prompt=prompt, **generate(text, media, fps)))
    print(name, repr(cases[-1]["output_text"]), cases[-1]["min_margin"])


case("image_then_audio", [I[6], A[2]], "Transcribe the audio.")
case("audio_then_image", [A[2], I[6]], "What is in the picture?")
case("two_images", [I[0], I[7]], "What is in the picture?")
case("image_audio_image", [I[7], A[0], I[2]], "What is in the picture?")
case("the_same_image_twice", [I[3], I[3]], "What is in the picture?")
case("placed_in_the_text", [A[7], I[1]], "Look at <|image|> and hear <|audio|>. What is in the picture?", placed=True)
case("raw", [I[6]], "<|turn>user\nWhat is in <|image|>?<turn|>\n<|turn>model\n", raw=True)
case("video", [V], "What is in the picture?", fps=2.0)
case("video_and_image", [V, I[4]], "What is in the picture?", fps=0.1)

turns = []
messages = []
media = []
for item, question in ((I[1], "What is in the picture?"), (A[5], "Transcribe the audio."), (I[3], "What is in the picture?")):
    messages.append(user([dict(type=item[0]), dict(type="text", text=question)]))
    media.append(item)
    reply = generate(chat_text(messages), media)
    messages.append(dict(role="assistant", content=reply["output_text"]))
    turns.append(dict(line=f"/{item[0]} SAMPLES/{item[1]}", question=question, **reply))
    print("turn", repr(reply["output_text"]), reply["min_margin"])

lines = ",\n".join("  " + json.dumps(c) for c in cases)
chat = ",\n".join("  " + json.dumps(t) for t in turns)
(OUT / "prompts.json").write_text(f'{{"run": [\n{lines}\n ],\n "chat": [\n{chat}\n ]}}\n')
