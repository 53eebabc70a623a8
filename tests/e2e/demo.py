#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The main job with real processes on loopback, told as a story and checked from outside.

usage: demo.py [--build DIR] [--keep]

--keep leaves the processes up at the end and prints commands with which to go on playing."""
import argparse
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import inspection  # noqa: E402
from kithlib import Place, Relay  # noqa: E402
from story import Story  # noqa: E402


class Teller:
    def __init__(self):
        self.began = time.monotonic()

    def tell(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def check(self, text):
        print(f"          ✓ {text}", flush=True)


def play(place, teller):
    relay = Relay(place).start()
    teller.tell(f"A relay listens on {relay.listen.split('//')[1]}.")
    story = Story(place, relay, teller.tell)
    for name in Story.STEPS:
        story.play(name)
        for line in inspection.after(name, story):
            teller.check(line)
    return story


def how_to_go_on(place, story):
    print("\nThe processes are still up. Go on playing:")
    print(f"  export XDG_RUNTIME_DIR={place.runtime}")
    for d in story.devices.values():
        print(f"  {' '.join(map(repr, d.command('status')))}")
    print("End them with: kill " + " ".join(str(p.pid) for p in place.started if p.poll() is None))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--build", default=os.environ.get("KITH_BUILD_DIR", ROOT / "build"))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    place, teller, story = Place(args.build), Teller(), None
    try:
        story = play(place, teller)
        teller.tell("The end: every step was checked from outside.")
    finally:
        if not args.keep or story is None:
            place.close(keep_files=story is None)
            if story is None:
                print(f"The homes and logs are kept for a look: {place.folder}", file=sys.stderr)
    if args.keep:
        how_to_go_on(place, story)
    return 0


if __name__ == "__main__":
    sys.exit(main())
