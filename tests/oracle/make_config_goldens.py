#!/usr/bin/env python3
"""Writes tests/golden/config/*.json: what transformers makes of several config.json files.

  make_config_goldens.py            (needs transformers and torch, see requirements.txt)

Each file holds `config` (the input), `effective` (values after defaults and derivations) and
`tensors` (names and shapes of the model's state dict, built without memory; layer numbers are
collected: "model.language_model.layers.#.mlp.up_proj.weight [512, 128]": [3, 4, 5]).
"""
import copy
import json
import os
import re

import torch
from transformers.models.gemma4 import modeling_gemma4
from transformers.models.gemma4.configuration_gemma4 import Gemma4Config

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "tests", "golden", "config")
TINY = os.path.join(ROOT, "models", "tiny-gemma4", "checkpoint", "config.json")

TEXT = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "max_position_embeddings", "rms_norm_eps", "sliding_window", "final_logit_softcapping",
        "num_kv_shared_layers", "use_double_wide_mlp", "hidden_size_per_layer_input",
        "vocab_size_per_layer_input", "pad_token_id", "bos_token_id", "eos_token_id",
        "tie_word_embeddings", "use_bidirectional_attention", "attention_dropout",
        "initializer_range", "use_cache"]
VISION = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "rms_norm_eps", "max_position_embeddings",
          "pooling_kernel_size", "patch_size", "position_embedding_size", "use_clipped_linears",
          "standardize", "attention_dropout", "initializer_range"]
AUDIO = ["hidden_size", "num_hidden_layers", "num_attention_heads", "subsampling_conv_channels",
         "conv_kernel_size", "residual_weight", "attention_chunk_size", "attention_context_left",
         "attention_context_right", "attention_logit_cap", "attention_invalid_logits_value",
         "use_clipped_linears", "rms_norm_eps", "gradient_clipping", "output_proj_dims",
         "initializer_range"]
TOP = ["image_token_id", "video_token_id", "audio_token_id", "boi_token_id", "eoi_token_id",
       "boa_token_id", "eoa_token_index", "tie_word_embeddings", "initializer_range"]


def pick(config, keys):
    return {k: (list(v) if isinstance(v := getattr(config, k), tuple) else v) for k in keys}


def effective(config):
    text = config.text_config
    out = dict(pick(config, TOP), text=pick(text, TEXT))
    modes = text.kv_sharing_modes
    stores = {text.layer_types[i]: i for i, m in enumerate(modes) if m == "store"}
    layers = []
    with torch.device("meta"):
        for i, kind in enumerate(text.layer_types):
            layer = text.per_layer_config[i]
            layers.append(dict(
                full=kind == "full_attention", head_dim=layer.head_dim, kv_heads=layer.num_key_value_heads,
                intermediate_size=modeling_gemma4.Gemma4TextMLP(text, i).up_proj.out_features,
                kv_donor=stores[kind] if modes[i] == "reuse" else None))
    out["text"]["layers"] = layers
    rotary = modeling_gemma4.Gemma4TextRotaryEmbedding(text)
    out["text"]["rope"] = {
        kind: dict(theta=text.rope_parameters[kind]["rope_theta"],
                   rotated_pairs=int((getattr(rotary, f"{kind}_inv_freq") != 0).sum()),
                   inv_freq_1=float(getattr(rotary, f"{kind}_inv_freq")[1]))
        for kind in sorted(set(text.layer_types))}
    if config.vision_config is not None:
        out["vision"] = dict(pick(config.vision_config, VISION),
                             rope_theta=config.vision_config.rope_parameters["rope_theta"])
    if config.audio_config is not None:
        out["audio"] = pick(config.audio_config, AUDIO)
    return out


def tensors(config):
    with torch.device("meta"):
        state = modeling_gemma4.Gemma4ForConditionalGeneration(config).state_dict()
    out = {}
    for name, value in state.items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        match = re.search(r"layers\.(\d+)\.", name)
        key = re.sub(r"layers\.\d+\.", "layers.#.", name) + " " + str(list(value.shape))
        out.setdefault(key, []).append(int(match.group(1)) if match else -1)
    return {k: sorted(v) for k, v in sorted(out.items())}


