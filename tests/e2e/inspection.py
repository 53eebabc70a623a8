# SPDX-License-Identifier: Apache-2.0
"""What can be seen from outside after each step of the story (story.py): in copies of the devices' databases, in the
relay's files and in its memory. What `kith` says does not count here.

`after(step, story)` gives one line for each thing that it saw and raises AssertionError where it saw something else."""
import contextlib
import hashlib
import os
import pathlib
import sqlite3
import tempfile
import time

import inspector
import second_client
import story as story_module

SECONDS = 180  # for two devices to come to hold the same, on a busy machine
FAMILY, PARENTS, WARD, OWN, CONVERSATION = 1, 2, 3, 4, 5  # protocol/kith_context.h
GROUP_ACTIVE = 1
REQUEST_NO, CONTACT_WITHDRAWN = 4, 3  # sync/contact.h
ENTRY_TEXT = 1  # protocol/entry_body.h


def need(true, what):
    if not true:
        raise AssertionError("seen from outside: not so: " + what)
    return what


def eventually(what, probe):
    """The first true value of probe(), which looks at fresh copies each time."""
    end = time.monotonic() + SECONDS
    while True:
        value = probe()
        if value or time.monotonic() > end:
            return need(value, what) and value
        time.sleep(0.2)


class Inside:
    """One device's database: a copy, opened."""

    def __init__(self, home, folder):
        self.db = inspector.open_copy(pathlib.Path(home) / "kith.db", folder)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def meta(self, key):
        rows = self.rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def chains(self):
        return {tuple(r[:3]): r[3] for r in self.rows("SELECT family, chain, height, hash FROM chain")}

    def groups(self, kind):
        return self.one("SELECT count(*) FROM mls_group WHERE kind = ? AND state = ?", kind, GROUP_ACTIVE)

    def authenticators(self):
        """(scope, generation, epoch) → what its members must agree on."""
        return {tuple(r[:3]): r[3] for r in self.rows("SELECT g.scope, g.generation, e.epoch, e.authenticator FROM epoch e "
                                                      "JOIN mls_group g ON g.id = e.grp "
                                                      "WHERE length(e.authenticator) > 0")}

    def devices(self, family):
        return {r[0]: r[1] for r in self.rows("SELECT device, supervised FROM certificate WHERE family = ?", family)}

    def scope_with(self, name):
        rows = self.rows("SELECT scope FROM contact WHERE name = ?", name)
        return rows[0][0] if rows else None

    def texts(self, scope):
        """What was said in a conversation, as (author, seq, hash, hash of all its bytes)."""
        return {(r[0], r[1], r[2], hashlib.sha256(r[3]).digest())
                for r in self.rows("SELECT author, seq, hash, entry FROM entry WHERE scope = ? AND kind = ?",
                                  scope, ENTRY_TEXT)}


@contextlib.contextmanager
def inside(story, *names):
    with tempfile.TemporaryDirectory() as folder:
        views = []
        for name in names:
            sub = pathlib.Path(folder) / name
            sub.mkdir()
            views.append(Inside(story.devices[name].home, sub))
        try:
            yield views if len(views) > 1 else views[0]
        finally:
            for v in views:
                v.db.close()


def haystack(story, *names):
    """The bytes of devices' databases, as files and as values."""
    out = {}
    for name in names:
        out.update(inspector.person_haystacks(inspector.databases(story.devices[name].home)))
    return out


def holds(story, name, text):
    """Whether the text lies in the device's files in any form."""
    return bool(inspector.search(inspector.Needles().text("text", text), haystack(story, name)))


def where(story, text, names):
    return [n for n in names if holds(story, n, text)]


def sees(story, what, names, test):
    """Comes to be so: test(view, ...) of the devices' databases."""
    def probe():
        with inside(story, *names) as views:
            return test(*views) if isinstance(views, list) else test(views)
    eventually(what, probe)
    return what


