"""Writes small checkpoints in the forms that change weights, and what transformers makes of them.

    pip install -r tools/checkpoint_forms/requirements.txt
    OMP_NUM_THREADS=1 python tools/checkpoint_forms/make.py [packed] [gguf]

`packed`  of tests/golden/checkpoints/no_sharing (Gemma 4): int4_group, int4_group_asymmetric, int4_channel and int8_channel as
          compressed-tensors packs them, qat_q4_0 as a `-qat-q4_0-unquantized` checkpoint has them. transformers runs on the values
          that tools/compressed_tensors/make.py says they stand for.
`gguf`    of a Gemma 3 with random weights: gguf_32.gguf has a tensor of each type with blocks of 32 (and the plain
          ones), gguf_256.gguf of each K type, mixed as quantizers mix them. Both hold every row of a type that numpy of the
          package `gguf` can quantize, K types as random codes with sensible scales. transformers reads the files itself.

Goldens: tests/golden/text_model/NAME.{json,f32}, in the form of tests/oracle/make_text_goldens.py.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter, TokenType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
CHECKPOINTS = GOLDEN / "checkpoints"


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem + "_of_" + path.parent.name, path)
    out = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(out)
    return out


text_goldens = module(ROOT / "tests" / "oracle" / "make_text_goldens.py")
packing = module(ROOT / "tools" / "compressed_tensors" / "make.py")


def write_goldens(name, checkpoint, model):
    blob = text_goldens.Blob()
    cases = text_goldens.random_cases(model, blob)
    assert all(margin > text_goldens.MARGIN for _, margin in cases), "a greedy token is a tie: change the seed"
    golden = dict(checkpoint=checkpoint, made_by="tools/checkpoint_forms/make.py",
                  versions=dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0]),
                  blob=f"{name}.f32", stop_tokens=model.stop, cases=[c for c, _ in cases])
    blob.write(GOLDEN / "text_model" / f"{name}.f32")
    with open(GOLDEN / "text_model" / f"{name}.json", "w", encoding="utf-8") as f:
        json.dump(golden, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


def packed():
    source = CHECKPOINTS / "no_sharing"
    for name in ("int4_group", "int4_group_asymmetric", "int4_channel", "int8_channel", "qat_q4_0"):
        print(name)
        out = CHECKPOINTS / name
        shutil.rmtree(out, ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            made = pathlib.Path(scratch) / name
            if name == "qat_q4_0":
                packing.run("q4_0", str(source), str(made))
                plain = made
            else:
                packing.run("packed", str(source), str(made), name)
                plain = pathlib.Path(f"{made}-plain")
            out.mkdir()
            for file in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                         "model.safetensors"):
                shutil.copy(made / file, out / file)
            model = text_goldens.Model(plain)
        write_goldens(name, f"tests/golden/checkpoints/{name}", model)


# A vocabulary as SentencePiece has it: control tokens, all bytes, then pieces of one letter and more.
LETTERS = ["\u2581", *"etaoinshrdlucmfwypvbgkjqxz"]
PIECES = [a + b for a in LETTERS for b in LETTERS[1:]][:512 - 4 - 256 - len(LETTERS)]
EMBEDDING_SCALE = 0.2  # of the table's rows: with larger ones every token would be followed by itself

MIX_32 = {"attn_q": T.Q4_0, "attn_k": T.Q8_0, "attn_v": T.Q5_1, "attn_output": T.Q4_1, "ffn_gate": T.Q5_0, "ffn_up": T.F16,
          "ffn_down": T.BF16, "token_embd": T.Q8_0}
MIX_256 = {"attn_q": T.Q4_K, "attn_k": T.Q3_K, "attn_v": T.Q6_K, "attn_output": T.Q5_K, "ffn_gate": T.Q2_K, "ffn_up": T.Q3_K,
           "ffn_down": T.Q4_K, "token_embd": T.Q6_K}

# Where a block of a K type has its float16 numbers, and what makes values of about +-1 / 16 of random codes.
K_HALVES = {T.Q2_K: [(80, 0.002), (82, 0.003)], T.Q3_K: [(108, 0.001)], T.Q4_K: [(0, 0.0003), (2, 0.002)],
            T.Q5_K: [(0, 0.00015), (2, 0.002)], T.Q6_K: [(208, 0.00002)]}


def random_codes(rng, type_, rows, cols, factor):
    elements, size = GGML_QUANT_SIZES[type_]
    blocks = rng.integers(0, 256, (rows * cols // elements, size), np.uint8)
    for at, scale in K_HALVES[type_]:
        halves = (rng.uniform(0.5, 1.5, len(blocks)) * scale * factor).astype(np.float16)
        blocks[:, at:at + 2] = halves.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def tensor(rng, type_, rows, cols, factor):
    if type_ in K_HALVES:
        data = random_codes(rng, type_, rows, cols, factor)
    else:
        data = quantize((rng.standard_normal((rows, cols)) * factor / np.sqrt(cols)).astype(np.float32), type_)
    values = dequantize(data, type_)
    print(f"    {type_.name}: [{rows}, {cols}], standard deviation {values.std():.4f}")
    return data


def write_gguf(path, width, mix, seed):
    # Heads of 256, since transformers scales by 1 / sqrt(256) whatever the file says; llama.cpp by the head's own size.
    d = dict(hidden=width, ff=width, layers=2, heads=2, kv=1, head=256, window=12)
    rng = np.random.Generator(np.random.SFC64(seed))
    writer = GGUFWriter(str(path), "gemma3")
    writer.add_name("random")
    writer.add_context_length(1024)
    writer.add_embedding_length(d["hidden"])
    writer.add_block_count(d["layers"])
    writer.add_feed_forward_length(d["ff"])
    writer.add_head_count(d["heads"])
    writer.add_head_count_kv(d["kv"])
    writer.add_key_length(d["head"])
    writer.add_value_length(d["head"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(d["window"])
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{i:02X}>" for i in range(256)), *LETTERS, *PIECES]
    kinds = [TokenType.CONTROL] * 3 + [TokenType.UNKNOWN] + [TokenType.BYTE] * 256
    kinds += [TokenType.NORMAL] * (len(tokens) - len(kinds))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(i) for i in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(3)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)

    def add(name, rows, cols):
        type_ = mix[name.split(".")[-2]]
        factor = EMBEDDING_SCALE if name.startswith("token_embd") else 1
        writer.add_tensor(name, tensor(rng, type_, rows, cols, factor), raw_dtype=type_)

    def add_norm(name, width):  # with the 1 added that these files have
        writer.add_tensor(name, rng.uniform(0.4, 1.6, width).astype(np.float32), raw_dtype=T.F32)

    q, kv = d["heads"] * d["head"], d["kv"] * d["head"]
    add("token_embd.weight", len(tokens), d["hidden"])
    for i in range(d["layers"]):
        for name, rows, cols in (("attn_q", q, d["hidden"]), ("attn_k", kv, d["hidden"]), ("attn_v", kv, d["hidden"]),
                                 ("attn_output", d["hidden"], q), ("ffn_gate", d["ff"], d["hidden"]),
                                 ("ffn_up", d["ff"], d["hidden"]), ("ffn_down", d["hidden"], d["ff"])):
            add(f"blk.{i}.{name}.weight", rows, cols)
        for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            add_norm(f"blk.{i}.{name}.weight", d["hidden"])
        for name in ("attn_q_norm", "attn_k_norm"):
            add_norm(f"blk.{i}.{name}.weight", d["head"])
    add_norm("output_norm.weight", d["hidden"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class GgufModel(text_goldens.Model):
    def __init__(self, path):  # the base class opens a folder of Gemma 4
        self.hf = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32,
                                                       attn_implementation="eager").eval()
        self.config, self.extra, self.stop = self.hf.config, {}, [1]
        self.config.text_config = self.config
        self.tokenizer = type("Ids", (), {"decode": staticmethod(lambda ids, **_: " ".join(map(str, ids)))})


def gguf():
    for name, width, mix, seed in (("gguf_32", 128, MIX_32, 21), ("gguf_256", 256, MIX_256, 22)):
        print(name)
        path = CHECKPOINTS / f"{name}.gguf"
        write_gguf(path, width, mix, seed)
        write_goldens(name, f"tests/golden/checkpoints/{name}.gguf", GgufModel(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["packed", "gguf"])
    for what in parser.parse_args().what or ["packed", "gguf"]:
        {"packed": packed, "gguf": gguf}[what]()


if __name__ == "__main__":
    main()
