"""What transformers computes with the tiny model in every form that people have it in.

    pip install -r tools/checkpoint_forms/requirements.txt
    OMP_NUM_THREADS=1 python3 tools/checkpoint_forms/make.py [--keep FOLDER] [OUT]

writes OUT/text_model/forms.json and .f32, the goldens of golden_forms_test and golden_gguf_test. OUT is
tests/golden. FOLDER gets the forms themselves, to try them with the program.

A folder is loaded by transformers itself, float32, eager attention, when it finds every weight there
("loaded_by": "transformers"); else, as with GGUF files and packed weights, its values are put into the
model of the same config ("values"). A case has the keys of tests/oracle/make_text_goldens.py, and
    question         the input_ids are those of the chat template with this question
    stored           XXH3-128 of the tensors that the form holds: sorted, each as "NAME TYPE DIMS\n" and bytes
    values           the same of the text weights that they are, as float32, "NAME DIMS\n" and bytes
"""

import argparse
import json
import pathlib
import tempfile

import gguf
import numpy as np
import torch
import transformers
import xxhash
from transformers import AutoTokenizer, Gemma4ForConditionalGeneration

import folders
import gguf_forms
from folders import ROOT, TABLE, TEXT, TINY, compressed

QUESTIONS = [
    "Tell me a story about a fox named Lily.",
    "What is seven plus eight?",
    "Who is the owl?",
    "Count from three to eleven.",
    "What color is the sky?",
    "Repeat these words: box kite key drum ball cup lamp",
]
STEPS = 12  # greedy tokens of a case, stop tokens masked
MARGIN = 5e-3  # greedy tokens with a smaller lead may differ by rounding alone; such a question is not used


class Blob:
    """Arrays in one file, equal ones once."""

    def __init__(self):
        self.parts, self.size, self.known = [], 0, {}

    def add(self, array):
        data = np.ascontiguousarray(array, "<f4").tobytes()
        if data not in self.known:
            self.known[data] = {"offset": self.size, "shape": list(array.shape)}
            self.parts.append(data)
            self.size += array.size
        return self.known[data]


def digest(pieces):
    """pieces: (sentence, bytes), in any order."""
    hash_ = xxhash.xxh3_128()
    for sentence, data in sorted(pieces):
        hash_.update(sentence.encode() + b"\n" + data)
    return hash_.hexdigest()


def dims(shape):
    return ",".join(str(n) for n in shape)