def agree(story, *names):
    """The devices hold the same chains of their family, and agree on every epoch that two of them know."""
    with inside(story, *names) as views:
        family = views[0].meta("family")
        own = [{k: h for k, h in v.chains().items() if k[0] == family} for v in views]
        if any(c != own[0] for c in own):
            return False
        known = {}
        for v in views:
            for key, value in v.authenticators().items():
                need(known.setdefault(key, value) == value, "two devices agree on an epoch")
        return len(own[0])


# ---- the steps ----

def after_found(story):
    kit = story.memory.get("kit Ana")
    words = kit if isinstance(kit, str) else " ".join(str(w) for w in (kit or {}).get("words", [])) if kit else ""
    with inside(story, "ana-phone") as ana:
        yield need(len(ana.chains()) == 2, "Ana's database begins two chains")
        yield need([ana.groups(k) for k in (FAMILY, PARENTS, OWN)] == [1, 1, 1], "and three groups: family, parents, own")
    if words:
        yield need(not holds(story, "ana-phone", words), "the words of her recovery kit are in no file of hers")


def after_ben(story):
    entries = eventually("Ana's and Ben's chains are equal", lambda: agree(story, "ana-phone", "ben-phone"))
    yield f"Ana's and Ben's chains are equal: {entries} entries, hash by hash, and their groups' epochs agree"
    yield sees(story, "Ben's phone is in the group of the parents", ["ben-phone"], lambda b: b.groups(PARENTS) == 1)


def after_wrong_code(story):
    with inside(story, "maya-tablet", "ana-phone") as (tablet, ana):
        yield need(not tablet.chains() and not tablet.rows("SELECT 1 FROM mls_group"),
                   "the tablet holds no chain and is in no group")
        yield need(len(ana.devices(ana.meta("family"))) == 2, "the family still has two devices")


def after_maya(story):
    eventually("the three chains are equal", lambda: agree(story, "ana-phone", "ben-phone", "maya-tablet"))
    yield sees(story, "one of the family's three certificates says supervised", ["maya-tablet"],
               lambda m: sorted(m.devices(m.meta("family")).values()) == [0, 0, 1])
    yield sees(story, "Maya's tablet is in the group with her parents", ["maya-tablet"], lambda m: m.groups(WARD) == 1)
    with inside(story, "maya-tablet") as maya:
        yield need(maya.groups(PARENTS) == 0, "Maya's tablet is not in the group of the parents")


def after_stranger(story):
    box = inspector.letterbox_of(story.memory["leaked"])
    tried = 0
    for name, most in (("maya-tablet", 0), ("stranger-phone", 0), ("ana-phone", 1), ("ben-phone", 1)):
        with tempfile.TemporaryDirectory() as folder:
            copies = inspector.copy_files(inspector.databases(story.devices[name].home), folder)
            files = inspector.files_and_values(copies, folder)
            found, windows = inspector.window_search(story.place.programs, [box.hpke_public_key], files)
        tried += windows
        keys = found[box.hpke_public_key]
        need(len(keys) == most, f"{name} holds {most} keys to the letterbox (it holds {len(keys)})")
        opens = sum(inspector.opens(k, box.hpke_public_key) for k in keys)
        need(opens == most, f"on {name} {most} keys open what is sealed to the letterbox")
    yield f"every 32-byte window tried as the key of Maya's letterbox ({tried:,}): none of Maya's opens it, on Ana's phone" \
          " exactly one does, on Ben's one"
    people = ["ana-phone", "ben-phone", "maya-tablet"]
    yield need(where(story, story_module.NOTE_STRANGER, people) == people[:2],
               "the stranger's note lies on Ana's and Ben's phones and not on Maya's tablet")
    yield need(not holds(story, "maya-tablet", "Nobody"), "nor does the name of his family")


def after_no(story):
    def decided():
        with inside(story, "ana-phone", "ben-phone") as views:
            return all(v.one("SELECT count(*) FROM request WHERE other_name = 'Sam' AND state = ?", REQUEST_NO) == 1
                       for v in views)
    eventually("Ana's and Ben's databases say no", decided)
    yield "the no is in Ana's and Ben's databases"
    with inside(story, "maya-tablet", "stranger-phone") as (maya, stranger):
        yield need(not maya.rows("SELECT 1 FROM request") and not maya.rows("SELECT 1 FROM contact"),
                   "Maya's tablet has no request and no contact")
        yield need(stranger.groups(CONVERSATION) == 0, "the stranger is in no conversation")
    yield need(not holds(story, "maya-tablet", story_module.NOTE_STRANGER), "his note is still not on Maya's tablet")


