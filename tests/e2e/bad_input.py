#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What bad input gets, with real programs: one line that says what is wrong and what to do, an exit status that is not
0, and nothing half done.

usage: bad_input.py BUILD_DIR [NAME...]"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import Device, KithError, Place, Relay, first_line  # noqa: E402

BUILD = None
END_SECONDS = 30  # kithd's watchdog over its end is 5 s; the machine may be busy


def run(place, *command, **environment):
    done = subprocess.run(command, env=dict(place.environment, **environment), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=180)
    return done.returncode, done.stdout, done.stderr


def content(folder):
    """Every file's hash, to see that nothing was changed; an empty one (SQLite's log) counts as none."""
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size > 0}


class BadInput(unittest.TestCase):
    def setUp(self):
        self.place = Place(BUILD)
        self.addCleanup(self.place.close)

    def family(self, name="ana", relay=None, family="The Ks", person="Ana"):
        self.relay = relay or Relay(self.place).start()
        device = Device(self.place, name, self.relay).start()
        device.kith("init", "--family", family, "--as", person, "--device", name)
        return device

    def one_line(self, result, status, exits=(1,)):
        """The result of a program that a person reads: one line on stderr with what is wrong and what to do."""
        code, out, err = result
        self.assertIn(code, exits, out + err)
        lines = [line for line in err.splitlines() if line and not line.startswith("kith-relay: ")]
        self.assertEqual(len(lines), 1, err)
        self.assertRegex(lines[0], r"^kithd?: [A-Z].*\. .+\(" + status + r"\)$")

    def refused(self, device, status, *words):
        """Refused with a status that matches, both for a person and for a program."""
        self.one_line(device.shows(*words), status)
        with self.assertRaises(KithError) as caught:
            device.kith(*words)
        self.assertRegex(str(caught.exception.__dict__) + str(caught.exception), status)

    def kithd(self, home, *options, **environment):
        return run(self.place, self.place.program("kithd"), "--home", str(home), *options, **environment)

    # ---- no agent, no home ----

    def test_without_an_agent_kith_says_how_to_start_one(self):
        home = self.place.folder / "home"
        home.mkdir()
        self.one_line(run(self.place, self.place.program("kith"), "--home", str(home), "status"), "APP_NO_AGENT", (3,))

    def test_a_home_that_is_not_there_is_named(self):
        missing = str(self.place.folder / "missing")
        self.one_line(run(self.place, self.place.program("kith"), "--home", missing, "status"), "APP_HOME", (3,))
        self.assertFalse(os.path.exists(missing))

    def test_a_home_that_is_a_file_is_named(self):
        path = self.place.folder / "file"
        path.write_text("x")
        self.one_line(self.kithd(path), "APP_HOME")
        self.assertEqual(path.read_text(), "x")

    def test_a_home_in_use_is_named_and_its_agent_goes_on(self):
        ana = self.family()
        self.one_line(self.kithd(ana.home), "STORE_BUSY")
        self.assertTrue(ana.kith("status")["in_family"])

    def test_a_socket_path_that_is_too_long_is_named(self):
        home = self.place.folder / ("x" * 100)
        self.one_line(self.kithd(home, XDG_RUNTIME_DIR=""), "APP_SOCKET_PATH")

    # ---- databases ----

    def test_a_database_of_a_newer_version_is_left_alone(self):
        ana = self.family()
        ana.stop()
        with sqlite3.connect(ana.home / "kith.db") as db:
            db.execute("PRAGMA user_version = 9999")
        db.close()
        before = content(ana.home)
        self.one_line(self.kithd(ana.home), "STORE_NEWER")
        self.assertEqual(content(ana.home), before)

    def test_the_database_of_another_program_is_left_alone(self):
        home = self.place.folder / "home"
        home.mkdir(mode=0o700)
        with sqlite3.connect(home / "kith.db") as db:
            db.execute("CREATE TABLE photos (name)")
        db.close()
        (home / "kith.db").chmod(0o600)
        before = content(home)
        self.one_line(self.kithd(home), "STORE_FOREIGN")
        self.assertEqual(content(home), before)

    def test_a_file_that_is_no_database_is_left_alone(self):
        home = self.place.folder / "home"
        home.mkdir(mode=0o700)
        (home / "kith.db").write_bytes(b"this is not a database, whatever it is called " * 200)
        (home / "kith.db").chmod(0o600)
        before = content(home)
        self.one_line(self.kithd(home), "STORE_(OPEN|FOREIGN)")
        self.assertEqual(content(home), before)

    def test_a_full_disk_is_named_and_nothing_is_half_done(self):
        folder = tempfile.mkdtemp(prefix="kith-full-")
        self.addCleanup(shutil.rmtree, folder, True)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder],
                                               capture_output=True).returncode != 0:
            self.skipTest("a small disk can only be mounted by root")
        self.addCleanup(subprocess.run, ["umount", "-l", folder])
        self.family("other")
        device = Device(self.place, "ana", self.relay)
        device.home = pathlib.Path(folder) / "home"
        device.start()
        device.kith("init", "--family", "The Ks", "--as", "Ana", "--device", "phone")
        filler = pathlib.Path(folder) / "filler"
        said = 0
        for _ in range(3):  # a node that opens again finds a little room in its own files
            with open(filler, "ab", buffering=0) as f:
                try:
                    while f.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            with self.assertRaises(KithError) as refused:
                for said in range(said, said + 200):
                    device.kith("send", "The Ks", f"message {said} " + "x" * 4000)
            self.assertEqual(refused.exception.status, "STORE_FULL")
        self.assertIn("(STORE_FULL)", device.process.stderr_path.read_text())  # the agent says why, too
        time.sleep(5)  # it looks for room meanwhile, and stays
        self.assertTrue(device.kith("status")["disk_full"])
        self.assertIsNone(device.process.poll())
        filler.unlink()
        self.until("the agent goes on", lambda: not device.kith("status")["disk_full"])
        self.assertIsNone(device.process.poll())
        told = [m["text"].split(" x")[0] for m in device.texts()]
        self.assertEqual(told, [f"message {n}" for n in range(said)])
        device.kith("send", "The Ks", "there is room again")
        self.assertTrue(device.has_text("there is room again"))

    # ---- relays ----

    def test_what_is_no_relay_address_is_named(self):
        for text in ("example.org", "kith-relay://", "kith-relay://short@127.0.0.1:1", "tcp://127.0.0.1:1"):
            self.one_line(self.kithd(self.place.folder / "home", "--relay", text), "RELAY_ADDRESS")

    def test_a_port_in_use_is_named(self):
        relay = Relay(self.place).start()
        self.one_line(self.kithd(self.place.folder / "home", "--with-relay", relay.listen), "APP_RELAY_START")

    def test_a_relay_program_that_is_not_there_is_named(self):
        alone = pathlib.Path(shutil.copy(self.place.program("kithd"), self.place.folder / "kithd"))
        result = run(self.place, str(alone), "--home", str(self.place.folder / "home"), "--with-relay",
                     "tcp://127.0.0.1:0", PATH="/nowhere")
        self.one_line(result, "APP_RELAY_START")
        self.assertIn("kith-relay: cannot be run", result[2])

    def test_without_its_relay_a_device_works_and_says_that_it_waits(self):
        ana = self.family()
        tablet = self.pair(ana, "tablet", "Maya", "child", "y")[0]
        self.relay.stop()
        ana.kith("send", "The Ks", "anybody there?")
        self.assertTrue(ana.has_text("anybody there?"))
        self.assertGreater(ana.kith("status")["waiting_to_send"], 0)
        self.until("the agent saw it", lambda: not ana.kith("status")["relay_reached"])
        self.relay.start()
        self.until("the text on the tablet", lambda: tablet.has_text("anybody there?"))
        self.until("nothing waits", lambda: ana.kith("status")["waiting_to_send"] == 0)

    # ---- pairing, as two people do it at their terminals ----

    def until(self, what, probe, seconds=180):
        end = time.monotonic() + seconds
        while not probe():
            self.assertLess(time.monotonic(), end, "not in time: " + what)
            time.sleep(0.1)

    def pair(self, parent, name, person, role, answer, wrong=False):
        """The new device and what its `kith pair accept` said; `answer` is typed there."""
        link = parent.kith("pair", "invite", "--person", person, "--role", role)["link"]
        new = Device(self.place, name, self.relay).start()
        accept = subprocess.Popen(new.command("pair", "accept", link, "--device", name), text=True,
                                  env=self.place.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.addCleanup(accept.kill)
        said, code = "", None
        while code is None:
            line = accept.stdout.readline()
            self.assertNotEqual(line, "", said)
            said += line
            code = line.split()[1] if line.strip().startswith("Code: ") else None
        self.assertRegex(code, "^[0-9]{6}$")
        if wrong:
            code = f"{(int(code) + 1) % 1000000:06d}"
        self.until("the code is asked for", lambda: parent.pairing()["state"] == "code")
        confirmed = parent.shows("pair", "confirm", code)
        if not wrong:
            self.assertEqual(confirmed[0], 0, confirmed[2])
        rest, _ = accept.communicate(answer + "\n", timeout=180)
        accept.stdout.close()
        return new, accept.returncode, said + rest, confirmed, link

    def test_a_pairing_shows_who_asks_before_the_yes_and_a_supervised_device_says_so(self):
        ana = self.family()
        tablet, code, said, _, link = self.pair(ana, "tablet", "Maya", "child", "y")
        self.assertEqual(code, 0, said)
        before = said.split("Join this family")[0]
        for shown in ("The Ks", ana.kith("status")["mark"], "Maya", "child", "127.0.0.1"):
            self.assertIn(shown, before)
        self.assertIn("supervised", tablet.shows("contacts")[1])
        self.assertNotIn("supervised", ana.shows("contacts")[1])
        late = Device(self.place, "late", self.relay).start()
        code, out, err = late.shows("pair", "accept", link, "--device", "late", "--yes")
        self.assertEqual(code, 1, out + err)  # a link is good once
        self.assertRegex(err, r"\((LINK_USED|LINK_EXPIRED|PAIRING_[A-Z]+)\)")
        self.assertFalse(late.kith("status")["in_family"])

    def test_a_no_on_the_new_device_joins_nothing(self):
        ana = self.family()
        tablet, code, said, _, _ = self.pair(ana, "tablet", "Maya", "child", "n")
        self.assertEqual(code, 1, said)
        self.assertIn("Not joined", said)
        self.assertFalse(tablet.kith("status")["in_family"])
        self.assertEqual([d["name"] for d in ana.kith("devices")["devices"]], ["ana"])

    def test_a_wrong_code_voids_the_link_on_both_sides(self):
        ana = self.family()
        tablet, code, said, confirmed, _ = self.pair(ana, "tablet", "Maya", "child", "y", wrong=True)
        self.one_line(confirmed, "PAIRING_CODE")
        self.assertEqual(confirmed[2].count("The code is wrong"), 1)
        self.assertEqual(code, 1, said)
        self.assertFalse(tablet.kith("status")["in_family"])
        self.assertEqual([d["name"] for d in ana.kith("devices")["devices"]], ["ana"])

    # ---- links ----

    def test_wrong_links_are_named(self):
        ana = self.family()
        new = Device(self.place, "new", self.relay).start()
        pair = ana.kith("pair", "invite", "--person", "Maya", "--role", "child")["link"]
        meet = ana.kith("invite")["link"]
        self.refused(ana, "(LINK_SCHEME|LINK_WRONG)", "meet", "https://example.org/")
        self.refused(ana, "LINK_(OTHER_KIND|WRONG)", "meet", pair)
        self.refused(new, "LINK_(OTHER_KIND|WRONG)", "pair", "accept", meet, "--device", "tablet", "--yes")
        self.refused(ana, "LINK_(DAMAGED|WRONG)", "meet", meet[:-5])
        self.refused(ana, "LINK_OWN", "meet", meet)
        self.refused(new, "LINK_(DAMAGED|WRONG)", "pair", "accept", pair[:-3], "--device", "tablet", "--yes")
        self.assertFalse(new.kith("status")["in_family"])

    # ---- names and order ----

    def test_a_name_that_nobody_has_is_named(self):
        ana = self.family()
        self.refused(ana, "NAME_UNKNOWN", "send", "Nobody", "hello")
        self.refused(ana, "NAME_UNKNOWN", "withdraw", "Nobody")
        self.refused(ana, "NAME_UNKNOWN", "devices", "remove", "fridge")
        self.refused(ana, "NAME_UNKNOWN", "approve", "abcdef")
        self.assertEqual(ana.texts(), [])

    def test_rules_without_a_child_are_named(self):
        ana = self.family()
        self.refused(ana, "NAME_NO_CHILD", "policy", "show")
        self.refused(ana, "NAME_NO_CHILD", "policy", "show", "Ana")
        self.refused(ana, "COMMAND_FIELD", "pair", "invite", "--person", "Maya", "--role", "kid")

    def test_an_answer_that_is_lost_is_no_success(self):
        ana = self.family()
        with open("/dev/full", "w") as full:
            done = subprocess.run(ana.command("status"), env=self.place.environment, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)

    def test_names_that_show_nothing_are_refused_at_every_door(self):
        new = Device(self.place, "new", Relay(self.place).start()).start()
        wrong = ("   ", " Ana", "Ana ", "\u3000", "\u200b", "A\u200bna", "\u2800")
        for name in wrong:
            self.refused(new, "COMMAND_NAME", "init", "--family", name, "--as", "Ana")
            self.refused(new, "COMMAND_NAME", "init", "--family", "The Ks", "--as", name)
            self.refused(new, "COMMAND_NAME", "init", "--family", "The Ks", "--as", "Ana", "--device", name)
            self.refused(new, "COMMAND_NAME", "pair", "accept", "kith-pair:x", "--device", name, "--yes")
        self.assertFalse(new.kith("status")["in_family"])
        new.kith("init", "--family", "\U0001f98a" * 20, "--as", "\u00e9" * 40)
        self.assertEqual(new.kith("status")["device"], "\u00e9" * 35 + "'s device")
        for name in wrong:
            self.refused(new, "COMMAND_NAME", "pair", "invite", "--person", name, "--role", "child")

    def test_what_is_out_of_order_is_named(self):
        new = Device(self.place, "new", Relay(self.place).start()).start()
        for words in (("invite",), ("send", "Ana", "x"), ("pair", "invite", "--person", "B", "--role", "child")):
            self.refused(new, "COMMAND_NOT_IN_FAMILY", *words)
        new.kith("init", "--family", "The Ks", "--as", "Ana", "--device", "phone")
        self.refused(new, "COMMAND_IN_FAMILY", "init", "--family", "Again", "--as", "Ana")
        self.refused(new, "PAIRING_NONE", "pair", "confirm", "123456")

    def test_texts_that_could_command_a_terminal_are_refused(self):
        ana = self.family()
        self.refused(ana, "COMMAND_TEXT", "send", "The Ks", "\x1b[2J")
        self.refused(ana, "COMMAND_TEXT", "send", "The Ks", "x" * 12001)
        self.refused(ana, "COMMAND_TEXT", "send", "The Ks", "x" * 70000)  # more than an agent listens to
        self.refused(ana, "COMMAND_TEXT", "send", "The Ks", "a\u202eb")
        ana.kith("send", "The Ks", "two\nlines")
        self.assertIn("you: two lines\n", ana.shows("history")[1])

    def test_a_message_that_nobody_wrote_is_named(self):
        ana = self.family()
        for words in (("edit", "abcdef", "x"), ("delete", "123"), ("react", "abcdef", "x"), ("get", "abcdef"), ("cancel", "12")):
            self.refused(ana, "SAID_UNKNOWN", *words)

    def test_what_is_searched_for_is_words_and_never_syntax(self):
        ana = self.family()
        ana.kith("send", "The Ks", 'the "blue" ball')
        found = [m["text"] for m in ana.kith("search", "ball blue", "--from", "Ana", "--with", "The Ks")["messages"]]
        self.assertEqual(found, ['the "blue" ball'])
        for words in ('ball" OR "x', "text : ball OR x", "NEAR(ball x)", "'; DROP TABLE entry; --", "ball" * 2500, '"' * 10000):
            self.assertEqual(ana.kith("search", words)["messages"], [], words[:40])
        self.refused(ana, "COMMAND_FIELD", "search", "ball", "--limit", "-1")
        self.refused(ana, "COMMAND_TEXT", "search", "")
        self.refused(ana, "COMMAND_TEXT", "search", "x" * 12001)
        self.refused(ana, "NAME_UNKNOWN", "search", "ball", "--from", "Nobody")
        self.assertEqual(len(ana.kith("search", '"*(ball" :')["messages"]), 1)

    def test_a_command_line_that_is_not_understood_is_named(self):
        for words in (("frobnicate",), ("send", "Leo"), ("status", "--loud"), ("approve", "a", "--days", "soon")):
            code, _, err = run(self.place, self.place.program("kith"), *words)
            self.assertEqual((code, err.count("\n")), (2, 1), err)
            self.assertIn("See: kith help", err)
            code, out, _ = run(self.place, self.place.program("kith"), *words, "--json")
            self.assertEqual((code, json.loads(out)["error"]["data"]["status"]), (2, "USAGE"))
        for words in (("history", "-h"), ("history", "--limit=2", "--help")):
            code, out, _ = run(self.place, self.place.program("kith"), *words)
            self.assertEqual((code, out.split()[4]), (0, "history"))

    # ---- the end ----

    def test_an_agent_ends_when_it_is_asked_and_goes_on_where_it_was(self):
        ana = self.family()
        ana.kith("send", "The Ks", "before")
        for _ in range(5):
            began = time.monotonic()
            ana.process.send_signal(signal.SIGTERM)
            self.assertEqual(ana.process.wait(END_SECONDS), 0)
            self.assertLess(time.monotonic() - began, END_SECONDS)
            ana.start()
            self.assertTrue(ana.has_text("before"))

    def test_a_killed_agent_takes_its_relay_with_it_and_goes_on_where_it_was(self):
        listening = Relay(self.place, "probe").start()
        url = listening.listen
        listening.stop()
        command = [self.place.program("kithd"), "--home", str(self.place.folder / "ana"), "--with-relay", url]
        ana = Device(self.place, "ana")
        for turn in range(3):
            ana.process = self.place.start("ana", *command)
            self.assertIn("ready", first_line(ana.process, "kithd"))
            if turn == 0:
                ana.kith("init", "--family", "The Ks", "--as", "Ana", "--device", "phone")
                ana.kith("send", "The Ks", "before")
            self.assertTrue(ana.has_text("before"))
            ana.kill()
            self.until("the relay has ended", lambda: self.is_free(url))  # the kernel tells it

    @staticmethod
    def is_free(url):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", int(url.rsplit(":", 1)[1])))
            except OSError:
                return False
            return True


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
