#!/bin/sh
# Reproduces the checkpoint on two CPU cores (about 60 minutes). Needs torch, torchvision, transformers >= 5.23,
# tokenizers, soundfile, soxr, pillow, numpy and the espeak-ng command. TINY_WORK: scratch folder (about 4 GB).
# Overwrites models/tiny-gemma4.
set -e
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000
python make_tokenizer.py                       # text splits, BPE, non-weight files of the checkpoint
python gen_images.py & python gen_audio.py & wait
python train_towers.py vision 12 1 & python train_towers.py audio 22 1 & wait
INIT= LOAD=vision KINDS=doc,chat,image OUT=lm1 CONST=1 python train_lm.py lm 6 1
export INIT=lm1.pt LOAD=audio OUT=lm SPLIT="doc,chat|image,audio"
RANK=1 python train_lm.py lm 16 1 & RANK=0 python train_lm.py lm 16 1; wait
unset INIT LOAD OUT
python clip.py
SPLIT="doc,chat,audio|image"; export SPLIT
RANK=1 python train_lm.py joint 6 1 & RANK=0 python train_lm.py joint 6 1; wait
unset SPLIT
python export.py
python evaluate.py                             # scores.json, samples/, corpus/
