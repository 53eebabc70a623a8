#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./bootstrap does before it builds, on a machine made of stand-ins: dpkg-query says what is installed, apt-get,
sudo, cmake, ctest and npm write down how they were called. The tree lies under a path with a space in it."""
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ("bash env dirname readlink nproc flock mkdir cat sed touch ls sleep date tail grep").split()


class Machine:
    def __init__(self, folder):
        self.tree, self.bin, self.log = folder / "a tree", folder / "bin", folder / "log"
        self.tree.mkdir()
        self.bin.mkdir()
        shutil.copy(ROOT / "bootstrap", self.tree)
        for tool in TOOLS:
            os.symlink(shutil.which(tool), self.bin / tool)
        self.stub("dpkg-query", f'grep -qx "${{@: -1}}" "{folder}/installed" && echo -n installed')
        self.stub("apt-get", f'echo "apt-get $*" >>"{self.log}"')
        self.stub("sudo", f'echo "sudo" >>"{self.log}"; exec "$@"')
        self.stub("cmake", f'echo "cmake $*" >>"{self.log}"')
        self.stub("ctest", f'echo "ctest $*" >>"{self.log}"; echo "100% tests passed"; exit $(cat "{folder}/ctest" 2>/dev/null || echo 0)')
        self.stub("id", "echo 0")
        self.installed("")
        self.folder = folder

    def stub(self, name, body):
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def installed(self, names):
        (self.bin.parent / "installed").write_text("\n".join(names.split()) + "\n")

    def everything_installed(self):
        source = (ROOT / "bootstrap").read_text()
        names = [w for part in source.split("_packages=(")[1:] for w in part.split(")")[0].split()]
        self.installed(" ".join(names))

    def env(self, **more):
        return {"PATH": str(self.bin), "HOME": str(self.folder), **more}

    def run(self, *args, **env):
        done = subprocess.run([self.tree / "bootstrap", *args], env=self.env(**env), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def run_at_terminal(self, answer, **env):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([self.tree / "bootstrap", "build"], env=self.env(**env), stdin=theirs,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.close(theirs)
        os.write(ours, answer.encode())
        out, _ = process.communicate(timeout=60)
        os.close(ours)
        return process.returncode, out

    def called(self):
        return self.log.read_text() if self.log.exists() else ""


def has_terminals():
    """Not so in a container or chroot that lacks /dev/pts."""
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError:
        return False
    return True


at_a_terminal = unittest.skipUnless(has_terminals(), "SKIPPED: this machine gives no pseudo terminals (is /dev/pts mounted?)")


class Bootstrap(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.m = Machine(pathlib.Path(self.folder.name))

    def test_a_bare_machine_gets_what_is_missing_and_is_built(self):
        self.m.installed("gcc cmake")
        status, out = self.m.run("build")
        self.assertEqual(status, 0, out)
        install = [line for line in self.m.called().splitlines() if " install " in line][0].split()
        self.assertIn("libsodium-dev", install)
        self.assertNotIn("gcc", install)
        self.assertIn("missing packages: ", out)
        self.assertIn("cmake --build build", self.m.called())

    def test_nothing_missing_installs_nothing(self):
        self.m.everything_installed()
        status, out = self.m.run("build")
        self.assertEqual(status, 0, out)
        self.assertNotIn("apt-get", self.m.called())

    @at_a_terminal
    def test_a_person_at_the_terminal_is_asked_and_may_say_no(self):
        status, out = self.m.run_at_terminal("n\n")
        self.assertEqual(status, 1, out)
        self.assertNotIn("apt-get", self.m.called())
        self.assertIn("not installed: apt-get install", out)
        status, out = self.m.run_at_terminal("y\n")
        self.assertEqual(status, 0, out)
        self.assertIn("apt-get", self.m.called())

    @at_a_terminal
    def test_ci_is_not_asked_even_at_a_terminal(self):
        status, out = self.m.run_at_terminal("n\n", CI="true")
        self.assertEqual(status, 0, out)
        self.assertIn("apt-get", self.m.called())

    def test_who_is_not_root_uses_sudo_and_without_it_is_told(self):
        self.m.stub("id", "echo 1000")
        status, out = self.m.run("build")
        self.assertEqual(status, 0, out)
        self.assertIn("sudo\napt-get", self.m.called())
        (self.m.bin / "sudo").unlink()
        status, out = self.m.run("build")
        self.assertEqual(status, 1)
        self.assertIn("no sudo", out)

    def test_ci_fails_without_vectors_and_elsewhere_says_that_they_are_skipped(self):
        self.m.everything_installed()
        status, out = self.m.run("test", CI="true")
        self.assertEqual(status, 1, out)
        self.assertIn("no test vectors", out)
        status, out = self.m.run("test")
        self.assertEqual(status, 0, out)
        self.assertIn("SKIPPED: no test vectors", out)

    def test_tests_are_quick_and_full_and_their_result_is_the_last_line(self):
        self.m.everything_installed()
        status, out = self.m.run("test")
        self.assertEqual(status, 0, out)
        self.assertIn("-L ^(quick|full)$", self.m.called())
        self.assertIn("100% tests passed", out)
        self.assertIn("TESTS PASSED", out.splitlines()[-1])
        (self.m.folder / "ctest").write_text("8")
        status, out = self.m.run("test")
        self.assertEqual(status, 1)
        self.assertIn("TESTS FAILED", out.splitlines()[-1])

    def test_the_demo_that_does_not_exist_is_not_pretended(self):
        self.m.everything_installed()
        status, out = self.m.run("demo")
        self.assertEqual(status, 1)
        self.assertIn("the demo does not exist yet", out)

    def test_the_demos_own_status_and_arguments_pass_through(self):
        self.m.everything_installed()
        story = self.m.tree / "tests/e2e/demo.py"
        story.parent.mkdir(parents=True)
        story.write_text('#!/usr/bin/env bash\necho "story $* in $KITH_BUILD_DIR"\nexit 7\n')
        story.chmod(0o755)
        status, out = self.m.run("demo", "--keep")
        self.assertEqual(status, 7)
        self.assertIn("story --keep in build", out)

    def test_old_or_absent_node_is_installed_when_tools_are_wanted(self):
        self.m.everything_installed()
        source = (self.m.bin.parent / "installed").read_text()
        self.m.installed(" ".join(w for w in source.split() if w not in ("nodejs", "npm")))
        (self.m.tree / "tests/e2e").mkdir(parents=True)
        (self.m.tree / "tests/e2e/package-lock.json").write_text("{}")
        self.m.stub("node", "echo v12.22.0")
        modules = self.m.tree / "tests/e2e/node_modules"
        self.m.stub("npm", f'echo "npm $*" >>"{self.m.log}"; mkdir -p "{modules}"')
        status, out = self.m.run("test")
        self.assertEqual(status, 0, out)
        self.assertIn("install -y --no-install-recommends nodejs npm", self.m.called())
        self.assertIn("npm ci --prefix tests/e2e", self.m.called())
        before = self.m.called().count("npm ci")
        self.assertEqual(self.m.run("test")[0], 0)
        self.assertEqual(self.m.called().count("npm ci"), before)  # not again while the lockfile stands

    def test_two_at_once_take_turns(self):
        self.m.everything_installed()
        marks = self.m.folder / "marks"
        self.m.stub("cmake", f'[ "$1" = --build ] && {{ echo in >>"{marks}"; sleep 0.5; echo out >>"{marks}"; }}; exit 0')
        runs = [subprocess.Popen([self.m.tree / "bootstrap", "build"], env=self.m.env(), stdout=subprocess.DEVNULL,
                                 stdin=subprocess.DEVNULL) for _ in range(2)]
        self.assertEqual([r.wait(timeout=60) for r in runs], [0, 0])
        self.assertEqual(marks.read_text().split(), ["in", "out", "in", "out"])

    def test_a_failed_build_is_a_failure(self):
        self.m.everything_installed()
        self.m.stub("cmake", '[ "$1" != --build ]')
        status, out = self.m.run("build")
        self.assertEqual(status, 1)
        self.assertIn("the build failed", out)

    def test_an_unknown_word_shows_the_usage(self):
        status, out = self.m.run("bulid")
        self.assertEqual(status, 2)
        self.assertIn("usage: ./bootstrap build", out)


if __name__ == "__main__":
    unittest.main()
