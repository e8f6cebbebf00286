#!/usr/bin/env python3
"""Compares what Lapidary knows of ONNX's operators with the schemas of the onnx package.

  pip install onnx==1.23.2        # the version of scripts/pins.sh
  tools/check_operator_tables.py          exit code 1 and a line each, where they differ
  tools/check_operator_tables.py --texts  also prints which kSame rows have a new text: to be judged

Tables: src/passes/rewrite/opset_changes.cc (every version of an operator from opset 14 to 21, and
that a row of kSame only adds) and src/graph/float16_support.cc (from which opset on float16 is taken).
"""
import pathlib
import re
import sys

from onnx import defs, helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
OLDEST, NEWEST = 13, 21  # kOldestKnownOpset, kNewestKnownOpset
FLOAT, HALF = "tensor(float)", "tensor(float16)"


def schemas():
    """Operator -> its schemas of the standard domain, oldest first."""
    out = {}
    for schema in defs.get_all_schemas_with_history():
        if not schema.domain:
            out.setdefault(schema.name, []).append(schema)
    return {name: sorted(of, key=lambda s: s.since_version) for name, of in out.items()}


def types(schema, port):
    for constraint in schema.type_constraints:
        if constraint.type_param_str == port.type_str:
            return set(constraint.allowed_type_strs)
    return {port.type_str}


def what_is_lost(before, after):
    """What the earlier form took and the later does not, or means otherwise by the schema."""
    if after.deprecated:
        yield "is deprecated"
    for name, attribute in before.attributes.items():
        later = after.attributes.get(name)
        if later is None:
            yield f"has no attribute {name}"
        elif later.type != attribute.type or default(later) != default(attribute):
            yield f"attribute {name} has another type or default"
    for name, attribute in after.attributes.items():
        if name not in before.attributes and attribute.required:
            yield f"attribute {name} is required"
    for what in ("inputs", "outputs"):
        old, new = list(getattr(before, what)), list(getattr(after, what))
        if len(new) < len(old):
            yield f"has fewer {what}"
        for one, other in zip(old, new):
            if types(before, one) - types(after, other):
                yield f"{what[:-1]} {one.name} takes fewer types"
        for other in new[len(old):]:
            if other.option == defs.OpSchema.FormalParameterOption.Single:
                yield f"{what[:-1]} {other.name} is required"
    # Two ports of one type where there were two types.
    for one, other in zip(before.inputs, after.inputs):
        for two, another in zip(before.inputs, after.inputs):
            if one.type_str != two.type_str and other.type_str == another.type_str:
                yield f"inputs {one.name} and {two.name} must have one type"


def default(attribute):
    value = attribute.default_value
    return helper.get_attribute_value(value) if value.type else None


def check_changes(known, texts):
    source = (ROOT / "src/passes/rewrite/opset_changes.cc").read_text()
    rows = {(name, int(since)): how
            for name, since, how in re.findall(r'\{"(\w+)", (\d+), (\w+)\}', source)}
    wanted = {}
    for name, versions in known.items():
        for before, after in zip(versions, versions[1:]):
            if OLDEST < after.since_version <= NEWEST:
                wanted[name, after.since_version] = before, after
    for key in sorted(wanted.keys() - rows.keys()):
        yield f"opset_changes.cc: no row for {key[0]} of opset {key[1]}"
    for key in sorted(rows.keys() - wanted.keys()):
        yield f"opset_changes.cc: {key[0]} did not change in opset {key[1]}"
    for key in sorted(wanted.keys() & rows.keys()):
        before, after = wanted[key]
        lost = sorted(set(what_is_lost(before, after)))
        if rows[key] == "kSame" and lost:
            yield f"opset_changes.cc: {key[0]} of opset {key[1]} is not kSame: {'; '.join(lost)}"
        if texts and rows[key] == "kSame" and before.doc != after.doc:
            print(f"new text: {key[0]} {before.since_version} -> {key[1]}")


def float16_of(versions):
    """(opset, float32 inputs that stay) of the newest form that takes float16; None: none does."""
    out = None
    for schema in versions:
        if schema.deprecated:
            continue
        floats = [types(schema, port) for port in schema.inputs]
        stay = [i for i, of in enumerate(floats) if FLOAT in of and HALF not in of]
        takes = any({FLOAT, HALF} <= of for of in floats) or any(
            {FLOAT, HALF} <= types(schema, port) for port in schema.outputs)
        if takes and (out is None or out[1] != stay):
            out = schema.since_version, stay
    return out


def check_float16(known):
    source = (ROOT / "src/graph/float16_support.cc").read_text()
    operators = set(re.findall(r'\{"", "(\w+)"', (ROOT / "src/graph/operators.cc").read_text()))
    for name, since, stays in re.findall(r'\{"", "(\w+)", (\d+)(?:, (\d+))?\}', source):
        wanted = float16_of(known.get(name, []))
        got = int(since), [int(stays)] if stays else []
        if wanted != got:
            yield f"float16_support.cc: {name} has {got}, the schemas say {wanted}"
        if name not in operators:
            yield f"float16_support.cc: {name} has no row in operators.cc"


def main():
    known = schemas()
    problems = [*check_changes(known, "--texts" in sys.argv), *check_float16(known)]
    print("\n".join(problems) if problems else "the tables are those of the onnx package")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
