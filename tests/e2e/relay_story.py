#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The story (story.py) while its relay is killed with SIGKILL and started again at random moments: everything comes
about all the same, and is checked from outside (inspection.py).

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

LOOKED_AT = ("ben", "maya", "meet", "laptop", "withdraw")  # the other steps' checks are the demo's


class Killer(threading.Thread):
    def __init__(self, relay, seed):
        super().__init__(daemon=True)
        self.relay, self.dice = relay, random.Random(seed)
        self.over, self.kills, self.error = threading.Event(), 0, None

    def run(self):
        while not self.over.wait(0.1 + self.dice.random() * 1.2):
            try:
                self.relay.stop(signal.SIGKILL)
                time.sleep(self.dice.random() * 0.3)
                self.relay.start()
                self.kills += 1
            except Exception as e:  # noqa: BLE001
                self.error = e
                return


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    place = Place(sys.argv[1])
    try:
        relay = Relay(place).start()
        killer = Killer(relay, seed)
        killer.start()
        story = Story(place, relay, lambda text: print(text, flush=True), patient=True)
        for step in Story.STEPS:
            story.play(step)
            if step in LOOKED_AT:
                if step == Story.STEPS[-1]:
                    killer.over.set()
                    killer.join()
                for line in inspection.after(step, story):
                    print("          ✓ " + line, flush=True)
        if killer.error:
            raise killer.error
        print("ok   the story came about with %d kills of its relay (seed %d)" % (killer.kills, seed))
        return 0 if killer.kills >= 5 else 1
    finally:
        place.close()


if __name__ == "__main__":
    sys.exit(main())
