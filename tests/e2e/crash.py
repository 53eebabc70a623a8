#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""T50: agents are killed with SIGKILL in the middle of the story and started again; the story must end as it does
without. How many kills of which kind fall into which step is settled beforehand (killer.py): the story is played again
until all have been made.

usage: crash.py --build DIR [--kills N] [--seed N] [--seconds N]
       crash.py --self-test

Prints a histogram of kills over the story's steps, and compares what every device shows at the end with a run that
nobody disturbed: without ids, keys and times. --self-test plays with machines of any speed in mind only."""
import argparse
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from killer import KINDS, STEP_KILLS_MAX, Killer, Quota, Watcher  # noqa: E402
from kithlib import Place, Relay  # noqa: E402
from story import Story  # noqa: E402

RUNS_SPARE = 20          # beyond what would do if each aim hit
SECONDS_A_KILL = 20      # and a minute for the undisturbed run: after that no further run begins


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


def play(build, shim, watcher_of):
    """One run of the story: what all devices show at its end, and its watcher."""
    place, watcher, ended = Place(build), None, False
    try:
        near = shutil.copy(shim, place.runtime)  # LD_PRELOAD takes no path with a space
        watcher = watcher_of(place, near)
        kills = isinstance(watcher, Killer)
        story = Story(place, Relay(place).start(), patient=kills, start=watcher.start, check=watcher.check)
        for name in Story.STEPS:
            watcher.begin(name)
            story.play(name)
        watcher.end()
        settle(story)
        ended = True
        return view(story), watcher
    finally:
        if watcher is not None:
            watcher.stop()
        place.close(keep_files=not ended)
        print(f"in step {watcher and watcher.step}; homes and logs are kept: {place.folder}") if not ended else None


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


def report(quota):
    rows = [(step, [quota.done[step, kind] for kind in KINDS]) for step in quota.steps]
    rows.append(("all", [sum(column) for column in zip(*(counts for _, counts in rows))]))
    print(f"{'step':12}" + "".join(f"{kind:>6}" for kind in KINDS))
    for step, counts in rows:
        print(f"{step:12}" + "".join(f"{n:6}" for n in counts), flush=True)


def crash(build, kills, seed, seconds):
    rng, shim, quota = random.Random(seed), (build / "tests" / "crash_shim.so").resolve(), Quota(Story.STEPS, kills)
    print(f"seed {seed}", flush=True)
    end = time.monotonic() + seconds
    want, known = play(build, shim, Watcher)
    runs, runs_max = 0, RUNS_SPARE + kills // len(Story.STEPS)
    wrong = []
    while quota.missing() and not wrong and runs < runs_max and time.monotonic() < end:
        got, _ = play(build, shim, lambda place, near: Killer(place, near, quota, known, rng))
        wrong = list(differences(want, got))
        runs += 1
    report(quota)
    for text in wrong:
        print(text)
    if quota.missing() and not wrong:
        wrong = quota.missing()
        print(f"after {runs} runs (of at most {runs_max}) and {time.monotonic() - end + seconds:.0f} s (of {seconds} s): "
              + "; ".join(wrong))
    print("FAILED" if wrong else f"every device ended as in the undisturbed run, in each of {runs} runs")
    return 1 if wrong else 0


# ---- does the quota hold on any machine? ----

def imagined(rng, kills, hits):
    """The quota after runs in which an aim at (step, kind) hits with chance hits[step, kind]."""
    quota = Quota(Story.STEPS, kills)
    for _ in range(20000):
        for step in Story.STEPS:
            for _ in range(STEP_KILLS_MAX):
                if not quota.allows(step):
                    break
                kind = quota.kind(step, rng)
                if rng.random() >= hits[step, kind]:
                    break
                quota.count(step, kind)
        if not quota.missing():
            break
    return quota


def self_test():
    rng = random.Random(1)
    for turn in range(100):
        kills = rng.choice((1, 10, 11, 30, 33, 300))
        hits = {(step, kind): rng.choice((0.05, 0.5, 1)) if kind == "wal" else rng.choice((0, 0.1, 1))
                for step in Story.STEPS for kind in KINDS}
        quota = imagined(rng, kills, hits)
        total = {kind: sum(quota.done[step, kind] for step in Story.STEPS) for kind in KINDS}
        assert not quota.missing(), (turn, quota.missing(), hits)
        assert sum(total.values()) == kills and 2 * total["wal"] >= kills, (turn, total)
        assert all(quota.of(step) >= kills // len(Story.STEPS) for step in Story.STEPS)
    never = imagined(rng, 30, {(step, kind): kind == "any" or step != "meet" for step in Story.STEPS for kind in KINDS})
    assert never.missing() == ["meet has 0 of 2 kills", "28 of 30 kills were made"], never.missing()
    print("the quota holds on 100 machines, and says what one without it owes")
    return 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.build is None:
        parser.error("--build DIR")
    return crash(args.build, args.kills, args.seed, args.seconds or 60 + SECONDS_A_KILL * args.kills)


if __name__ == "__main__":
    sys.exit(main())
