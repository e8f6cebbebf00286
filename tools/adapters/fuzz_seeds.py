"""Writes the seeds of src/checkpoint/adapter_fuzz.cc: python3 tools/adapters/fuzz_seeds.py"""

import json
import pathlib
import struct

SEEDS = pathlib.Path(__file__).parents[2] / "tests/fuzz/checkpoint_adapter_fuzz"
MODULE = "base_model.model.model.language_model.layers.0.self_attn.q_proj"
CONFIG = {"peft_type": "LORA", "r": 1, "lora_alpha": 2, "bias": "none"}


def safetensors(tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(packed)],
        }
        data += packed
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def write(name, config, tensors):
    content = json.dumps(config).encode() + b"\0" + safetensors(tensors)
    (SEEDS / name).write_bytes(content)


SEEDS.mkdir(parents=True, exist_ok=True)
A = ([1, 3], [1, 2, 3])
B = ([2, 1], [4, 5])
write("lora", CONFIG, {f"{MODULE}.lora_A.weight": A, f"{MODULE}.lora_B.weight": B})
write(
    "patterns",
    CONFIG | {"r": 4, "use_rslora": True, "rank_pattern": {"q_proj": 1}, "alpha_pattern": {"q_proj": 3}},
    {f"{MODULE}.lora_A.default.weight": A, f"{MODULE}.lora_B.default.weight": B},
)
write(
    "saved",
    CONFIG | {"modules_to_save": ["q_proj"]},
    {f"{MODULE}.modules_to_save.default.weight": ([2, 3], [1, 2, 3, 4, 5, 6])},
)
