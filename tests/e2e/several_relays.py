#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A family with two relays, both real processes: it moves from one to the other, and goes on when one is killed.

usage: several_relays.py BUILD_DIR [NAME...]"""
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import Device, KithError, Place, Relay, wait_until  # noqa: E402

BUILD = None
SECONDS = 180


class SeveralRelays(unittest.TestCase):
    def setUp(self):
        self.place = Place(BUILD)
        self.addCleanup(self.place.close)
        self.first = Relay(self.place, "first").start()
        self.second = Relay(self.place, "second").start()
        self.ana = Device(self.place, "ana", self.first).start()
        self.ana.kith("init", "--family", "The Ks", "--as", "Ana", "--device", "phone")
        link = self.ana.kith("pair", "invite", "--person", "Ben", "--role", "parent")["link"]
        self.ben = Device(self.place, "ben").start()
        self.ben.kith("pair", "accept", link, "--device", "ben")
        code = wait_until("the code", SECONDS, lambda: self.ben.pairing().get("code"))
        wait_until("the code awaited", SECONDS, lambda: self.ana.pairing()["state"] == "code")
        self.ana.kith("pair", "confirm", code)
        wait_until("accepted", SECONDS, lambda: self.ben.pairing()["state"] == "accepted")
        self.ben.kith("pair", "yes")
        wait_until("Ben is in the family", SECONDS, lambda: self.ben.pairing()["state"] == "done")
        self.ana.kith("relay", "add", self.second.address)
        for device in (self.ana, self.ben):
            wait_until("both relays", SECONDS, lambda d=device: self.states(d) == ["in use", "stands by"])
            wait_until("both reached", SECONDS, lambda d=device: all(r["reached"] for r in self.relays(d)))

    @staticmethod
    def relays(device):
        return device.kith("relay", "list")["relays"]

    def states(self, device):
        return [r["state"] for r in self.relays(device)]

    def at_second(self, device):
        return self.relays(device)[0]["address"] == self.second.address

    def comes(self, text, to):
        wait_until(text, SECONDS, lambda: to.has_text(text))

    def test_T06_a_family_that_has_moved_needs_its_old_relay_no_more(self):
        with self.assertRaises(KithError) as refused:
            self.ana.kith("relay", "add", "kith-relay://nobody")
        self.assertEqual(refused.exception.status, "RELAY_ADDRESS")
        self.ana.kith("relay", "use", self.second.address)
        for device in (self.ana, self.ben):
            wait_until("the second in use", SECONDS, lambda d=device: self.at_second(d))
        self.ana.kith("relay", "remove", self.first.address)
        wait_until("the first struck", SECONDS, lambda: len(self.relays(self.ben)) == 1)
        self.first.stop(signal.SIGKILL)
        self.ana.kith("send", "The Ks", "over the second")
        self.comes("over the second", self.ben)
        self.ben.kith("send", "The Ks", "and back")
        self.comes("and back", self.ana)
        self.assertEqual(self.ana.kith("status")["alarms"], 0)

    def test_T06_what_is_written_while_the_relay_is_gone_arrives_at_the_next(self):
        self.first.stop(signal.SIGKILL)
        began = time.monotonic()
        self.ben.kith("send", "The Ks", "kept here")
        self.assertLess(time.monotonic() - began, 20)  # nothing waits for a relay
        wait_until("it is seen to be away", SECONDS, lambda: self.relays(self.ana)[0]["away_since_ms"] > 0)
        self.assertIn("away since", self.ana.shows("status")[1])
        self.assertFalse(self.ana.has_text("kept here"))
        self.ana.kith("relay", "use", self.second.address)
        wait_until("the second in use", 600, lambda: self.at_second(self.ana) and self.at_second(self.ben), every=1)
        wait_until("it arrives", 600, lambda: self.ana.has_text("kept here"), every=1)
        self.first.start()
        self.ana.kith("send", "The Ks", "the old one is back")
        self.comes("the old one is back", self.ben)
        self.assertTrue(self.at_second(self.ana) and self.at_second(self.ben))


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
