#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What build/tests/vectors says about folders of files: good, wrong, broken, renamed, of other suites, and none.

usage: vectors_runner.py build/tests/vectors"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

RUNNER = sys.argv[1]
GOOD = {"vlbytes_header": "00", "length": 0}
LONG = {"vlbytes_header": "7fff", "length": 16383}
TREE = {"n_leaves": 1, "n_nodes": 1, "root": 0, "left": [None], "right": [None], "parent": [None], "sibling": [None]}


def wycheproof(number, algorithm="AES-GCM"):
    tests = [{"tcId": 1, "result": "valid"}]
    return {"algorithm": algorithm, "schema": "aead_test_schema_v1.json", "numberOfTests": number,
            "testGroups": [{"tests": tests}]}


# name, files (content is JSON unless it is text), what is printed for each, exit status
CASES = [
    ("good", {"mls/deserialization.json": [GOOD, LONG]}, ["mls/deserialization.json: 2 passed, 0 failed, 0 skipped"], 0),
    ("known by a field", {"any name.json": [GOOD]}, ["any name.json: 1 passed, 0 failed, 0 skipped"], 0),
    ("one wrong value", {"deserialization.json": [GOOD, LONG | {"length": 16382}]},
     ["deserialization.json: 1 passed, 1 failed, 0 skipped"], 1),
    ("a header in a longer form", {"deserialization.json": [{"vlbytes_header": "4000", "length": 0}]},
     ["deserialization.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("a field is missing", {"deserialization.json": [{"vlbytes_header": "00"}]},
     ["deserialization.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("a field is null", {"tree-math.json": [TREE | {"root": None}]}, ["tree-math.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("a list is short", {"tree-math.json": [TREE, TREE | {"left": []}]}, ["tree-math.json: 1 passed, 1 failed, 0 skipped"], 1),
    ("another suite", {"welcome.json": [{"cipher_suite": 2}, {"cipher_suite": 7}]},
     ["welcome.json: 0 passed, 0 failed, 2 skipped"], 0),
    ("our suite, nothing else", {"welcome.json": [{"cipher_suite": 3}]}, ["welcome.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("no suite", {"welcome.json": [{"init_priv": "00"}]}, ["welcome.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("another algorithm", {"aes.json": wycheproof(1)}, ["aes.json: 0 passed, 0 failed, 1 skipped"], 0),
    ("our algorithm, no values", {"a.json": wycheproof(1, "CHACHA20-POLY1305")}, ["a.json: 0 passed, 1 failed, 0 skipped"], 1),
    ("a wrong count", {"aes.json": wycheproof(2)}, ["aes.json: 0 passed, 0 failed, 1 skipped"], 1),
    ("no case", {"treekem.json": []}, ["treekem.json: 0 passed, 0 failed, 0 skipped"], 1),
    ("not JSON", {"treekem.json": "[{"}, ["treekem.json: 0 passed, 0 failed, 0 skipped"], 1),
    ("not a list", {"treekem.json": {"cipher_suite": 3}, "tree-math.json": [TREE]},
     ["tree-math.json: 1 passed, 0 failed, 0 skipped", "treekem.json: 0 passed, 0 failed, 0 skipped"], 1),
    ("nothing known", {"package.json": {"name": "x"}, "readme.txt": "hello"}, [], 1),
    ("nothing", {}, [], 1),
]


def run(args, ci=None):
    env = {k: v for k, v in os.environ.items() if k != "CI"}
    if ci:
        env["CI"] = ci
    p = subprocess.run([RUNNER, *args], capture_output=True, text=True, env=env, timeout=60)
    return p.stdout.splitlines(), p.returncode


def check(name, got, want, failures):
    if got != want:
        failures.append(f"{name}: got {got}, want {want}")


def main():
    failures = []
    for name, files, printed, status in CASES:
        with tempfile.TemporaryDirectory() as folder:
            for path, content in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content if isinstance(content, str) else json.dumps(content))
            check(name, run([folder]), (printed, status), failures)
    with tempfile.TemporaryDirectory() as folder:
        gone = folder + "/gone"
        check("no folder", run([gone]), ([], 1), failures)
        check("no folder, optional", run(["--optional", gone])[1], 77, failures)
        check("no folder, optional, in CI", run(["--optional", gone], "true"), ([], 1), failures)
        pathlib.Path(folder, "deserialization.json").write_text(json.dumps([LONG]))
        check("flipping", run(["--flip", folder])[1], 0, failures)
    for failure in failures:
        print(failure)
    print(f"{len(CASES) + 4} folders, {len(failures)} judged wrongly")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