def base_model():
    return Gemma4ForConditionalGeneration.from_pretrained(
        TINY, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def with_values(values):
    """The plain model with other text weights."""
    model = base_model()
    state = model.state_dict()
    for name, value in values.items():
        if name.startswith(TEXT):
            state[name].copy_(torch.from_numpy(value.copy()))
    return model


def load(folder):
    """Nothing when transformers would make up a weight."""
    architecture = json.loads((folder / "config.json").read_text())["architectures"][0]
    model, info = getattr(transformers, architecture).from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    wrong = [info[key] for key in ("missing_keys", "mismatched_keys", "error_msgs") if info.get(key)]
    return None if wrong else model.eval()


@torch.no_grad()
def greedy(model, ids, stop):
    """-> tokens, the smallest lead, logits of the prompt's last position."""
    tokens, margin, first, cache, fed = [], float("inf"), None, None, ids
    for _ in range(STEPS):
        out = model(input_ids=torch.tensor([fed]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        row = out.logits[0, -1]
        first = row if first is None else first
        allowed = row.clone()
        allowed[stop] = -torch.inf
        best = allowed.topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        tokens.append(int(best.indices[0]))
        fed = tokens[-1:]
    return tokens, margin, first


def template_of(folder):
    """Where transformers finds it; a folder without is a GGUF's."""
    for name in ("processor_config.json", "chat_template.json", "tokenizer_config.json"):
        path = folder / name
        if path.exists() and "chat_template" in json.loads(path.read_text()):
            return json.loads(path.read_text())["chat_template"]
    return (folder / "chat_template.jinja").read_text()


class Goldens:
    def __init__(self):
        self.blob, self.cases = Blob(), []
        self.stop = json.loads((TINY / "generation_config.json").read_text())["eos_token_id"]

    def add(self, name, model, loaded_by, stored, values, folder=TINY, questions=QUESTIONS):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for question in questions:
            ids = [int(i) for i in tokenizer.apply_chat_template(
                [{"role": "user", "content": question}], add_generation_prompt=True, truncation=False,
                return_dict=False, chat_template=template_of(folder))]
            tokens, margin, logits = greedy(model, ids, self.stop)
            if margin > MARGIN:
                break
        else:
            raise SystemExit(f"{name}: every question has a tie")
        print(f"{name} ({loaded_by}): margin {margin:.4f}: {tokenizer.decode(tokens)!r}", flush=True)
        text = {n: v for n, v in values.items() if n.startswith(TEXT) or n == "lm_head.weight"}
        self.cases.append({
            "name": name, "loaded_by": loaded_by, "question": question, "input_ids": ids,
            "prefill": {"positions": [len(ids) - 1], "logits": self.blob.add(logits[None].numpy())},
            "greedy": {"min_tokens": STEPS, "tokens": tokens, "min_margin": round(margin, 6)},
            "decode": {"after": [], "logits": None},
            "stored": stored,
            "values": digest((f"{n} {dims(v.shape)}", np.ascontiguousarray(v).tobytes()) for n, v in text.items()),
        })

    def write(self, folder):
        versions = {m.__name__: m.__version__.split("+")[0] for m in (transformers, torch)}
        result = {
            "checkpoint": str(TINY.relative_to(ROOT)), "made_by": "tools/checkpoint_forms/make.py",
            "versions": {**versions, "gguf": "0.19.0", "numpy": np.__version__},
            "blob": "forms.f32", "stop_tokens": self.stop, "cases": self.cases,
        }
        (folder / "forms.f32").write_bytes(b"".join(self.blob.parts))
        (folder / "forms.json").write_text(
            json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def stored_digest(tensors):
    return digest((f"{n} {t} {dims(a.shape)}", np.ascontiguousarray(a).tobytes()) for n, (t, a) in tensors.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=ROOT / "tests/golden")
    parser.add_argument("--keep", type=pathlib.Path)
    flags = parser.parse_args()
    temporary = tempfile.TemporaryDirectory()
    folder = flags.keep or pathlib.Path(temporary.name)
    tensors = compressed.read(TINY / "model.safetensors")
    plain = {n: compressed.floats(*t) for n, t in tensors.items()}
    goldens = Goldens()
    for name, (change, edits) in folders.FORMS.items():
        changed = change(tensors)
        folders.write(folder / name, changed, edits)
        values = dict(plain)
        if name == "qat_q4_0":
            values = {n: compressed.floats(*t) for n, t in changed.items()}
        elif name == "tied_head_differs":
            values["lm_head.weight"] = compressed.floats(*changed["lm_head.weight"])
        elif name == "one_table_resized":
            values[TABLE] = compressed.floats(*changed[TABLE])
        model = load(folder / name)
        goldens.add(name, model or base_model(), "transformers" if model else "values", stored_digest(changed),
                    values, folder / name, QUESTIONS[1:2] if name == "tied_head_differs" else QUESTIONS)
    for name, scheme in compressed.SCHEMES.items():
        stored, values = folders.packed(tensors, scheme)
        def edit(config):
            config["quantization_config"] = compressed.quantization_config(scheme)
        folders.write(folder / f"packed_{name}", stored, [folders.edit("config.json", edit)])
        values = {**plain, **values}
        goldens.add(f"packed_{name}", with_values(values), "values", stored_digest(stored), values)
    text = {n.removeprefix(TEXT): v for n, v in plain.items() if n.startswith(TEXT)}
    for type_ in gguf_forms.TYPES:
        name = f"gguf_{type_.name}"
        stored, values = gguf_forms.write(folder / f"{name}.gguf", TINY, text, type_)
        stored = digest((f"{n} {t} {dims(shape)}", data) for n, (t, shape, data) in stored.items())
        values = {TEXT + n: v for n, v in values.items()}
        goldens.add(name, with_values(values), "values", stored, values)
    goldens.write(flags.out / "text_model")


if __name__ == "__main__":
    main()
