"""Writes models/tiny-gemma4/corpus/chats_media.jsonl and the pictures and clips that it names, in
corpus/media: chats about media like those the tiny model was trained on, to calibrate quantizers
with. Needs espeak-ng 1.51. No picture shows, and no clip says, what a file of samples/ or eval/
does.

    python tests/oracle/make_calibration_media.py
"""
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile as sf

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/tiny-gemma4"))

from gen_audio import clip  # noqa: E402
from gen_images import ASK, caption, make, questions  # noqa: E402
from common import rng  # noqa: E402
from speech_text import utterance  # noqa: E402

TINY = ROOT / "models/tiny-gemma4"
OUT = TINY / "corpus"
COUNT = 12  # of each kind; two chats for each file
SECONDS = (0.5, 1.7)


def told():
    """What samples and evaluation are about, and the hashes of their files."""
    samples = json.loads((TINY / "samples/expected.json").read_text())["samples"]
    evaluation = json.loads((TINY / "eval/eval.json").read_text())
    references = {s["reference"] for s in samples if s["reference"]}
    references |= {e["reference"] for kind in ("images", "audio") for e in evaluation[kind]}
    files = list((TINY / "samples").iterdir()) + list((TINY / "eval").rglob("*.*"))
    return references, {hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def user(kind, path, question):
    return {"role": "user", "content": [{"type": kind, "path": path},
                                        {"type": "text", "text": question}]}


def text(role, content):
    return {"role": role, "content": content}


def write(path, data, hashes):
    assert hashlib.sha256(data).hexdigest() not in hashes
    (OUT / path).write_bytes(data)


def picture_chats(references, hashes):
    r = rng("calibration-images")
    chats, seen = [], set(references)
    while len(chats) < 2 * COUNT:
        number = len(chats) // 2
        image, _, objects, relation = make(r, two=number % 3 != 2)
        shown, asked = caption(objects, relation), questions(objects, relation, r)
        if shown in seen:
            continue
        seen.add(shown)
        path = f"media/{number:02d}.png"
        data = io.BytesIO()
        image.save(data, "png", optimize=True)
        write(path, data.getvalue(), hashes)
        # What is asked first, and a question with a second one behind it.
        first, second = r.sample(asked, 2) if len(asked) > 1 else (asked[0], asked[0])
        chats.append([user("image", path, ASK[number % len(ASK)]), text("assistant", shown)])
        chats.append([user("image", path, first[0]), text("assistant", first[1]),
                      text("user", second[0]), text("assistant", second[1])])
    return chats


def clip_chats(references, hashes):
    r = rng("calibration-audio")
    chats, seen = [], set(references)
    while len(chats) < COUNT:
        number = len(chats)
        said = utterance(r)
        samples, _ = clip(r, said)
        fits = SECONDS[0] <= len(samples) / 16000 <= SECONDS[1]
        if said in seen or not fits:
            continue
        seen.add(said)
        path = f"media/{number:02d}.flac"
        data = io.BytesIO()
        sf.write(data, samples, 16000, format="FLAC", subtype="PCM_16")
        write(path, data.getvalue(), hashes)
        question = "What do you hear?" if number % 4 == 3 else "Transcribe the audio."
        chats.append([user("audio", path, question), text("assistant", said)])
    return chats


def main():
    shutil.rmtree(OUT / "media", ignore_errors=True)
    (OUT / "media").mkdir()
    references, hashes = told()
    chats = picture_chats(references, hashes) + clip_chats(references, hashes)
    with (OUT / "chats_media.jsonl").open("w", encoding="utf-8", newline="\n") as out:
        for messages in chats:
            out.write(json.dumps({"messages": messages}) + "\n")


if __name__ == "__main__":
    main()
