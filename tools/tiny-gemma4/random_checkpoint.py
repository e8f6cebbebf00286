#!/usr/bin/env python3
"""Writes a RANDOM-weight Gemma 4 checkpoint in Hugging Face layout, for speed and size work (its output is noise).

  random_checkpoint.py OUT --preset tiny|e2b|e4b [overrides]
  random_checkpoint.py OUT --layers 12 --hidden 512 --ff 1024 --heads 8 --kv-heads 2 --head-dim 64 \
      --global-head-dim 128 --pattern 4 --kv-shared 6 --vocab 4096 --ple 64 --vision-layers 2 --audio-layers 2

Presets e2b and e4b hold the public dims of Gemma 4 E2B / E4B. --pattern N: N sliding layers, then a full one.
--vision-layers 0 / --audio-layers 0 leave a tower out (its config is null), --kv-shared 0 gives every layer its own
cache, --ple 0 leaves the per-layer inputs out, --untied stores an lm_head.weight of its own, --shard-gb 0.001 spreads
even a tiny model over several files. The tokenizer is the tiny model's, padded with <unusedN> to the vocabulary; with
262144 entries the special tokens get the real models' ids.

--sparse writes zeros that take no room on the disk: for what depends on shapes alone (`lapidary plan` of the whole of E2B
takes 10 GB of file and next to no blocks).

Every combination loads in transformers 5.23, but --ple 0 together with KV sharing needs output_hidden_states=True there
(without it the slicing of the last prompt position trips over the missing per-layer inputs).

Tensors are made in chunks and appended to safetensors shards by hand: peak memory stays under 1 GB whatever the size.
Needs: numpy. (transformers is not needed.)
"""
import argparse
import hashlib
import json
import math
import os
import shutil
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TINY = os.path.join(os.path.dirname(os.path.dirname(HERE)), "models", "tiny-gemma4", "checkpoint")
PRESETS = dict(
    tiny=dict(layers=6, hidden=128, ff=256, heads=4, kv_heads=2, head_dim=32, global_head_dim=64, pattern=2,
              kv_shared=3, double_wide=1, window=32, vocab=1024, ple=32, context=4096, vision_layers=3,
              vision_hidden=64, vision_ff=192, vision_heads=2, vision_head_dim=32, vision_positions=256, soft_tokens=70,
              audio_layers=3, audio_hidden=96, audio_heads=3, audio_out=160),
    e2b=dict(layers=35, hidden=1536, ff=6144, heads=8, kv_heads=1, head_dim=256, global_head_dim=512, pattern=4,
             kv_shared=20, double_wide=1, window=512, vocab=262144, ple=256, context=131072, vision_layers=16,
             vision_hidden=768, vision_ff=3072, vision_heads=12, vision_head_dim=64, vision_positions=10240,
             soft_tokens=280, audio_layers=12, audio_hidden=1024, audio_heads=8, audio_out=1536),
    e4b=dict(layers=42, hidden=2560, ff=10240, heads=8, kv_heads=2, head_dim=256, global_head_dim=512, pattern=5,
             kv_shared=18, double_wide=0, window=512, vocab=262144, ple=256, context=131072, vision_layers=16,
             vision_hidden=768, vision_ff=3072, vision_heads=12, vision_head_dim=64, vision_positions=10240,
             soft_tokens=280, audio_layers=12, audio_hidden=1024, audio_heads=8, audio_out=1536))
REAL_IDS = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4, "<|think|>": 98, "<|channel>": 100,
            "<channel|>": 101, "<|turn>": 105, "<turn|>": 106, "\n": 107, "<|image>": 255999, "<|audio>": 256000,
            "<|image|>": 258880, "<|audio|>": 258881, "<image|>": 258882, "<audio|>": 258883, "<|video|>": 258884}


def layer_types(a):
    t = ["full_attention" if i % (a.pattern + 1) == a.pattern else "sliding_attention" for i in range(a.layers)]
    t[-1] = "full_attention"
    return t


