"""The tiny model as other people's tools leave theirs: folders of safetensors. tests/forms/folders.cc
writes the same tensors."""

import json
import pathlib
import shutil
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
TINY = ROOT / "models/tiny-gemma4/checkpoint"
sys.path.insert(0, str(ROOT / "tools/compressed_tensors"))
import make as compressed  # noqa: E402

TEXT = "model.language_model."
TABLE = TEXT + "embed_tokens.weight"


def edit(name, change):
    """Of a JSON file: `change` in place."""
    def apply(folder):
        path = folder / name
        value = json.loads(path.read_text()) if path.exists() else {}
        change(value)
        path.write_text(json.dumps(value, ensure_ascii=False) + "\n")
    return apply


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def prefixed(prefix):
    return lambda name: prefix + name


def before_4_52(name):
    return "language_model.model." + name[len(TEXT):] if name.startswith(TEXT) else name[6:]


def left_by_adapter(name):
    return name.replace("self_attn.q_proj.weight", "self_attn.q_proj.base_layer.weight")


def text_alone(prefix):
    return lambda tensors: {prefix + n[len(TEXT):]: t for n, t in tensors.items() if n.startswith(TEXT)}


def renamed(change):
    return lambda tensors: {change(name): tensor for name, tensor in tensors.items()}


def with_head(change=lambda table: table, table_too=True):
    def apply(tensors):
        out = dict(tensors) if table_too else {n: t for n, t in tensors.items() if n != TABLE}
        return {**out, "lm_head.weight": change(tensors[TABLE])}
    return apply


def swapped_rows(table):
    """So that seven plus eight "is star"."""
    vocab = json.loads((TINY / "tokenizer.json").read_text())["model"]["vocab"]
    rows = table[1].copy()
    rows[[vocab["\u2581fifteen"], vocab["\u2581star"]]] = rows[[vocab["\u2581star"], vocab["\u2581fifteen"]]]
    return table[0], rows


def with_buffers(tensors):
    ones = ("F32", np.ones(16, np.float32))
    return {**tensors, TEXT + "rotary_emb.inv_freq": ones, TEXT + "embed_tokens.embed_scale": ("F32", ones[1][:1])}


def larger_table(tensors):
    dtype, table = tensors[TABLE]
    return {**tensors, TABLE: (dtype, np.concatenate([table, table[:1], table[:1]]))}


def two_tokens(tokenizer):
    for i, content in enumerate(["<tool_a>", "<tool_b>"]):
        tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": 1024 + i, "content": content})


def text_config(config):
    text = {**config["text_config"], "architectures": ["Gemma4ForCausalLM"]}
    config.clear()
    config.update(text)


def template_to(name):
    def apply(folder):
        source = (folder / "chat_template.jinja").read_text()
        (folder / "chat_template.jinja").unlink()
        edit(name, lambda value: value.update(chat_template=source))(folder)
    return apply


def is_matrix(name, array):
    return name.startswith(TEXT) and array.ndim == 2


def q4_0_grid(tensors):
    return {n: ("BF16", compressed.q4_0(compressed.floats(d, a))) if is_matrix(n, a) else (d, a)
            for n, (d, a) in tensors.items()}


# name: (what becomes of the tensors, what becomes of the other files)
FORMS = {
    "as_saved": (dict, []),
    "before_4_52": (renamed(before_4_52), []),
    "bare_model": (renamed(lambda name: name[6:]), []),
    "peft": (renamed(prefixed("base_model.model.")), []),
    "peft_base_layer": (renamed(left_by_adapter), []),
    "distributed": (renamed(prefixed("module.")), []),
    "compiled": (renamed(prefixed("_orig_mod.")), []),
    "twice_model": (renamed(prefixed("model.")), []),
    "unknown_wrapper": (renamed(prefixed("policy.net.")), []),
    "text_alone": (text_alone("model."), [edit("config.json", text_config)]),
    "bare_text_model": (text_alone(""), [edit("config.json", text_config)]),
    "tied_head_only": (with_head(table_too=False), []),
    "tied_head_equal": (with_head(), []),
    "tied_head_differs": (with_head(swapped_rows), []),
    "buffers": (with_buffers, []),
    "one_table_resized": (larger_table, [
        edit("config.json", lambda c: c["text_config"].update(vocab_size=1026)),
        edit("tokenizer.json", two_tokens)]),
    "trained": (dict, [
        edit("config.json", lambda c: c.update(unsloth_fixed=True, model_name="mine/model")),
        edit("generation_config.json", lambda g: g.update(eos_token_id=1)),
        edit("tokenizer.json", lambda t: t.update(truncation={
            "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}))]),
    "template_in_json": (dict, [template_to("chat_template.json")]),
    "template_in_processor": (dict, [template_to("processor_config.json")]),
    "template_in_tokenizer": (dict, [
        template_to("tokenizer_config.json"), without("processor_config.json", "preprocessor_config.json")]),
    "no_side_files": (dict, [
        without("generation_config.json", "processor_config.json", "preprocessor_config.json")]),
    "qat_q4_0": (q4_0_grid, []),
}


def write(folder, tensors, edits):
    folder.mkdir(parents=True)
    for path in TINY.iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, folder / path.name)
    compressed.write(folder / "model.safetensors", tensors)
    for each in edits:
        each(folder)


def packed(tensors, scheme):
    """-> what compressed-tensors stores, and the float32 values that it stands for."""
    stored, values = {}, {}
    for name, (dtype, array) in tensors.items():
        if not compressed.is_matrix(name, array):
            stored[name] = (dtype, array)
            continue
        parts, value = compressed.pack(name.removesuffix(".weight"), compressed.floats(dtype, array), scheme)
        stored.update(parts)
        values[name] = value
    return stored, values
