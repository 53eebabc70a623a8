#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second client of the relay, written from docs/protocol.md alone, on python3-nacl and plain sockets.

    second_client.py PATH/TO/kith-relay      starts one and talks to it: opens a session, appends, reads, waits, trims
    second_client.py kith-relay://...        does so with one that runs

Prints a line for each thing that it saw, and exits 0 when all went as the document says.
"""

import base64
import hashlib
import hmac
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

BLOCK_LEN = 16384
APPEND, READ, WAIT, TRIM, INFO = 1, 2, 3, 4, 5
OK, BAD_REQUEST, INCARNATION = 0, 1, 2


class ProtocolError(Exception):
    pass


# ---- §1 encoding ----

def vec(data):
    n = len(data)
    if n < 1 << 6:
        return bytes([n]) + data
    if n < 1 << 14:
        return struct.pack(">H", 0x4000 | n) + data
    return struct.pack(">I", 0x80000000 | n) + data


def take_vec(data):
    """The vector at the start of data, and what follows it."""
    form = data[0] >> 6
    if form == 3:
        raise ProtocolError("length prefix")
    size = 1 << form
    n = int.from_bytes(data[:size], "big") & ((1 << (8 * size - 2)) - 1)
    if size > 1 and n < 1 << (8 * (size >> 1) - 2):
        raise ProtocolError("length prefix is not in its shortest form")
    if len(data) < size + n:
        raise ProtocolError("short")
    return data[size:size + n], data[size + n:]


def signed_content(label, content):
    return vec(b"Kith 1 " + label) + vec(content)


# ---- HKDF (RFC 5869) and labels ----

def hmac256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def hkdf_extract(salt, ikm):
    return hmac256(salt, ikm)


def hkdf_expand(prk, info, length):
    out, block, n = b"", b"", 1
    while len(out) < length:
        block = hmac256(prk, block + info + bytes([n]))
        out, n = out + block, n + 1
    return out[:length]


def expand_with_label(secret, label, context, length):
    return hkdf_expand(secret, struct.pack(">H", length) + vec(b"Kith 1 " + label) + vec(context), length)


# ---- HPKE (RFC 9180): DHKEM(X25519), HKDF-SHA256, ChaCha20-Poly1305, modes base and psk ----

KEM_SUITE = b"KEM" + struct.pack(">H", 0x20)
HPKE_SUITE = b"HPKE" + struct.pack(">HHH", 0x20, 1, 3)


def labeled_extract(suite, salt, label, ikm):
    return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite, prk, label, info, length):
    return hkdf_expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


class Hpke:
    """The context that both sides get from the shared DH secret."""

    def __init__(self, dh, enc, public, info, psk=b"", psk_id=b""):
        self.enc = enc
        prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", dh)
        shared = labeled_expand(KEM_SUITE, prk, b"shared_secret", enc + public, 32)
        context = (bytes([1 if psk else 0]) + labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", psk_id)
                   + labeled_extract(HPKE_SUITE, b"", b"info_hash", info))
        secret = labeled_extract(HPKE_SUITE, shared, b"secret", psk)
        self.key = labeled_expand(HPKE_SUITE, secret, b"key", context, 32)
        self.base_nonce = labeled_expand(HPKE_SUITE, secret, b"base_nonce", context, 12)
        self.exporter = labeled_expand(HPKE_SUITE, secret, b"exp", context, 32)

    @classmethod
    def sender(cls, public, info, psk=b"", psk_id=b""):
        prk = labeled_extract(KEM_SUITE, b"", b"dkp_prk", os.urandom(32))
        private = labeled_expand(KEM_SUITE, prk, b"sk", b"", 32)
        enc = sodium.crypto_scalarmult_base(private)
        return cls(sodium.crypto_scalarmult(private, public), enc, public, info, psk, psk_id)

    def seal(self, number, aad, plaintext):
        nonce = bytes(a ^ b for a, b in zip(self.base_nonce, bytes(4) + struct.pack(">Q", number)))
        return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, nonce, self.key)

    def export(self, context, length):
        return labeled_expand(HPKE_SUITE, self.exporter, b"sec", context, length)


# ---- §3.1 address and transport ----

def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Address:
    def __init__(self, text):
        m = re.fullmatch(r"kith-relay://([A-Za-z0-9_-]{43})@(\[[0-9a-fA-F:.]+\]|[^:\[\]@?]+):([0-9]{1,5})"
                         r"(?:\?([A-Za-z0-9_-]{43}))?", text)
        if not m:
            raise ProtocolError("not an address: " + text)
        self.key = unbase64(m.group(1))
        self.host, self.port = m.group(2).strip("[]"), int(m.group(3))
        self.access = unbase64(m.group(4)) if m.group(4) else b""


class Pipe:
    """SP framing over TCP."""

    def __init__(self, address, timeout=20):
        self.sock = socket.create_connection((address.host, address.port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(b"\0SP\0" + struct.pack(">HH", 0x0030, 0))
        hello = self.take(8)
        if hello != b"\0SP\0" + struct.pack(">HH", 0x0031, 0):
            raise ProtocolError("not a relay")
        self.next_id = 0x80000000 | int.from_bytes(os.urandom(3), "big")
        self.answers = {}

    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise ProtocolError("the relay closed the connection")
            data += more
        return data

    def send(self, body):
        self.next_id = 0x80000000 | (self.next_id + 1) & 0x7FFFFFFF
        message = struct.pack(">I", self.next_id) + body
        self.sock.sendall(struct.pack(">Q", len(message)) + message)
        return self.next_id

    def answer(self, request_id):
        while request_id not in self.answers:
            (length,) = struct.unpack(">Q", self.take(8))
            message = self.take(length)
            self.answers[struct.unpack(">I", message[:4])[0]] = message[4:]
        return self.answers.pop(request_id)

    def silent(self, seconds):
        """Nothing comes for so long."""
        return not self.answers and not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.sock.close()


# ---- §3.2 session ----

def ed25519_verify(public, message, signature):
    sodium.crypto_sign_open(signature + message, public)  # raises


class RelayKey:
    def __init__(self, body, relay):
        if body[:2] != b"\1\1":
            raise ProtocolError("no key came")
        self.key_id = body[2:10]
        self.public = body[10:42]
        dates, at = body[42:58], 58
        signer = relay
        if body[at] == 1:
            delegate, at = body[at + 1:at + 113], at + 113
            ed25519_verify(relay, signed_content(b"relay delegate", delegate[:48]), delegate[48:])
            self.check_dates(delegate[32:48])
            signer = delegate[:32]
        elif body[at] == 0:
            at += 1
        else:
            raise ProtocolError("optional")
        if len(body) != at + 64:
            raise ProtocolError("length of a key")
        ed25519_verify(signer, signed_content(b"relay key", relay + self.key_id + self.public + dates), body[at:])
        self.check_dates(dates)

    @staticmethod
    def check_dates(dates):
        before, after = struct.unpack(">QQ", dates)
        now, day = int(time.time() * 1000), 24 * 60 * 60 * 1000
        if not before - day <= now <= after + day:
            raise ProtocolError("the key is not valid now")


class UnknownSession(Exception):
    pass


class Session:
    def __init__(self, pipe, address):
        self.pipe = pipe
        self.key = RelayKey(pipe.answer(pipe.send(b"\1\1")), address.key)
        self.hpke = Hpke.sender(self.key.public, b"Kith 1 relay" + address.key + self.key.key_id, address.access,
                                b"Kith 1 relay access" if address.access else b"")
        self.secret = self.hpke.export(b"Kith 1 relay answer", 32)
        self.next = 0
        self.last_message = None

    def send(self, request):
        """Sends an encoded request; gives what `receive` wants."""
        number, self.next = self.next, self.next + 1
        if number == 0:
            header = b"\1\2" + self.key.key_id + self.hpke.enc + struct.pack(">Q", 0)
        else:
            header = b"\1\3" + self.hpke.enc + struct.pack(">Q", number)
        self.last_message = header + self.hpke.seal(number, header, request)
        return self.pipe.send(self.last_message), number, request[0]

    def open(self, number, body):
        if body == b"\1\2":
            raise UnknownSession()
        if body[:2] != b"\1\3" or len(body) < 2 + 32 + 16:
            raise ProtocolError("no answer")
        prk = hkdf_extract(self.hpke.enc + body[2:34], self.secret)
        key = expand_with_label(prk, b"answer key", b"", 32)
        nonce = expand_with_label(prk, b"answer nonce", b"", 24)
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(body[34:], struct.pack(">Q", number), nonce, key)

    def receive(self, sent):
        request_id, number, command = sent
        return Answer(self.open(number, self.pipe.answer(request_id)), command)

    def ask(self, request):
        return self.receive(self.send(request))


# ---- §3.3 logs and commands ----

class Log:
    def __init__(self, trimmed=False):
        self.write, self.read = os.urandom(32), os.urandom(32)
        self.trim = os.urandom(32) if trimmed else None
        h = [hashlib.sha256(t).digest() if t else bytes(32) for t in (self.write, self.read, self.trim)]
        self.claim_write = self.write + h[1] + h[2]
        self.claim_read = self.read + h[0] + h[2]
        self.claim_trim = (self.trim or bytes(32)) + h[0] + h[1]
        self.id = hashlib.sha256(b"Kith 1 log" + h[0] + h[1] + h[2]).digest()


def append(log, incarnation, block_id, block):
    return bytes([APPEND]) + log.claim_write + incarnation + block_id + block


def read(log, after, most=32):
    return bytes([READ]) + log.claim_read + struct.pack(">QB", after, most)


def wait(timeout_ms, watches):
    return bytes([WAIT]) + struct.pack(">I", timeout_ms) + vec(
        b"".join(log.claim_read + struct.pack(">Q", after) for log, after in watches))


def trim(log, incarnation, up_to):
    return bytes([TRIM]) + log.claim_trim + incarnation + struct.pack(">Q", up_to)


class Answer:
    def __init__(self, data, command):
        if len(data) < 18 or data[0] != command:
            raise ProtocolError("an answer to something else")
        self.result, self.incarnation, rest = data[1], data[2:18], data[18:]
        if self.result != OK:
            (self.retry_after_ms,) = struct.unpack(">I", rest)
        elif command == APPEND:
            (self.seq,) = struct.unpack(">Q", rest)
        elif command in (READ, WAIT):
            body, rest = take_vec(rest)
            size, form = (8 + BLOCK_LEN, ">Q") if command == READ else (10, ">HQ")
            if rest or len(body) % size:
                raise ProtocolError("items")
            cut = [body[i:i + size] for i in range(0, len(body), size)]
            head = struct.calcsize(form)
            self.items = [struct.unpack(form, c[:head]) + ((c[head:],) if command == READ else ()) for c in cut]
        elif command == INFO:
            (self.version, self.time, self.retention_ms, self.log_blocks_max, self.session_waits_max,
             self.wait_max_ms) = struct.unpack(">HQQIHI", rest)
        elif rest:
            raise ProtocolError("trailing bytes")


# ---- §4 blocks ----

def block_seal(key, messages):
    payload = b"\1"
    for m in messages:
        payload += b"\1" + vec(m)
    nonce = os.urandom(24)
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        payload.ljust(BLOCK_LEN - 40, b"\0"), b"Kith 1 block", nonce, key)


def block_open(key, block):
    data = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(block[24:], b"Kith 1 block", block[:24], key)
    if data[0] != 1:
        raise ProtocolError("version of a block")
    out, data = [], data[1:]
    while data and data[0] == 1:
        message, data = take_vec(data[1:])
        out.append(message)
    if any(data):
        raise ProtocolError("padding")
    return out


# ---- what this client does ----

def saw(text, true):
    print(("ok   " if true else "WRONG ") + text)
    if not true:
        raise SystemExit(1)


def raises(kind, call):
    try:
        call()
    except kind:
        return True
    return False


def talk(address):
    pipe = Pipe(address)
    session = Session(pipe, address)
    info = session.ask(bytes([INFO]))
    saw("a session opens; info has version %d" % info.version, info.result == OK and info.version == 1)
    saw("the relay's clock is this machine's", abs(info.time - time.time() * 1000) < 60000)
    inc = info.incarnation

    log, key = Log(), os.urandom(32)
    blocks = [block_seal(key, [b"message %d" % i, b"and more"]) for i in range(40)]
    ids = [os.urandom(16) for _ in blocks]
    saw("a log that is not there has no blocks", session.ask(read(log, 0)).items == [])
    sent = [session.send(append(log, inc, ids[i], b)) for i, b in enumerate(blocks)]
    seqs = [session.receive(s).seq for s in sent]
    saw("40 appends at once get seqs from 1 on", sorted(seqs) == list(range(1, 41)))
    order = sorted(range(40), key=lambda i: seqs[i])  # what is under way at once is taken in any order
    ids, blocks = [ids[i] for i in order], [blocks[i] for i in order]
    saw("the same block id gets the same seq", session.ask(append(log, inc, ids[6], blocks[6])).seq == 7)
    got = session.ask(read(log, 0)).items + session.ask(read(log, 32)).items
    saw("all blocks come back in order, 32 at most a read", got == list(zip(range(1, 41), blocks)))
    saw("and they open", block_open(key, got[6][1]) == [b"message %d" % order[6], b"and more"])
    saw("with another key they do not", raises(CryptoError, lambda: block_open(os.urandom(32), got[6][1])))

    other = Log()
    ended = session.ask(wait(300, [(log, 40), (other, 0)]))
    saw("a wait ends with nothing when its time is over", ended.items == [])
    at_once = session.ask(wait(60000, [(other, 0), (log, 12)]))
    saw("a wait is answered at once when a log has grown already", at_once.items == [(1, 40)])
    waiting = session.send(wait(60000, [(log, 40), (other, 0)]))
    second_pipe = Pipe(address)
    second = Session(second_pipe, address)
    saw("a second session opens", second.ask(bytes([INFO])).incarnation == inc)
    saw("another client appends", second.ask(append(other, inc, os.urandom(16), blocks[0])).seq == 1)
    saw("which ends the wait", session.receive(waiting).items == [(1, 1)])

    wrong = Log()
    wrong.claim_read = os.urandom(32) + log.claim_read[32:]
    saw("a wrong token is an absent log", session.ask(read(wrong, 0)).items == [])
    saw("an append for another incarnation is refused",
        session.ask(append(log, os.urandom(16), os.urandom(16), blocks[0])).result == INCARNATION)
    saw("a command that does not exist is a bad request", bad_command(session))

    box = Log(trimmed=True)
    for i in range(5):
        session.ask(append(box, inc, ids[i], blocks[i]))
    saw("an owner trims", session.ask(trim(box, inc, 3)).result == OK)
    saw("and what is left keeps its seqs", [s for s, _ in session.ask(read(box, 0)).items] == [4, 5])
    saw("a log without a trim token cannot be trimmed",
        session.ask(trim(log, inc, 40)).result == OK and len(session.ask(read(log, 0)).items) == 32)

    replay(session, second, address)
    second_pipe.close()
    pipe.close()


def bad_command(session):
    request_id, number, _ = session.send(b"\x63")
    return Answer(session.open(number, session.pipe.answer(request_id)), INFO).result == BAD_REQUEST


def replay(session, second, address):
    session.ask(bytes([INFO]))
    pipe = session.pipe
    pipe.send(session.last_message)
    saw("a request that comes again is not answered", pipe.silent(0.5))
    one, two = second.send(bytes([INFO])), second.send(bytes([INFO]))
    body_one, body_two = second.pipe.answer(one[0]), second.pipe.answer(two[0])
    saw("answers that were swapped do not open",
        raises(CryptoError, lambda: second.open(one[1], body_two)) and
        raises(CryptoError, lambda: second.open(two[1], body_one)))
    saw("in their places they do", second.open(one[1], body_one) and second.open(two[1], body_two))
    stranger = Session(pipe, address)
    stranger.next = 1
    saw("a session that was never opened is unknown",
        raises(UnknownSession, lambda: stranger.ask(bytes([INFO]))))
    fake = Address("kith-relay://%s@%s:%d" % (base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("="),
                                              address.host, address.port))
    saw("a relay that is not the one of the address is found out",
        raises((CryptoError, ValueError), lambda: Session(pipe, fake)))


def start_and_talk(program):
    with tempfile.TemporaryDirectory() as folder:
        for extra in ([], ["--private"]):
            relay = subprocess.Popen([program, "--listen", "tcp://127.0.0.1:0", "--data", folder + "/r"] + extra,
                                     stdout=subprocess.PIPE, text=True)
            try:
                line = relay.stdout.readline().strip()
                saw("the relay's first line is its address%s" % (", with a secret" if extra else ""),
                    bool(Address(line).access) == bool(extra))
                talk(Address(line))
                if extra:
                    without = Address(line.split("?")[0])
                    saw("without the secret a private relay opens no session",
                        raises(UnknownSession, lambda: Session(Pipe(without), without).ask(bytes([INFO]))))
            finally:
                relay.terminate()
                saw("the relay ends well when told to", relay.wait(20) == 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    if sys.argv[1].startswith("kith-relay://"):
        talk(Address(sys.argv[1]))
    else:
        start_and_talk(sys.argv[1])
    print("all as the document says")
