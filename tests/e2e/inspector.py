#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at Kith from outside: at the bytes of its files, not at what its programs say.

- Needles: names, texts, keys, in every form in which they could lie somewhere (raw, hex, base64, UTF-16); `search` finds
  them in files, in the values of SQLite databases, and in a process's memory.
- `plant_canary` brings a known text into a relay's store by its own front door: a search that does not find it is blind.
- `relay_view`: what a relay stored, as its own tables say, and whether its blocks look like chance.
- `window_search`: every 32-byte window of files, tried as the private key of a letterbox.

    inspector.py --self-test BUILD      against a real relay"""

import base64
import collections
import hashlib
import json
import math
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import second_client  # noqa: E402

BLOCK_LEN = second_client.BLOCK_LEN
SURE_LEN = 6  # a pattern this long does not turn up in random bytes: 2^-48 a place


# ---- needles ----

def base64_forms(data):
    """What base64 of anything that contains `data` must contain: one text an alignment, without the letters at the ends
    that the neighbours share in."""
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + data).decode()
        first = (shift * 8 + 5) // 6
        last = (shift + len(data)) * 8 // 6
        text = whole[first:last]
        yield "base64+%d" % shift, text.encode()
        yield "base64url+%d" % shift, text.replace("+", "-").replace("/", "_").encode()


def forms(data, text):
    """(form, pattern): each once."""
    out = {data: "raw"}
    out.setdefault(data.hex().encode(), "hex")
    out.setdefault(data.hex().upper().encode(), "HEX")
    for form, pattern in base64_forms(data):
        out.setdefault(pattern, form)
    if text is not None:
        out.setdefault(text.encode("utf-16-le"), "UTF-16LE")
        out.setdefault(text.encode("utf-16-be"), "UTF-16BE")
        escaped = json.dumps(text)[1:-1].encode()
        out.setdefault(escaped, "JSON")
    return [(form, pattern) for pattern, form in out.items() if pattern]


class Needles:
    def __init__(self):
        self.patterns = []  # (name, form, pattern)
        self.names = []

    def _add(self, name, data, text):
        if not data:
            raise ValueError("an empty needle: " + name)
        self.names.append(name)
        self.patterns += [(name, form, pattern) for form, pattern in forms(data, text)]

    def text(self, name, value):
        self._add(name, value.encode(), value)
        return self

    def data(self, name, value):
        self._add(name, bytes(value), None)
        return self

    def plain(self):
        """Only what could lie in a program's memory: raw, hex, UTF-16."""
        out = Needles()
        out.names = self.names
        out.patterns = [p for p in self.patterns if p[1] in ("raw", "hex", "HEX", "UTF-16LE", "UTF-16BE")]
        return out


Hit = collections.namedtuple("Hit", "name form where at")


def count_all(haystack, pattern, most=1 << 20):
    n, at = 0, haystack.find(pattern)
    while at >= 0 and n < most:
        n, at = n + 1, haystack.find(pattern, at + 1)
    return n


def count_places(haystack, pattern):
    """The same with what stands beside it counts once: a write-ahead log holds a page each time that it was written."""
    at, left, right = haystack.find(pattern), set(), set()
    while at >= 0:
        left.add(haystack[max(0, at - 2):at])
        right.add(haystack[at + len(pattern):at + len(pattern) + 2])
        at = haystack.find(pattern, at + 1)
    return min(len(left), len(right))


def by_chance(pattern, haystack, copies=False):
    """Whether a short pattern is there no more often than random bytes would have it: a name of three letters turns up
    in megabytes of ciphertext. Longer ones never count as chance. With `copies` the haystack may hold a place many times
    over."""
    if len(pattern) >= SURE_LEN:
        return False
    expected = len(haystack) / 256.0 ** len(pattern)
    count = count_places if copies else count_all
    return count(haystack, pattern) <= expected + 6 * math.sqrt(expected) + (2 if expected > 1e-3 else 0)


def search(needles, haystacks, random=()):
    """Hits of all needles in {where: bytes}; one a needle, form and place. `random` names the haystacks that hold
    ciphertext, where a short pattern may turn up by chance."""
    hits = []
    for where, haystack in haystacks.items():
        for name, form, pattern in needles.patterns:
            at = haystack.find(pattern)
            if at >= 0 and not (where in random and by_chance(pattern, haystack, where.endswith("-wal"))):
                hits.append(Hit(name, form, where, at))
    return hits