def tensors(a):
    """(name, shape, kind) of every stored tensor, in file order. kind: linear | embed | norm | norm:MEAN |
    scalar:VALUE | bound:VALUE | noise:STD"""
    T = "model.language_model."
    out = [(T + "embed_tokens.weight", (a.vocab, a.hidden), "embed")]
    if a.ple:
        out += [(T + "embed_tokens_per_layer.weight", (a.vocab, a.layers * a.ple), "embed"),
                (T + "per_layer_model_projection.weight", (a.layers * a.ple, a.hidden), "linear"),
                (T + "per_layer_projection_norm.weight", (a.ple,), "norm")]
    out.append((T + "norm.weight", (a.hidden,), "norm"))
    types = layer_types(a)
    first = a.layers - a.kv_shared
    text_qk_norm = f"norm:{a.qk_norm}"
    for i, t in enumerate(types):
        p = f"{T}layers.{i}."
        hd = a.global_head_dim if t == "full_attention" else a.head_dim
        shared = i >= first
        ff = a.ff * (2 if shared and a.double_wide else 1)
        out += [(p + "self_attn.q_proj.weight", (a.heads * hd, a.hidden), "linear"),
                (p + "self_attn.q_norm.weight", (hd,), text_qk_norm),
                (p + "self_attn.o_proj.weight", (a.hidden, a.heads * hd), "linear")]
        if not shared or a.store_shared_kv:
            out += [(p + "self_attn.k_proj.weight", (a.kv_heads * hd, a.hidden), "linear"),
                    (p + "self_attn.v_proj.weight", (a.kv_heads * hd, a.hidden), "linear"),
                    (p + "self_attn.k_norm.weight", (hd,), text_qk_norm)]
        out += [(p + "mlp.gate_proj.weight", (ff, a.hidden), "linear"),
                (p + "mlp.up_proj.weight", (ff, a.hidden), "linear"),
                (p + "mlp.down_proj.weight", (a.hidden, ff), "linear"),
                (p + "layer_scalar", (1,), "scalar:0.75")]
        out += [(p + n + ".weight", (a.hidden,), "norm") for n in
                ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                 "post_feedforward_layernorm")]
        if a.ple:
            out += [(p + "per_layer_input_gate.weight", (a.ple, a.hidden), "linear"),
                    (p + "per_layer_projection.weight", (a.hidden, a.ple), "linear"),
                    (p + "post_per_layer_input_norm.weight", (a.hidden,), "norm")]

    def clipped(name, o, i):
        bounds = (("input_min", "bound:-1.5"), ("input_max", "bound:1.5"), ("output_min", "bound:-2.5"),
                  ("output_max", "bound:2.5")) if a.biting else (
                      ("input_min", "scalar:-12.0"), ("input_max", "scalar:12.0"), ("output_min", "scalar:-24.0"),
                      ("output_max", "scalar:24.0"))
        return [(name + ".linear.weight", (o, i), "linear")] + [(f"{name}.{n}", (), kind) for n, kind in bounds]

    bias, table = ("noise:0.3", "noise:0.5") if a.biting else ("scalar:0", "noise:0.02")
    # Whole norms make the scores of random queries and keys so large (8 in standard deviation for heads of 64) that
    # attention is nearly one-hot, and 16 layers of it blow float32's rounding up to 1e-3 in the reference itself.
    qk_norm = "norm:0.5" if a.biting else "norm"

    if a.vision_layers:
        V, h, hd = "model.vision_tower.", a.vision_hidden, a.vision_head_dim
        w = a.vision_heads * hd
        out += [(V + "patch_embedder.input_proj.weight", (h, 3 * 16 * 16), "linear"),
                (V + "patch_embedder.position_embedding_table", (2, a.vision_positions, h), table)]
        for i in range(a.vision_layers):
            p = f"{V}encoder.layers.{i}."
            for n in "qkv":
                out += clipped(f"{p}self_attn.{n}_proj", w, h)
            out += clipped(f"{p}self_attn.o_proj", h, w)
            out += [(f"{p}self_attn.{n}_norm.weight", (hd,), qk_norm) for n in "qk"]
            out += clipped(p + "mlp.gate_proj", a.vision_ff, h) + clipped(p + "mlp.up_proj", a.vision_ff, h)
            out += clipped(p + "mlp.down_proj", h, a.vision_ff)
            out += [(p + n + ".weight", (h,), "norm") for n in
                    ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                     "post_feedforward_layernorm")]
        out.append(("model.embed_vision.embedding_projection.weight", (a.hidden, h), "linear"))
    if a.audio_layers:
        A, h = "model.audio_tower.", a.audio_hidden
        S = A + "subsample_conv_projection."
        out += [(S + "layer0.conv.weight", (128, 1, 3, 3), "linear"), (S + "layer0.norm.weight", (128,), "norm"),
                (S + "layer1.conv.weight", (32, 128, 3, 3), "linear"), (S + "layer1.norm.weight", (32,), "norm"),
                (S + "input_proj_linear.weight", (h, 1024), "linear")]
        for i in range(a.audio_layers):
            p = f"{A}layers.{i}."
            for f in ("feed_forward1", "feed_forward2"):
                out += clipped(f"{p}{f}.ffw_layer_1", 4 * h, h) + clipped(f"{p}{f}.ffw_layer_2", h, 4 * h)
                out += [(f"{p}{f}.pre_layer_norm.weight", (h,), "norm"),
                        (f"{p}{f}.post_layer_norm.weight", (h,), "norm")]
            for n in ("q_proj", "k_proj", "v_proj", "post"):
                out += clipped(f"{p}self_attn.{n}", h, h)
            out += [(p + "self_attn.relative_k_proj.weight", (h, h), "linear"),
                    (p + "self_attn.per_dim_scale", (h // a.audio_heads,), bias)]
            out += clipped(p + "lconv1d.linear_start", 2 * h, h) + clipped(p + "lconv1d.linear_end", h, h)
            out += [(p + "lconv1d.depthwise_conv1d.weight", (h, 1, 5), "linear")]
            out += [(p + n + ".weight", (h,), "norm") for n in
                    ("lconv1d.pre_layer_norm", "lconv1d.conv_norm", "norm_pre_attn", "norm_post_attn", "norm_out")]
        out += [(A + "output_proj.weight", (a.audio_out, h), "linear"), (A + "output_proj.bias", (a.audio_out,), bias),
                ("model.embed_audio.embedding_projection.weight", (a.hidden, a.audio_out), "linear")]
    if a.untied:
        out.append(("lm_head.weight", (a.vocab, a.hidden), "embed"))
    return out


def to_bf16(x):
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((u + 0x7FFF + ((u >> 16) & 1)) >> 16).astype("<u2")


def values(name, shape, kind, seed, step=1 << 23):
    """Yields the tensor's bytes, chunk by chunk."""
    n = math.prod(shape)
    h = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    g = np.random.Generator(np.random.SFC64(int.from_bytes(h, "little")))
    fan = math.prod(shape[1:]) if len(shape) > 1 else 1
    std = dict(linear=fan ** -0.5, embed=shape[-1] ** -0.5 if len(shape) else 0, norm=0.1).get(kind.split(":")[0], 0)
    if kind.startswith("noise:"):
        std = float(kind[6:])
    for at in range(0, n, step):
        k = min(step, n - at)
        if kind.startswith("scalar:"):
            x = np.full(k, float(kind[7:]), np.float32)
        elif kind.startswith("bound:"):
            x = np.float32(kind[6:]) * g.uniform(0.7, 1.3, k).astype(np.float32)
        else:
            x = g.standard_normal(k, np.float32)
            x *= std
            if kind.startswith("norm"):
                x += 1
                x *= float(kind[5:] or 1)
        yield to_bf16(x).tobytes()


def write(out, a):
    todo, shards, size = tensors(a), [[]], 0
    limit = int(a.shard_gb * 2 ** 30)
    for t in todo:
        b = 2 * math.prod(t[1])
        if shards[-1] and size + b > limit:
            shards.append([])
            size = 0
        shards[-1].append(t)
        size += b
    index, total = {}, 0
    for k, sh in enumerate(shards):
        fn = "model.safetensors" if len(shards) == 1 else f"model-{k + 1:05d}-of-{len(shards):05d}.safetensors"
        head, off = {"__metadata__": {"format": "pt"}}, 0
        for name, shape, _ in sh:
            b = 2 * math.prod(shape)
            head[name] = dict(dtype="BF16", shape=list(shape), data_offsets=[off, off + b])
            off += b
            index[name] = fn
        raw = json.dumps(head, separators=(",", ":")).encode()
        raw += b" " * (-len(raw) % 8)
        with open(os.path.join(out, fn), "wb") as f:
            f.write(struct.pack("<Q", len(raw)) + raw)
            if a.sparse:
                f.truncate(f.tell() + off)
            for t in [] if a.sparse else sh:
                for c in values(*t, a.seed):
                    f.write(c)
        total += off
        print(f"{fn}: {len(sh)} tensors, {off / 2 ** 20:.1f} MiB", flush=True)
    if len(shards) > 1:
        dump(os.path.join(out, "model.safetensors.index.json"),
             dict(metadata=dict(total_size=total), weight_map=index))
    print(f"{total // 2 / 1e6:.1f} M parameters, {total / 1e9:.2f} GB")


def dump(path, obj):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(obj, f, indent=2, ensure_ascii=False)
        f.write("\n")


def tokenizer(out, a):
    """The tiny tokenizer, its vocabulary padded to a.vocab; -> ids of the special tokens."""
    tj = json.load(open(os.path.join(TINY, "tokenizer.json"), encoding="utf-8"))
    old = [t for t, _ in sorted(tj["model"]["vocab"].items(), key=lambda kv: kv[1])]
    if a.vocab < len(old):
        raise SystemExit(f"--vocab must be at least {len(old)}")
    if a.vocab == 262144:
        ids = {t: REAL_IDS[t] for t in old if t in REAL_IDS}
        free = (i for i in range(a.vocab) if i not in set(ids.values()))
        for t in old:
            if t not in ids:
                ids[t] = next(free)
    else:
        ids = {t: i for i, t in enumerate(old)}
    used, vocab, n = {i: t for t, i in ids.items()}, {}, 0
    for i in range(a.vocab):
        if i in used:
            vocab[used[i]] = i
        else:
            vocab[f"<unused{n}>"] = i
            n += 1
    tj["model"]["vocab"] = vocab
    for t in tj["added_tokens"]:
        t["id"] = ids[t["content"]]
    tj["added_tokens"].sort(key=lambda t: t["id"])
    for s in tj["post_processor"]["special_tokens"].values():
        s["ids"] = [ids[t] for t in s["tokens"]]
    with open(os.path.join(out, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(tj, f, ensure_ascii=False)
    return ids


def config(a, ids):
    c = json.load(open(os.path.join(TINY, "config.json")))
    c["text_config"].update(
        vocab_size=a.vocab, vocab_size_per_layer_input=a.vocab, hidden_size=a.hidden, intermediate_size=a.ff,
        num_hidden_layers=a.layers, num_attention_heads=a.heads, num_key_value_heads=a.kv_heads, head_dim=a.head_dim,
        global_head_dim=a.global_head_dim, hidden_size_per_layer_input=a.ple, num_kv_shared_layers=a.kv_shared,
        use_double_wide_mlp=bool(a.double_wide), sliding_window=a.window, layer_types=layer_types(a),
        max_position_embeddings=a.context, tie_word_embeddings=not a.untied,
        use_bidirectional_attention="vision" if a.bidirectional_vision else None)
    c["vision_config"].update(
        hidden_size=a.vision_hidden, intermediate_size=a.vision_ff, num_hidden_layers=a.vision_layers,
        num_attention_heads=a.vision_heads, num_key_value_heads=a.vision_heads, head_dim=a.vision_head_dim,
        position_embedding_size=a.vision_positions)
    c["audio_config"].update(hidden_size=a.audio_hidden, num_hidden_layers=a.audio_layers,
                             num_attention_heads=a.audio_heads, output_proj_dims=a.audio_out)
    c["tie_word_embeddings"] = not a.untied
    if not a.vision_layers:
        c["vision_config"] = None
    if not a.audio_layers:
        c["audio_config"] = None
    c.update(boi_token_id=ids["<|image>"], eoi_token_id=ids["<image|>"], image_token_id=ids["<|image|>"],
             video_token_id=ids["<|video|>"], boa_token_id=ids["<|audio>"], eoa_token_id=ids["<audio|>"],
             eoa_token_index=ids["<audio|>"], audio_token_id=ids["<|audio|>"], eos_token_id=[1, ids["<turn|>"]],
             vision_soft_tokens_per_image=a.soft_tokens)
    return c


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("out")
    ap.add_argument("--preset", choices=PRESETS, default="tiny")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--shard-gb", type=float, default=2.0)
    ap.add_argument("--store-shared-kv", action="store_true",
                    help="also store the K/V weights that KV-shared layers never use (loaders must ignore them)")
    ap.add_argument("--sparse", action="store_true", help="all weights are zeros that take no room on the disk")
    ap.add_argument("--untied", action="store_true", help="store lm_head.weight apart from the embedding table")
    ap.add_argument("--biting", action="store_true",
                    help="encoders in which every option shows: bounds that differ and bite, no zero biases and scales,"
                         " a position table of some weight")
    ap.add_argument("--qk-norm", type=float, default=1.0,
                    help="mean weight of the text model's q_norm and k_norm; 1 makes scores of sqrt(head_dim) in standard"
                         " deviation, attention to single keys, and a network that blows up any rounding; 0.25 makes"
                         " scores of about 1")
    ap.add_argument("--bidirectional-vision", action="store_true",
                    help="use_bidirectional_attention: image tokens attend to each other both ways")
    for k in PRESETS["tiny"]:
        ap.add_argument("--" + k.replace("_", "-"), type=int)
    a = ap.parse_args()
    for k, v in PRESETS[a.preset].items():
        if getattr(a, k) is None:
            setattr(a, k, v)
    first, types = a.layers - a.kv_shared, layer_types(a)
    if a.kv_shared and set(types[:first]) != set(types):
        raise SystemExit("every layer type needs a donor before the shared layers: fewer --kv-shared or more --layers")
    if a.kv_shared:
        print("KV donors:", {t: first - 1 - types[:first][::-1].index(t) for t in sorted(set(types))})
    os.makedirs(a.out, exist_ok=True)
    ids = tokenizer(a.out, a)
    dump(os.path.join(a.out, "config.json"), config(a, ids))
    g = json.load(open(os.path.join(TINY, "generation_config.json")))
    dump(os.path.join(a.out, "generation_config.json"), dict(g, eos_token_id=[1, ids["<turn|>"]]))
    p = json.load(open(os.path.join(TINY, "processor_config.json")))
    q = json.load(open(os.path.join(TINY, "preprocessor_config.json")))
    p["image_seq_length"] = p["image_processor"]["max_soft_tokens"] = a.soft_tokens
    p["image_processor"]["image_seq_length"] = q["image_seq_length"] = q["max_soft_tokens"] = a.soft_tokens
    dump(os.path.join(a.out, "processor_config.json"), p)
    dump(os.path.join(a.out, "preprocessor_config.json"), q)
    for f in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(os.path.join(TINY, f), a.out)
    write(a.out, a)


if __name__ == "__main__":
    main()
