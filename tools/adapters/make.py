"""Makes LoRA adapters of the tiny model with PEFT, and what transformers computes with each.

    pip install -r tools/adapters/requirements.txt
    OMP_NUM_THREADS=1 python3 tools/adapters/make.py [FOLDER]

writes FOLDER/adapters/NAME/ (adapter_config.json, adapter_model.safetensors) for each adapter, and
FOLDER/text_model/adapters.json and .f32: the goldens of golden_adapters_test. FOLDER is tests/golden.

Adapters are loaded from what was saved and are not merged; the model is float32. A case has the keys of
tests/oracle/make_text_goldens.py, and
    adapters         [[NAME, WEIGHT], ...], all active at once
    merged           a row of each weight that PEFT's own merging would change: name, row, values
"""

import argparse
import json
import pathlib
import shutil

import numpy as np
import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoTokenizer, Gemma4ForConditionalGeneration

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKPOINT = "models/tiny-gemma4/checkpoint"
PROMPTS = [
    "Rosa was a kind owl who",
    "There was once an old dog and his name was",
    "Jack is in the park. Eva is in the",
    "One day a small cat",
    "The red ball is",
]
STEPS = 16  # greedy tokens of a case, stop tokens masked
AFTER = [14]  # whose logits are kept
MARGIN = 5e-3  # greedy tokens with a smaller lead may differ by rounding alone; such a prompt is not used
STRENGTH = 0.5  # standard deviation of an update, in those of its weight

LAYER = r".*language_model\.layers\."


def lora(targets, **options):
    return LoraConfig(**{"r": 2, "lora_alpha": 4, "target_modules": targets, **options})


# The dtype is the file's.
ADAPTERS = {
    "linears": (lora(LAYER + r"[14]\.(self_attn\.q_proj|mlp\.down_proj)", r=8, lora_alpha=16), torch.bfloat16),
    "rslora": (
        lora(LAYER + r"2\.(self_attn\.(k|v)_proj|mlp\.up_proj)", r=8, lora_alpha=8, use_rslora=True),
        torch.float32,
    ),
    "patterns": (
        lora(
            LAYER + r"0\.self_attn\.(q|k|o)_proj",
            r=4,
            lora_alpha=8,
            rank_pattern={"k_proj": 2, "layers.0.self_attn.o_proj": 1},
            alpha_pattern={"o_proj": 3, "0.self_attn.q_proj": 5},
        ),
        torch.float16,
    ),
    "embedding": (lora(["embed_tokens"]), torch.float32),
    "head": (lora(["lm_head"]), torch.float32),
    "saved": (
        lora(
            LAYER + r"3\.self_attn\.q_proj",
            modules_to_save=["layers.1.per_layer_input_gate", "layers.3.post_feedforward_layernorm"],
        ),
        torch.float32,
    ),
    "towers": (
        lora(
            r".*(vision_tower\.encoder\.layers\.0\.mlp\.up_proj\.linear"
            r"|audio_tower\.layers\.1\.self_attn\.q_proj\.linear|embed_vision\.embedding_projection)"
        ),
        torch.float32,
    ),
}
CASES = {
    **{name: [[name, 1.0]] for name in ADAPTERS},
    "half": [["linears", 0.5]],
    "two": [["linears", 0.75], ["rslora", -0.5]],
    "same_weights": [["linears", 0.5], ["linears_again", 1.0]],
}
# Another training of the same modules.
ADAPTERS["linears_again"] = (lora(LAYER + r"4\.self_attn\.(q|o)_proj", r=4), torch.float32)


def base_model():
    return Gemma4ForConditionalGeneration.from_pretrained(
        ROOT / CHECKPOINT, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def lora_layers(model):
    return [(name, module) for name, module in model.named_modules() if isinstance(module, LoraLayer)]


@torch.no_grad()
def train(model, seed):
    """As if trained: PEFT begins with B = 0, which changes nothing."""
    generator = torch.Generator().manual_seed(seed)

    def noise(like):
        return torch.randn(like.shape, generator=generator)

    for _, layer in lora_layers(model):
        table = "default" in layer.lora_embedding_A
        a = layer.lora_embedding_A["default"] if table else layer.lora_A["default"].weight
        b = layer.lora_embedding_B["default"] if table else layer.lora_B["default"].weight
        a.copy_(noise(a) / a.shape[1] ** 0.5)
        b.copy_(noise(b))
        weight = layer.get_base_layer().weight
        b.mul_(STRENGTH * weight.std() / layer.get_delta_weight("default").std())
    for name, parameter in model.named_parameters():
        if "modules_to_save" in name:
            parameter.add_(STRENGTH * parameter.std() * noise(parameter))


def save(config, dtype, seed, folder):
    model = get_peft_model(base_model(), config)
    train(model, seed)
    # Without the table, which PEFT saves beside an update of it: half a megabyte that changes nothing.
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink()
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name).to(dtype) for name in file.keys()}
        metadata = file.metadata()
    save_file(tensors, folder / "adapter_model.safetensors", metadata)
    # Where it was made is nobody's business, and PEFT writes sets in any order.
    path = folder / "adapter_config.json"
    written = json.loads(path.read_text())
    written["base_model_name_or_path"] = CHECKPOINT
    path.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")


