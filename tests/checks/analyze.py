#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Static analysis of the product's sources: gcc's -fanalyzer, or clang-tidy, file by file within a time.

usage: analyze.py fanalyzer|clang-tidy [--seconds N] [--build-dir DIR] [FILE...]

Without files: all that the build knows of protocol/, policy/ (and for clang-tidy also device/, sync/, apps/),
those first that changed last in git. Prints how many files it got through; exit 1 on any finding."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = {"fanalyzer": ("protocol", "policy"), "clang-tidy": ("protocol", "policy", "device", "sync", "apps")}


def recent_first(files):
    log = subprocess.run(["git", "log", "-n", "60", "--format=", "--name-only"], cwd=ROOT, capture_output=True,
                         text=True).stdout.split("\n")
    place = {name: i for i, name in reversed(list(enumerate(log)))}
    return sorted(files, key=lambda f: (place.get(f, len(log)), f))


def commands(build_dir):
    rows = json.loads((build_dir / "compile_commands.json").read_text())
    return {os.path.relpath(row["file"], ROOT): row for row in rows}


def fanalyzer(row):
    words = [w for w in shlex.split(row["command"]) if not w.endswith("ccache")]
    words = words[: words.index("-o")] + ["-fanalyzer", "-O1", "-o", "/dev/null", "-c", row["file"]]
    words[0] = "gcc"
    return subprocess.run(words, cwd=row["directory"], capture_output=True, text=True)


def clang_tidy(row, build_dir):
    return subprocess.run(["clang-tidy", "--quiet", "-p", str(build_dir), row["file"]], cwd=ROOT,
                          capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=sorted(FOLDERS))
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("files", nargs="*")
    args = parser.parse_intermixed_args()
    rows = commands(args.build_dir)
    names = args.files or recent_first([f for f in rows if f.split("/")[0] in FOLDERS[args.tool]])
    end, done, bad = time.monotonic() + args.seconds, 0, 0

    def one(name):
        if time.monotonic() > end:
            return None
        return fanalyzer(rows[name]) if args.tool == "fanalyzer" else clang_tidy(rows[name], args.build_dir)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in zip(names, pool.map(one, names)):
            if result is None:
                continue
            done += 1
            if result.returncode != 0:
                bad += 1
                print(f"---- {name}\n{result.stdout}{result.stderr}")
    print(f"{args.tool}: {done} of {len(names)} files, {bad} with findings")
    return 1 if bad or (names and not done) else 0


if __name__ == "__main__":
    sys.exit(main())
