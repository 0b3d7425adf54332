# SPDX-License-Identifier: Apache-2.0
"""One runtime, driven step by step: each step is a command of it, and what came of it in words that two runtimes share."""
import ctypes
import dataclasses
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "harness"))
import cgroup  # noqa: E402
from sandbox import Sandbox, alive, libc  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 20  # seconds, for anything a container is to do
GO_ESCAPE = re.compile(r'\\(["\\nt])')
COUNTER = itertools.count(1)
CGROUPS = f"postern-lifecycle-{os.getpid()}"
WORDS = {"n": "\n", "t": "\t"}


SKIPPED = []


def skip(what, why):
    """Says what cannot run here."""
    print(f"SKIP {what}: {why}", flush=True)
    SKIPPED.append(what)


def become_reaper():
    """Containers become our children when the command that made them ends, as they become a shim's."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@dataclasses.dataclass
class Step:
    label: str
    seen: dict       # what came of it
    wanted: dict = None  # what must come of it; None: the same as with runc
    why: str = ""    # why it may differ from runc's; then only the exit code is compared
    code_too: bool = False  # ... and not even that


class Reaper:
    """Waits for every child there is, as a shim does: the commands we start and the containers they leave to us."""

    def __init__(self):
        self.ended = {}
        self.lock = threading.Lock()  # whoever holds it knows that nobody is reaped meanwhile, and no pid given away again
        self.stopping = False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.stopping:
            with self.lock:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    pid = 0
                if pid != 0:
                    self.ended[pid] = os.waitstatus_to_exitcode(status)
            if pid == 0:
                time.sleep(0.001)

    def expect(self, pid):
        """From here on the end of that process is its own, not that of another that had its pid before."""
        with self.lock:
            if alive(pid):
                self.ended.pop(pid, None)

    def start(self, command, **options):
        """Starts a command; returns what `wait` and `kill` want. A Popen's own methods must not be used: even kill() waits for
        a process that has ended, and then its end would never be seen here."""
        with self.lock:
            process = subprocess.Popen(command, **options)
            self.ended.pop(process.pid, None)  # another's, which had that pid before
        return process

    def kill(self, process):
        with self.lock:
            if process.returncode is None and process.pid not in self.ended:
                os.kill(process.pid, signal.SIGKILL)

    def wait(self, process, seconds=60):
        """Waits for a started command; returns its exit code. One that takes longer is killed, and the test fails."""
        try:
            until(lambda: process.pid in self.ended, f"the end of {process.args}", seconds)
        except AssertionError:
            self.kill(process)
            raise
        process.returncode = self.ended.pop(process.pid)
        return process.returncode

    def run(self, command, **options):
        """Starts a command and waits for it; returns its exit code."""
        return self.wait(self.start(command, **options))

    def stop(self):
        self.stopping = True
        self.thread.join()


def until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.002)


PLAYED = set()  # (command or "" for global ones, option) of every step, as written: "--long" or "-x"


def remember(globals_, words):
    command = "" if words[0].startswith("-") else words[0]
    for command, given in (("", globals_), (command, words)):
        PLAYED.update((command, re.sub("^-(?=[^-].)", "--", word).split("=")[0]) for word in given if word.startswith("-"))


class Driver:
    """A runtime with a state folder and a root of its own; collects steps."""

    def __init__(self, runtime):
        self.box = Sandbox(runtime, "busybox")
        self.steps = []
        self.pids = {}
        self.names = {}
        self.groups = set()

    def __enter__(self):
        self.box.__enter__()
        self.reaper = Reaper()
        return self

    def __exit__(self, *what):
        for ident in self.names.values():
            self.quietly("delete", "--force", ident)
        self.reaper.stop()
        self.box.__exit__(*what)

    def quietly(self, *words):
        null = subprocess.DEVNULL
        return self.reaper.run(self.box.command(*self.with_ids(words)), stdin=null, stdout=null, stderr=null)

    def with_ids(self, words):
        """Names of containers become ids; the first word is the command."""
        return [words[0], *(self.names.get(word, word) for word in words[1:])]

    # -- containers ----------------------------------------------------------------------------------------------------

    def bundle(self, name, *argv, change=None, **options):
        """Writes a bundle for a container called `name` in the steps; `change` edits its configuration."""
        options.setdefault("cgroup", f"/{CGROUPS}-{next(COUNTER)}-{self.box.runtime}")
        self.groups.add(os.path.basename(options["cgroup"]))
        ident, command = self.box.prepare(list(argv), **options)
        self.names[name] = ident
        where = command[command.index("--bundle") + 1]
        if change is not None:
            path = os.path.join(where, "config.json")
            with open(path, encoding="utf-8") as file:
                config = json.load(file)
            change(config)
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
        return where

    def create(self, name, *argv, **options):
        """A bundle and the step `create`."""
        return self.step("create", "--bundle", self.bundle(name, *argv, **options), name)

    def running(self, name, *argv, **options):
        """A container that runs; no step of its own. It says that it is up by writing /ready-NAME, if argv is a script."""
        where = self.bundle(name, *argv, **options)
        for words in (["create", "--bundle", where, name], ["start", name]):
            code, _, err = self.call(words)
            assert code == 0, (words, err)
        self.pid(name)

    def script(self, name, text, **options):
        """A container that runs a shell script, once it has come to its line `ready`."""
        mark = f"ready-{name}"
        self.running(name, "/bin/sh", "-c", text.replace("ready", f"echo up >/{mark}"), **options)
        self.wait_file(mark)

    def pid(self, name):
        """The container's pid, from `state`; remembered, because later it is 0."""
        code, out, _ = self.call(["state", name])
        if code == 0 and json.loads(out)["pid"] > 0:
            self.pids[name] = json.loads(out)["pid"]
            self.reaper.expect(self.pids[name])
        return self.pids.get(name)

    def file(self, name):
        try:
            with open(os.path.join(self.box.root, name), encoding="utf-8") as file:
                return file.read()
        except OSError:
            return None

    def wait_file(self, name):
        until(lambda: self.file(name), f"/{name} in the container")

    # -- commands ------------------------------------------------------------------------------------------------------

    def call(self, words, globals_=(), given=None, **options):
        """Runs a command; names of containers among the words become ids. Output goes to files: what a container has
        inherited stays open. `given` is what it reads, further options are Popen's."""
        command = self.box.command(*globals_, *self.with_ids(words))
        out, err, into = (os.path.join(self.box.folder, name) for name in ("out", "err", "in"))
        with open(into, "w", encoding="utf-8") as file:
            file.write(given or "")
        with open(out, "wb") as out_file, open(err, "wb") as err_file, open(into, "rb") as in_file:
            code = self.reaper.run(command, stdin=in_file if given is not None else subprocess.DEVNULL, stdout=out_file,
                                   stderr=err_file, **options)
        texts = []
        for name in (out, err):
            with open(name, encoding="utf-8", errors="backslashreplace") as file:
                texts.append(file.read())
        return code, *texts

    def step(self, *words, view=None, out=True, err=True, differs="", code=True, globals_=(), **options):
        """A command whose exit code, output and error count. `view` makes of the output what is compared; `differs`:
        output and error are Postern's own, for that reason."""
        remember(globals_, words)
        status, output, errors = self.call(list(words), globals_, **options)
        seen = {"code": status}
        if out:
            seen["out"] = view(output) if view is not None and output else self.plain(output)
        if err:
            seen["err"] = self.plain(self.error_text(errors))
        self.steps.append(Step(self.label(globals_, words), seen, None, differs, not code))
        return status

    def note(self, label, value):
        """A step that is no command but something seen from outside."""
        self.steps.append(Step(label, {"seen": value}))

    def check(self, label, value, wanted):
        """The same where not runc's example but this value is right."""
        self.steps.append(Step(label, {"seen": value}, {"seen": wanted}))

    def exit_of(self, name):
        """How the container's process ended, as its parent sees it: the code, or minus the signal."""
        pid = self.pids[name]

        until(lambda: pid in self.reaper.ended, f"the end of {name}")
        self.note(f"exit of {name}", self.reaper.ended[pid])

    def left(self):
        """What is left of all containers: states, processes, cgroups, mounts. What has ended may still have to be waited for."""
        try:
            until(lambda: not self.processes(), "the last process to go", 5)
        except AssertionError:
            pass
        self.note("left behind", self.leftovers())

    def left_nothing(self):
        nothing = {"states": [], "cgroups": [], "mounts": 0, "processes": []}
        try:
            until(lambda: self.leftovers() == nothing, "the last of it to go", 5)
        except AssertionError:
            pass
        self.check("left behind", self.leftovers(), nothing)

    def leftovers(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
            mounted = sum(self.box.folder in line for line in mounts) - len(self.box.mounted)
        return {"states": sorted(self.plain(i) for i in os.listdir(self.box.state)), "cgroups": self.cgroups(), "mounts": mounted,
                "processes": self.processes()}

    def cgroups(self):
        return cgroup.named(lambda name: name in self.groups)

    def processes(self):
        """Those that are ours to wait for: all that a container was made of."""
        found = []
        for task in os.listdir("/proc/self/task"):
            for pid in self.text_of(f"/proc/self/task/{task}/children").split():
                found.append(self.text_of(f"/proc/{pid}/comm").strip())
        found = [name for name in found if name]
        return sorted(found)

    @staticmethod
    def text_of(path):
        """What a file of /proc says; nothing if whose it is has gone."""
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    # -- the same words for both ---------------------------------------------------------------------------------------

    def label(self, globals_, words):
        folder = self.box.folder
        return " ".join(w.replace(folder, "") if w else "''" for w in (*globals_, *words) if not w.startswith(folder + "/bundle"))

    @staticmethod
    def error_text(text):
        """The messages themselves: runc wraps them in a log line, Postern names itself."""
        found = []
        for line in text.splitlines():
            wrapped = re.match(r'time="[^"]*" level=(\w+) msg="(.*)"$', line)
            if wrapped:
                line = GO_ESCAPE.sub(lambda m: WORDS.get(m[1], m[1]), wrapped[2]) if wrapped[1] in ("error", "fatal") else ""
            line = re.sub(r"^postern: (warning: .*)?", "", line)
            line = re.sub(r"^runc: |^(runc )?(create|run|exec) failed: |; see postern \w+ --help$", "", line)
            if line:
                found.append(line)
        return "\n".join(found)

    def plain(self, text):
        for name, ident in self.names.items():
            text = text.replace(ident, name)
        for name, pid in self.pids.items():
            text = re.sub(rf"^ *(?={pid}\b)", "", text, flags=re.MULTILINE)  # ps(1) pads it
            text = re.sub(rf"\b{pid}\b", f"PID-{name}", text)
        text = text.replace(self.box.folder, "/FOLDER")
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text).strip()

    def as_state(self, text):
        """The JSON of `state`, or one of `list`."""
        return self.state(json.loads(text))

    def as_states(self, text):
        return [self.state(one) for one in json.loads(text) or []]

    def state(self, value):
        assert value.pop("ociVersion"), "ociVersion is empty"
        return {key: self.plain(str(entry)) if key != "annotations" else dict(sorted(entry.items())) for key, entry in sorted(value.items())}

    def as_table(self, text):
        """Rows of cells: widths differ with the lengths of pids and folders, but columns must stand in line."""
        lines = text.splitlines()
        starts = [m.start() for m in re.finditer(r"\S+", lines[0])]
        return [[self.plain(line[a:b]) for a, b in zip(starts, starts[1:] + [None])] for line in lines]

    @staticmethod
    def as_count(text):
        return f"{len(json.loads(text) or [])} pids"

    @staticmethod
    def as_lines(text):
        return f"{len(text.splitlines())} lines"