def names_found(hits):
    return {h.name for h in hits}


# ---- what there is to search ----

def read_files(paths):
    return {str(p): pathlib.Path(p).read_bytes() for p in paths if pathlib.Path(p).is_file()}


def databases(home):
    """The SQLite files of a home: a process that runs holds them locked, so they are read as files."""
    return sorted(p for p in pathlib.Path(home).rglob("*") if re.search(r"\.db(-wal|-journal)?$", p.name))


def moments(paths):
    return [(p.stat().st_size, p.stat().st_mtime_ns) if p.exists() else None for p in paths]


def copy_files(paths, folder):
    """Copies of the files as they were at one moment: again while somebody writes. Gives the copies' paths."""
    paths = [pathlib.Path(p) for p in paths]
    for _ in range(100):
        before = moments(paths)
        copies = [pathlib.Path(shutil.copy(p, folder)) for p in paths if p.exists()]
        if moments(paths) == before:
            return copies
        time.sleep(0.05)
    raise TimeoutError("files that never rest: %s" % paths)


def open_copy(database, folder):
    """A connection to a copy of the database with its WAL, so that nobody is disturbed. Texts come as bytes."""
    copy_files([database, str(database) + "-wal"], folder)
    db = sqlite3.connect(pathlib.Path(folder) / pathlib.Path(database).name)
    db.text_factory = bytes
    return db


def tables_of(db):
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [r[0].decode() for r in rows]


def sqlite_values(database):
    """All values of all tables, joined by a byte that no needle has at its ends by accident: what a value is cut into over
    pages is whole here."""
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        db = open_copy(database, folder)
        for table in tables_of(db):
            for row in db.execute('SELECT * FROM "%s"' % table):
                parts += [v if isinstance(v, bytes) else str(v).encode() for v in row if v is not None]
        db.close()
    return b"\n".join(parts)


def person_haystacks(databases):
    """A person's databases as files and as values."""
    out = read_files(databases)
    for d in databases:
        if re.search(r"\.db$", str(d)):
            out[str(d) + " (values)"] = sqlite_values(d)
    return out


def process_memory(pid, region_max=1 << 28):
    """All memory of a process that it may write, less its empty pages: {region: bytes}. Ours to read when it is our
    child."""
    out = {}
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not m or "[v" in line:
                continue
            start, end = int(m[1], 16), int(m[2], 16)
            if end - start > region_max:
                continue
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, ValueError):
                continue  # it went meanwhile
            pages = [data[i:i + 4096] for i in range(0, len(data), 4096)]
            out["memory %s" % m[0]] = b"".join(p for p in pages if any(p))
    return out


# ---- a relay ----

def relay_files(relay):
    """Everything that a kithlib.Relay stored or logged."""
    return sorted(p for p in relay.data.rglob("*") if p.is_file()) + [relay.process.stderr_path]


RelayView = collections.namedtuple("RelayView", "logs blocks lengths chi_squared columns shared_ids")


def chi_squared(data):
    """Over the 256 values of a byte; about 255 ± 23 for random bytes."""
    counts = collections.Counter(data)
    expected = len(data) / 256
    return sum((counts.get(i, 0) - expected) ** 2 / expected for i in range(256)) if data else 0.0


def relay_view(data_dir):
    """What a relay stored: numbers of logs and blocks, the set of the blocks' lengths, how random they look, all columns of its
    tables, and how many values logs share (addresses and block ids: must be 0)."""
    with tempfile.TemporaryDirectory() as folder:
        db = open_copy(pathlib.Path(data_dir) / "relay.db", folder)
        (logs,), = db.execute("SELECT count(*) FROM log")
        lengths = {r[0] for r in db.execute("SELECT DISTINCT length(bytes) FROM block")}
        ids = [r[0] for r in db.execute("SELECT id FROM log UNION ALL SELECT id FROM block")]
        data = b"".join(r[0] for r in db.execute("SELECT bytes FROM block"))
        (blocks,), = db.execute("SELECT count(*) FROM block")
        columns = {t: [r[1].decode() for r in db.execute('PRAGMA table_info("%s")' % t)] for t in tables_of(db)}
        db.close()
    return RelayView(logs, blocks, lengths, chi_squared(data), columns, len(ids) - len(set(ids)))