def load(adapters, folder):
    """The model with all of them active, none merged."""
    if not adapters:
        return base_model()
    (first, _), *others = adapters
    model = PeftModel.from_pretrained(base_model(), folder / first, adapter_name=first)
    for name, _ in others:
        model.load_adapter(folder / name, adapter_name=name)
    model.base_model.set_adapter([name for name, _ in adapters])
    for _, layer in lora_layers(model):
        for name, weight in adapters:
            if name in layer.scaling:
                layer.scaling[name] *= weight
    return model.eval()


class Blob:
    """Arrays appended to one file."""

    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, "<f4")
        reference = {"offset": self.size, "shape": list(array.shape)}
        self.parts.append(array.tobytes())
        self.size += array.size
        return reference


@torch.no_grad()
def greedy(model, ids, stop):
    """-> tokens, the smallest lead, logits: row 0 of the prompt's last position, row k + 1 behind token k."""
    tokens, margin, rows, cache, fed = [], float("inf"), [], None, ids
    for _ in range(STEPS):
        out = model(input_ids=torch.tensor([fed]), past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        rows.append(out.logits[0, -1])
        allowed = rows[-1].clone()
        allowed[stop] = -torch.inf
        best = allowed.topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        tokens.append(int(best.indices[0]))
        fed = tokens[-1:]
    return tokens, margin, torch.stack(rows)


@torch.no_grad()
def merged_rows(model, adapters, blob):
    rows = []
    for name, layer in lora_layers(model):
        weight = layer.get_base_layer().weight.clone()
        for adapter, _ in adapters:
            if adapter in layer.scaling:
                weight += layer.get_delta_weight(adapter)
        row = weight.shape[0] // 3
        full = name.removeprefix("base_model.model.") + ".weight"
        rows.append({"name": full, "row": row, "values": blob.add(weight[row].numpy())})
    return rows


def golden(name, adapters, folder, tokenizer, stop, blob, turn):
    model, plain = load(adapters, folder), base_model()
    changes_text = name != "towers"
    for prompt in PROMPTS[turn % len(PROMPTS) :] + PROMPTS[: turn % len(PROMPTS)]:
        ids = [int(i) for i in tokenizer(prompt)["input_ids"]]
        tokens, margin, rows = greedy(model, ids, stop)
        unchanged, _, plain_rows = greedy(plain, ids, stop)
        if margin > MARGIN and (tokens != unchanged) == changes_text:
            break
    else:
        raise SystemExit(f"{name}: every prompt has a tie, or the answer of the model without adapters")
    change = float((rows[0] - plain_rows[0]).abs().max())
    print(f"{name}: margin {margin:.4f}, logits changed by {change:.3f}: {tokenizer.decode(tokens)!r}")
    return {
        "name": name,
        "adapters": adapters,
        "prompt": prompt,
        "input_ids": ids,
        "prefill": {"positions": [len(ids) - 1], "logits": blob.add(rows[:1].numpy())},
        "greedy": {"min_tokens": STEPS, "tokens": tokens, "min_margin": round(margin, 6)},
        "decode": {"after": AFTER, "logits": blob.add(rows[[k + 1 for k in AFTER]].numpy())},
        "merged": merged_rows(model, adapters, blob),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=ROOT / "tests/golden")
    folder = parser.parse_args().folder
    for seed, (name, (config, dtype)) in enumerate(ADAPTERS.items()):
        torch.manual_seed(seed)
        shutil.rmtree(folder / "adapters" / name, ignore_errors=True)
        save(config, dtype, seed, folder / "adapters" / name)
    tokenizer = AutoTokenizer.from_pretrained(ROOT / CHECKPOINT)
    stop = json.loads((ROOT / CHECKPOINT / "generation_config.json").read_text())["eos_token_id"]
    blob = Blob()
    cases = [
        golden(name, adapters, folder / "adapters", tokenizer, stop, blob, turn)
        for turn, (name, adapters) in enumerate(CASES.items())
    ]
    result = {
        "checkpoint": CHECKPOINT,
        "made_by": "tools/adapters/make.py",
        "versions": {
            "peft": peft.__version__,
            "transformers": transformers.__version__,
            "torch": torch.__version__.split("+")[0],
        },
        "blob": "adapters.f32",
        "stop_tokens": stop,
        "cases": cases,
    }
    (folder / "text_model").mkdir(parents=True, exist_ok=True)
    (folder / "text_model/adapters.f32").write_bytes(b"".join(blob.parts))
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    (folder / "text_model/adapters.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
