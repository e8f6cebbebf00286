#!/usr/bin/env python3
"""Writes the goldens of src/jinja and src/text/chat_template: what Python's jinja2 renders.

    python3 tests/oracle/make_jinja_goldens.py          # needs requirements.txt of this folder

The environment is built as transformers' apply_chat_template builds its own, by transformers
itself. A case is [template, variables, output]; output null stands for an error.
"""
import json
import pathlib
import random

from jinja_snippets import CONTEXT, SNIPPETS
from jinja_conversations import CONVERSATIONS
from transformers.utils.chat_template_utils import _compile_jinja_template

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests" / "golden" / "jinja"


def render(source, variables):
    try:
        out = _compile_jinja_template(source).render(**variables)
    except Exception:  # noqa: BLE001  any failure is the same to us
        return None
    # Printing a function or generator shows an address: we refuse instead.
    return None if " at 0x" in out or "<class " in out else out


def number_texts():
    rng = random.Random(20)
    numbers = [0.1 * k for k in range(-5, 25, 3)]
    numbers += [10.0**e for e in range(-8, 22, 1)]
    numbers += [rng.uniform(-1, 1) * 10 ** rng.randint(-12, 25) for _ in range(60)]
    return [["{{ x }}", {"x": x}, repr(x)] for x in numbers]


def main():
    cases = [[s, {}, render(s, CONTEXT)] for s in SNIPPETS] + number_texts()
    body = ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases)
    text = '{"context": %s,\n"cases": [\n%s\n]}\n' % (json.dumps(CONTEXT, ensure_ascii=False), body)
    (OUT / "snippets.json").write_text(text)

    tiny = ROOT / "models" / "tiny-gemma4" / "checkpoint" / "chat_template.jinja"
    templates = {p.name: p for p in sorted(OUT.glob("*.jinja"))}
    templates["tiny"] = tiny
    cases = []
    for name, path in templates.items():
        for variables in CONVERSATIONS:
            cases.append([name, variables, render(path.read_text(), variables)])
    body = ",\n".join(json.dumps([n, CONVERSATIONS.index(v), o], ensure_ascii=False) for n, v, o in cases)
    inputs = ",\n".join(json.dumps(v, ensure_ascii=False) for v in CONVERSATIONS)
    (OUT / "conversations.json").write_text('{"variables": [\n%s\n],\n"cases": [\n%s\n]}\n' % (inputs, body))
    failed = sum(1 for *_, o in cases if o is None)
    print(len(SNIPPETS), "snippets,", sum(render(s, CONTEXT) is None for s in SNIPPETS), "of them errors;",
          len(cases), "conversations,", failed, "of them errors")


if __name__ == "__main__":
    main()
