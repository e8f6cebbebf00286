"""Writes tests/golden/checkpoints/*: small Gemma 4 checkpoints with random weights, each of another structure.

They are committed, so that the C++ tests need no Python; the goldens over them come from make_text_goldens.py.
Same seeds, same bytes (numpy's SFC64); only `resaved` depends on the version of transformers, which writes it.

    python tests/oracle/make_checkpoints.py [NAME ...]
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRITER = os.path.join(ROOT, "tools", "tiny-gemma4", "random_checkpoint.py")
OUT = os.path.join(ROOT, "tests", "golden", "checkpoints")
COMMON = "--vision-layers 0 --audio-layers 0 --context 1024 --vocab 1024"
# What each one is for: see the comment at its side.
FLAGS = {
    # E4B's pattern: five sliding layers and a full one, two KV heads, shared layers no wider than the others.
    "e4b_like": "--layers 8 --hidden 32 --ff 64 --heads 4 --kv-heads 2 --head-dim 16 --global-head-dim 32 --pattern 5"
                " --kv-shared 2 --double-wide 0 --window 12 --ple 8 --seed 11",
    # Every layer owns its cache; there is no layer that a prompt's tokens may skip.
    "no_sharing": "--layers 5 --hidden 32 --ff 64 --heads 4 --kv-heads 1 --head-dim 16 --global-head-dim 32 --pattern 2"
                  " --kv-shared 0 --double-wide 1 --window 16 --ple 16 --seed 12",
    # No per-layer inputs: the embedding graph has one output.
    "no_ple": "--layers 5 --hidden 32 --ff 64 --heads 4 --kv-heads 2 --head-dim 16 --global-head-dim 32 --pattern 1"
              " --kv-shared 2 --double-wide 1 --window 16 --ple 0 --seed 13",
    # Odd window, six query heads on three KV heads, head dims that are no powers of two; the last sliding donor has no
    # reader (both shared layers are full ones).
    "odd_window": "--layers 5 --hidden 48 --ff 80 --heads 6 --kv-heads 3 --head-dim 24 --global-head-dim 48 --pattern 1"
                  " --kv-shared 2 --double-wide 1 --window 7 --ple 16 --seed 14",
    # Three shards and an lm_head of its own; a vocabulary that is no multiple of 32.
    "sharded_untied": "--layers 4 --hidden 32 --ff 64 --heads 2 --kv-heads 1 --head-dim 32 --global-head-dim 64 --pattern 1"
                      " --kv-shared 2 --double-wide 1 --window 16 --ple 8 --vocab 1037 --untied --shard-gb 0.00015"
                      " --seed 15",
    # Weights of K and V that the reference never reads, stored for the shared layers as well.
    "stored_shared_kv": "--layers 5 --hidden 32 --ff 64 --heads 4 --kv-heads 1 --head-dim 16 --global-head-dim 32"
                        " --pattern 1 --kv-shared 3 --double-wide 1 --window 20 --ple 8 --store-shared-kv --seed 16",
    # Written by transformers' save_pretrained: per_layer_config in place of global_head_dim, another order of tensors.
    "resaved": "--layers 6 --hidden 32 --ff 64 --heads 4 --kv-heads 1 --head-dim 16 --global-head-dim 32 --pattern 2"
               " --kv-shared 3 --double-wide 1 --window 16 --ple 8 --seed 17",
    # Image tokens attend to each other both ways in the sliding layers; the last donor is one of them. The vision tower
    # is there for its config: without one, no graph takes image features.
    "bidirectional": "--layers 6 --hidden 32 --ff 48 --heads 4 --kv-heads 2 --head-dim 16 --global-head-dim 32 --pattern 1"
                     " --kv-shared 3 --double-wide 1 --window 8 --ple 8 --bidirectional-vision --vision-layers 1"
                     " --vision-hidden 16 --vision-ff 16 --vision-heads 1 --vision-head-dim 16 --vision-positions 32"
                     " --seed 18",
}


def resave(folder):
    import torch
    from transformers import Gemma4ForConditionalGeneration
    model = Gemma4ForConditionalGeneration.from_pretrained(folder, dtype=torch.bfloat16)
    with tempfile.TemporaryDirectory() as fresh:
        model.save_pretrained(fresh)
        for name in os.listdir(fresh):
            shutil.copyfile(os.path.join(fresh, name), os.path.join(folder, name))


def main():
    for name in sys.argv[1:] or FLAGS:
        folder = os.path.join(OUT, name)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, WRITER, folder, *COMMON.split(), *FLAGS[name].split()], check=True)
        if name == "resaved":
            resave(folder)
        size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
        print(f"{name}: {size / 1024:.0f} KiB\n")


if __name__ == "__main__":
    main()