def layer_types(layers, pattern):
    kinds = ["full_attention" if i % (pattern + 1) == pattern else "sliding_attention" for i in range(layers)]
    kinds[-1] = "full_attention"
    return kinds


def variants():
    tiny = json.load(open(TINY))

    def changed(text=None, **top):
        c = copy.deepcopy(tiny)
        c["text_config"].update(text or {})
        c.update(top)
        return c

    yield "tiny", tiny
    # As save_pretrained of this version writes it: per_layer_config instead of global_head_dim.
    yield "tiny-resaved", json.loads(Gemma4Config(**copy.deepcopy(tiny)).to_json_string())
    yield "minimal", dict(model_type="gemma4")
    yield "minimal-towers", dict(model_type="gemma4", text_config={}, vision_config={}, audio_config={})
    real = dict(vocab_size=262144, vocab_size_per_layer_input=262144, head_dim=256, global_head_dim=512,
                hidden_size_per_layer_input=256, sliding_window=512, max_position_embeddings=131072,
                num_attention_heads=8)
    towers = dict(vision_config=dict(model_type="gemma4_vision", use_clipped_linears=True,
                                     rope_parameters=dict(rope_theta=100.0, rope_type="default")),
                  audio_config=dict(model_type="gemma4_audio"))
    ids = dict(boi_token_id=255999, eoi_token_id=258882, image_token_id=258880, video_token_id=258884,
               boa_token_id=256000, eoa_token_id=258883, eoa_token_index=258883, audio_token_id=258881,
               eos_token_id=[1, 106], vision_soft_tokens_per_image=280)
    yield "e2b", changed(dict(real, hidden_size=1536, intermediate_size=6144, num_hidden_layers=35,
                              num_key_value_heads=1, num_kv_shared_layers=20, use_double_wide_mlp=True,
                              layer_types=layer_types(35, 4)), **towers, **ids)
    yield "e4b", changed(dict(real, hidden_size=2560, intermediate_size=10240, num_hidden_layers=42,
                              num_key_value_heads=2, num_kv_shared_layers=18, use_double_wide_mlp=False,
                              layer_types=layer_types(42, 5)), **towers, **ids)
    odd = changed(dict(num_hidden_layers=7, layer_types=None, num_kv_shared_layers=0, hidden_size_per_layer_input=0,
                       num_key_value_heads=1, final_logit_softcapping=None, use_bidirectional_attention="vision",
                       tie_word_embeddings=False, eos_token_id=[1, 6], num_global_key_value_heads=4,
                       rope_parameters=dict(
                           sliding_attention=dict(type="default", rope_theta=5000.0, partial_rotary_factor=0.5),
                           full_attention=dict(rope_type="proportional", rope_theta=2e6, factor=4.0,
                                               partial_rotary_factor=0.3))),
                  tie_word_embeddings=False, audio_config=None)
    odd["vision_config"].update(standardize=True, use_clipped_linears=False, num_key_value_heads=1, rope_theta=7.0,
                                rope_parameters=None)
    yield "no-sharing-untied", odd
    last = changed(dict(layer_types=["full_attention"] + ["sliding_attention"] * 5, num_kv_shared_layers=2,
                        use_double_wide_mlp=False), vision_config=None)
    last["audio_config"].update(use_clipped_linears=False, conv_kernel_size=3, subsampling_conv_channels=[64, 16])
    del last["text_config"]["global_head_dim"]
    last["text_config"]["per_layer_config"] = {"0": {"head_dim": 48, "num_key_value_heads": 1},
                                               "05": {"head_dim": 48, "num_key_value_heads": 1}}
    yield "last-layer-forced", last


def main():
    os.makedirs(OUT, exist_ok=True)
    for name, raw in variants():
        config = Gemma4Config(**copy.deepcopy(raw))
        golden = dict(config=raw, effective=effective(config), tensors=tensors(config))
        path = os.path.join(OUT, name + ".json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(golden, f, indent=1)
            f.write("\n")
        # Lists of numbers on one line: half the size, and diffs stay readable.
        text = re.sub(r"\[\s+((?:-?[\d.]+,?\s+)+)\]", lambda m: "[" + " ".join(m.group(1).split()) + "]",
                      open(path, encoding="utf-8").read())
        open(path, "w", encoding="utf-8").write(text)
        print(path, len(text))


if __name__ == "__main__":
    main()