def after_leo(story):
    eventually("Rosa's and Leo's chains are equal", lambda: agree(story, "rosa-phone", "leo-tablet"))
    with inside(story, "rosa-phone", "ana-phone") as (rosa, ana):
        families = {k[0] for k in ana.chains()}
        yield need(rosa.meta("family") not in families, "Ana's phone knows nothing of the family Sol")


def both_permits(story):
    with inside(story, "leo-tablet", "maya-tablet") as (leo, maya):
        me = {"leo": (leo.meta("family"), leo.meta("person")), "maya": (maya.meta("family"), maya.meta("person"))}
        wanted = {me["leo"] + me["maya"], me["maya"] + me["leo"]}
        sets = [{tuple(r) for r in v.rows("SELECT child_family, child, contact_family, contact FROM permit WHERE enough = 1")}
                for v in (leo, maya)]
        return all(wanted <= s for s in sets)


def after_meet(story):
    eventually("both permits on both tablets", lambda: both_permits(story))
    yield "both tablets hold both permits: Rosa's for Leo, Ben's for Maya"
    yield sees(story, "each is in one conversation", ["leo-tablet", "maya-tablet"],
               lambda *tablets: all(t.groups(CONVERSATION) == 1 for t in tablets))
    with inside(story, "leo-tablet", "maya-tablet") as (leo, maya):
        common = set(leo.authenticators()) & set(maya.authenticators())
        yield need(common and all(leo.authenticators()[k] == maya.authenticators()[k] for k in common),
                   "and both have the same secrets there (%d epoch%s)" % (len(common), "" if len(common) == 1 else "s"))


def after_talk(story):
    people = ["ana-phone", "ben-phone", "rosa-phone", "stranger-phone", "leo-tablet", "maya-tablet"]
    for key in ("leo_1", "maya_1"):
        need(where(story, story_module.TEXTS[key], people) == people[4:], "a text lies on the two tablets only")
    yield "what they say lies on the two tablets and on no parent's phone"


def same_conversation(story):
    with inside(story, "maya-tablet", "maya-laptop") as (tablet, laptop):
        scope = tablet.scope_with("Leo")
        return scope is not None and tablet.texts(scope) == laptop.texts(scope) and len(tablet.texts(scope))


def after_laptop(story):
    count = eventually("the laptop has the tablet's history", lambda: same_conversation(story))
    yield f"the laptop's history is the tablet's: {count} texts, equal by hash"
    yield sees(story, "both have keys of their own, and both are supervised", ["maya-tablet", "maya-laptop"],
               lambda t, l: t.meta("device_seed") != l.meta("device_seed")
               and sorted(t.devices(t.meta("family")).values()) == [0, 0, 1, 1])


def ended(story):
    with inside(story, "maya-tablet", "maya-laptop", "leo-tablet") as views:
        return all(v.rows("SELECT 1 FROM withdrawal") and v.one("SELECT state FROM contact") == CONTACT_WITHDRAWN
                   and v.groups(CONVERSATION) == 0 for v in views)


def after_withdraw(story):
    eventually("the withdrawal is on all three, and the group is left", lambda: ended(story))
    yield "the withdrawal lies on Maya's two devices and on Leo's; all three have left the group"
    yield from what_the_relay_saw(story)


# ---- the relay ----

NAMES_HERE = ["Ana", "Ben", "Maya", "Leo", "Sam", "Berg"]  # that Ana or Maya know
NAMES_ELSEWHERE = {"Rosa": "rosa-phone", "Nobody": "stranger-phone", "Sol": "rosa-phone"}


