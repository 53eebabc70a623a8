#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A long history comes to a new device, with real agents and a real relay: in bounded memory, whatever kills the one
that takes it. And how long a text takes from one device to another.

usage: long_history.py BUILD_DIR [--messages N] [--kills N] [--texts N] [TEST...]

`--texts N` measures only: N texts from one device to another."""
import argparse
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import NotInTime, Place, Relay, wait_until  # noqa: E402
from story import Story  # noqa: E402

ARGS = None
SCREEN = 20             # texts of a first screen
MEMORY_KIB = 64 * 1024  # each agent, at its peak
FRAGMENT = 16320        # bytes of a part that a block holds
BLOCKS_BESIDE = 60      # sealed meanwhile for other things than parts: pages, beacons, the membership change


def tell(text):
    print(text, flush=True)


def peak_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def number(home, sql):
    """Of a home whose agent does not run."""
    db = sqlite3.connect(f"file:{home}/kith.db?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchone()[0] or 0
    finally:
        db.close()


SEALED = "SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"


class LongHistory(unittest.TestCase):
    def setUp(self):
        self.place = Place(ARGS.build)
        self.addCleanup(self.place.close)
        self.relay = Relay(self.place).start()
        self.story = Story(self.place, self.relay)
        self.memory = {}

    def family_with_a_past(self, messages):
        """Ana's phone, whose conversation with Rosa has a long past; the number of blocks that it has sealed so far."""
        self.story.found("phone", "Berg", "Ana")
        self.story.found("rosa", "Sol", "Rosa")
        self.phone, self.rosa = self.story.device("phone"), self.story.device("rosa")
        link = self.phone.kith("invite")["link"]
        self.rosa.kith("meet", link, "--note", "Rosa from school")
        self.story.decide("phone", True)
        self.story.wait_contact("phone", "Rosa", "active")
        self.story.wait_contact("rosa", "Ana", "active")
        self.story.say("phone", "Rosa", "the first word", "rosa")
        self.phone.stop()
        self.rosa.stop()  # what is measured is between Ana's devices
        subprocess.run([str(pathlib.Path(ARGS.build) / "tests" / "past_writer"), str(self.phone.home), str(messages)],
                       check=True, timeout=600)
        sealed = number(self.phone.home, SEALED)
        self.phone.start()
        return sealed

    def join(self):
        self.laptop = self.story.device("laptop")
        self.story.pair("phone", "laptop", "Ana", "parent")
        self.joined = time.monotonic()

    def held(self):
        history = self.own_row().get("history") or {}
        return history.get("entries", 0), history.get("state")

    def own_row(self):
        return next(d for d in self.laptop.kith("devices")["devices"] if d["this_device"])

    def is_done(self):
        for device in (self.phone, self.laptop):
            if device.process.poll() is None:
                self.memory[device.name] = max(self.memory.get(device.name, 0), peak_kib(device.process))
        return self.held()[1] == "done"

    def everything_is_here(self, messages):
        self.laptop.stop()
        here = number(self.laptop.home, "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1")
        there = messages + 1
        self.assertEqual(here, there, "every text is on the new device, once")

    def nothing_was_sent_twice(self, sealed_before):
        """What the phone has sealed since is what the parts need, and little beside."""
        self.phone.stop()
        sealed = number(self.phone.home, SEALED) - sealed_before
        parts = number(self.laptop.home, f"SELECT sum((packed_size + {FRAGMENT - 1}) / {FRAGMENT}) FROM history_part")
        tell(f"  {sealed} blocks sealed by the phone, {parts} needed for the parts")
        self.assertGreaterEqual(sealed, parts)
        self.assertLessEqual(sealed, parts + BLOCKS_BESIDE)
        self.assertEqual(number(self.phone.home, "SELECT count(*) FROM history_give"), 1)

    def test_a_long_history_comes_in_bounded_memory(self):
        sealed = self.family_with_a_past(ARGS.messages)
        self.join()
        wait_until("the first screen", 120, lambda: len(self.laptop.texts()) >= min(SCREEN, ARGS.messages), 0.02)
        screen = time.monotonic() - self.joined
        wait_until("all of it", 1200, self.is_done, 0.5)
        whole = time.monotonic() - self.joined
        tell(f"  {ARGS.messages} messages: first screen {screen:.2f} s, all {whole:.1f} s; at most " +
             ", ".join(f"{name} {kib / 1024:.1f} MiB" for name, kib in sorted(self.memory.items())))
        self.assertEqual(set(self.memory), {"phone", "laptop"})
        for name, kib in self.memory.items():
            self.assertLess(kib, MEMORY_KIB, name)
        self.everything_is_here(ARGS.messages)
        self.nothing_was_sent_twice(sealed)

    def test_whoever_takes_it_is_killed_again_and_again_and_nothing_is_sent_twice(self):
        seed = int(os.environ.get("KITH_SEED", random.randrange(1 << 32)))
        tell(f"  KITH_SEED={seed}")
        chance = random.Random(seed)
        sealed = self.family_with_a_past(ARGS.messages)
        self.join()
        killed = 0
        while killed < ARGS.kills and not self.is_done():
            time.sleep(chance.uniform(0.0, 0.4))
            self.laptop.kill()
            killed += 1
            self.laptop.start()
        self.assertGreater(killed, 0)
        wait_until("all of it", 1200, self.is_done, 0.2)
        tell(f"  killed {killed} times")
        self.everything_is_here(ARGS.messages)
        self.nothing_was_sent_twice(sealed)


# ---- from one device to another ----

def measure_texts(count):
    place = Place(ARGS.build)
    try:
        story = Story(place, Relay(place).start())
        story.found("phone", "Berg", "Ana")
        story.pair("phone", "tablet", "Ben", "parent")
        tablet, took, seen = story.device("tablet"), [], threading.Semaphore(0)
        follow = subprocess.Popen(tablet.command("history", "--follow", "--json"), env=place.environment, text=True,
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        place.started.append(follow)

        def listen():
            import json
            for line in follow.stdout:
                at = time.time() * 1000
                row = json.loads(line)
                rows = row.get("messages", [row])
                for r in rows:
                    if str(r.get("text", "")).startswith("text number"):
                        took.append(at - r["at_ms"])
                        seen.release()
        threading.Thread(target=listen, daemon=True).start()
        for i in range(count):
            story.device("phone").kith("send", "Berg", f"text number {i}")
            if not seen.acquire(timeout=60):
                raise NotInTime("a text did not come")
            time.sleep(0.05)
        took.sort()
        tell(f"append_to_shown {count} texts\nappend_to_shown_p50 {took[len(took) // 2]:.1f} ms\n"
             f"append_to_shown_p99 {took[min(len(took) - 1, len(took) * 99 // 100)]:.1f} ms")
    finally:
        place.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--texts", type=int, default=0)
    ARGS, rest = parser.parse_known_args()
    if ARGS.texts:
        measure_texts(ARGS.texts)
    else:
        unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
