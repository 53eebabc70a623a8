# SPDX-License-Identifier: Apache-2.0
"""Kills agents in the middle of what they do and starts them again, as crash.py wants it: `wal`, inside a transaction
(crash_shim.c ends the process in the middle of a write to the log), and `any`, at some moment from outside.

What is killed next follows from what is still owed, and where to aim from what an undisturbed run wrote in the same
step; so how fast the machine is changes how many runs it takes, and not what comes out."""
import collections
import mmap
import signal
import struct
import threading
import time

from kithlib import Ended, end, first_line

KINDS = ("wal", "any")
STEP_KILLS_MAX = 3    # of one step in one run, so that each run is a story in which things go on
WAL_CHANCE = 0.5      # where both kinds may be
POLL_SECONDS = 0.01
MISSES_MAX = 20       # halvings of where to aim: after them it is the first write


class Quota:
    """How many kills of which kind in which step. Two rules make the goal certain whatever happens:

    1. A step that has its share takes one of the few that are over, and none when there is none: so at the end every
       step has its share, and all together are `total`.
    2. In each step an `any` is due only after a `wal`: so never are more than half of the kills outside transactions."""

    def __init__(self, steps, total):
        self.steps, self.total = list(steps), total
        self.share = total // len(self.steps)
        self.done = collections.Counter()
        self.misses = collections.Counter()  # (step, kind) → times in a row that the step ended before the kill

    def of(self, step):
        return sum(self.done[step, kind] for kind in KINDS)

    def over(self):
        """Kills that any step may still have beyond its share."""
        taken = sum(max(0, self.of(step) - self.share) for step in self.steps)
        return self.total - self.share * len(self.steps) - taken

    def allows(self, step):
        return step in self.steps and (self.of(step) < self.share or self.over() > 0)

    def kind(self, step, rng):
        if self.done[step, "any"] >= self.done[step, "wal"]:
            return "wal"
        return "wal" if rng.random() < WAL_CHANCE else "any"

    def count(self, step, kind):
        self.done[step, kind] += 1
        self.misses[step, kind] = 0

    def miss(self, step, kind):
        self.misses[step, kind] += 1

    def missing(self):
        """What is owed still, in words; nothing when the goal is reached."""
        out = [f"{step} has {self.of(step)} of {self.share} kills" for step in self.steps if self.of(step) < self.share]
        all_of = {kind: sum(self.done[step, kind] for step in self.steps) for kind in KINDS}
        if sum(all_of.values()) < self.total:
            out.append(f"{sum(all_of.values())} of {self.total} kills were made")
        if 2 * all_of["wal"] < self.total:
            out.append(f"only {all_of['wal']} were inside a transaction, which is less than half of {self.total}")
        return out


