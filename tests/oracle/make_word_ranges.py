#!/usr/bin/env python3
"""Writes src/text/word_ranges.inc: the characters that `tokenizers` takes for parts of a word.

An added token with `single_word` matches only between characters that are not. So each code point is
put behind such a token, and the reference itself says whether it still matches.
"""

import pathlib

from tokenizers import AddedToken, Tokenizer, models

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    tokenizer = Tokenizer(models.BPE(vocab={"x": 0}, merges=[]))
    tokenizer.add_tokens([AddedToken("<t>", single_word=True, normalized=False)])
    ranges = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        if tokenizer.encode("<t>" + chr(code)).ids[:1] == [1]:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    lines = [f"{{0x{a:x}, 0x{b:x}}}," for a, b in ranges]
    rows = [" ".join(lines[i : i + 4]) for i in range(0, len(lines), 4)]
    (ROOT / "src/text/word_ranges.inc").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
