#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of the house can fail: each kind of violation, one a fixture, is caught and is all that is caught."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def run(script, *args):
    done = subprocess.run([sys.executable, HERE / script, *args], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


class Layering(unittest.TestCase):
    def test_every_fixture_is_caught_for_what_it_is(self):
        fixtures = sorted((HERE / "fixtures/layering").iterdir())
        self.assertGreater(len(fixtures), 10)
        for fixture in fixtures:
            with self.subTest(fixture.name):
                want = (fixture / "expect").read_text().strip()
                status, lines = run("layering.py", "--root", fixture, "--compile")
                if want:
                    self.assertEqual((status, len(lines)), (1, 2), lines)
                    self.assertIn(want, lines[0])
                else:
                    self.assertEqual((status, len(lines)), (0, 1), lines)

    def test_every_check_has_a_fixture(self):
        source = (HERE / "layering.py").read_text()
        kinds = {line.split("check_")[1].split("(")[0] for line in source.splitlines() if line.startswith("def check_")}
        caught = {(f / "expect").read_text().split(":")[0] for f in (HERE / "fixtures/layering").iterdir()}
        self.assertEqual(kinds - caught, set())


class Purity(unittest.TestCase):
    def library(self, folder, name):
        obj = pathlib.Path(folder) / f"{name}.c.o"
        lib = pathlib.Path(folder) / f"{name}.a"
        source = HERE / "fixtures/purity" / f"{name}.c"
        subprocess.run(["cc", "-D_DEFAULT_SOURCE", "-c", source, "-o", obj], check=True)
        subprocess.run(["ar", "rcs", lib, obj], check=True)
        return lib

    def test_every_fixture_is_caught_for_what_it_is(self):
        names = sorted(f.stem for f in (HERE / "fixtures/purity").glob("*.c"))
        self.assertGreater(len(names), 8)
        for name in names:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                status, lines = run("purity.py", self.library(folder, name))
                if name == "clean":
                    self.assertEqual(status, 0, lines)
                else:
                    self.assertEqual(status, 1, lines)
                    self.assertTrue(lines[0].endswith(f"{name}.c.o reaches for {name}"), lines)

    def test_a_program_that_holds_a_library_is_caught(self):
        with tempfile.TemporaryDirectory() as folder:
            clean, other = self.library(folder, "clean"), self.library(folder, "malloc")
            main = pathlib.Path(folder) / "main.c"
            main.write_text("int main(void)\n{\n    return 0;\n}\n")
            program, holds = pathlib.Path(folder) / "p", pathlib.Path(folder) / "q"
            subprocess.run(["cc", main, "-o", program], check=True)
            subprocess.run(["cc", main, "-Wl,--whole-archive", other, "-Wl,--no-whole-archive", "-o", holds], check=True)
            self.assertEqual(run("purity.py", "--apart", program, clean)[0], 0)
            self.assertEqual(run("purity.py", "--apart", holds, other)[0], 1)


class Links(unittest.TestCase):
    def judge(self, page):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a.c").write_text("\n" * 50 + "enum status wave(int n)\n{\n}\n")
            (root / "page.md").write_text("# One page\n" + page)
            return run("links.py", root), run("links.py", "--mend", root), (root / "page.md").read_text()

    def test_a_good_page_passes(self):
        (status, _), _, _ = self.judge("[a](a.c) [`wave`](a.c#L51) [up](#one-page) [out](https://kith.example/x)")
        self.assertEqual(status, 0)

    def test_each_kind_of_rot_is_caught(self):
        for link, why in (("[a](b.c)", "no such file"), ("[`wave`](a.c#L3)", "wave is at line 51"), ("[x](a.c#L99)", "no such line"),
                          ("[`gone`](a.c#L51)", "gone is not defined there"), ("[up](#two)", "no such heading")):
            with self.subTest(link):
                (status, lines), _, _ = self.judge(link)
                self.assertEqual((status, len(lines)), (1, 2), lines)
                self.assertIn(why, lines[0])

    def test_lines_are_mended(self):
        _, (status, _), text = self.judge("[`wave`](a.c#L3)")
        self.assertEqual(status, 0)
        self.assertIn("(a.c#L51)", text)


class ThreatModel(unittest.TestCase):
    GOOD = "| T07 | p | kept | `test_a`: `T07_x` | `m` | |"

    def judge(self, row):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for sub in ("docs", "tests/mutants"):
                (root / sub).mkdir(parents=True)
            (root / "docs/threat-model.md").write_text(row + "\n")
            (root / "tests/test_a.c").write_text("static void T07_x(void **state)\n")
            (root / "tests/mutants/m.patch").write_text("# breaks: y (T07)\n# test: test_a T07_x\n")
            return run("threat_model.py", root)

    def test_a_row_that_is_shown_passes(self):
        self.assertEqual(self.judge(self.GOOD)[0], 0)

    def test_each_kind_of_empty_claim_is_caught(self):
        for old, new, why in (("`T07_x`", "`T07_y`", "no test"), ("`m`", "`n`", "no mutant"), ("`m`", "", "without a test and a mutant"),
                              ("`test_a`: `T07_x`", "", "without a test and a mutant"), ("kept", "surely", "is none of"),
                              ("T07 |", "T08 |", "not a test of this row")):
            with self.subTest(new):
                status, lines = self.judge(self.GOOD.replace(old, new))
                self.assertEqual(status, 1)
                self.assertTrue(any(why in line for line in lines), lines)


class Analyze(unittest.TestCase):
    """What was looked at without a finding is not looked at again, unless anything about it changed."""

    def look(self, folder, **environment):
        row = {"directory": folder, "file": f"{folder}/a.c", "command": f"gcc -Werror -I{folder} -o a.o -c {folder}/a.c"}
        (pathlib.Path(folder) / "compile_commands.json").write_text(json.dumps([row]))
        name = os.path.relpath(row["file"], HERE.parents[1])
        done = subprocess.run([sys.executable, HERE / "analyze.py", "fanalyzer", "--build-dir", folder, name],
                              capture_output=True, text=True, env=dict(os.environ, XDG_CACHE_HOME=folder, **environment))
        return done.returncode, "(1 as they were" in done.stdout

    def test_only_what_changed_is_looked_at_again_and_a_finding_always(self):
        with tempfile.TemporaryDirectory() as folder:
            source, header = pathlib.Path(folder) / "a.c", pathlib.Path(folder) / "a.h"
            header.write_text("#define SIZE 8\n")
            source.write_text('#include <stdlib.h>\n#include "a.h"\nvoid f(void) { free(malloc(SIZE)); }\n')
            self.assertEqual([self.look(folder) for _ in range(2)], [(0, False), (0, True)])
            self.assertEqual(self.look(folder, KITH_ANALYZE_AGAIN="1"), (0, False))
            header.write_text("#define SIZE 9\n")
            self.assertEqual([self.look(folder) for _ in range(2)], [(0, False), (0, True)])
            source.write_text("#include <stdlib.h>\nvoid f(char *p) { free(p); free(p); }\n")
            self.assertEqual([self.look(folder) for _ in range(2)], [(1, False)] * 2)


class Models(unittest.TestCase):
    ROW = "| one | full | a.pml | safety | BAD=0 | holds | 2 | |"
    MODEL = "#ifndef BAD\n#define BAD 0\n#endif\ninit { byte x = BAD; assert(x == 0) }\n"

    def judge(self, row, *args):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "a.pml").write_text(self.MODEL)
            (pathlib.Path(folder) / "README.md").write_text(row + "\n")
            return run("models.py", "--folder", folder, *args)

    @unittest.skipUnless(shutil.which("spin"), "no spin here")
    def test_another_verdict_than_the_tables_is_caught(self):
        for old, new, status in (("", "", 0), ("holds", "broken", 1), ("BAD=0", "BAD=1", 1), ("| 2 |", "| 999 |", 1),
                                 ("a.pml", "b.pml", 1), ("safety", "surely", 1), ("full", "never", 1)):
            with self.subTest(new):
                self.assertEqual(self.judge(self.ROW.replace(old, new))[0], status)

    def test_a_name_of_nothing_is_caught(self):
        page = self.ROW + "\n| r | one | [f](../../f.c) | `test_bytes`: `%s` |"
        good = "decoders_refuse_every_cut_and_no_flip_is_silent"
        self.assertEqual(self.judge(page.replace("test_bytes", "test_letterbox") % good, "--names")[0], 0)
        self.assertEqual(self.judge(page.replace("test_bytes", "test_letterbox") % "nobody", "--names")[0], 1)
        self.assertEqual(self.judge(page.replace("one |", "two |", 2).replace("| two |", "| one |", 1)
                                    .replace("test_bytes", "test_letterbox") % good, "--names")[0], 1)


if __name__ == "__main__":
    unittest.main()