def plant_canary(address, text):
    """Appends a block to a log of its own that holds the text in every form that the search knows, among random bytes."""
    target = second_client.Address(address)
    pipe = second_client.Pipe(target)
    session = second_client.Session(pipe, target)
    incarnation = session.ask(bytes([second_client.INFO])).incarnation
    block = os.urandom(100)
    for _, pattern in forms(text.encode(), text):
        block += pattern + os.urandom(50)
    if len(block) > BLOCK_LEN:
        raise ValueError("a canary is shorter")
    block += os.urandom(BLOCK_LEN - len(block))
    answer = session.ask(second_client.append(second_client.Log(), incarnation, os.urandom(16), block))
    pipe.close()
    if answer.result != second_client.OK:
        raise second_client.ProtocolError("the relay did not take the canary: %d" % answer.result)


# ---- windows ----

def window_search(build, public_keys, paths):
    """Tries every 32-byte window of the files as the X25519 private key of each public key. Gives {public key: set of distinct private
    keys}, and the number of windows tried. (Windows that differ only in bits that X25519 ignores are one key.)"""
    keys = [bytes(k) for k in public_keys]
    command = [str(pathlib.Path(build) / "tests/window_search")]
    for k in keys:
        command += ["--key", k.hex()]
    files = [str(p) for p in paths if pathlib.Path(p).is_file()]
    found, windows = {k: set() for k in keys}, 0
    if not files:
        return found, 0
    done = subprocess.run(command + files, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        result = json.loads(line)
        windows += result["windows"]
        for f in result["found"]:
            private = bytearray(bytes.fromhex(f["private"]))
            private[0] &= 248
            private[31] = private[31] & 127 | 64
            found[bytes.fromhex(f["key"])].add(bytes(private))
    return found, windows


def files_and_values(paths, folder):
    """The files, and beside them the values of each SQLite database as one file: a key may be cut over two pages."""
    out = [pathlib.Path(p) for p in paths]
    for p in list(out):
        if p.suffix == ".db":
            values = pathlib.Path(folder) / (hashlib.sha256(str(p).encode()).hexdigest()[:12] + ".values")
            values.write_bytes(sqlite_values(p))
            out.append(values)
    return out


def opens(private, public):
    """Whether the private key opens what was sealed to the public one (HPKE, RFC 9180)."""
    sealed_by = second_client.Hpke.sender(public, b"inspector")
    sealed = sealed_by.seal(0, b"", b"open me")
    dh = second_client.sodium.crypto_scalarmult(private, sealed_by.enc)
    opener = second_client.Hpke(dh, sealed_by.enc, public, b"inspector")
    try:
        return second_client.sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
            sealed, b"", opener.base_nonce, opener.key) == b"open me"
    except second_client.CryptoError:
        return False


Letterbox = collections.namedtuple("Letterbox", "relay write_token read_hash trim_hash block_key hpke_public_key")


def letterbox_of(invite_link):
    """The letterbox in a kith-meet: link (protocol/letterbox.h): relay<V>, then five times 32 bytes."""
    data = second_client.unbase64(re.sub(r"\s", "", invite_link).split(":", 1)[1])
    at = data.index(b"kith-relay://")
    n = (data[at - 2] & 63) << 8 | data[at - 1]  # such an address is longer than 63
    fields = data[at + n:]
    return Letterbox(data[at:at + n].decode(), *(fields[32 * k:32 * k + 32] for k in range(5)))


# ---- the inspector inspected ----

def check(what, good):
    print(("ok   " if good else "WRONG ") + what)
    if not good:
        raise SystemExit(1)