def keys_of(story, name, needles):
    """Everything secret in a device's database, and the ids of its family."""
    with inside(story, name) as view:
        needles.data(f"{name}: device key", view.meta("device_seed"))
        needles.data(f"{name}: family", view.meta("family"))
        needles.data(f"{name}: person", view.meta("person"))
        for device, in view.rows("SELECT device FROM certificate"):
            needles.data(f"{name}: device {device.hex()[:8]}", device)
        for column in ("write_token", "read_token", "trim_token", "block_key"):
            for i, (value,) in enumerate(view.rows(f"SELECT {column} FROM log WHERE {column} IS NOT NULL")):
                needles.data(f"{name}: {column} {i}", value)
        for i, (value,) in enumerate(view.rows("SELECT hpke_private FROM letterbox WHERE hpke_private IS NOT NULL")):
            needles.data(f"{name}: letterbox key {i}", value)
        for i, (value,) in enumerate(view.rows("SELECT DISTINCT authenticator FROM epoch WHERE length(authenticator) > 0")):
            needles.data(f"{name}: authenticator {i}", value)


def story_needles(story):
    needles = inspector.Needles()
    for name in NAMES_HERE:
        needles.text("name " + name, name)
    for key, text in story_module.TEXTS.items():
        needles.text("text " + key, text)
    needles.text("note of the stranger", story_module.NOTE_STRANGER).text("note of Leo", story_module.NOTE_LEO)
    for name in ("ana-phone", "maya-tablet"):
        keys_of(story, name, needles)
    return needles


def what_the_relay_saw(story):
    relay = story.relay
    view = inspector.relay_view(relay.data)
    yield need(view.lengths == {inspector.BLOCK_LEN},
               f"the relay holds {view.logs} logs with {view.blocks} blocks, all of 16,384 bytes")
    yield need(150 < view.chi_squared < 400, f"whose bytes look like chance (chi-squared {view.chi_squared:.0f})")
    need(view.shared_ids == 0, "no two logs share a value")
    needles = story_needles(story)
    files = inspector.read_files(inspector.relay_files(relay))
    values = {"tables": inspector.sqlite_values(relay.data / "relay.db")}
    ciphertext = {w for w in files if ".db" in w} | set(values)
    here = {**files, **values}
    others = inspector.Needles()
    for name in NAMES_ELSEWHERE:
        others.text("name " + name, name)
    for kind in (needles, others):
        hits = inspector.search(kind, here, random=ciphertext)
        need(not hits, f"nothing of the story is in the relay's files: {hits[:3]}")
    memory = inspector.process_memory(relay.process.pid)
    hits = inspector.search(needles.plain(), memory, random=set(memory))
    need(not hits, f"nothing of the story is in the relay's memory: {hits[:3]}")
    size = sum(map(len, here.values()))
    yield f"{len(needles.names) + len(others.names)} names, texts and keys of the story, searched raw, in hex, base64 and" \
          f" UTF-16, are not in its {size:,} bytes, nor in its memory"
    known = inspector.names_found(inspector.search(needles, haystack(story, "ana-phone", "maya-tablet")))
    missing = sorted(set(needles.names) - known)
    yield need(not missing, "the same search finds every one of them in Ana's and Maya's databases"
               + (f" (missing: {missing[:5]})" if missing else ""))
    for name, device in NAMES_ELSEWHERE.items():
        need(holds(story, device, name), f"{name} is found on {device}")
    yield from canary(relay, ciphertext)


def canary(relay, _):
    text = "canary " + os.urandom(9).hex()
    inspector.plant_canary(relay.address, text)
    needle = inspector.Needles().text("canary", text)
    everywhere = {**inspector.read_files(inspector.relay_files(relay)),
                  "tables": inspector.sqlite_values(relay.data / "relay.db")}
    forms = {h.form for h in inspector.search(needle, everywhere)}
    yield need(forms == {f for _, f, _ in needle.patterns},
               f"and a canary planted in the relay's store is found, in all of its {len(forms)} forms")


def after(step, story):
    try:
        return list(globals().get("after_" + step, lambda _: [])(story))
    except (sqlite3.Error, second_client.ProtocolError) as e:
        raise AssertionError(f"seen from outside: after {step}: {e}") from e
