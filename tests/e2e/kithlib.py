# SPDX-License-Identifier: Apache-2.0
"""Real processes for tests and the demo: relays, agents, and the command line against them. Everything lies in one
temporary folder, listens on loopback on ports that the system gives, and is ended by pid."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

START_SECONDS = 60  # generous: a machine may be busy with other things
STOP_SECONDS = 60


class KithError(Exception):
    """kith said no: `status` is the name in protocol/status.def, `say` what a person would read."""

    def __init__(self, error):
        data = error.get("data", {})
        self.status, self.say, self.next = data.get("status", ""), data.get("say", ""), data.get("next", "")
        self.data = data
        super().__init__(f"{self.status}: {error.get('message', '')}")


class NotInTime(Exception):
    pass


class Ended(RuntimeError):
    """A process ended before it was ready."""


def wait_until(what, seconds, probe, every=0.1):
    """The first true value of probe(); NotInTime after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise NotInTime(f"{what}: not within {seconds} s")
        time.sleep(every)


def first_line(process, what):
    """Waits for the first line of a process that we started."""
    import selectors
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        if not ready.select(START_SECONDS):
            raise NotInTime(f"{what}: printed nothing within {START_SECONDS} s")
    line = process.stdout.readline()
    if not line:
        raise Ended(f"{what} ended with {process.wait()}: {process.stderr_path.read_text().strip()}")
    return line.strip()


def end(process, sig=signal.SIGTERM):
    if process is None or process.poll() is not None:
        return
    process.send_signal(sig)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Place:
    """One folder with everything of one run, and the programs of one build."""

    def __init__(self, programs, folder=None):
        self.programs = pathlib.Path(programs).resolve()
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="kith-")).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runtime = pathlib.Path(tempfile.mkdtemp(prefix="kr-"))  # short: socket paths are
        self.started = []
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=str(self.runtime), LC_ALL="C.UTF-8", TZ="UTC")
        for name in ("KITH_HOME", "XDG_DATA_HOME"):
            self.environment.pop(name, None)

    def program(self, name):
        path = self.programs / name
        if not path.exists():
            raise SystemExit(f"{path} is not built: ./bootstrap build")
        return str(path)

    def start(self, what, *command, **environment):
        errors = self.folder / f"{what}.log"
        with open(errors, "ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True,
                                       env=dict(self.environment, **environment))
        process.stderr_path = errors
        self.started.append(process)
        return process

    def close(self, keep_files=False):
        for process in reversed(self.started):
            if process.poll() is None:
                end(process)
        shutil.rmtree(self.runtime, ignore_errors=True)
        if not keep_files:
            shutil.rmtree(self.folder, ignore_errors=True)


class Relay:
    def __init__(self, place, name="relay"):
        self.place, self.name = place, name
        self.data = place.folder / name
        self.process, self.address, self.listen = None, None, "tcp://127.0.0.1:0"

    def start(self):
        """Listens where it listened before, so that its address stays good."""
        self.process = self.place.start(self.name, self.place.program("kith-relay"), "--listen", self.listen, "--data",
                                        str(self.data))
        self.address = first_line(self.process, "kith-relay")
        self.listen = "tcp://127.0.0.1:" + self.address.split("?")[0].rsplit(":", 1)[1]
        return self

    def stop(self, sig=signal.SIGTERM):
        end(self.process, sig)


class Device:
    """One home with its agent."""

    def __init__(self, place, name, relay=None):
        self.place, self.name, self.relay = place, name, relay
        self.home = place.folder / name
        self.process = None

    def start(self):
        self.start_with()
        first_line(self.process, "kithd")
        return self

    def start_with(self, **environment):
        """Without waiting for it: it may be meant to die at once."""
        command = [self.place.program("kithd"), "--home", str(self.home)]
        if self.relay is not None:
            command += ["--relay", self.relay.address]
        self.process = self.place.start(self.name, *command, **environment)

    def stop(self, sig=signal.SIGTERM):
        end(self.process, sig)

    def kill(self):
        self.stop(signal.SIGKILL)

    def command(self, *words):
        return [self.place.program("kith"), "--home", str(self.home), *words]

    def kith(self, *words, seconds=180):
        """What `kith … --json` answers; KithError when it says no."""
        done = subprocess.run(self.command("--json", *words), env=self.place.environment, capture_output=True,
                              text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise KithError({"message": done.stderr.strip() or done.stdout.strip(),
                             "data": {"status": "USAGE", "say": done.stderr.strip()}}) from None
        raise KithError(answer["error"] if "error" in answer else
                        {"data": {"status": answer.get("failed", ""), "say": answer.get("say", "")}})

    def shows(self, *words, seconds=180):
        """The text that a person reads."""
        done = subprocess.run(self.command(*words), env=self.place.environment, capture_output=True, text=True,
                              timeout=seconds, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    # ---- what is looked at again and again ----

    def texts(self, whom=None):
        """What was said; rows that only say that something is missing yet are left out."""
        return [m for m in self.kith("history", *([whom] if whom else []))["messages"] if "gap" not in m]

    def has_text(self, text):
        return any(m["text"] == text for m in self.texts())

    def requests(self, mine_to_decide=True):
        rows = self.kith("requests")["requests"]
        return [r for r in rows if r["can_decide"]] if mine_to_decide else rows

    def contact(self, name):
        return next((c for c in self.kith("contacts")["contacts"] if c["name"] == name), None)

    def pairing(self):
        return self.kith("pair", "status")
