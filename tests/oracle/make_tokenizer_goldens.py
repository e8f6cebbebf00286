#!/usr/bin/env python3
"""Writes tests/golden/text/{tiny,big,variants}.json: what `tokenizers` makes of a varied corpus, of
random strings and of random ids, with the tiny model's tokenizer, with the 262144-word one, and with
small ones that use the features those two do not."""

import json
import pathlib
import random
import zlib

from tokenizers import Tokenizer

import make_big_tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/text"
TINY = ROOT / "models/tiny-gemma4/checkpoint/tokenizer.json"

CORPUS = [
    "", " ", "  ", "   leading", "trailing   ", "a", "Hello, world!", "Once upon a time, there was a fox.",
    "the quick brown fox jumps over the lazy dog " * 3, "MiXeD CaSe WORDS and camelCaseNames",
    "tabs\tand\t\ttabs", "line\nbreaks\n\nand\n\n\nmore", "CRLF\r\nlines\r\n\r\nend\r", "\n", "\n\n", "\t",
    "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", " \n \t \r\n ",
    "    indented code\n        deeper\n", "def f(x):\n\treturn x ** 2  # square\n\nprint(f(3))\n",
    "#include <vector>\nint main() { return std::vector<int>{1, 2}[0]; }\n",
    "for (let i = 0; i < n; ++i) { s += `${a[i]}`; }", '{"key": [1, 2.5e-3, null], "s": "\\n\\u00e9"}',
    "https://www.example.com/path?q=1&r=%20#frag", "user@example.com", "C:\\Users\\me\\file.txt",
    "0", "0123456789", "3.14159265358979", "1,234,567.89", "1e-10 0xFF 0b1010", "2024-02-29T23:59:60Z",
    "é", "e\u0301", "naïve café résumé", "Ａｆｕｌｌｗｉｄｔｈ", "Ǆ ǅ ǆ ß ẞ ﬁ", "a\u0300\u0301\u0302\u0303\u0304b",
    "ZALGO: h̷̢̛e̵͖͝l̴̙̕p̶̣̏", "你好，世界。", "日本語のテキスト、カタカナとひらがな。", "안녕하세요 세계", "한글 자모 ᄒ\u1161\u11ab",
    "Привет, мир! Как дела?", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم", "\u202bRTL\u202c mixed \u200fمرحبا\u200e LTR",
    "नमस्ते दुनिया", "สวัสดีชาวโลก", "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "𐍈 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "🙂", "👍🏽", "👩‍👩‍👧‍👦 family",
    "🏳️‍🌈 🇩🇪🇯🇵", "text🙂between😀words🚀", "❤️ vs ❤", "\u200b\u200c\u200d\ufeff", "nbsp\u00a0and\u3000ideographic\u2009thin",
    "\u0085\u2028\u2029", "\u0000", "a\u0000b\u0001\u001f\u007f", "\ufffd \ufffe \uffff", "\U0010ffff", "\ud7ff\ue000",
    "▁", "▁▁", "▁▁▁literal▁bars▁", "a ▁ b", " ▁", "▁ ", "<bos>", "<bos>Hello<eos>", "<bos><bos>", "a<eos>b", "<eos> <pad>",
    "<|turn>user\nHi there<turn|>\n<|turn>model\n", "<|image|>describe<|audio|>", "<unk>", "x<unk>y", "<mask>",
    "<|channel>thought\nhm<channel|>", "<bo", "bos>", "<<bos>>", "< bos >", "<BOS>", "<|turn", "<|turn>>", "<|image>|>",
    "<0x41>", "<0xE4><0xBD><0xA0>", "a<0x0A>b", "<unused0>", "<unused12>x<unused6143><unused6144>", "<|\"|>", "\"'`´‘’“”„«»",
    "—–-‐‑−…·•", "½⅓²³₁√∞≠≤≥±×÷∂∑∏∫", "$€£¥₹₿ §¶†‡", "→←↑↓⇒⇔", "♔♕♖♗ ♠♣♥♦", "┌─┐│└┘ █▓▒░", "😀" * 20,
    "a" * 300, "ab" * 200, "thereforeinthewaterofpeoplewhowouldwriteaboutit" * 12, "▁" * 100, " " * 100, "🙂é" * 30, "的" * 100,
    "supercalifragilisticexpialidocious", "aaaa bbbb aaaa", "the the the thethethe", "I've you're it's don't",
    "word.word,word;word:word", "(parens) [brackets] {braces} <angles>", "a  b   c    d     e", "\u1680x\u180ey",
    "\u0130stanbul \u0131", "\u1e9e\u017f", "Ω Ω", "가각", "ｶﾞ", "\ue000\uf8ff private", "tamil: தமிழ்", "\U0001f1e6", "\u20e3 1\ufe0f\u20e3",
]


