#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mutants' runner can tell a dead mutant from one that survives, does not apply, does not build or says nothing.

usage: test_run.py BUILD_DIR"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
WANT = {"dead": "dead", "survives": "SURVIVES", "survives_function": "SURVIVES hex_goes_both_ways",
        "does_not_apply": "DOES NOT APPLY", "does_not_build": "DOES NOT BUILD", "no_such_test": "none of this name",
        "nameless": "no `# breaks:`"}

done = subprocess.run([sys.executable, HERE / "run", "--build-dir", sys.argv[1], "--patches",
                       HERE.parent / "checks/fixtures/mutants"], stdout=subprocess.PIPE, text=True)
rows = {line.split()[0]: line for line in done.stdout.splitlines()}
wrong = [name for name, want in WANT.items() if want not in rows.get(name, "").partition(" s ")[2]]
print(done.stdout)
if wrong or done.returncode != 1 or f"{len(WANT)} mutants, 1 dead, {len(WANT) - 1} not" not in done.stdout:
    sys.exit(f"wrong: {wrong}, status {done.returncode}")
