#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""T50: agents are killed with SIGKILL at random points of the story and started again; the story must end as it does
without. Two kinds of kill: `wal`, inside a transaction (tests/e2e/crash_shim.c ends the process in the middle of a
write to the log), and `any`, at a random moment.

usage: crash.py --build DIR [--kills N] [--seed N]

Prints a histogram of kills over the story's steps, and compares what every device shows at the end with a run that
nobody disturbed: without ids, keys and times."""
import argparse
import collections
import pathlib
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import Place, Relay  # noqa: E402
from story import Story  # noqa: E402

WAL_SHARE = 0.7        # of the kills; at least half must be inside a transaction
WAL_WRITES_MAX = 40    # a kill comes at one of the next so many writes
PAUSE_SECONDS = (0.0, 0.2)
STEP_KILLS_MAX = 3     # of one step in one run, so that they fall all over the story
RUNS_MAX = 60


class Killer(threading.Thread):
    """Kills one agent after the other until it is told to stop, and starts each again."""

    def __init__(self, story, shim, rng, kills):
        super().__init__(daemon=True)
        self.story, self.shim, self.rng, self.left = story, shim, rng, kills
        self.step, self.done, self.failure = "", threading.Event(), None
        self.histogram = collections.Counter()

    def run(self):
        try:
            while not self.done.is_set() and self.left > 0:
                self.one()
        except Exception as e:  # shown by the main thread
            self.failure = e

    def one(self):
        time.sleep(self.rng.uniform(*PAUSE_SECONDS))
        if sum(n for (step, _), n in self.histogram.items() if step == self.step) >= STEP_KILLS_MAX:
            return
        devices = list(self.story.devices.values())
        if not devices or any(d.process is None for d in devices):
            return
        device = self.rng.choice(devices)
        if self.rng.random() < WAL_SHARE:
            self.in_transaction(device)
        else:
            device.kill()
            self.count("any")
            device.start()

    def in_transaction(self, device):
        """Starts the agent so that it dies at a write; when nothing is written, nothing happens."""
        device.stop()
        device.start_with(LD_PRELOAD=str(self.shim), KITH_CRASH_WRITE=str(self.rng.randint(1, WAL_WRITES_MAX)))
        end = time.monotonic() + self.rng.uniform(0.5, 3)
        while device.process.poll() is None and time.monotonic() < end and not self.done.is_set():
            time.sleep(0.01)
        if device.process.poll() is not None:
            self.count("wal")
        else:
            device.stop()
        device.start()

    def count(self, kind):
        self.left -= 1
        self.histogram[(self.step, kind)] += 1

    def stop(self):
        self.done.set()
        self.join(60)
        if self.failure is not None:
            raise self.failure


def view(story):
    """What every device shows, without what differs from run to run."""
    out = {}
    for name, d in sorted(story.devices.items()):
        status = d.kith("status")
        out[name] = {
            "who": [status[k] for k in ("family", "person", "device", "role", "supervised", "alarms")],
            "groups": sorted((g["kind"], g["about"], g["devices"], g["state"]) for g in status["groups"]),
            "devices": sorted((r["person"], r["name"], r["role"], r["state"]) for r in d.kith("devices")["devices"]),
            "contacts": sorted((r["person"], r["name"], r["state"], r["supervised"]) for r in
                               d.kith("contacts")["contacts"]),
            "requests": sorted((r["kind"], r["other"], r["state"]) for r in d.requests(mine_to_decide=False)),
            "texts": sorted((m["with"], m["from"], m["text"], m["waiting"]) for m in d.texts()),
        }
    return out


def play(build, shim=None, kills=0, rng=None):
    place, killer, ended = Place(build), None, False
    try:
        story = Story(place, Relay(place).start(), patient=kills > 0)
        if kills > 0:
            near = shutil.copy(shim, place.runtime)  # LD_PRELOAD takes no path with a space
            killer = Killer(story, near, rng, kills)
            killer.start()
        for name in Story.STEPS:
            if killer:
                killer.step = name
            story.play(name)
        if killer:
            killer.stop()
        settle(story)
        ended = True
        return view(story), killer.histogram if killer else collections.Counter()
    finally:
        if killer:
            killer.done.set()
            killer.join(60)
            print(f"killer: {killer.failure or 'well'}; {dict(killer.histogram)}") if not ended else None
        place.close(keep_files=not ended)
        print(f"homes and logs are kept: {place.folder}") if not ended else None


def settle(story):
    """Until nothing waits to be sent anywhere."""
    for name in story.devices:
        story.wait(f"{name} has sent all", lambda n=name: story.device(n).kith("status")["waiting_to_send"] == 0)
    time.sleep(1)


def differences(want, got):
    for name in want:
        for key in want[name]:
            if want[name][key] != got.get(name, {}).get(key):
                yield f"{name} {key}:\n  undisturbed {want[name][key]}\n  killed      {got.get(name, {}).get(key)}"


def report(histogram):
    kinds = ("wal", "any")
    print(f"{'step':12}" + "".join(f"{k:>6}" for k in kinds))
    for step in Story.STEPS:
        print(f"{step:12}" + "".join(f"{histogram[(step, k)]:6}" for k in kinds))
    totals = [sum(n for (_, kind), n in histogram.items() if kind == k) for k in kinds]
    print(f"{'all':12}" + "".join(f"{n:6}" for n in totals))
    return totals


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    args = parser.parse_args()
    rng, shim = random.Random(args.seed), args.build / "tests" / "crash_shim.so"
    print(f"seed {args.seed}", flush=True)
    want, _ = play(args.build)
    histogram, failed = collections.Counter(), False
    for _ in range(RUNS_MAX):
        left = args.kills - sum(histogram.values())
        if left <= 0 or failed:
            break
        got, kills = play(args.build, shim.resolve(), left, rng)
        histogram += kills
        for text in differences(want, got):
            print(text)
            failed = True
    in_transactions, elsewhere = report(histogram)
    if in_transactions + elsewhere < args.kills or 2 * in_transactions < args.kills:
        print("too few kills, or too few inside a transaction")
        failed = True
    print("FAILED" if failed else "every device ended as in the undisturbed run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
