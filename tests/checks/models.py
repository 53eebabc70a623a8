#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the Spin models of docs/models with the switches of the table in its README.md, and compares the verdicts. A row
whose verdict is `broken` must be violated: it shows that its rule is needed, and that the model would notice. A row that
holds must be searched whole, and reach as many states as the table says: else the model has lost something.

usage: models.py [--when full|nightly] [--folder DIR] [RUN...]       without arguments: every row
       models.py --names [--folder DIR]            only: does every test and every run that the page names exist?

Needs spin and a C compiler. Without them the test is skipped (77), and with CI=true it fails."""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/models"
HEAD = ["run", "when", "model", "check", "switches", "verdict", "states"]
SECONDS = {"full": 60, "nightly": 1800}
FEWER = 0.99  # another version of spin may merge a few states more
# check: what spin gets, what the compiler gets, what the verifier gets, how it says that the property is broken
CHECKS = {
    "safety": ([], ["-DSAFETY"], [], "assertion violated"),
    "shortest": ([], ["-DSAFETY", "-DBFS"], [], "assertion violated"),
    "always": (["-DLTL"], ["-DNFAIR=3"], ["-a", "-f"], "acceptance cycle"),
    "ends": ([], ["-DNP"], ["-l"], "non-progress cycle"),
}


def rows(folder):
    for line in (folder / "README.md").read_text().splitlines():
        cells = [c.strip().replace("`", "") for c in line.strip().strip("|").split("|")]
        if len(cells) >= len(HEAD) and cells[1] in SECONDS:
            yield dict(zip(HEAD, cells))


def names(folder):
    """Says which tests and runs the page names in vain, and counts them."""
    text, wrong = (folder / "README.md").read_text(), []
    tests = {p.stem: p.read_text() for p in (ROOT / "tests").rglob("test_*.c")}
    named = re.findall(r"`(test_\w+)`: `(\w+)`", text)
    wrong += [f"there is no {t} in {f}" for f, t in named if f"static void {t}(" not in tests.get(f, "")]
    known = {r["run"] for r in rows(folder)}
    used = [x for line in text.splitlines() if "](../../" in line for x in line.split("|")[2].split(",")]
    wrong += [f"there is no run {x.strip()}" for x in used if re.fullmatch(r"[a-z_]+", x.strip()) and x.strip() not in known]
    for why in wrong:
        print(f"{folder.name}/README.md: {why}")
    print(f"{len(named)} tests and {len(known)} runs named, {len(wrong)} wrong")
    return 1 if wrong or not named or not known else 0


def called(command, seconds, folder):
    return subprocess.run(command, cwd=folder, timeout=seconds, capture_output=True, text=True)


def verify(row, source, folder):
    """What the verifier printed, or why there is none."""
    spin, compiler, verifier, _ = CHECKS[row["check"]]
    switches = row["switches"].split()
    shutil.copy(source, folder)
    done = called(["spin", *(f"-D{s}" for s in switches), *spin, "-a", source.name], 60, folder)
    if done.returncode != 0 or not (folder / "pan.c").exists():
        return None, "spin: " + (done.stdout + done.stderr).strip()[:400]
    fast = "-O2" if row["when"] == "nightly" else "-O0"  # a small model is compiled longer than it runs
    done = called([os.environ.get("CC", "gcc"), "-w", fast, *compiler, "-DVECTORSZ=2048", "-DCOLLAPSE", "-DMEMLIM=6000", "-o",
                   "pan", "pan.c"], 120, folder)
    if done.returncode != 0:
        return None, "compiler: " + done.stderr.strip()[:400]
    size = "-w24" if row["when"] == "nightly" else "-w20"
    return called(["./pan", *verifier, "-m200000", size], SECONDS[row["when"]], folder).stdout, None


def judge(row, said):
    """Why this is not the verdict of the table; None when it is. And the states that were reached."""
    errors, states = re.search(r"errors: (\d+)", said), re.search(r"(\d+) states, stored", said)
    if not errors or not states:
        return "the verifier did not end: " + said.strip()[-300:], 0
    return verdict(row, said, int(errors[1]) != 0, int(states[1])), int(states[1])


def verdict(row, said, broken, states):
    if broken and CHECKS[row["check"]][3] not in said:
        return "broken otherwise: " + next((x for x in said.splitlines() if x.startswith("pan")), "?")
    if broken != (row["verdict"] == "broken"):
        return "broken" if broken else "holds"
    whole = not re.search("max search depth too small|out of memory|interrupted", said)
    if not broken and not whole:
        return "not searched whole"
    if states < FEWER * int(row["states"].replace(",", "")):
        return f"only {states} states"
    return None


def run(row, folder):
    if row["check"] not in CHECKS or row["verdict"] not in ("holds", "broken"):
        return "the table is wrong: no such check or verdict", 0
    with tempfile.TemporaryDirectory(prefix="kith-model-") as work:
        try:
            said, why = verify(row, folder / row["model"], pathlib.Path(work))
        except subprocess.TimeoutExpired as late:
            return f"no end after {late.timeout} s", 0
    return (why, 0) if why else judge(row, said)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--when", choices=SECONDS)
    args.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    args.add_argument("--names", action="store_true")
    args.add_argument("runs", nargs="*")
    a = args.parse_args()
    if a.names:
        return names(a.folder)
    if not shutil.which("spin"):
        print("SKIPPED: no spin here (Debian's package spin); the models were not run")
        return 1 if os.environ.get("CI") == "true" else 77
    todo = [r for r in rows(a.folder) if a.when in (None, r["when"]) and (not a.runs or r["run"] in a.runs)]
    wrong = 0
    for row in todo:
        began = time.monotonic()
        why, states = run(row, a.folder)
        wrong += why is not None
        print(f"{'WRONG' if why else 'ok   '} {row['run']:10} {row['model']:14} {row['verdict']:6} {states:9,} states {time.monotonic() - began:6.1f} s"
              f"  {row['switches']}{': ' + why if why else ''}", flush=True)
    print(f"{len(todo)} runs, {wrong} with another verdict than the table")
    return 1 if wrong or not todo else 0


if __name__ == "__main__":
    sys.exit(main())
