#!/usr/bin/env python3
"""Writes src/jinja/unicode_tables.inc: the character properties that Python's str methods use.

    python3 tools/make_jinja_unicode.py > src/jinja/unicode_tables.inc

Templates expect `upper`, `title`, `isalpha`, `repr` and friends to act as in Python, so the tables
are read from Python itself. A row {first, last, step} names every step-th code point of a range.
"""
import sys
import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def runs(members):
    """Greedy arithmetic progressions with step 1 or 2 over a sorted list."""
    rows, i = [], 0
    while i < len(members):
        step, j = 1, i + 1
        if j < len(members) and members[j] - members[i] == 2:
            step = 2
        while j < len(members) and members[j] - members[j - 1] == step:
            j += 1
        if j == i + 1:
            step = 1
        rows.append((members[i], members[j - 1], step))
        i = j
    return rows


def property_table(name, test):
    rows = runs([c for c in CODE_POINTS if test(chr(c))])
    print(f"constexpr Run {name}[] = {{")
    line = ""
    for first, last, step in rows:
        cell = f"{{0x{first:x},0x{last:x},{step}}},"
        if len(line) + len(cell) > 98:
            print("  " + line)
            line = ""
        line += cell
    print("  " + line)
    print("};")


def case_table(name, convert):
    by_delta, special = {}, []
    for c in CODE_POINTS:
        out = convert(chr(c))
        if out == chr(c):
            continue
        if len(out) == 1:
            by_delta.setdefault(ord(out) - c, []).append(c)
        else:
            special.append((c, [ord(x) for x in out]))
    rows = sorted((*row, delta) for delta, members in by_delta.items() for row in runs(members))
    print(f"constexpr CaseRun {name}[] = {{")
    line = ""
    for first, last, step, delta in rows:
        cell = f"{{0x{first:x},0x{last:x},{step},{delta}}},"
        if len(line) + len(cell) > 98:
            print("  " + line)
            line = ""
        line += cell
    print("  " + line)
    print("};")
    print(f"constexpr SpecialCase {name}Special[] = {{")
    line = ""
    for c, out in special:
        out = out + [0] * (3 - len(out))
        cell = "{0x%x,{%s}}," % (c, ",".join(f"0x{x:x}" for x in out))
        if len(line) + len(cell) > 98:
            print("  " + line)
            line = ""
        line += cell
    print("  " + (line or "{0,{0,0,0}},"))
    print("};")


print(f"// Written by tools/make_jinja_unicode.py from Unicode {unicodedata.unidata_version}; do not edit.")
property_table("kAlpha", str.isalpha)
property_table("kNumeric", lambda c: c.isnumeric() or c.isdigit() or c.isdecimal())
property_table("kDecimal", str.isdecimal)
property_table("kDigit", str.isdigit)
property_table("kUpperProperty", str.isupper)
property_table("kLowerProperty", str.islower)
property_table("kTitleProperty", lambda c: unicodedata.category(c) == "Lt")
property_table("kUnprintable", lambda c: not c.isprintable())
case_table("kUpper", str.upper)
case_table("kLower", str.lower)
case_table("kTitle", str.title)