def test_needles():
    words = "Maya said: \u00e4 secret"
    needles = Needles().text("text", words).data("key", bytes(range(200, 232)))
    for shift in range(3):
        for name, value in (("text", words.encode()), ("key", bytes(range(200, 232)))):
            for coded in (base64.b64encode, base64.urlsafe_b64encode):
                hay = {"x": b"noise " + coded(os.urandom(shift) + value + os.urandom(2))}
                check("%s in base64, alignment %d, is found" % (name, shift), names_found(search(needles, hay)) == {name})
    for form, hay in (("hex", words.encode().hex().encode()), ("HEX", words.encode().hex().upper().encode()),
                      ("UTF-16LE", words.encode("utf-16-le")), ("UTF-16BE", words.encode("utf-16-be")),
                      ("JSON", json.dumps(words).encode()), ("raw", words.encode())):
        check("a text in %s is found" % form, form in {h.form for h in search(needles, {"x": b"\0\0" + hay})})
    check("nothing is found in random bytes", search(needles, {"x": os.urandom(1 << 20)}) == [])
    short = Needles().text("name", "Ana")
    noise = os.urandom(1 << 22)
    check("a short name that turns up by chance is not a hit", search(short, {"x": noise}, random={"x"}) == [])
    often = b"".join(noise[i:i + 40000] + b"Ana" for i in range(0, 1 << 22, 40000))
    page = noise[:2000] + b"Ana" + noise[2000:4093]
    wal = {"x-wal": noise + 20 * page, "x": noise + 20 * page}
    check("nor is one on a page that a write-ahead log holds twenty times", search(short, wal, random={"x-wal"}) != []
          and {h.where for h in search(short, wal, random=set(wal))} == {"x"})
    check("one that turns up too often is", names_found(search(short, {"x": often}, random={"x"})) == {"name"})


def test_windows(build, folder):
    from nacl import bindings as sodium
    private = os.urandom(32)
    public, other = sodium.crypto_scalarmult_base(private), sodium.crypto_scalarmult_base(os.urandom(32))
    path = pathlib.Path(folder) / "keys.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
    db.execute("INSERT INTO t VALUES (1, ?)", (os.urandom(4085) + private + os.urandom(3000),))  # over a page's end
    db.commit()
    db.close()
    found, windows = window_search(build, [public, other], files_and_values([path], folder))
    check("a key that is cut over two pages is found, once (%d windows)" % windows,
          len(found[public]) == 1 and not found[other])
    check("and opens what is sealed to it", all(opens(k, public) and not opens(k, other) for k in found[public]))


def test_relay(build):
    import kithlib
    place = kithlib.Place(build)
    relay = kithlib.Relay(place).start()
    try:
        address = second_client.Address(relay.address)
        pipe = second_client.Pipe(address)
        session = second_client.Session(pipe, address)
        incarnation = session.ask(bytes([second_client.INFO])).incarnation
        log, key, secret = second_client.Log(), os.urandom(32), "what nobody but the two may read"
        for i in range(200):
            block = second_client.block_seal(key, [secret.encode(), b"%d" % i])
            session.ask(second_client.append(log, incarnation, os.urandom(16), block))
        session.ask(second_client.read(log, 0))
        needles = Needles().text("secret", secret).data("block key", key)
        needles.data("write token", log.write).data("read token", log.read)
        hay = read_files(relay_files(relay))
        check("T01 nothing of it is in what the relay stored and logged", search(needles, hay) == [])
        values = {"values": sqlite_values(relay.data / "relay.db")}
        check("T01 nor in its tables", search(needles, values) == [])
        memory = process_memory(relay.process.pid)
        check("T01 nor in its memory (%d KiB)" % (sum(map(len, memory.values())) >> 10),
              names_found(search(needles, memory)) == set())
        view = relay_view(relay.data)
        check("T02 %d blocks, all of 16,384 bytes" % view.blocks, view.blocks == 200 and view.lengths == {BLOCK_LEN})
        check("T02 which look like chance (chi-squared %.0f)" % view.chi_squared, 150 < view.chi_squared < 400)
        check("T02 and of which nothing else is kept", view.columns["block"] == ["row", "log", "seq", "id", "hour", "bytes"])
        check("T03 logs share no value", view.shared_ids == 0)
        canary = "canary-%s" % os.urandom(8).hex()
        known = Needles().text("canary", canary)
        plant_canary(relay.address, canary)
        everywhere = dict(read_files(relay_files(relay)), values=sqlite_values(relay.data / "relay.db"))
        hits = search(known, everywhere)
        check("a planted canary is found in every form (%d)" % len({h.form for h in hits}),
              {h.form for h in hits} == {f for _, f, _ in known.patterns})
        pipe.close()
    finally:
        place.close()


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "--self-test":
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        test_needles()
        test_windows(sys.argv[2], folder)
        test_relay(sys.argv[2])


if __name__ == "__main__":
    main()
