#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Static analysis of the product's sources: gcc's -fanalyzer, or clang-tidy, file by file within a time.

usage: analyze.py fanalyzer|clang-tidy [--seconds N] [--build-dir DIR] [FILE...]

Without files: all that the build knows of protocol/, policy/ (and for clang-tidy also device/, sync/, apps/),
those first that changed last in git. Prints how many files it got through; exit 1 on any finding.

A file without a finding is looked at again only when the tool would see something else: the preprocessed text with its
comments, the arguments, the tool's version, its settings. What is known so is kept in $XDG_CACHE_HOME/kith-analyze
(~/.cache); KITH_ANALYZE_AGAIN=1 looks at everything."""
import argparse
import concurrent.futures
import hashlib
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
    words = arguments(row) + ["-fanalyzer", "-O1", "-o", "/dev/null", "-c", row["file"]]
    words[0] = "gcc"
    return subprocess.run(words, cwd=row["directory"], capture_output=True, text=True)


def clang_tidy(row, build_dir):
    return subprocess.run(["clang-tidy", "--quiet", "-p", str(build_dir), row["file"]], cwd=ROOT,
                          capture_output=True, text=True)


# ---- what is known already ----

def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(base) / "kith-analyze"


def arguments(row):
    """The compiler's arguments without what says where things are written."""
    words = [w for w in shlex.split(row["command"]) if not w.endswith("ccache")]
    return words[: words.index("-o")]


def setting_of(tool):
    """The tool's version, and what it is told to look for."""
    version = subprocess.run(["gcc" if tool == "fanalyzer" else "clang-tidy", "--version"], capture_output=True).stdout
    return version + (ROOT / ".clang-tidy").read_bytes() + pathlib.Path(__file__).read_bytes()


def key_of(tool, setting, row):
    """None: the file does not even preprocess, so let the tool say why."""
    words = arguments(row)
    words[0] = "gcc" if tool == "fanalyzer" else "clang"
    seen = subprocess.run([*words, "-E", "-C", row["file"]], cwd=row["directory"], capture_output=True)
    if seen.returncode != 0:
        return None
    told = "\0".join([tool, row["file"], *arguments(row)]).encode()
    told = b"\0".join([told, setting, seen.stdout]).replace(str(ROOT).encode(), b".")
    return hashlib.sha256(told).hexdigest()


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
    setting, again = setting_of(args.tool), os.environ.get("KITH_ANALYZE_AGAIN") == "1"
    cache, known = cache_folder(), set()
    cache.mkdir(parents=True, exist_ok=True)

    def one(name):
        if time.monotonic() > end:
            return None
        key = key_of(args.tool, setting, rows[name])
        if key and not again and (cache / key).exists():
            known.add(name)
            return subprocess.CompletedProcess([], 0, "", "")
        result = fanalyzer(rows[name]) if args.tool == "fanalyzer" else clang_tidy(rows[name], args.build_dir)
        if key and result.returncode == 0:
            (cache / key).touch()
        return result

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in zip(names, pool.map(one, names)):
            if result is None:
                continue
            done += 1
            if result.returncode != 0:
                bad += 1
                print(f"---- {name}\n{result.stdout}{result.stderr}")
    print(f"{args.tool}: {done} of {len(names)} files ({len(known)} as they were when nothing was found), {bad} with findings")
    return 1 if bad or (names and not done) else 0


if __name__ == "__main__":
    sys.exit(main())
