#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kithd --with-relay, whose relay dies: it is started again where it was, and the family goes on; when that does not
help, the agent says so and goes on without it.

usage: with_relay.py BUILD_DIR [NAME...]"""
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import Device, Place, first_line, wait_until  # noqa: E402

BUILD = None
SECONDS = 120


class WithRelay(unittest.TestCase):
    def setUp(self):
        self.place = Place(BUILD)
        self.addCleanup(self.place.close)
        self.home = Device(self.place, "ana")
        self.home.process = self.place.start("ana", self.place.program("kithd"), "--home", str(self.home.home),
                                             "--with-relay", "tcp://127.0.0.1:0")
        first_line(self.home.process, "kithd")
        self.home.kith("init", "--family", "The Ks", "--as", "Ana", "--device", "phone")

    def said(self):
        return self.home.process.stderr_path.read_text()

    def child(self):
        """The pid of the agent's relay, or None."""
        pid = self.home.process.pid
        children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
        for p in [int(p) for tasks in children for p in tasks.read_text().split()]:
            try:
                stat = pathlib.Path(f"/proc/{p}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            if "(kith-relay)" in stat and " Z " not in stat:
                return p
        return None

    def kill_child(self):
        old = wait_until("a relay", SECONDS, self.child)
        os.kill(old, signal.SIGKILL)
        return old

    def test_a_relay_that_dies_is_started_again_and_the_family_goes_on(self):
        link = self.home.kith("pair", "invite", "--person", "Ben", "--role", "parent")["link"]
        ben = Device(self.place, "ben").start()
        ben.kith("pair", "accept", link, "--device", "ben")
        code = wait_until("the code", SECONDS, lambda: ben.pairing().get("code"))
        wait_until("the code awaited", SECONDS, lambda: self.home.pairing()["state"] == "code")
        self.home.kith("pair", "confirm", code)
        wait_until("accepted", SECONDS, lambda: ben.pairing()["state"] == "accepted")
        ben.kith("pair", "yes")
        wait_until("Ben is in the family", SECONDS, lambda: ben.pairing()["state"] == "done")
        for turn in range(2):
            old = self.kill_child()
            wait_until("another relay", SECONDS, lambda: self.child() not in (None, old))
            wait_until("it is said", SECONDS, lambda: self.said().count("the relay runs again.") == turn + 1)
            self.assertIn("kithd: the relay has ended (signal 9).", self.said())
            self.home.kith("send", "The Ks", f"still here {turn}")
            wait_until("the text at Ben's", SECONDS, lambda: ben.has_text(f"still here {turn}"))
            ben.kith("send", "The Ks", f"here too {turn}")
            wait_until("the text at Ana's", SECONDS, lambda: self.home.has_text(f"here too {turn}"))
        self.assertNotIn("APP_RELAY_GONE", self.said())

    def test_a_relay_that_cannot_be_started_is_given_up_by_name(self):
        key = self.home.home / "relay" / "relay.key"
        key.write_text("nothing that a relay could use\n")
        self.kill_child()
        wait_until("it is given up", SECONDS, lambda: "(APP_RELAY_GONE)" in self.said())
        self.assertEqual(self.said().count("kithd: the relay has ended"), 6)  # the first one, and five tries
        self.assertNotIn("runs again", self.said())
        self.home.kith("send", "The Ks", "kept here")
        self.assertTrue(self.home.has_text("kept here"))
        self.assertIsNone(self.child())

    def test_an_agent_that_ends_while_its_relay_is_away_ends_at_once(self):
        (self.home.home / "relay" / "relay.key").write_text("nothing that a relay could use\n")
        self.kill_child()
        wait_until("it tries", SECONDS, lambda: self.said().count("kithd: the relay has ended") >= 3)
        self.home.stop()
        self.assertEqual(self.home.process.returncode, 0)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
