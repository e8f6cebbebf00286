"""The tiny model's text part as GGUF files, as llama.cpp's converter writes Gemma 4."""

import json

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

import k_blocks

# What a matrix becomes whose rows the type's blocks do not divide.
INSTEAD = {T.Q2_K: T.Q4_0, T.Q3_K: T.Q4_0, T.Q4_K: T.Q5_0, T.Q5_K: T.Q5_1, T.Q6_K: T.Q8_0}
TYPES = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, *INSTEAD]

TOP = {
    "embed_tokens": "token_embd", "norm": "output_norm", "embed_tokens_per_layer": "per_layer_token_embd",
    "per_layer_model_projection": "per_layer_model_proj", "per_layer_projection_norm": "per_layer_proj_norm",
}
IN_LAYER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj",
    "post_per_layer_input_norm": "post_norm", "layer_scalar": "layer_output_scale",
}


def gguf_name(name):
    name = name.removesuffix(".weight")
    if not name.startswith("layers."):
        return TOP[name] + ".weight"
    _, layer, part = name.split(".", 2)
    return f"blk.{layer}.{IN_LAYER[part]}.weight"


def add_metadata(writer, checkpoint):
    text = json.loads((checkpoint / "config.json").read_text())["text_config"]
    arch = "gemma4."
    for key, value in {
        "embedding_length": text["hidden_size"],
        "block_count": text["num_hidden_layers"],
        "context_length": text["max_position_embeddings"],
        "attention.head_count": text["num_attention_heads"],
        "attention.head_count_kv": text["num_key_value_heads"],
        "attention.key_length": text["global_head_dim"],
        "attention.key_length_swa": text["head_dim"],
        "attention.shared_kv_layers": text["num_kv_shared_layers"],
        "attention.sliding_window": text["sliding_window"],
        "embedding_length_per_layer_input": text["hidden_size_per_layer_input"],
    }.items():
        writer.add_uint32(arch + key, value)
    rope = text["rope_parameters"]
    writer.add_float32(arch + "attention.layer_norm_rms_epsilon", text["rms_norm_eps"])
    writer.add_float32(arch + "rope.freq_base", rope["full_attention"]["rope_theta"])
    writer.add_float32(arch + "rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
    writer.add_float32(arch + "final_logit_softcapping", text["final_logit_softcapping"])
    layers = text["num_hidden_layers"]
    shared = range(layers - text["num_kv_shared_layers"], layers)
    wide = 2 if text["use_double_wide_mlp"] else 1
    writer.add_array(arch + "attention.sliding_window_pattern",
                     [kind == "sliding_attention" for kind in text["layer_types"]])
    writer.add_array(arch + "feed_forward_length",
                     [text["intermediate_size"] * (wide if i in shared else 1) for i in range(layers)])
    share = rope["full_attention"].get("partial_rotary_factor", 1.0)
    half = text["global_head_dim"] // 2
    return np.array([1.0 if i < half * share else 1e30 for i in range(half)], np.float32)


def add_tokenizer(writer, checkpoint):
    tokenizer = json.loads((checkpoint / "tokenizer.json").read_text())
    pieces = {id_: piece for piece, id_ in tokenizer["model"]["vocab"].items()}
    kinds = {}
    for token in tokenizer["added_tokens"]:
        pieces[token["id"]] = token["content"]
        kinds[token["id"]] = 3 if token["special"] else 4
    writer.add_tokenizer_model("gemma4")
    writer.add_token_list([pieces[i] for i in sorted(pieces)])
    writer.add_token_types([kinds.get(i, 1) for i in sorted(pieces)])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_add_space_prefix(False)
    writer.add_add_bos_token(True)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(3)
    writer.add_chat_template((checkpoint / "chat_template.jinja").read_text())


def type_of(shape, wanted):
    if len(shape) < 2:
        return T.F32
    return wanted if shape[1] % GGML_QUANT_SIZES[wanted][0] == 0 else INSTEAD[wanted]


def write(path, checkpoint, text_weights, wanted):
    """text_weights: name below model.language_model. -> float32. -> stored: name -> (type, shape,
    bytes), and values: the same names as came in -> float32 by gguf.quants.dequantize."""
    writer = GGUFWriter(str(path), "gemma4")
    factors = add_metadata(writer, checkpoint)
    add_tokenizer(writer, checkpoint)
    stored, values = {}, {}
    for name, weight in text_weights.items():
        type_ = type_of(weight.shape, wanted)
        data = k_blocks.packed(np.ascontiguousarray(weight), type_)
        values[name] = dequantize(data, type_).astype(np.float32).reshape(weight.shape)
        assert np.isfinite(values[name]).all()
        assert wanted not in (T.F32, T.BF16) or (values[name] == weight).all()
        writer.add_tensor(gguf_name(name), data, raw_dtype=type_)
        stored[gguf_name(name)] = (int(type_), weight.shape, data.tobytes())
    writer.add_tensor("rope_freqs.weight", factors)
    stored["rope_freqs.weight"] = (0, factors.shape, factors.tobytes())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return stored, values
