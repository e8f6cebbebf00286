"""Shared paths, dims and helpers of the tiny Gemma 4 test model."""
import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
ROOT = os.path.dirname(os.path.dirname(HERE))
REL = os.path.join(ROOT, "models", "tiny-gemma4")
WORK = os.environ.get("TINY_WORK", os.path.join(ROOT, "build", "tiny-gemma4-work"))
CKPT = os.path.join(REL, "checkpoint")

VOCAB = 1024
# special tokens: id -> text. Names as in Gemma 4; ids deliberately NOT the real ones, so that nothing hard-codes them.
SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<|turn>", "<turn|>", "<|channel>", "<channel|>",
            "<|think|>", "<|tool>", "<tool|>", "<|tool_call>", "<tool_call|>", "<|tool_response>",
            "<tool_response|>", "<|\"|>", "<|image>", "<|audio>", "<|image|>", "<|audio|>", "<image|>", "<audio|>",
            "<|video|>"]
SID = {t: i for i, t in enumerate(SPECIALS)}

TEXT = dict(
    model_type="gemma4_text", vocab_size=VOCAB, vocab_size_per_layer_input=VOCAB, hidden_size=128,
    intermediate_size=256, num_hidden_layers=6, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
    global_head_dim=64, num_global_key_value_heads=None, hidden_size_per_layer_input=32, num_kv_shared_layers=3,
    use_double_wide_mlp=True, attention_k_eq_v=False, enable_moe_block=False, num_experts=None, top_k_experts=None,
    moe_intermediate_size=None, sliding_window=32, layer_types=["sliding_attention", "sliding_attention",
                                                                "full_attention"] * 2,
    final_logit_softcapping=30.0, hidden_activation="gelu_pytorch_tanh", max_position_embeddings=4096,
    rms_norm_eps=1e-6, attention_bias=False, attention_dropout=0.0, initializer_range=0.02, use_cache=True,
    use_bidirectional_attention=None, tie_word_embeddings=True, pad_token_id=0, bos_token_id=2, eos_token_id=1,
    dtype="bfloat16",
    rope_parameters=dict(full_attention=dict(partial_rotary_factor=0.25, rope_theta=1000000.0,
                                             rope_type="proportional"),
                         sliding_attention=dict(rope_theta=10000.0, rope_type="default")))
VISION = dict(
    model_type="gemma4_vision", hidden_size=64, intermediate_size=192, num_hidden_layers=3, num_attention_heads=2,
    num_key_value_heads=2, head_dim=32, hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6,
    attention_bias=False, attention_dropout=0.0, max_position_embeddings=4096, patch_size=16, pooling_kernel_size=3,
    position_embedding_size=256, rope_parameters=dict(rope_theta=100.0, rope_type="axial"),
    use_clipped_linears=True, standardize=False, initializer_range=0.02, dtype="bfloat16")
AUDIO = dict(
    model_type="gemma4_audio", hidden_size=96, num_hidden_layers=3, num_attention_heads=3, hidden_act="silu",
    subsampling_conv_channels=[128, 32], conv_kernel_size=5, residual_weight=0.5, attention_chunk_size=12,
    attention_context_left=13, attention_context_right=0, attention_logit_cap=50.0,
    attention_invalid_logits_value=-1000000000.0, use_clipped_linears=True, rms_norm_eps=1e-6,
    gradient_clipping=10000000000.0, output_proj_dims=160, initializer_range=0.02, dtype="bfloat16")
MAX_SOFT = 70  # smallest budget the image processor accepts: 630 patches


def config_dict():
    return dict(
        architectures=["Gemma4ForConditionalGeneration"], model_type="gemma4", dtype="bfloat16",
        text_config=TEXT, vision_config=VISION, audio_config=AUDIO, tie_word_embeddings=True,
        initializer_range=0.02, pad_token_id=0, bos_token_id=2, eos_token_id=[1, SID["<turn|>"]],
        boi_token_id=SID["<|image>"], eoi_token_id=SID["<image|>"], image_token_id=SID["<|image|>"],
        video_token_id=SID["<|video|>"], boa_token_id=SID["<|audio>"], eoa_token_id=SID["<audio|>"],
        eoa_token_index=SID["<audio|>"], audio_token_id=SID["<|audio|>"], vision_soft_tokens_per_image=MAX_SOFT)


def dump(path, obj):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(obj, f, indent=2, ensure_ascii=False)
        f.write("\n")


def rng(tag):
    return random.Random(f"tiny-gemma4-{tag}")
