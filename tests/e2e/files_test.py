#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file from one device to another with real processes: whole, once, whatever dies in the middle, in bounded memory.

usage: files_test.py BUILD_DIR [--mebibytes N] [NAME...]"""
import hashlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kithlib import Device, KithError, Place, Relay, wait_until  # noqa: E402

BUILD = None
MEBIBYTES = 6
SECONDS = 120
PEAK_MAX_KIB = 64 * 1024
BLOCK = 16384


def pair(parent, person, name, place, relay, kind=None, role="parent"):
    device = (kind or Device)(place, name, relay).start()
    link = parent.kith("pair", "invite", "--person", person, "--role", role)["link"]
    device.kith("pair", "accept", link, "--device", name)
    code = wait_until("the code", SECONDS, lambda: device.pairing().get("code"))
    wait_until("the code awaited", SECONDS, lambda: parent.pairing()["state"] == "code")
    parent.kith("pair", "confirm", code)
    wait_until("accepted", SECONDS, lambda: device.pairing()["state"] == "accepted")
    device.kith("pair", "yes")
    wait_until("in the family", SECONDS, lambda: device.pairing()["state"] == "done")
    return device


def peak_kib(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("no VmHWM")


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while piece := f.read(1 << 20):
            h.update(piece)
    return h.hexdigest()


class SmallDisk(Device):
    """Its home is a file system of its own, of so many MiB, that only its agent sees."""
    MIB = 96

    def start_with(self, **environment):
        self.home.mkdir(exist_ok=True)
        mount = f'mount -t tmpfs -o mode=0700,size={self.MIB}m kith "$1" && shift && exec "$@"'
        agent = (self.place.program("kithd"), "--home", self.home, "--relay", self.relay.address)
        self.process = self.place.start(self.name, "unshare", "-m", "sh", "-c", mount, "sh", self.home, *agent, **environment)

    @property
    def filler(self):
        return pathlib.Path(f"/proc/{self.process.pid}/root{self.home}/filler")

    def fill(self, leave):
        """Until so many bytes are free; 0: until nothing can be written."""
        with open(self.filler, "ab") as f:
            while True:
                free = os.statvfs(self.filler)
                free = free.f_bavail * free.f_frsize - leave
                if free <= 0:
                    return
                try:
                    f.write(bytes(min(free, 1 << 20)))
                    f.flush()
                except OSError:
                    return


def can_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


class Files(unittest.TestCase):
    def setUp(self):
        self.place = Place(BUILD)
        self.addCleanup(self.place.close)
        self.relay = Relay(self.place).start()
        self.ana = Device(self.place, "ana", self.relay).start()
        self.ana.kith("init", "--family", "Berg", "--as", "Ana", "--device", "phone")
        self.ben = pair(self.ana, "Ben", "ben", self.place, self.relay)
        wait_until("Ana writes to Ben", SECONDS, lambda: self.say("hello") and self.ben.has_text("hello"))

    def say(self, text):
        if not self.ana.has_text(text):
            self.ana.kith("send", "Berg", text)
        return True

    def make(self, name, size, seed=b"kith"):
        path = self.place.folder / name
        with open(path, "wb") as f:
            block = hashlib.shake_256(seed).digest(1 << 20)
            for i in range(-(-size // len(block))):
                f.write((i.to_bytes(8, "big") + block[8:])[:size - i * len(block)])
        self.assertEqual(path.stat().st_size, size)
        return path

    def row(self, device, id):
        return device.kith("files", id)["files"][0]

    def relay_blocks(self):
        """How many blocks it holds; it is ended for that, and comes back."""
        self.relay.stop()
        db = sqlite3.connect(f"{self.relay.data}/relay.db")
        count = db.execute("SELECT count(*) FROM block").fetchone()[0]
        db.close()
        self.relay.start()
        return count

    def test_a_file_arrives_whole_and_once_whatever_dies_in_the_middle(self):
        size = MEBIBYTES << 20
        source = self.make("film.bin", size)
        before = self.relay_blocks()
        sent = self.ana.kith("send", "Berg", "--file", str(source), seconds=3600)
        source.unlink()  # what was read is the message's: the file may go
        id = sent["id"]
        self.assertEqual(sent["size"], size)
        wait_until("the message", SECONDS, lambda: any(m["id"] == id for m in self.ben.texts()))
        self.assertEqual(self.row(self.ben, id)["state"], "offered")
        for turn in range(3):  # the sender dies while it puts up
            wait_until("some of it is put up", SECONDS, lambda: self.row(self.ana, id)["state"] == "sent" or
                       self.row(self.ana, id)["bytes"] > (turn + 1) * size // 8, every=0.02)
            self.ana.kill()
            self.ana.start()
        getting = self.place.start("get", *self.ben.command("get", id, "--to", str(self.place.folder / "got.bin")))
        for turn in range(3):  # the receiver dies while it fetches
            wait_until("some of it is here", SECONDS, lambda: self.row(self.ben, id)["state"] == "here" or
                       self.row(self.ben, id)["bytes"] > (turn + 1) * size // 8, every=0.02)
            self.ben.kill()
            self.ben.start()
        getting.wait(SECONDS + 2 * MEBIBYTES)
        target = self.place.folder / "got.bin"
        if not target.exists():
            self.ben.kith("get", id, "--to", str(target), seconds=3600)
        source = self.make("film.bin", size)
        self.assertEqual(digest(target), digest(source))
        self.assertEqual(self.row(self.ana, id)["state"], "sent")
        self.relay.stop()
        if MEBIBYTES < 64:  # the relay has seen none of it
            stored = b"".join(f.read_bytes() for f in self.relay.data.iterdir() if f.is_file())
            for secret in (b"film.bin", source.read_bytes()[5000:5064]):
                self.assertNotIn(secret, stored)
        self.relay.start()
        # once: parts of 16 blocks, the list of their hashes, and what the conversation itself says
        parts = -(-size // 260096)
        blocks = self.relay_blocks() - before
        self.assertGreaterEqual(blocks, size // BLOCK)
        self.assertLessEqual(blocks, parts * 16 + 9 + 60)
        for device in (self.ana, self.ben):
            self.assertLess(peak_kib(device.process), PEAK_MAX_KIB)
        print(f"{MEBIBYTES} MiB: {blocks} blocks at the relay, peaks {peak_kib(self.ana.process)} and "
              f"{peak_kib(self.ben.process)} KiB")

    def test_what_is_there_is_not_overwritten_and_what_is_deleted_goes(self):
        source = self.make("notes.txt", 3000)
        id = self.ana.kith("send", "Berg", "--file", str(source))["id"]
        wait_until("the message", SECONDS, lambda: any(m["id"] == id for m in self.ben.texts()))
        folder = self.place.folder / "in"
        folder.mkdir()
        self.ben.kith("get", id[:8], "--to", str(folder), seconds=SECONDS)
        self.assertEqual((folder / "notes.txt").read_bytes(), source.read_bytes())
        with self.assertRaises(KithError) as refused:
            self.ben.kith("get", id, "--to", str(folder))
        self.assertEqual(refused.exception.status, "FILE_THERE")
        os.symlink(self.place.folder / "elsewhere", folder / "link")
        with self.assertRaises(KithError) as refused:
            self.ben.kith("get", id, "--to", str(folder / "link"))
        self.assertEqual(refused.exception.status, "FILE_THERE")
        self.assertEqual(sorted(os.listdir(folder)), ["link", "notes.txt"])
        status, shown, _ = self.ben.shows("history")
        self.assertIn(f"{id[:8]}  [Berg] Ana: [file] notes.txt", shown)
        self.ana.kith("delete", id)
        wait_until("gone from Ben's device", SECONDS, lambda: not self.ben.kith("files")["files"])
        wait_until("gone from Ana's device", SECONDS, lambda: not self.ana.kith("files")["files"])

    @staticmethod
    def has_after_all(device, text):
        try:
            return device.has_text(text)
        except KithError as e:
            if e.status != "STORE_FULL":
                raise
            return False  # it looks again in a moment

    @unittest.skipUnless(can_mount(), "a file system of one's own takes root")
    def test_a_real_disk_that_is_full_holds_up_files_and_then_waits_for_room(self):
        tom = pair(self.ana, "Tom", "tom", self.place, self.relay, SmallDisk, "child")
        wait_until("Tom hears", SECONDS, lambda: self.ana.kith("send", "Berg", "hi Tom") and tom.has_text("hi Tom"), every=1)
        size = 12 << 20
        source = self.make("film.bin", size)
        id = self.ana.kith("send", "Berg", "--file", str(source))["id"]
        wait_until("the message", SECONDS, lambda: any(m["id"] == id for m in tom.texts()))
        tom.fill(leave=(64 << 20) + (6 << 20))  # less than the file, more than what files leave free
        with self.assertRaises(KithError) as refused:
            tom.kith("get", id)
        self.assertEqual(refused.exception.status, "FILE_NO_ROOM")
        # Nothing at all can be written: the agent lives, and what was sent meanwhile comes when there is room.
        tom.fill(leave=0)
        self.ana.kith("send", "Berg", "into a full disk")
        time.sleep(3)
        self.assertIsNone(tom.process.poll())
        with self.assertRaises(KithError) as refused:
            tom.kith("send", "Berg", "no room for this")
        self.assertEqual(refused.exception.status, "STORE_FULL")
        # What is there can be looked at.
        self.assertTrue(tom.kith("status")["disk_full"])
        self.assertIn("The disk is full", tom.shows("status")[1])
        self.assertIn("hi Tom", tom.shows("history")[1])
        self.assertEqual(tom.kith("files")["files"][0]["name"], "film.bin")
        tom.filler.unlink()
        wait_until("what came meanwhile", SECONDS, lambda: self.has_after_all(tom, "into a full disk"))
        target = self.place.folder / "got.bin"
        tom.kith("get", id, "--to", str(target), seconds=SECONDS)
        self.assertEqual(digest(target), digest(source))
        wait_until("who has it is told", SECONDS, lambda: any(
            m["text"] == "into a full disk" and "Tom" in m["delivered"] for m in self.ana.texts()))
        self.assertIn("(delivered: ", self.ana.shows("history")[1])
        self.assertFalse(tom.kith("status")["disk_full"])

    def test_what_is_no_file_is_refused_by_name(self):
        os.mkfifo(self.place.folder / "pipe")
        big = self.place.folder / "big"
        with open(big, "wb") as f:
            f.truncate((1 << 30) + 1)
        for path, why in ((self.place.folder, "FILE_SOURCE"), (self.place.folder / "none", "FILE_SOURCE"),
                          (self.place.folder / "pipe", "FILE_SOURCE"), ("/dev/zero", "FILE_SOURCE"),
                          (big, "FILE_TOO_BIG")):
            with self.assertRaises(KithError) as refused:
                self.ana.kith("send", "Berg", "--file", str(path))
            self.assertEqual(refused.exception.status, why)
        self.assertEqual(self.ana.kith("files")["files"], [])


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    if "--mebibytes" in sys.argv:
        at = sys.argv.index("--mebibytes")
        MEBIBYTES = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    signal.alarm(3600)
    unittest.main()
