#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does everything that docs/mls-conformance.md names exist? `file.c:function` in protocol/mls (or under the folder that is
named), `test_file:function` under tests/unit. Prints what does not, and fails."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/mls-conformance.md"
NAME = re.compile(r"`([\w/]+)(\.c)?:(\w+)`")


def defines(path, function):
    """A definition: the name at the start of a parameter list, on a line that begins with a type."""
    return re.search(rf"^[a-z][\w \*]*\b{function}\(", path.read_text(), re.M) is not None


def find(file, is_source, tests):
    if not is_source:
        return tests.get(file)
    path = ROOT / (f"{file}.c" if "/" in file else f"protocol/mls/{file}.c")
    return path if path.is_file() else None


def main():
    tests = {p.stem: p for p in (ROOT / "tests/unit").rglob("test_*.c")}
    named, missing = 0, []
    for file, is_source, function in NAME.findall(PAGE.read_text()):
        named += 1
        path = find(file, bool(is_source), tests)
        if path is None or not defines(path, function):
            missing.append(f"{file}{is_source}:{function}")
    for name in missing:
        print(f"{PAGE.relative_to(ROOT)}: there is no {name}")
    print(f"{named} places and tests named, {len(missing)} missing")
    return 1 if missing or named == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