def random_strings(seed, words, count):
    rng = random.Random(seed)
    alphabets = [
        "abcdefghijklmnopqrstuvwxyz ", "etaoin shrdlu", "0123456789.,-+ ", " \t\n\r▁", "àéîõüßçñ ", "абвгдежз ",
        "日月火水木金土一二三 ", "😀🙂🚀👍🏽\u200d❤\ufe0f", "<>|/bosturn", "\u0300\u0301\u0302aeiou", "אבגד مرحب",
        "{}[]()=+-*/;:'\"\\#@!",
    ]
    out = []
    for _ in range(count):
        parts = []
        for _ in range(rng.randint(1, 8)):
            kind = rng.random()
            if kind < 0.45:
                parts.append(rng.choice(words))
            elif kind < 0.85:
                alphabet = rng.choice(alphabets)
                parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 12))))
            else:
                code = rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x250, 0xD800),
                                   rng.randrange(0xE000, 0x110000)])
                parts.append(chr(code))
            if rng.random() < 0.5:
                parts.append(" ")
        out.append("".join(parts))
    return out


def text_case(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {"text": text, "ids": ids, "full": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "skipped": tokenizer.decode(ids, skip_special_tokens=True)}


def compact_case(tokenizer, bos, text):
    """Without `full`, which is <bos> before the ids, and decoded texts that repeat the text."""
    case = text_case(tokenizer, text)
    assert case.pop("full") == [bos] + case["ids"]
    for key in ("decoded", "skipped"):
        if case[key] == text:
            del case[key]
    return case


def id_case(tokenizer, ids):
    return {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "skipped": tokenizer.decode(ids, skip_special_tokens=True)}


def random_ids(tokenizer, seed, count):
    rng = random.Random(seed)
    size = tokenizer.get_vocab_size()
    first_byte = tokenizer.token_to_id("<0x00>")
    good = [list(c.encode()) for c in "é你🙂A\n"]
    out = [[], [size + 5], [first_byte + 0xE4], [first_byte + b for b in (0xE4, 0xBD, 0xA0, 0xFF)]]
    for _ in range(count):
        ids = []
        for _ in range(rng.randint(1, 12)):
            kind = rng.random()
            if kind < 0.4:
                ids.append(rng.randrange(size))
            elif kind < 0.6:
                ids.append(rng.randrange(24))
            elif kind < 0.8:
                ids += [first_byte + b for b in rng.choice(good)]
            else:
                ids += [first_byte + rng.randrange(256) for _ in range(rng.randint(1, 4))]
        out.append(ids)
    return out


def write(name, value):
    lines = []
    for key, items in value.items():
        if isinstance(items, list):
            rows = ",\n".join(json.dumps(i, ensure_ascii=False, separators=(",", ":")) for i in items)
            lines.append(f"{json.dumps(key)}: [\n{rows}\n]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(items)}")
    (OUT / name).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def golden(name, tokenizer, words, extra):
    bos = tokenizer.token_to_id("<bos>")
    write(name, {**extra,
                 "corpus": [compact_case(tokenizer, bos, t) for t in CORPUS],
                 "random": [compact_case(tokenizer, bos, t) for t in random_strings(1, words, 300)],
                 "ids": [id_case(tokenizer, i) for i in random_ids(tokenizer, 2, 150)]})


# --- small tokenizers, one for each feature that the two above do not use ---------------------------

def added(index, content, **flags):
    token = {"id": index, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": False}
    return {**token, **flags}


def small(**changes):
    characters = list("abcdefgh.-<t>▁ \nxé")
    merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("b", "c"), ("▁", "a"), ("▁a", "b"), ("e", "f"),
              ("g", "h"), ("ef", "gh"), ("h", "a"), ("▁", "▁"), ("▁", "ab"), ("a", " "), ("x", "x"),
              ("xx", "x"), ("xx", "xx")]
    tokens = ["<unk>", "<s>", "</s>"] + characters
    tokens += [a + b for a, b in merges if a + b not in tokens]
    tokens = list(dict.fromkeys(tokens))
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
             "ignore_merges": False}
    model.update(changes.pop("model", {}))
    tokens += changes.pop("more_tokens", [])
    model["vocab"] = {t: i for i, t in enumerate(tokens)}
    legacy = changes.pop("legacy_merges", False)
    model["merges"] = [f"{a} {b}" for a, b in merges if " " not in a + b] if legacy else \
        [list(m) for m in merges]
    more = changes.pop("added", [])
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(1, "<s>", special=True), added(2, "</s>", special=True)] +
            [{**t, "id": len(tokens) - 1 - t["id"]} for t in more],
            "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
            **changes, "model": model}


def split(behavior, pattern=" ", invert=False):
    return {"type": "Split", "pattern": {"String": pattern}, "behavior": behavior, "invert": invert}


def metaspace(scheme, **more):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, **more}


