"""Writes models/tiny-gemma4/corpus/chats.jsonl: chats like those the tiny model was trained on, to
calibrate quantizers with. Every kind of question, answers included, some with a system message or a
second turn. None of the questions of samples/expected.json is among them, nor one that is about most
of the same names, words or numbers.

    python tests/oracle/make_calibration_chats.py
"""
import json
import random
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/tiny-gemma4"))

from gen_text import NUM, SYSTEMS, make_chat  # noqa: E402

COUNT = 80
SEED = 1711


# What the templates of the questions say whatever they are about.
FRAME = set("""a about after an and before called color colors animals come comes count do does down
from has have how i in is legs many me minus name named names of on opposite plus repeat starting
story tell the these things to under near behind what where who with words young live""".split())


def subjects(text):
    """The words that make a question this question; numbers as words."""
    found = re.findall(r"[a-z]+|[0-9]+", text.lower())
    return {NUM[int(w)] if w.isdigit() else w for w in found} - FRAME


def is_like(question, sample):
    """Whether it is about most of what the sample is about."""
    wanted = subjects(sample)
    return 2 * len(wanted & subjects(question)) > len(wanted)


def main():
    samples = json.loads((ROOT / "models/tiny-gemma4/samples/expected.json").read_text())["samples"]
    asked = [s["question"] for s in samples if s["question"]]
    rng = random.Random(SEED)
    chats, seen = [], set()
    while len(chats) < COUNT:
        messages = make_chat(rng)
        questions = [m["content"] for m in messages if m["role"] == "user"]
        if any(q in seen or any(is_like(q, sample) for sample in asked) for q in questions):
            continue
        # One in eight with a system message: the generator alone might give none.
        if len(chats) % 8 == 3 and messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": SYSTEMS[len(chats) // 8 % len(SYSTEMS)]})
        seen.update(questions)
        chats.append(messages)
    path = ROOT / "models/tiny-gemma4/corpus/chats.jsonl"
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for messages in chats:
            out.write(json.dumps({"messages": messages}) + "\n")


if __name__ == "__main__":
    main()
