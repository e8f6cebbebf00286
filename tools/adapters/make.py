"""Makes LoRA adapters of the tiny model with PEFT, and what transformers answers with each.

    pip install -r tools/adapters/requirements.txt
    python3 tools/adapters/make.py OUT

writes OUT/NAME/ (adapter_config.json, adapter_model.safetensors) for each adapter and
OUT/goldens.json: {NAME: {"prompt": [ids], "tokens": [ids]}}, greedy, float32, adapters not merged. A
package of `lapidary build --adapter OUT/NAME --recipe cpu-fp32` must answer the same tokens.
"""

import argparse
import json
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

CHECKPOINT = pathlib.Path(__file__).parents[2] / "models/tiny-gemma4/checkpoint"
PROMPT = [2, 10, 20, 30, 40, 50, 60, 70]
NEW_TOKENS = 24
TEXT = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"

ADAPTERS = {
    "linears": LoraConfig(r=4, lora_alpha=8, target_modules=TEXT),
    "rslora": LoraConfig(r=8, lora_alpha=8, use_rslora=True, target_modules=TEXT),
    "patterns": LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules=TEXT,
        rank_pattern={"q_proj": 2},
        alpha_pattern={"o_proj": 4},
    ),
    "embedding": LoraConfig(r=4, lora_alpha=8, target_modules=["embed_tokens"]),
    "saved": LoraConfig(
        r=4, lora_alpha=8, target_modules=TEXT, modules_to_save=["per_layer_input_gate"]
    ),
}


def base_model():
    model = AutoModelForImageTextToText.from_pretrained(CHECKPOINT, dtype=torch.float32)
    return model.eval()


def randomize(model, seed):
    """As if trained: PEFT begins with B = 0, which changes nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(0.05 * noise)
            elif "modules_to_save" in name:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(0.05 * parameter.std() * noise)


@torch.no_grad()
def greedy(model):
    ids = list(PROMPT)
    for _ in range(NEW_TOKENS):
        logits = model(input_ids=torch.tensor([ids])).logits
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(PROMPT) :]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    goldens = {"base": {"prompt": PROMPT, "tokens": greedy(base_model())}}
    for seed, (name, config) in enumerate(ADAPTERS.items()):
        model = get_peft_model(base_model(), config).eval()
        randomize(model, seed)
        model.save_pretrained(out / name)
        goldens[name] = {"prompt": PROMPT, "tokens": greedy(model)}
    (out / "goldens.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
