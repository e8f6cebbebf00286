"""Writes tests/golden/text_model/perplexity.json: the tiny model's perplexity on corpus/eval.txt by transformers, in
float32 and with the linear weights replaced by what olive-ai's K-quant pass makes of them.

    pip install --no-deps olive-ai==0.13.0          (beside requirements.txt)
    OMP_NUM_THREADS=1 python tests/oracle/make_perplexity_goldens.py

Each line alone: <bos> + its tokens; mean over all predicted tokens (<bos> is not predicted, no <eos>). Olive quantizes
every MatMul whose weight is an initializer: the decoder's linears with lm_head (a copy of its own of the tied table)
and per_layer_model_projection in the embedding graph; embedding tables stay float32.
"""
import json
import math
import os

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, Gemma4ForConditionalGeneration

from make_quant_goldens import import_olive

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TINY = os.path.join(ROOT, "models", "tiny-gemma4")
OUT = os.path.join(ROOT, "tests", "golden", "text_model", "perplexity.json")


def load():
    return Gemma4ForConditionalGeneration.from_pretrained(os.path.join(TINY, "checkpoint"), dtype=torch.float32,
                                                          attn_implementation="eager").eval()


def perplexity(model, lines):
    loss, count = 0.0, 0
    with torch.no_grad():
        for ids in lines:
            logp = model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
            loss -= float(logp.gather(1, torch.tensor(ids[1:])[:, None]).sum())
            count += len(ids) - 1
    return math.exp(loss / count), count


def round_trip(weight, quantize, bits, block):
    """weight [N, K] -> the same after Olive's codes: (code - zero point) * scale."""
    n, k = weight.shape
    packed, scales, zero = quantize(np.ascontiguousarray(weight.T), bits, block)
    blocks = -(-k // block)
    unpack = (lambda x: np.stack([x & 15, x >> 4], -1).reshape(*x.shape[:-1], -1)) if bits == 4 else (lambda x: x)
    codes = unpack(packed).astype(np.float32)
    zeros = unpack(zero.reshape(n, -1))[:, :blocks].astype(np.float32)
    full = (codes - zeros[:, :, None]) * scales.reshape(n, blocks, 1).astype(np.float32)
    return full.reshape(n, blocks * block)[:, :k]


def linears(model):
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and (name == "lm_head" or "language_model" in name):
            yield name, module


def quantized(quantize, bits, block):
    model = load()
    error = {}
    for name, module in linears(model):
        weight = module.weight.detach().numpy()
        new = round_trip(weight, quantize, bits, block)
        error[name] = float(np.sqrt(((new - weight) ** 2).mean() / (weight ** 2).mean()))
        module.weight = torch.nn.Parameter(torch.from_numpy(new.astype(np.float32)), requires_grad=False)
    return model, error


def main():
    tokenizer = AutoTokenizer.from_pretrained(os.path.join(TINY, "checkpoint"))
    with open(os.path.join(TINY, "corpus", "eval.txt"), encoding="utf-8") as f:
        lines = [tokenizer(line)["input_ids"] for line in f.read().splitlines()]
    value, count = perplexity(load(), lines)
    result = dict(made_by="tests/oracle/make_perplexity_goldens.py", text="models/tiny-gemma4/corpus/eval.txt",
                  versions={"transformers": transformers.__version__, "olive-ai": "0.13.0"}, tokens=count, fp32=value)
    print("fp32", value, count)
    kquant, _ = import_olive()
    for bits, block in ((4, 32), (4, 16), (4, 64), (4, 128), (8, 32)):
        model, error = quantized(kquant._kquant_block_quant, bits, block)
        value, _ = perplexity(model, lines)
        mean = sum(error.values()) / len(error)
        result[f"olive_kquant_int{bits}_block{block}"] = dict(perplexity=value, linears=len(error),
                                                              mean_relative_error=mean)
        print(bits, block, value, mean)
    with open(OUT, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
