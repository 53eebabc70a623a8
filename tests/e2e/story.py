# SPDX-License-Identifier: Apache-2.0
"""The main job as steps with names: the demo tells them, the crash test kills in the middle of them. Each step ends
when what it is about is seen on every device concerned, and may be run again after a crash: what is done is left."""
from kithlib import Device, KithError, wait_until

SECONDS = 60  # for one thing to come through real processes on a busy machine

TEXTS = {"leo_1": "Hi Maya! Did you see the fox behind the gym?", "maya_1": "Yes!! It has two cubs \U0001f98a",
         "leo_2": "Let us count them tomorrow"}
NOTE_STRANGER = "hello little one, let us be friends"
NOTE_LEO = "It is Leo from 5b"


class Story:
    """`tell(text)` is called with what a person would say of each step."""

    def __init__(self, place, relay, tell=lambda text: None):
        self.place, self.relay, self.tell = place, relay, tell
        self.devices = {}
        self.memory = {}  # what a person would remember between steps: links, kits

    def device(self, name):
        if name not in self.devices:
            self.devices[name] = Device(self.place, name, self.relay).start()
        return self.devices[name]

    def wait(self, what, probe, seconds=SECONDS):
        def safe():
            try:
                return probe()
            except KithError:
                return None
        return wait_until(what, seconds, safe)

    # ---- building blocks ----

    def found(self, name, family, person):
        d = self.device(name)
        if d.kith("status").get("in_family"):
            return
        self.memory[f"kit {person}"] = d.kith("init", "--family", family, "--as", person, "--device", name)["kit"]

    def pair(self, parent, new, person, role, signer=None):
        parent, new = self.device(parent), self.device(new)
        if new.kith("status").get("in_family"):
            return
        link = parent.kith("pair", "invite", "--person", person, "--role", role)["link"]
        self.memory[f"link {new.name}"] = link
        self.accept(new, link)
        code = self.wait("the short code", lambda: new.pairing()["state"] == "code" and new.pairing()["code"])
        self.memory[f"code {new.name}"] = code
        self.tell(f"  {new.name} shows the code {code}; it is typed on {parent.name}.")
        self.wait("the code", lambda: parent.pairing()["state"] == "code")
        parent.kith("pair", "confirm", code)
        self.wait("the yes of the other side", lambda: new.pairing()["state"] == "accepted")
        new.kith("pair", "yes")
        if signer is not None:
            self.decide(signer, True)
        self.wait(f"{new.name} in the family", lambda: new.pairing()["state"] == "done")

    @staticmethod
    def accept(new, link):
        new.kith("pair", "accept", link, "--device", new.name)

    def decide(self, name, yes):
        d = self.device(name)
        row = self.wait(f"a request on {name}", lambda: (d.requests() or [None])[0])
        d.kith("approve" if yes else "deny", row["id"])
        return row

    def say(self, name, whom, text, *to):
        d = self.device(name)
        if not d.has_text(text):
            d.kith("send", whom, text)
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
            self.device(name).kith(*words)
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
        ana, maya = self.device("ana-phone"), self.device("maya-tablet")
        if maya.kith("status").get("in_family"):
            return
        link = ana.kith("pair", "invite", "--person", "Maya", "--role", "child")["link"]
        self.accept(maya, link)
        code = self.wait("the short code", lambda: maya.pairing()["state"] == "code" and maya.pairing()["code"])
        self.wait("the code", lambda: ana.pairing()["state"] == "code")
        wrong = ("1" if code[0] == "0" else "0") + code[1:]
        status = self.refused("ana-phone", "pair", "confirm", wrong)
        assert status == "PAIRING_CODE", status
        self.wait("the link void on the tablet", lambda: maya.pairing()["state"] == "failed")

    def step_maya(self):
        self.tell("With a new link Maya's tablet pairs as a child's.")
        self.pair("ana-phone", "maya-tablet", "Maya", "child")

    def step_stranger(self):
        self.tell("A stranger has got hold of an invite of Maya's, and uses it.")
        self.memory["leaked"] = self.device("ana-phone").kith("invite", "--for", "Maya")["link"]
        self.found("stranger-phone", "Nobody", "Sam")
        stranger = self.device("stranger-phone")
        try:
            stranger.kith("meet", self.memory["leaked"], "--note", NOTE_STRANGER)
        except KithError as e:
            if e.status != "CONTACT_ALREADY":
                raise
        for parent in ("ana-phone", "ben-phone"):
            row = self.wait(f"the request on {parent}", lambda p=parent: (self.device(p).requests() or [None])[0])
            assert row["other"] == "Sam", row
        assert self.device("maya-tablet").requests(mine_to_decide=False) == []

    def step_no(self):
        self.tell("Ana says no. Ben sees that it is decided; nobody else learns of it.")
        self.decide("ana-phone", False)
        self.wait("Ben's list empty", lambda: self.device("ben-phone").requests() == [])
        assert self.refused("stranger-phone", "send", "Maya", "hello?") in ("NAME_UNKNOWN", "CONTACT_NOT_READY")
        assert self.device("maya-tablet").contact("Sam") is None

    def step_leo(self):
        self.tell("Another family: Rosa founds Sol, and her son Leo's tablet pairs.")
        self.found("rosa-phone", "Sol", "Rosa")
        self.pair("rosa-phone", "leo-tablet", "Leo", "child")

    def step_meet(self):
        self.tell("Leo scans an invite of Maya's and asks to meet her. Rosa says yes, then Ben does.")
        if self.device("leo-tablet").contact("Maya") is None:
            link = self.device("ana-phone").kith("invite", "--for", "Maya")["link"]
            self.device("leo-tablet").kith("meet", link, "--note", NOTE_LEO)
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
        if self.device("ana-phone").contact("Leo")["state"] != "withdrawn":
            self.device("ana-phone").kith("withdraw", "Leo")
        self.wait_contact("maya-tablet", "Leo", "withdrawn")
        self.wait_contact("maya-laptop", "Leo", "withdrawn")
        self.wait_contact("leo-tablet", "Maya", "withdrawn")
        assert self.refused("leo-tablet", "send", "Maya", "are you there?") == "CONTACT_ENDED"
        assert self.refused("maya-tablet", "send", "Leo", "are you there?") == "CONTACT_ENDED"

    STEPS = ["found", "ben", "wrong_code", "maya", "stranger", "no", "leo", "meet", "talk", "laptop", "withdraw"]

    def play(self, name):
        getattr(self, "step_" + name)()
