"""Writes tests/golden/audio_encoder/NAME/: soft tokens of the audio encoder by transformers, float32, eager attention.

    OMP_NUM_THREADS=1 python tests/oracle/make_audio_encoder_goldens.py [NAME ...]

`tiny` is models/tiny-gemma4. The others are random checkpoints of other structure, written here: config.json and the
audio part of model.safetensors, in bfloat16. goldens.safetensors holds for each case
    CASE.lengths         int64 [batch]: real frames of each clip, padding after them
    CASE.time            int64 [1]
    CASE.input_features  float16 [batch, time, mel bins], left out where they are `synthetic_features`
    CASE.audio_features  float32 [tokens, text hidden]: the soft tokens of real frames, clip after clip
"""
import hashlib
import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, Gemma4ForConditionalGeneration
from transformers.models.gemma4.configuration_gemma4 import Gemma4AudioConfig, Gemma4TextConfig
from transformers.models.gemma4.modeling_gemma4 import Gemma4AudioModel, Gemma4MultimodalEmbedder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TINY = os.path.join(ROOT, "models", "tiny-gemma4")
OUT = os.path.join(ROOT, "tests", "golden", "audio_encoder")
TEXT_HIDDEN = 24
# Numbers far from the defaults, so that each of them shows in the output.
RANDOM = {
    # Plain linears; a look-ahead; half the context is not the past, so the reference's positions are shifted; masked
    # keys, low cap, clamp and eps all bite.
    "look_ahead": dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, subsampling_conv_channels=[32, 8],
                       conv_kernel_size=3, residual_weight=0.75, attention_chunk_size=8, attention_context_left=7,
                       attention_context_right=4, attention_logit_cap=3.0, attention_invalid_logits_value=-3.0,
                       use_clipped_linears=False, rms_norm_eps=0.05, gradient_clipping=1.25, output_proj_dims=40),
    # Chunks far wider than the context before them: positions beyond half the context, rows that the shift mixes.
    "wide_chunks": dict(hidden_size=48, num_hidden_layers=1, num_attention_heads=3, subsampling_conv_channels=[16, 6],
                        conv_kernel_size=7, residual_weight=0.5, attention_chunk_size=10, attention_context_left=4,
                        attention_context_right=0, attention_logit_cap=50.0, attention_invalid_logits_value=-1e9,
                        use_clipped_linears=True, rms_norm_eps=1e-6, gradient_clipping=1e10, output_proj_dims=20),
    # No past at all: a frame sees the next one only, the last frame none (the reference then averages its context).
    "next_only": dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=1, subsampling_conv_channels=[12, 5],
                      conv_kernel_size=1, residual_weight=1.0, attention_chunk_size=3, attention_context_left=1,
                      attention_context_right=2, attention_logit_cap=10.0, attention_invalid_logits_value=-1e9,
                      use_clipped_linears=True, rms_norm_eps=1e-3, gradient_clipping=1e10, output_proj_dims=16),
}