def variants():
    bar = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    unbar = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    some_bytes = [f"<0x{b:02X}>" for b in "ü€".encode()]
    fallback = {"type": "ByteFallback"}
    fuse = {"type": "Fuse"}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    out = {"no parts at all": small(), "legacy merges": small(legacy_merges=True),
           "fused unknowns": small(model={"fuse_unk": True}),
           "no unknown token": small(model={"unk_token": None}),
           "ignore_merges": small(model={"ignore_merges": True}, pre_tokenizer=split("Isolated")),
           "some bytes": small(model={"byte_fallback": True}, more_tokens=some_bytes),
           "some bytes, fused": small(model={"byte_fallback": True, "fuse_unk": True},
                                      more_tokens=some_bytes),
           "llama": small(model={"byte_fallback": True, "fuse_unk": True}, more_tokens=byte_tokens,
                          normalizer={"type": "Sequence", "normalizers": [
                              {"type": "Prepend", "prepend": "▁"}, bar]},
                          decoder={"type": "Sequence", "decoders": [unbar, fallback, fuse, strip]}),
           "strip each token": small(decoder={"type": "Sequence", "decoders": [unbar, {**strip, "start": 2}]},
                                     normalizer=bar),
           "strip two of the whole": small(decoder={"type": "Sequence", "decoders": [
               unbar, fuse, {**strip, "start": 2}]}, normalizer=bar),
           "byte decoder only": small(decoder=fallback, more_tokens=byte_tokens,
                                      model={"byte_fallback": True}),
           "metaspace decoder, never": small(pre_tokenizer=metaspace("never"),
                                             decoder=metaspace("never", split=True)),
           "template around": small(post_processor={
               "type": "TemplateProcessing",
               "single": [{"SpecialToken": {"id": "both", "type_id": 0}},
                          {"Sequence": {"id": "A", "type_id": 0}},
                          {"SpecialToken": {"id": "</s>", "type_id": 0}}],
               "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
               "special_tokens": {"both": {"id": "both", "ids": [1, 2], "tokens": ["<s>", "</s>"]},
                                  "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}})}
    for scheme in ("always", "first", "never"):
        out[f"metaspace {scheme}"] = small(pre_tokenizer=metaspace(scheme), decoder=metaspace(scheme))
        out[f"metaspace {scheme}, whole"] = small(pre_tokenizer=metaspace(scheme, split=False))
    out["split then metaspace"] = small(pre_tokenizer={"type": "Sequence", "pretokenizers": [
        split("Removed", "-"), metaspace("first")]})
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            out[f"split {behavior} {invert}"] = small(
                pre_tokenizer=split(behavior, "a", invert), model={"unk_token": None})
    flags = [("single_word", {}), ("lstrip", {}), ("rstrip", {}), ("normalized", {}), ("special", {})]
    for name, _ in flags:
        out[f"added token: {name}"] = small(
            normalizer=bar, added=[added(-1, "<t>", **{name: True}), added(-2, "x\n")],
            decoder={"type": "Sequence", "decoders": [unbar, fuse]})
    out["added token: all flags"] = small(
        normalizer=bar, decoder={"type": "Sequence", "decoders": [unbar, fuse]},
        added=[added(-1, "<t> a", normalized=True, lstrip=True, rstrip=True, special=True),
               added(-2, "<t>", single_word=True, lstrip=True, rstrip=True), added(-3, "\n\n"),
               added(-4, "<t><t>")])
    return out


VARIANT_TEXTS = [
    "", "a", "ab", "abcd", "a b", " a b ", "  ab  cd", "abcdabcd efgh", "héa", "ü", "aüb€c", "日ü日€日", "日本a日本",
    "a-b--c", "aaa", "baab", "▁a▁b", "<s>ab</s>cd", "<s> ab </s> cd", "a<t>b", "a <t> b", "<t>", " <t> ", "  <t>  <t> a",
    "<t><t>", "x<t>", "<t>x", "é<t>", "-<t>-", "_<t>", "日<t>日", "\n<t>\n", "<t>\n\n\n\na", "\n\n<t>\u2003\u00a0a", "<t> a", "<t> a<t> a",
    "a  <t> a  b", "xx xx", "xxxxxxxxxxxx", "x\n<t>x\n", "a\n\nb", "ab.cd", "<0xC3><0xBC>", "¼ü½", "  ", " ", "▁", "▁▁▁",
]


def variant(name, definition):
    tokenizer = Tokenizer.from_str(json.dumps(definition))
    size = tokenizer.get_vocab_size()
    rng = random.Random(name)
    ids = [[rng.randrange(size) for _ in range(rng.randint(1, 9))] for _ in range(20)]
    return {"name": name, "tokenizer": definition, "size": size,
            "tokens": [tokenizer.id_to_token(i) for i in range(size)],
            "texts": [text_case(tokenizer, t) for t in VARIANT_TEXTS],
            "ids": [id_case(tokenizer, i) for i in ids]}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    words = (OUT / "big_words.txt").read_text("utf-8").split()
    golden("tiny.json", Tokenizer.from_file(str(TINY)), words, {})
    data, merges = make_big_tokenizer.make()
    golden("big.json", Tokenizer.from_str(data.decode()), words,
           {"bytes": len(data), "crc32": zlib.crc32(data), "merges": merges})
    write("variants.json", {"variants": [variant(n, d) for n, d in variants().items()]})


if __name__ == "__main__":
    main()
