# SPDX-License-Identifier: Apache-2.0
"""The main job as steps with names: the demo tells them, the crash test kills in the middle of them. Each step ends
when what it is about is seen on every device concerned, and may be run again after a crash: what is done is left."""
import time

from kithlib import Device, KithError, NotInTime, wait_until

SECONDS = 180  # for one thing to come through real processes on a busy machine
NO_AGENT = ("APP_NO_AGENT", "APP_AGENT_SILENT", "APP_HOME")

TEXTS = {"leo_1": "Hi Maya! Did you see the fox behind the gym?", "maya_1": "Yes!! It has two cubs \U0001f98a",
         "leo_2": "Let us count them tomorrow"}
NOTE_STRANGER = "hello little one, let us be friends"
NOTE_LEO = "It is Leo from 5b"


class Story:
    """`tell(text)` is called with what a person would say of each step. With `patient` an agent that is not there
    is asked again, as a person would: somebody kills agents and starts them again meanwhile. `start(device)` starts a
    device's agent; `check()` is called while something is waited for, and may raise."""

    def __init__(self, place, relay, tell=lambda text: None, patient=False, start=Device.start, check=lambda: None):
        self.place, self.relay, self.tell, self.patient = place, relay, tell, patient
        self.start, self.check = start, check
        self.devices = {}
        self.memory = {}  # what a person would remember between steps: links, kits

    def device(self, name):
        if name not in self.devices:
            self.devices[name] = self.start(Device(self.place, name, self.relay))
        return self.devices[name]

    def wait(self, what, probe, seconds=SECONDS):
        def safe():
            self.check()
            try:
                return probe()
            except KithError as e:
                if not self.patient or e.status not in NO_AGENT:
                    raise
        return wait_until(what, seconds, safe)

    def do(self, name, *words, done=lambda: False, fine=()):
        """One command. With `patient`: again while no agent answers, unless done() says that it had its effect
        although its answer was lost; a refusal whose status is in `fine` says the same."""
        for tries in range(200):
            self.check()
            try:
                return self.device(name).kith(*words)
            except KithError as e:
                if self.patient and tries > 0 and e.status in fine:
                    return {}
                if not self.patient or e.status not in NO_AGENT:
                    raise
            time.sleep(0.1)
            if self.wait("the agent", lambda: [done()])[0]:
                return {}
        raise NotInTime(f"{name}: kith {words[0]}")

    # ---- building blocks ----

    def in_family(self, name):
        return self.wait("the agent", lambda: [self.device(name).kith("status").get("in_family")])[0]

    def found(self, name, family, person):
        if not self.in_family(name):
            answer = self.do(name, "init", "--family", family, "--as", person, "--device", name,
                             done=lambda: self.in_family(name), fine=("COMMAND_IN_FAMILY",))
            self.memory[f"kit {person}"] = answer.get("kit")

    def offer(self, parent, new, person, role):
        """A link made on the parent's device and taken by the new one; the code that the new one shows."""
        if self.patient:
            for name, word in ((parent, "cancel"), (new, "no")):
                self.do(name, "pair", word, fine=("PAIRING_NONE",)) if self.pairing_runs(name) else None
        link = self.make_link(parent, person, role)
        self.memory[f"link {new}"] = link
        self.do(new, "pair", "accept", link, "--device", new, fine=("PAIRING_BUSY",))
        code = self.wait("the short code", lambda: self.state(new, "code") and self.device(new).pairing()["code"])
        self.wait("the code awaited", lambda: self.state(parent, "code"))
        return code

    def make_link(self, parent, person, role):
        """A link whose answer was lost with its agent is nowhere: it is voided, and another one made."""
        for _ in range(50):
            try:
                return self.do(parent, "pair", "invite", "--person", person, "--role", role)["link"]
            except KithError as e:
                if not self.patient or e.status != "PAIRING_BUSY":
                    raise
            self.do(parent, "pair", "cancel", fine=("PAIRING_NONE",))
        raise NotInTime(f"{parent}: no link")

    def pairing_runs(self, name):
        return self.wait("the agent", lambda: [self.device(name).pairing()["state"] not in ("none", "failed", "done")])[0]

    def state(self, name, wanted):
        row = self.device(name).pairing()
        if row["state"] == "failed" and wanted != "failed":
            raise AssertionError(f"{name}: pairing failed: {row['failed']} {row['say']}")
        return row["state"] == wanted

    def pair(self, parent, new, person, role, signer=None):
        if self.in_family(new):
            return
        code = self.offer(parent, new, person, role)
        self.memory[f"code {new}"] = code
        self.tell(f"  {new} shows the code {code}; it is typed on {parent}.")
        self.do(parent, "pair", "confirm", code, done=lambda: not self.state(parent, "code"), fine=("PAIRING_NONE",))
        self.wait("the yes of the other side", lambda: self.state(new, "accepted"))
        self.do(new, "pair", "yes", done=lambda: not self.state(new, "accepted"), fine=("PAIRING_NONE",))
        if signer is not None:
            self.decide(signer, True)
        self.wait(f"{new} in the family", lambda: self.state(new, "done"))

    def decide(self, name, yes):
        row = self.wait(f"a request on {name}", lambda: (self.device(name).requests() or [None])[0])
        self.do(name, "approve" if yes else "deny", row["id"], fine=("REQUEST_DECIDED",),
                done=lambda: all(r["id"] != row["id"] for r in self.device(name).requests()))
        return row

    def say(self, name, whom, text, *to):
        if not self.wait("the agent", lambda: [self.device(name).has_text(text)])[0]:
            self.do(name, "send", whom, text, done=lambda: self.device(name).has_text(text))
        for other in to:
            self.wait(f"“{text}” on {other}", lambda o=other: self.device(o).has_text(text))

    def wait_contact(self, name, contact, state):
        def probe():
            row = self.device(name).contact(contact)
            return row is not None and row["state"] == state
        self.wait(f"{contact} {state} on {name}", probe)

    def refused(self, name, *words):
        """The status with which the command is refused; fails when it is not."""
        try:
            self.do(name, *words)
        except KithError as e:
            return e.status
        raise AssertionError(f"{name}: kith {' '.join(words)} was not refused")

    # ---- the steps ----

    def step_found(self):
        self.tell("Ana founds the family Berg on her phone and gets a recovery kit of 24 words.")
        self.found("ana-phone", "Berg", "Ana")

    def step_ben(self):
        self.tell("Ben, the other parent, pairs his phone.")
        self.pair("ana-phone", "ben-phone", "Ben", "parent")

    def step_wrong_code(self):
        self.tell("Maya's tablet is to be paired; somebody types a wrong code, and the link is void.")
        if self.in_family("maya-tablet"):
            return
        code = self.offer("ana-phone", "maya-tablet", "Maya", "child")
        wrong = ("1" if code[0] == "0" else "0") + code[1:]
        status = self.refused("ana-phone", "pair", "confirm", wrong)
        assert status in ("PAIRING_CODE",) + (("PAIRING_NONE",) if self.patient else ()), status
        self.wait("the link void on the tablet", lambda: self.state("maya-tablet", "failed"))

    def step_maya(self):
        self.tell("With a new link Maya's tablet pairs as a child's.")
        self.pair("ana-phone", "maya-tablet", "Maya", "child")

    def step_stranger(self):
        self.tell("A stranger has got hold of an invite of Maya's, and uses it.")
        self.memory["leaked"] = self.do("ana-phone", "invite", "--for", "Maya")["link"]
        self.found("stranger-phone", "Nobody", "Sam")
        self.do("stranger-phone", "meet", self.memory["leaked"], "--note", NOTE_STRANGER, fine=("CONTACT_ALREADY",))
        for parent in ("ana-phone", "ben-phone"):
            row = self.wait(f"the request on {parent}", lambda p=parent: (self.device(p).requests() or [None])[0])
            assert row["other"] == "Sam", row
        assert self.wait("Maya's list", lambda: [self.device("maya-tablet").requests(mine_to_decide=False)])[0] == []

    def step_no(self):
        self.tell("Ana says no. Ben sees that it is decided; nobody else learns of it.")
        self.decide("ana-phone", False)
        self.wait("Ben's list empty", lambda: self.device("ben-phone").requests() == [])
        assert self.refused("stranger-phone", "send", "Maya", "hello?") in ("NAME_UNKNOWN", "CONTACT_UNANSWERED")
        assert self.wait("Maya's contacts", lambda: [self.device("maya-tablet").contact("Sam")])[0] is None

    def step_leo(self):
        self.tell("Another family: Rosa founds Sol, and her son Leo's tablet pairs.")
        self.found("rosa-phone", "Sol", "Rosa")
        self.pair("rosa-phone", "leo-tablet", "Leo", "child")

    def step_meet(self):
        self.tell("Leo scans an invite of Maya's and asks to meet her. Rosa says yes, then Ben does.")
        link = self.do("ana-phone", "invite", "--for", "Maya")["link"]
        self.do("leo-tablet", "meet", link, "--note", NOTE_LEO, fine=("CONTACT_ALREADY",))
        self.decide("rosa-phone", True)
        self.decide("ben-phone", True)
        self.wait_contact("leo-tablet", "Maya", "active")
        self.wait_contact("maya-tablet", "Leo", "active")

    def step_talk(self):
        self.tell("They talk, in both directions.")
        self.say("leo-tablet", "Maya", TEXTS["leo_1"], "maya-tablet")
        self.say("maya-tablet", "Leo", TEXTS["maya_1"], "leo-tablet")

    def step_laptop(self):
        self.tell("Maya pairs a laptop: her tablet signs for it, and her history arrives.")
        self.pair("ana-phone", "maya-laptop", "Maya", "child", signer="maya-tablet")
        for text in ("leo_1", "maya_1"):
            self.wait("the history", lambda t=text: self.device("maya-laptop").has_text(TEXTS[t]))
        self.say("leo-tablet", "Maya", TEXTS["leo_2"], "maya-tablet", "maya-laptop")

    def step_withdraw(self):
        self.tell("Ana withdraws Leo. Neither can write to the other any more, and both are told.")
        self.do("ana-phone", "withdraw", "Leo", fine=("CONTACT_ENDED",))
        self.wait_contact("maya-tablet", "Leo", "withdrawn")
        self.wait_contact("maya-laptop", "Leo", "withdrawn")
        self.wait_contact("leo-tablet", "Maya", "withdrawn")
        assert self.refused("leo-tablet", "send", "Maya", "are you there?") == "CONTACT_ENDED"
        assert self.refused("maya-tablet", "send", "Leo", "are you there?") == "CONTACT_ENDED"

    STEPS = ["found", "ben", "wrong_code", "maya", "stranger", "no", "leo", "meet", "talk", "laptop", "withdraw"]

    def play(self, name):
        getattr(self, "step_" + name)()