def synthetic_features(batch, time, bins):
    """A hash of each value's index, mapped to [-6, 2) in steps of 2^-13. The C++ test computes the same."""
    i = np.arange(batch * time * bins, dtype=np.uint64)
    h = (i * np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    h ^= h >> np.uint64(29)
    h = (h * np.uint64(0xBF58476D1CE4E5B9)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    return ((h >> np.uint64(48)).astype(np.float32) / 8192 - 6).reshape(batch, time, bins)


def random_value(name, shape):
    g = np.random.Generator(np.random.SFC64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")))
    x = g.standard_normal(shape, np.float32)
    last = name.rsplit(".", 1)[-1]
    if last.endswith("_min") or last.endswith("_max"):  # bounds that bite
        return (abs(x) * 0.2 + 1.0) * (-1 if last.endswith("_min") else 1)
    if last == "per_dim_scale":
        return x * 0.5
    if len(shape) < 2:
        return x * 0.3 + (0 if last == "bias" else 1)
    return x * 1.5 / np.sqrt(np.prod(shape[1:]))


def write_checkpoint(name, folder):
    """-> a function from features and mask to soft tokens and their mask."""
    audio = Gemma4AudioConfig(**RANDOM[name])
    audio._attn_implementation = "eager"
    tower = Gemma4AudioModel(audio).eval()
    embedder = Gemma4MultimodalEmbedder(audio, Gemma4TextConfig(hidden_size=TEXT_HIDDEN)).eval()
    modules = {"model.audio_tower.": tower, "model.embed_audio.": embedder}
    weights = {}
    for prefix, module in modules.items():
        for key, value in module.state_dict().items():
            full = prefix + key
            weights[full] = torch.tensor(random_value(f"{name}:{full}", tuple(value.shape))).to(torch.bfloat16)
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    config = dict(model_type="gemma4", text_config=dict(model_type="gemma4_text", hidden_size=TEXT_HIDDEN),
                  vision_config=None, audio_config=dict(model_type="gemma4_audio", **RANDOM[name]))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")
    stored = load_file(os.path.join(folder, "model.safetensors"))
    for prefix, module in modules.items():
        module.load_state_dict({k[len(prefix):]: v.float() for k, v in stored.items() if k.startswith(prefix)})

    def encode(features, mask):
        out = tower(features, mask, return_dict=True)
        return embedder(out.last_hidden_state), out.attention_mask
    return encode, audio.subsampling_conv_channels[0]


def tiny_encoder():
    model = Gemma4ForConditionalGeneration.from_pretrained(os.path.join(TINY, "checkpoint"), dtype=torch.float32,
                                                           attn_implementation="eager").eval().model

    def encode(features, mask):
        out = model.get_audio_features(features, mask, return_dict=True)
        return out.pooler_output, out.attention_mask
    return encode, 128


def cases(bins, chunk):
    """(name, features, lengths, are features synthetic)"""
    for name, time, lengths in (("one_token", 1, [1]), ("three_frames", 3, [3]), ("one_chunk", 4 * chunk, [4 * chunk]),
                                ("past_a_chunk", 4 * chunk + 1, [4 * chunk + 1]), ("several_chunks", 203, [203]),
                                ("padded_batch", 118, [118, 61]), ("empty_row", 20, [20, 0])):
        yield name, synthetic_features(len(lengths), time, bins), lengths, True


def front_end_cases():
    import soundfile
    extractor = AutoProcessor.from_pretrained(os.path.join(TINY, "checkpoint")).feature_extractor
    clips = [soundfile.read(os.path.join(TINY, "samples", f))[0].astype(np.float32) for f in ("audio0.wav", "audio3.wav")]
    for name, batch in (("clip", clips[:1]), ("padded_clips", clips)):
        out = extractor(batch, sampling_rate=16000, return_tensors="np", padding="longest")
        mask = out["input_features_mask"].astype(bool)
        lengths = mask.sum(-1).tolist()
        assert all(row[:n].all() for row, n in zip(mask, lengths))
        # Rounded for the file's sake; the reference reads the rounded values too.
        yield name, out["input_features"].astype(np.float16).astype(np.float32), lengths, False


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    for name in sys.argv[1:] or ["tiny", *RANDOM]:
        folder = os.path.join(OUT, name)
        os.makedirs(folder, exist_ok=True)
        encode, bins = tiny_encoder() if name == "tiny" else write_checkpoint(name, folder)
        todo = list(cases(bins, RANDOM[name]["attention_chunk_size"] if name in RANDOM else 12))
        if name == "tiny":
            todo += front_end_cases()
        stored = {}
        for case, features, lengths, synthetic in todo:
            time = features.shape[1]
            mask = torch.arange(time)[None] < torch.tensor(lengths)[:, None]
            tokens, token_mask = encode(torch.from_numpy(features), mask)
            stored[case + ".lengths"] = torch.tensor(lengths)
            stored[case + ".time"] = torch.tensor([time])
            stored[case + ".audio_features"] = tokens[token_mask].contiguous()
            if not synthetic:
                stored[case + ".input_features"] = torch.from_numpy(features).to(torch.float16)
            print(name, case, tuple(features.shape), "->", tuple(tokens[token_mask].shape),
                  f"std {tokens[token_mask].std():.2f}")
        save_file(stored, os.path.join(folder, "goldens.safetensors"))


if __name__ == "__main__":
    main()
