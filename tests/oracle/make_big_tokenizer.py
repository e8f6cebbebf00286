#!/usr/bin/env python3
"""Writes a tokenizer.json of Gemma's size and shape: 262144 tokens, about half a million merges.

    python make_big_tokenizer.py OUT.json

The 30 MB file is not committed. src/text/testing/big_tokenizer.h builds the same bytes from the same
word list by the same rules, so the C++ tests need neither this script nor the file; a golden holds
the checksum of what this script writes. Change both or neither.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE = 262144
MASK = (1 << 64) - 1

SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>", "<|channel>",
           "<channel|>", "<|think|>", "<|image>", "<image|>", "<|image|>", "<|audio|>"]
UNUSED = 6144
RANGES = [(0x9, 0xA), (0x21, 0x7E), (0x2581, 0x2581), (0xA1, 0x17F), (0x300, 0x30F),
          (0x391, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x64A), (0x905, 0x94D),
          (0xE01, 0xE2E), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x5DFF),
          (0xAC00, 0xB3FF), (0x1F600, 0x1F64F)]
ONSETS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w",
          "z", "ch", "sh", "th", "st", "tr"]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "oo"]
CODAS = ["", "n", "r", "s", "t", "l"]
BAR = "\u2581"


class Random:
    """xorshift64*: a few lines in any language."""

    def __init__(self):
        self.state = 0x9E3779B97F4A7C15

    def below(self, n):
        x = self.state
        x ^= x >> 12
        x = (x ^ (x << 25)) & MASK
        x ^= x >> 27
        self.state = x
        return (((x * 0x2545F4914F6CDD1D) & MASK) >> 33) % n


def added_tokens():
    runs = ["\n" * n for n in range(2, 32)] + [BAR * n for n in range(2, 32)]
    return SPECIAL + [f"<unused{i}>" for i in range(UNUSED)] + runs


def synthetic_word(random):
    """A word as a list of parts; every prefix of it becomes a token too."""
    kind = random.below(8)
    if kind == 0:
        return [chr(0x4E00 + random.below(0x1000)) for _ in range(2 + random.below(2))]
    if kind == 1:
        return [chr(0x430 + random.below(32)) for _ in range(2 + random.below(4))]
    parts = []
    for _ in range(1 + random.below(4)):
        onset = ONSETS[random.below(len(ONSETS))]
        parts.append(onset + VOWELS[random.below(len(VOWELS))])
    parts[-1] += CODAS[random.below(len(CODAS))]
    return parts


def build_vocabulary(words):
    """Tokens in order of id, and the index of the first one that merges may make."""
    tokens = added_tokens() + [f"<0x{i:02X}>" for i in range(256)]
    tokens += [chr(c) for first, last in RANGES for c in range(first, last + 1)]
    first_merged = len(tokens)
    seen = set(tokens)

    def add(token):
        if len(tokens) < SIZE and token not in seen:
            seen.add(token)
            tokens.append(token)

    for word in words:
        for text in (word, BAR + word):
            for length in range(2, len(text) + 1):
                for begin in range(len(text) - length + 1):
                    add(text[begin : begin + length])
    random = Random()
    while len(tokens) < SIZE:
        text = ""
        for part in synthetic_word(random):
            text += part
            for length in range(2, len(part) + 1):
                add(part[:length])
            if len(text) > 1:
                add(text)
            add(BAR + text)
    return tokens, first_merged


def build_merges(tokens, first_merged):
    mergeable = set(tokens[len(added_tokens()) + 256 :])
    merges = []
    for token in tokens[first_merged:]:
        for at in range(1, len(token)):
            if token[:at] in mergeable and token[at:] in mergeable:
                merges.append((token[:at], token[at:]))
    return merges


def quote(text):
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + text.replace("\t", "\\t") + '"'


def added_token(index, content):
    return f"""    {{
      "id": {index},
      "content": {quote(content)},
      "single_word": false,
      "lstrip": false,
      "rstrip": false,
      "normalized": false,
      "special": {"true" if index < len(SPECIAL) else "false"}
    }}"""


def serialize(tokens, merges):
    added = ",\n".join(added_token(i, t) for i, t in enumerate(added_tokens()))
    vocab = ",\n".join(f"      {quote(t)}: {i}" for i, t in enumerate(tokens))
    pairs = ",\n".join(f"      [\n        {quote(a)},\n        {quote(b)}\n      ]"
                       for a, b in merges)
    return f"""{{
  "version": "1.0",
  "truncation": null,
  "padding": null,
  "added_tokens": [
{added}
  ],
  "normalizer": {{"type": "Replace", "pattern": {{"String": " "}}, "content": "{BAR}"}},
  "pre_tokenizer": {{"type": "Split", "pattern": {{"String": " "}}, "behavior": "MergedWithPrevious", "invert": false}},
  "post_processor": {{"type": "TemplateProcessing", "single": [{{"SpecialToken": {{"id": "<bos>", "type_id": 0}}}}, {{"Sequence": {{"id": "A", "type_id": 0}}}}], "pair": [{{"Sequence": {{"id": "A", "type_id": 0}}}}, {{"Sequence": {{"id": "B", "type_id": 1}}}}], "special_tokens": {{"<bos>": {{"id": "<bos>", "ids": [2], "tokens": ["<bos>"]}}}}}},
  "decoder": {{"type": "Sequence", "decoders": [{{"type": "Replace", "pattern": {{"String": "{BAR}"}}, "content": " "}}, {{"type": "ByteFallback"}}, {{"type": "Fuse"}}]}},
  "model": {{
    "type": "BPE",
    "dropout": null,
    "unk_token": "<unk>",
    "continuing_subword_prefix": null,
    "end_of_word_suffix": null,
    "fuse_unk": true,
    "byte_fallback": true,
    "ignore_merges": false,
    "vocab": {{
{vocab}
    }},
    "merges": [
{pairs}
    ]
  }}
}}
"""


def make():
    words = (ROOT / "tests/golden/text/big_words.txt").read_text("utf-8").split()
    tokens, first_merged = build_vocabulary(words)
    merges = build_merges(tokens, first_merged)
    return serialize(tokens, merges).encode(), len(merges)


if __name__ == "__main__":
    data, count = make()
    pathlib.Path(sys.argv[1]).write_bytes(data)
    print(f"{len(data)} bytes, {count} merges")
