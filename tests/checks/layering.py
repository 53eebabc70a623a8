#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is the house built as docs/architecture.md says? Reads sources and CMakeLists.txt, runs nothing but the compiler.

  include   a file includes only its own folder and what its folder links (CMakeLists.txt), and links only what it
            includes; includes run from the root; nothing but tests/ includes tests/
  order     folders link downwards only: apps, apps/local, sync, device, policy, protocol/mls, protocol; a program
            may link folders of its own
  relay     apps/kith-relay and its own folders link kith_wire and no other part of Kith
  circle    headers do not include each other in a circle
  name      no two source files have one name
  spdx      every source file says its licence in its first two lines
  length    no file over 700 lines, no function over 70
  header    every header compiles alone (only with --compile)

usage: layering.py [--root DIR] [--compile]       exit 1 on any violation"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

FILE_LINES_MAX, FUNCTION_LINES_MAX = 700, 70
ORDER = ["protocol", "protocol/mls", "policy", "device", "sync", "apps/local", "apps"]  # from the ground up
SOURCE = {".c", ".h", ".def"}
LICENSED = SOURCE | {".py", ".sh", ".js", ".mjs", ".sql", ".html", ".css"}
SKIP_FOLDERS = {".git", "node_modules", "__pycache__", "corpus"}
FIXTURES = pathlib.PurePath("tests/checks/fixtures")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
LINKS = re.compile(r"^kith_(?:library|program)\(([^)]*)\)", re.M)


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = sorted(self.walk())
        self.links = {}  # folder -> names that it links
        self.folder_of = {}  # library name -> folder
        cmake = root / "CMakeLists.txt"
        for words in LINKS.findall(cmake.read_text() if cmake.exists() else ""):
            name, folder, *links = words.split()
            if name != "name":  # the function's own definition
                self.links[folder] = [w for w in links if w.startswith("kith_")]
                self.folder_of[name] = folder

    def walk(self):
        for where, folders, names in os.walk(self.root):
            here = pathlib.PurePath(os.path.relpath(where, self.root))
            folders[:] = [f for f in folders if f not in SKIP_FOLDERS and not f.startswith("build")
                          and here / f != FIXTURES]
            for name in names:
                yield str(here / name) if str(here) != "." else name

    def sources(self):
        return [f for f in self.files if pathlib.PurePath(f).suffix in SOURCE]

    def text(self, name):
        return (self.root / name).read_text(errors="replace")

    def includes(self, name):
        return INCLUDE.findall(self.text(name))

    def reach(self, folder):
        """The folders that `folder` may include: itself and what it links, also through others."""
        seen, todo = set(), [folder]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += [self.folder_of[n] for n in self.links.get(at, []) if n in self.folder_of]
        return seen


def folder(name):
    return str(pathlib.PurePath(name).parent)


def check_include(tree):
    used = set()
    for name in tree.sources():
        here = folder(name)
        in_tests = name.startswith("tests/")
        for target in tree.includes(name):
            there = folder(target)
            if not (tree.root / target).exists():
                yield f"{name}: include of {target}: no such file from the root"
            elif there.startswith("tests") and not in_tests:
                yield f"{name}: include of {target}: the product includes a test"
            elif not in_tests and there not in tree.reach(here):
                yield f"{name}: include of {target}: {here} does not link {there}"
            used.add((here, there))
    for here, links in tree.links.items():
        for link in links:
            there = tree.folder_of.get(link, "?")
            filled = {folder(n) for n in tree.sources() if n.endswith(".c")}
            below = tree.reach(there)
            if here in filled and there in filled and not any((here, f) in used for f in below):
                yield f"CMakeLists.txt: {here} links {there} but includes nothing of it"


def rank(where):
    """How high a folder is; one inside a program's folder is just below it."""
    if where in ORDER:
        return ORDER.index(where)
    return len(ORDER) - where.count("/") / 100 if where.startswith("apps/") else None