class Aim:
    """The numbers that an agent shares with us (struct shared in crash_shim.c)."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(3 * 8))
        with open(path, "r+b") as f:
            self.shared = mmap.mmap(f.fileno(), 3 * 8)

    def get(self, at):
        return struct.unpack_from("=q", self.shared, at * 8)[0]

    def put(self, at, value):
        struct.pack_into("=q", self.shared, at * 8, value)

    left = property(lambda self: self.get(0), lambda self, n: self.put(0, n))
    written = property(lambda self: self.get(1))
    died = property(lambda self: self.get(2), lambda self, n: self.put(2, n))


class Watcher:
    """Starts the agents of a story with the shim, and measures what each writes in each step, and how long it takes."""

    def __init__(self, place, shim):
        self.place, self.shim = place, shim
        self.aims, self.devices = {}, {}
        self.writes = collections.defaultdict(dict)  # step → device → writes
        self.seconds = {}
        self.step, self.begun, self.before = None, 0.0, {}
        self.over = threading.Event()

    def aim(self, name):
        if name not in self.aims:
            self.aims[name] = Aim(self.place.runtime / f"{name}.aim")
        return self.aims[name]

    def launch(self, device):
        """Ended when the agent does before it is ready."""
        device.start_with(LD_PRELOAD=str(self.shim), KITH_CRASH_FILE=str(self.aim(device.name).path))
        first_line(device.process, "kithd")

    def start(self, device):
        self.devices[device.name] = device
        self.launch(device)
        return device

    def begin(self, step):
        """The story comes to a step, or with None to its end."""
        if self.step is not None:
            self.writes[self.step] = {n: a.written - self.before.get(n, 0) for n, a in self.aims.items()}
            self.seconds[self.step] = time.monotonic() - self.begun
        self.step, self.begun = step, time.monotonic()
        self.before = {n: a.written for n, a in self.aims.items()}

    def check(self):
        pass

    def end(self):
        self.begin(None)

    def stop(self):
        self.over.set()


class Killer(Watcher):
    """Also kills, in a thread of its own, one agent at a time, until the quota is met. `known` is the Watcher of the
    undisturbed run."""

    def __init__(self, place, shim, quota, known, rng):
        super().__init__(place, shim)
        self.quota, self.known, self.rng = quota, known, rng
        self.target, self.kills, self.failure, self.closing = None, collections.Counter(), None, False
        self.lock = threading.RLock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.wait(POLL_SECONDS):
            try:
                with self.lock:
                    self.look()
            except Exception as e:  # shown by the main thread
                self.failure = e
                return

    def check(self):
        """Called by the story while it waits: what went wrong here ends it at once."""
        if self.failure is not None:
            raise self.failure

    # ---- what the story asks for ----

    def start(self, device):
        with self.lock:
            self.devices[device.name] = device
            self.launch(device)
            self.look()
        return device

    def begin(self, step):
        """Nobody is killed between two steps: so each kill has its step."""
        with self.lock:
            target, before, self.closing = self.target, self.kills[self.step], True
            for aim in self.aims.values():
                aim.left = 0
            self.look()
            if target is not None and self.kills[self.step] == before:
                self.quota.miss(self.step, target[0])
            self.closing = False
            super().begin(step)
            self.choose()

    def end(self):
        """Nobody is aimed at any more; whoever was dying at this moment is still started again."""
        self.begin(None)
        self.check()

    def stop(self):
        super().stop()
        self.thread.join(60)

    # ---- killing ----

    def launch(self, device):
        """Until it is ready; an agent that was aimed at may die before, and is started again."""
        while True:
            try:
                return super().launch(device)
            except Ended:
                self.died(device)

    def died(self, device):
        """Counts the death of an agent that was aimed at, and chooses anew; any other death is a failure."""
        aim = self.aim(device.name)
        code = device.process.wait()
        if aim.died == 0 or code != -signal.SIGKILL:
            raise AssertionError(f"{device.name}: its agent ended by itself with {code}; see {device.name}.log")
        aim.died = 0
        self.count("wal")

    def count(self, kind):
        if self.step is not None:
            self.quota.count(self.step, kind)
        self.kills[self.step] += 1
        self.choose()

    def look(self):
        for device in list(self.devices.values()):
            if device.process.poll() is not None:
                self.died(device)
                self.launch(device)
        if not self.closing and self.target is not None and self.target[0] == "any" and time.monotonic() >= self.target[1]:
            self.from_outside()

    def from_outside(self):
        if not self.devices:
            return
        device = self.devices[self.rng.choice(sorted(self.devices))]
        end(device.process, signal.SIGKILL)
        self.count("any")
        self.launch(device)

    def choose(self):
        """Whom to kill next in this step, and when, if anybody."""
        self.target = None
        if self.closing or not self.quota.allows(self.step) or self.kills[self.step] >= STEP_KILLS_MAX:
            return
        kind = self.quota.kind(self.step, self.rng)
        halvings = min(self.quota.misses[self.step, kind], MISSES_MAX)
        if kind == "any":
            self.target = (kind, time.monotonic() + self.rng.random() * self.known.seconds[self.step] / 2 ** halvings)
            return
        writers = sorted((name, n) for name, n in self.known.writes[self.step].items() if n > 0)
        name, writes = self.rng.choice(writers)
        left = writes - (self.aim(name).written - self.before.get(name, 0))
        self.target = (kind, name)
        self.aim(name).left = self.rng.randint(1, max(1, left >> halvings))
