"""A copy of a checkpoint without its vision or its audio tower.

    python tests/interop/drop_tower.py CHECKPOINT vision|audio OUTPUT
"""
import json
import os
import shutil
import struct
import sys

source, tower, target = sys.argv[1:]
assert tower in ("vision", "audio"), tower
shutil.rmtree(target, ignore_errors=True)
shutil.copytree(source, target)

config_path = os.path.join(target, "config.json")
with open(config_path, encoding="utf-8") as f:
    config = json.load(f)
config[f"{tower}_config"] = None
with open(config_path, "w", encoding="utf-8") as f:
    json.dump(config, f)

with open(os.path.join(source, "model.safetensors"), "rb") as f:
    size = struct.unpack("<Q", f.read(8))[0]
    header, data = json.loads(f.read(size)), f.read()
kept, parts, at = {}, [], 0
for name, entry in header.items():
    if name.startswith((f"model.{tower}_tower.", f"model.embed_{tower}.")):
        continue
    if name != "__metadata__":
        begin, end = entry["data_offsets"]
        entry["data_offsets"] = [at, at + end - begin]
        parts.append(data[begin:end])
        at += end - begin
    kept[name] = entry
encoded = json.dumps(kept).encode()
with open(os.path.join(target, "model.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(encoded)) + encoded + b"".join(parts))
