#!/usr/bin/env python3
"""The program on the very files that make.py wrote: builds each form, and compares its greedy tokens
with the goldens'. The tests do this with files of the same tensors that they write themselves.

    make.py --keep FOLDER OUT
    check.py build/release/lapidary FOLDER
"""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(program, path, package, case):
    """Nothing when it answers as transformers does."""
    def run(*arguments):
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)

    built = run("build", path, "--recipe", "cpu-fp32", "--force", "-o", package)
    if built.returncode:
        return built.stderr.strip()
    steps = len(case["greedy"]["tokens"])
    reply = run("run", package, case["question"], "--greedy", "--json",
                "--min-tokens", steps, "--max-tokens", steps)
    if reply.returncode:
        return reply.stderr.strip()
    answer = json.loads(reply.stdout)
    if answer["prompt_tokens"] != case["input_ids"]:
        return f"the prompt is {answer['prompt_tokens']}, not {case['input_ids']}"
    if answer["tokens"] != case["greedy"]["tokens"]:
        return f"the reply is {answer['tokens']}, not {case['greedy']['tokens']}"
    return None


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    golden = json.loads((ROOT / "tests/golden/text_model/forms.json").read_text())
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for case in golden["cases"]:
            name = case["name"]
            path = folder / (f"{name}.gguf" if name.startswith("gguf_") else name)
            wrong = check(program, path, pathlib.Path(scratch) / "package", case)
            failed += wrong is not None
            print(f"{name}: {wrong or 'the same tokens'}", flush=True)
    print(f"{len(golden['cases'])} forms, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