def check_order(tree):
    for here, links in tree.links.items():
        for link in links:
            there = tree.folder_of.get(link)
            inside = there and there.startswith("apps/") and there != "apps/local"
            if there is None:
                yield f"CMakeLists.txt: {here} links {link}, which is no folder"
            elif rank(here) is None or rank(there) is None:
                yield f"CMakeLists.txt: {here} links {there}, and one of them is not a folder of the house"
            elif inside and not here.startswith("/".join(there.split("/")[:2])):
                yield f"CMakeLists.txt: {here} links {there}, which is inside another program"
            elif rank(there) > rank(here) or there == here:
                yield f"CMakeLists.txt: {here} links {there}, which is not below it"


def check_relay(tree):
    for here, links in tree.links.items():
        for link in links if here.startswith("apps/kith-relay") else []:
            if link != "kith_wire" and not tree.folder_of.get(link, "").startswith("apps/kith-relay/"):
                yield f"CMakeLists.txt: {here} links {link}: it must not hold what understands its content"


def check_circle(tree):
    edges = {n: [t for t in tree.includes(n) if (tree.root / t).exists()] for n in tree.sources()}
    done = set()
    for start in edges:
        path, todo = [], [(start, iter(edges[start]))]
        while todo:
            at, rest = todo[-1]
            if len(path) < len(todo):
                path.append(at)
            step = next(rest, None)
            if step is None:
                done.add(at)
                todo.pop()
                path.pop()
            elif step in path:
                yield "circle: " + " -> ".join(path[path.index(step):] + [step])
                return
            elif step not in done and step in edges:
                todo.append((step, iter(edges[step])))


def check_name(tree):
    seen = {}
    for name in tree.sources():
        base = pathlib.PurePath(name).name
        if base in seen:
            yield f"{name}: has the name of {seen[base]}"
        seen.setdefault(base, name)


def is_licensed(tree, name):
    path = tree.root / name
    if pathlib.PurePath(name).suffix in LICENSED or path.name == "CMakeLists.txt":
        return True
    return path.suffix == "" and path.is_file() and path.read_bytes()[:2] == b"#!"


def check_spdx(tree):
    for name in tree.files:
        if is_licensed(tree, name):
            head = "\n".join(tree.text(name).split("\n")[:2])
            if "SPDX-License-Identifier: Apache-2.0" not in head:
                yield f"{name}: no SPDX line at its top"


def check_length(tree):
    for name in tree.sources():
        lines = tree.text(name).split("\n")
        if len(lines) - 1 > FILE_LINES_MAX:
            yield f"{name}: {len(lines) - 1} lines, {FILE_LINES_MAX} at most"
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    yield f"{name}:{start}: function of {number - start - 1} lines, {FUNCTION_LINES_MAX} at most"
                start = None


def check_header(tree):
    flags = subprocess.run(["pkg-config", "--cflags", "libsodium", "sqlite3", "jansson", "cmocka"],
                           capture_output=True, text=True).stdout.split()
    headers = [n for n in tree.sources() if n.endswith(".h")]

    def compiles(name):
        return subprocess.run(["cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra",
                               "-Werror", "-fsyntax-only", "-I.", *flags, "-x", "c", "-"], cwd=tree.root, text=True,
                              input=f'#include "{name}"\n#include "{name}"\n', capture_output=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, result in zip(headers, pool.map(compiles, headers)):
            if result.returncode != 0:
                error = re.search(r"error: .*", result.stderr)
                yield f"{name}: does not compile alone: {error[0] if error else result.stderr[:200]!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    tree = Tree(args.root.resolve())
    checks = [check_include, check_order, check_relay, check_circle, check_name, check_spdx, check_length]
    found = 0
    for check in checks + ([check_header] if args.compile else []):
        for violation in check(tree):
            print(f"{check.__name__.removeprefix('check_')}: {violation}")
            found += 1
    print(f"{len(tree.sources())} sources, {found} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
