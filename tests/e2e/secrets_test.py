#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The story with real processes (story.py), and then: what lies at the relay, and in everything that the programs logged
and printed, holds no name, no text and no key (T01, T03, T54 of docs/threat-model.md).

    secrets_test.py BUILD"""
import pathlib
import subprocess
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import inspection  # noqa: E402
import inspector  # noqa: E402
from kithlib import Place, Relay  # noqa: E402
from story import Story  # noqa: E402


def T01_a_relay_stores_logs_and_holds_in_memory_nothing_of_the_story(story):
    for line in inspection.what_the_relay_saw(story):
        print("          \u2713 " + line)


def relay_rows(story):
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        db = inspector.open_copy(story.relay.data / "relay.db", folder)
        logs = dict(db.execute("SELECT row, id FROM log"))
        blocks = db.execute("SELECT log, id, bytes FROM block").fetchall()
        db.close()
    return logs, blocks


def T03_no_log_at_a_relay_shares_a_value_with_another_or_names_it(story):
    logs, blocks = relay_rows(story)
    ids = list(logs.values()) + [b[1] for b in blocks]
    assert len(logs) > 20 and len(set(ids)) == len(ids), "two logs or blocks share an id"
    content = b"\n".join(b[2] for b in blocks)
    for value in ids:
        assert value not in content, "a block holds the id of a log or of a block"
    pieces = [b[2][at:at + 64] for b in blocks for at in range(0, len(b[2]), 64)]
    assert len(set(pieces)) == len(pieces), "two blocks hold the same 64 bytes"


def all_keys(story):
    needles = inspector.Needles()
    for name in story.devices:
        inspection.keys_of(story, name, needles)
    return needles


def T54_no_program_logs_or_prints_a_key(story):
    needles = all_keys(story)
    assert len(needles.names) > 200, "too few keys to look for"
    said = inspector.read_files(story.place.folder.glob("*.log"))
    for d in story.devices.values():  # what a person reads
        for words in (["status"], ["contacts"], ["devices"], ["history"], ["requests"], ["policy", "show"], ["--json", "status"],
                      ["--json", "contacts"], ["--json", "devices"], ["events", "--json"]):
            done = subprocess.run(d.command(*words), env=story.place.environment, capture_output=True, timeout=60,
                                  stdin=subprocess.DEVNULL)
            said[f"{d.name}: kith {' '.join(words)}"] = done.stdout + done.stderr
    story.place.close(keep_files=True)
    for process in story.place.started:  # what is left of their standard output
        said[f"output of {process.args[0]} {process.pid}"] = process.stdout.read().encode()
    said.update(inspector.read_files(story.place.folder.glob("*.log")))
    assert sum(map(len, said.values())) > 5000, "they said too little to tell"
    public = {"family", "person", "device"}  # ids, which are shown to people
    hits = [h for h in inspector.search(needles, said) if h.name.split(": ")[1].split()[0] not in public or "key" in h.name]
    assert not hits, f"a program said a key: {hits[:3]}"
    canary = dict(said, canary=b"x" + story_key(story).hex().encode() + b"y")
    assert inspector.search(needles, canary), "the search is blind"


def story_key(story):
    with inspection.inside(story, "ana-phone") as view:
        return view.meta("device_seed")


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    place, failed = Place(sys.argv[1]), 0
    try:
        story = Story(place, Relay(place).start())
        for step in Story.STEPS:
            story.play(step)
        inspection.eventually("the withdrawal is everywhere", lambda: inspection.ended(story))
        for name, test in list(globals().items()):  # in the order above: the last one ends the programs
            if not name.startswith("T"):
                continue
            try:
                test(story)
                print(f"ok {name}", flush=True)
            except (AssertionError, inspection.sqlite3.Error):
                failed += 1
                traceback.print_exc(file=sys.stdout)
                print(f"FAILED {name}", flush=True)
    finally:
        place.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
