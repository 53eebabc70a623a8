#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The story (story.py) while its relay is killed with SIGKILL and started again at random moments, and once loses its
disk: everything comes about all the same, and is checked from outside (inspection.py).

    relay_story.py BUILD [SEED]"""
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import inspection  # noqa: E402
from kithlib import Place, Relay  # noqa: E402
from story import Story  # noqa: E402

KILLS_MIN = 5  # one a step is on its way; two steps may share one
LOOKED_AT = ("ben", "maya", "meet", "laptop", "withdraw")  # the other steps' checks are the demo's


class Killer(threading.Thread):
    """Kills the relay and starts it again: at the beginning of each step, so that a fast machine has its share too, and
    at random moments."""

    def __init__(self, relay, seed):
        super().__init__(daemon=True)
        self.relay, self.dice = relay, random.Random(seed)
        self.at_once, self.over, self.kills, self.error = threading.Event(), False, 0, None

    def run(self):
        while True:
            self.at_once.wait(0.1 + self.dice.random() * 1.2)
            self.at_once.clear()
            if self.over:
                return
            try:
                self.relay.stop(signal.SIGKILL)
                time.sleep(self.dice.random() * 0.3)
                self.relay.start()
                self.kills += 1
            except Exception as e:  # noqa: BLE001
                self.error = e
                return

    def begin_step(self):
        self.at_once.set()

    def end(self):
        self.over = True
        self.at_once.set()
        self.join()
        if self.error:
            raise self.error


def lose_disk(story):
    """T06: the relay's store is gone. Devices put back what is missing and go on; what they commit waits until each has
    heard where the others stand, so that is waited for here."""
    devices = [d for d in story.devices if d != "stranger-phone"]
    story.relay.stop(signal.SIGKILL)
    for path in story.relay.data.glob("relay.db*"):
        path.unlink()
    story.relay.start()
    story.say("leo-tablet", "Maya", "Is it only me, or was the relay away?", "maya-tablet")
    story.say("maya-tablet", "Leo", "It lost everything. Nothing is missing here.", "leo-tablet")

    def whole(*views):
        incarnations = {i for v in views for i, in v.rows("SELECT incarnation FROM relay")}
        return len(incarnations) == 1 and not any(v.one("SELECT max(gap_at) FROM mls_group") for v in views)
    print("          \u2713 " + inspection.sees(
        story, "the relay lost its disk; all devices know, and have heard where the others stand", devices, whole))


def play(story, kill):
    """All steps; kill() begins to kill."""
    killer = kill()
    for step in Story.STEPS:
        killer.begin_step()
        story.play(step)
        if step in ("talk", Story.STEPS[-1]):
            killer.end()
        if step == "talk":
            lose_disk(story)
            killer = kill()
        for line in inspection.after(step, story) if step in LOOKED_AT else []:
            print("          \u2713 " + line, flush=True)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    place, killers = Place(sys.argv[1]), []
    try:
        relay = Relay(place).start()

        def kill():
            killer = Killer(relay, seed + len(killers))
            killers.append(killer)
            killer.start()
            return killer
        play(Story(place, relay, lambda text: print(text, flush=True), patient=True), kill)
        kills = sum(k.kills for k in killers)
        enough = kills >= KILLS_MIN
        print("%s the story came about with %d kills of its relay, at least %d wanted, and an emptied disk (seed %d)"
              % ("ok  " if enough else "FAIL", kills, KILLS_MIN, seed))
        return 0 if enough else 1
    finally:
        for killer in killers:
            killer.over = True
        failed = sys.exc_info()[0] is not None
        place.close(keep_files=failed)
        print(f"homes and logs are kept: {place.folder}") if failed else None


if __name__ == "__main__":
    sys.exit(main())
