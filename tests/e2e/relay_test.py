#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real relay under many clients, under kill -9, with an emptied disk, and under a flood.

    relay_test.py BUILD [NAME...]"""
import os
import pathlib
import random
import resource
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import inspector  # noqa: E402
import kithlib  # noqa: E402
from second_client import (INFO, OK, Address, Log, Pipe, ProtocolError, Session, UnknownSession,  # noqa: E402
                           append, read, wait)

BLOCK = os.urandom(inspector.BLOCK_LEN)
FLOOD_SECONDS, PATIENCE, APPENDS_MIN = 12, 60, 20
GONE = (OSError, ProtocolError, UnknownSession)


def check(what, good=True):
    print(("ok   " if good else "WRONG ") + what, flush=True)
    if not good:
        raise SystemExit(1)


def connect(address):
    pipe = Pipe(address)
    session = Session(pipe, address)
    return session, session.ask(bytes([INFO])).incarnation


def resident_mib(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) >> 10
    return 0


class Writer(threading.Thread):
    """A client that appends until told to stop, connects again when the relay is gone, and sends again what had no answer: it
    remembers what was acknowledged."""

    def __init__(self, address, number):
        super().__init__(daemon=True)
        self.address, self.random = address, random.Random(number)
        self.log, self.acknowledged, self.stop, self.error = Log(), {}, False, None

    def block(self, block_id):
        return block_id * (inspector.BLOCK_LEN // len(block_id))

    def run(self):
        block_id = None
        while not self.stop:
            try:
                session, incarnation = connect(self.address)
                while not self.stop:
                    block_id = block_id or os.urandom(16)
                    answer = session.ask(append(self.log, incarnation, block_id, self.block(block_id)))
                    if answer.result == OK:
                        self.acknowledged[answer.seq] = block_id
                        block_id = None
                    time.sleep(self.random.random() * 0.01)
                session.pipe.close()
            except GONE:
                time.sleep(0.05)
            except Exception as e:  # noqa: BLE001
                self.error = e
                return

    def wrong(self, session):
        """What is there is not what was acknowledged: None, or why."""
        got, after = {}, 0
        while True:
            items = session.ask(read(self.log, after)).items
            got.update((s, b) for s, b in items)
            if not items:
                break
            after = items[-1][0]
        for seq, block_id in self.acknowledged.items():
            if got.get(seq) != self.block(block_id):
                return "seq %d is not what was acknowledged" % seq
        if sorted(got) != list(range(1, len(got) + 1)):
            return "seqs with gaps"
        if len(set(got.values())) != len(got):
            return "a block twice"
        return None


def test_clients(place):
    """Forty at once, each with a wait that another one ends."""
    relay = kithlib.Relay(place, "clients").start()
    address = Address(relay.address)
    sessions = [connect(address) for _ in range(40)]
    logs = [Log() for _ in sessions]
    waits = [s.send(wait(60000, [(logs[i], 0), (logs[(i + 1) % 40], 0)])) for i, (s, _) in enumerate(sessions)]
    for i, (s, incarnation) in enumerate(sessions):
        if i % 2 == 0:
            s.ask(append(logs[i], incarnation, os.urandom(16), BLOCK))
    answers = [s.receive(w).items for (s, _), w in zip(sessions, waits)]
    check("40 clients: every wait ends when one of its logs grows",
          all(a == [(i % 2, 1)] for i, a in enumerate(answers)))
    for s, _ in sessions:
        s.pipe.close()
    relay.stop()


def test_kill(place):
    """T50: what was acknowledged is there after kill -9."""
    relay = kithlib.Relay(place, "kill").start()
    address = Address(relay.address)
    writers = [Writer(address, i) for i in range(8)]
    for w in writers:
        w.start()
    dice = random.Random(5)
    for _ in range(6):
        before = sum(len(w.acknowledged) for w in writers)
        kithlib.wait_until("appends go on", 60, lambda: sum(len(w.acknowledged) for w in writers) > before + 10)
        time.sleep(dice.random() * 0.7)
        relay.stop(signal.SIGKILL)
        relay.start()
    time.sleep(0.5)
    for w in writers:
        w.stop = True
    for w in writers:
        w.join(120)
    session, _ = connect(address)
    check("T50 no client met an error of the protocol: %r" % next((w.error for w in writers if w.error), None),
          not any(w.error for w in writers))
    wrong = [x for x in (w.wrong(session) for w in writers) if x]
    total = sum(len(w.acknowledged) for w in writers)
    check("T50 after six kills all %d acknowledged blocks are there, once, in order %s" % (total, wrong[:1] or ""),
          not wrong and total > 50)
    relay.stop()


def test_wiped(place):
    """T06: an emptied disk is another incarnation, and nothing recorded gets into it."""
    relay = kithlib.Relay(place, "wiped").start()
    address = Address(relay.address)
    session, before = connect(address)
    log = Log()
    session.ask(append(log, before, b"a" * 16, BLOCK))
    relay.stop(signal.SIGKILL)
    for path in relay.data.glob("relay.db*"):
        path.unlink()
    relay.start()
    session, after = connect(address)
    check("T06 a wiped store has another incarnation, under the same address", before != after)
    refused = session.ask(append(log, before, b"a" * 16, BLOCK))
    check("T07 what was meant for the old one is refused", refused.result == 2 and refused.incarnation == after)
    check("and seqs begin anew", session.ask(append(log, after, b"b" * 16, BLOCK)).seq == 1)
    relay.stop()


def flood_rubbish(address, stop):
    """Connections that say nonsense, announce gigabytes, or nothing at all."""
    idle = []
    while not stop.is_set():
        try:
            s = socket.create_connection((address.host, address.port), 5)
            kind = random.randrange(4)
            if kind == 0:
                s.sendall(os.urandom(200))
            elif kind == 1:
                s.sendall(b"\0SP\0\0\x30\0\0" + struct.pack(">Q", 1 << 40) + bytes(1000))
            elif kind == 2:
                body = struct.pack(">I", 0x80000001) + os.urandom(500)
                s.sendall(b"\0SP\0\0\x30\0\0" + (struct.pack(">Q", len(body)) + body) * 50)
            idle.append(s)
            if len(idle) > 40:
                idle.pop(0).close()
        except OSError:
            pass
        time.sleep(0.005)


def flood_logs(address, stop):
    """Begins logs as fast as it can."""
    while not stop.is_set():
        try:
            session, incarnation = connect(address)
            for _ in range(500):
                if stop.is_set():
                    break
                session.ask(append(Log(), incarnation, os.urandom(16), BLOCK))
            session.pipe.close()
        except GONE:
            time.sleep(0.05)


def flood_reads(address, stop, log):
    """Asks for half a mebibyte again and again and never reads an answer."""
    pipes = []
    while not stop.is_set():
        try:
            session, _ = connect(address)
            for _ in range(45):
                session.send(read(log, 0))
            pipes.append(session.pipe)
        except GONE:
            time.sleep(0.05)
        if len(pipes) > 30:
            time.sleep(0.1)


def flood_waits(address, stop):
    """Waits for 512 logs at a time, in many sessions."""
    pipes = []
    while not stop.is_set():
        try:
            session, _ = connect(address)
            for _ in range(20):
                session.send(wait(300000, [(Log(), 0) for _ in range(512)]))
            pipes.append(session.pipe)
        except GONE:
            time.sleep(0.05)
        if len(pipes) > 20:
            time.sleep(0.1)


class SmallRelay(kithlib.Relay):
    """With limits that a test can reach."""
    OPTIONS = ["--memory-mib", "300", "--store-mib", "200", "--source-logs-day", "3000", "--log-blocks", "100"]

    def start(self):
        self.process = self.place.start(self.name, self.place.program("kith-relay"), "--listen", self.listen, "--data",
                                        str(self.data), *self.OPTIONS)
        self.address = kithlib.first_line(self.process, "kith-relay")
        return self


def test_flood(place):
    """T15: a family goes on working through all of this at once, and memory and disk stay bounded. (All come from one address here:
    a family at home would have another one than its attackers.)"""
    relay = SmallRelay(place, "flood").start()
    address = Address(relay.address)
    session, incarnation = connect(address)
    family, big = Log(), Log()
    for _ in range(32):
        session.ask(append(big, incarnation, os.urandom(16), BLOCK))
    session.ask(append(family, incarnation, os.urandom(16), BLOCK))
    stop = threading.Event()
    floods = [threading.Thread(target=f, args=a, daemon=True) for f, a in (
        (flood_rubbish, (address, stop)), (flood_logs, (address, stop)), (flood_reads, (address, stop, big)),
        (flood_waits, (address, stop)))]
    for f in floods:
        f.start()
    sent, slowest, most, began = 1, 0.0, 0, time.monotonic()
    while time.monotonic() < began + FLOOD_SECONDS or (sent <= APPENDS_MIN and time.monotonic() < began + PATIENCE):
        begin = time.monotonic()
        answer = session.ask(append(family, incarnation, os.urandom(16), BLOCK))
        slowest = max(slowest, time.monotonic() - begin)
        sent += answer.result == OK
        most = max(most, resident_mib(relay.process.pid))
        time.sleep(0.15)
    stop.set()
    check("T15 the family's appends went on: %d, the slowest in %.2f s" % (sent, slowest), sent > APPENDS_MIN)
    check("T15 memory stayed bounded: %d MiB at most (limit 300, and what is on its way)" % most, 0 < most < 420)
    size = sum(p.stat().st_size for p in relay.data.glob("relay.db*")) >> 20
    view = inspector.relay_view(relay.data)
    check("T15 so did the disk: %d MiB, %d logs" % (size, view.logs), size < 260 and view.logs <= 1600)
    stored = session.ask(append(family, incarnation, os.urandom(16), BLOCK))
    check("T15 the session of before still lives", stored.result in (OK, 5, 7))
    check("and the relay ends well", relay.stop() is None and relay.process.returncode == 0)


def test_wrong_starts(place):
    """One line that says what is wrong and what to do, exit status not 0, nothing half done."""
    relay = kithlib.Relay(place, "first").start()
    port = relay.listen.rsplit(":", 1)[1]
    file = place.folder / "file"
    file.write_text("x")
    loose = place.folder / "loose"
    loose.mkdir()
    (loose / "relay.key").write_text("00" * 32 + "\n")
    (loose / "relay.key").chmod(0o644)
    for what, words, says in (
            ("no options", [], "--listen and --data"),
            ("a home in use", ["--listen", "tcp://127.0.0.1:0", "--data", str(relay.data)], "another relay"),
            ("a port in use", ["--listen", "tcp://127.0.0.1:" + port, "--data", str(place.folder / "b")], "Is the port free"),
            ("a file as folder", ["--listen", "tcp://127.0.0.1:0", "--data", str(file)], "Choose a --data"),
            ("a key that others may read", ["--listen", "tcp://127.0.0.1:0", "--data", str(loose)], "chmod 600"),
            ("another scheme", ["--listen", "http://127.0.0.1:0", "--data", str(place.folder / "c")], "--listen")):
        process = place.start("wrong", place.program("kith-relay"), *words)
        status = process.wait(kithlib.START_SECONDS)
        text = process.stderr_path.read_text().splitlines()
        check("%s: %s" % (what, text[-1]), status != 0 and says in text[-1] and process.stdout.read() == "")
    key = relay.data / "relay.key"
    check("its key is for its own eyes", key.stat().st_mode & 0o777 == 0o600)
    before = relay.address
    relay.stop()
    relay.start()
    check("it has the same address after a restart", relay.address == before)
    relay.stop()


def test_delegate(place):
    """T07: the long-term key stays elsewhere; what signs for it does so for its days only."""
    relay = kithlib.Relay(place, "safe").start()
    address = relay.address
    relay.stop()
    file = place.folder / "delegate"
    made = place.start("make", place.program("kith-relay"), "--data", str(relay.data), "--make-delegate", str(file))
    check("a delegate is made, for its owner's eyes", made.wait(kithlib.START_SECONDS) == 0 and file.stat().st_mode & 0o777 == 0o600)
    again = place.start("make", place.program("kith-relay"), "--data", str(relay.data), "--make-delegate", str(file))
    check("and not written over", again.wait(kithlib.START_SECONDS) == 1)
    data = place.folder / "server"
    server = place.start("server", place.program("kith-relay"), "--data", str(data), "--listen", relay.listen,
                         "--delegate", str(file))
    check("the server has the address of the long-term key", kithlib.first_line(server, "kith-relay") == address)
    check("which is not on its disk", not (data / "relay.key").exists())
    session, incarnation = connect(Address(address))
    check("T07 a client takes the delegate's signature",
          session.ask(append(Log(), incarnation, b"d" * 16, BLOCK)).seq == 1)
    kithlib.end(server)
    text = file.read_text()
    file.write_text(("1" if text[0] == "0" else "0") + text[1:])
    forged = place.start("forged", place.program("kith-relay"), "--data", str(data), "--listen", relay.listen,
                         "--delegate", str(file))
    check("T07 a delegate of another relay is refused: " + (forged.wait(kithlib.START_SECONDS) and forged.stderr_path.read_text().strip()),
          forged.returncode == 1)


TESTS = {"delegate": test_delegate, "clients": test_clients, "kill": test_kill, "wiped": test_wiped, "flood": test_flood, "wrong": test_wrong_starts}


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    place = kithlib.Place(sys.argv[1])
    try:
        for name in sys.argv[2:] or TESTS:
            TESTS[name](place)
    finally:
        place.close()


if __name__ == "__main__":
    main()
