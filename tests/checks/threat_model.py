#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does docs/threat-model.md claim only what is shown? A row that is kept or partly kept names a test function that begins
with its number and a mutant that breaks that row; all that any row names exists; no test or mutant is of a row that the
page does not have.

usage: threat_model.py [ROOT]"""
import pathlib
import re
import sys

STATES = {"kept", "partly", "not yet"}


class Row:
    def __init__(self, cells):
        self.number, self.promise, self.state = cells[0], cells[1], cells[2]
        self.tests = {m[0]: re.findall(r"`(\w+)`", m[1]) for m in re.findall(r"`(\w+)`: (.*?)(?=<br>|$)", cells[3])}
        self.mutants = re.findall(r"`(\w+)`", cells[4])


def rows(text):
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if re.fullmatch(r"T\d\d", cells[0]):
            yield Row(cells)


def functions(root):
    """file -> names of its tests"""
    found = {}
    for path in (root / "tests").rglob("test_*.c"):
        found[path.stem] = set(re.findall(r"^static void (\w+)\(void \*\*", path.read_text(), re.M))
    for path in (root / "tests/e2e").glob("*.py"):
        found[path.stem] = set(re.findall(r"^def (T\d\d_\w+)\(", path.read_text(), re.M))
    return found


def mutants(root):
    """name -> rows that it breaks"""
    found = {}
    for path in (root / "tests/mutants").glob("*.patch"):
        head = "\n".join(line for line in path.read_text().splitlines() if line.startswith("# "))
        found[path.stem] = set(re.findall(r"\bT\d\d", head))
    return found


def judge(row, tests, patches):
    if row.state not in STATES:
        yield f"state {row.state!r} is none of {sorted(STATES)}"
    for file, names in row.tests.items():
        for name in names:
            if name not in tests.get(file, ()):
                yield f"there is no test {file}: {name}"
            if not name.startswith(row.number + "_"):
                yield f"{name} is not a test of this row"
    for name in row.mutants:
        if row.number not in patches.get(name, ()):
            yield f"there is no mutant {name} of this row"
    if row.state in ("kept", "partly") and not (any(row.tests.values()) and row.mutants):
        yield f"{row.state}, without a test and a mutant"


def main(root):
    tests, patches = functions(root), mutants(root)
    page = list(rows((root / "docs/threat-model.md").read_text()))
    wrong = [f"{row.number}: {why}" for row in page for why in judge(row, tests, patches)]
    known = {row.number for row in page}
    for file, names in sorted(tests.items()):
        wrong += [f"{file}: {n}: there is no such row" for n in sorted(names) if re.match(r"T\d\d_", n) and n[:3] not in known]
    wrong += [f"{n}.patch: there is no row {r}" for n, of in sorted(patches.items()) for r in sorted(of - known)]
    count = {s: sum(row.state == s for row in page) for s in sorted(STATES)}
    print("\n".join(wrong + [", ".join(f"{n} {s}" for s, n in count.items()) + f"; {len(wrong)} wrong"]))
    return 1 if wrong or not page else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2]))
