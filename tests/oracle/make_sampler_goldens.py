"""Writes tests/golden/sampler.json: what Hugging Face's logits processors leave of given logits.

    python tests/oracle/make_sampler_goldens.py
"""

import json
import pathlib

import torch
import transformers
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinNewTokensLengthLogitsProcessor,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCAB = 96
STOP = [1, 6]


def processors(case, prompt_length):
    """In the order of GenerationMixin._get_logits_processor."""
    out = LogitsProcessorList()
    if case.get("repetition_penalty", 1.0) != 1.0:
        out.append(RepetitionPenaltyLogitsProcessor(penalty=case["repetition_penalty"]))
    if case.get("mask_stops"):
        out.append(MinNewTokensLengthLogitsProcessor(prompt_length, 1, STOP))
    if case.get("temperature", 1.0) != 1.0:
        out.append(TemperatureLogitsWarper(case["temperature"]))
    if case.get("top_k", 0) != 0:
        out.append(TopKLogitsWarper(case["top_k"]))
    if case.get("top_p", 1.0) < 1.0:
        out.append(TopPLogitsWarper(case["top_p"]))
    if case.get("min_p", 0.0) > 0.0:
        out.append(MinPLogitsWarper(case["min_p"]))
    return out


CASES = [
    {},
    {"temperature": 0.6},
    {"temperature": 1.7},
    {"top_k": 1},
    {"top_k": 7},
    {"top_k": 500},
    {"top_p": 0.0},
    {"top_p": 0.5},
    {"top_p": 0.95},
    {"min_p": 0.1},
    {"min_p": 1.0},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8, "top_k": 10},
    {"mask_stops": True},
    {"temperature": 0.8, "top_k": 40, "top_p": 0.9},
    {"temperature": 1.5, "top_k": 64, "top_p": 0.95, "min_p": 0.05},
    {"temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.02, "repetition_penalty": 1.2,
     "mask_stops": True},
]


def main():
    generator = torch.Generator().manual_seed(3)
    rows = []
    for index, case in enumerate(CASES * 2):
        scale = 3.0 if index < len(CASES) else 8.0
        logits = torch.randn(1, VOCAB, generator=generator) * scale
        logits[0, STOP[1]] = logits.max() + 0.5  # a stop token would win
        logits[0, 10] = logits[0, 11] = logits[0, 12]  # ties
        logits = (logits * 64).round() / 64  # short in JSON, exact in float32
        history = torch.randint(0, VOCAB, (1, 25), generator=generator)
        scores = processors(case, history.shape[1])(history, logits.clone())
        probabilities = torch.softmax(scores.double(), dim=-1)[0]
        kept = (scores[0] != -float("inf")).nonzero().flatten().tolist()
        rows.append({
            "options": {k: v for k, v in case.items() if k != "mask_stops"},
            "masked": STOP if case.get("mask_stops") else [],
            "logits": logits[0].tolist(),
            "history": history[0].tolist(),
            "kept": kept,
            "probabilities": [round(float(probabilities[i]), 9) for i in kept],
        })
    path = pathlib.Path(__file__).parents[1] / "golden" / "sampler.json"
    path.write_text(json.dumps({"transformers": transformers.__version__,
                                "cases": rows}, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
