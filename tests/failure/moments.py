# SPDX-License-Identifier: Apache-2.0
"""Harm at every moment: at each system call of each process a command consists of, one of them is killed or stopped, or the call
fails.

Whatever the moment: the command ends, and says why if it failed; the state is truthful; `delete --force` takes everything away. Where a
program waits for its stopped sentry, or the command itself is the one that is stopped, it is `delete --force` that ends the command.
"""
import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import signal
import subprocess
import time

from steps import Driver, until  # first: it knows where the harness is
from sandbox import alive, descendants, kill_all

HERE = os.path.dirname(os.path.abspath(__file__))
ERRORS = ("ENOMEM", "EMFILE", "EACCES", "EIO")  # in turn
ID_RANGE = (1980000000 + os.getpid() % 65536 * 48, 48)  # nobody else's: whoever is left in it is ours
ID = "harmed"
SERVANTS = ("sentry", "gofer", "init")
PATIENCE = ("--timeout", "2")  # of a command that may be kept waiting
SECONDS, IDLE_SECONDS = 20, 5


@dataclasses.dataclass(frozen=True)
class Command:
    words: tuple          # with {bundle}
    before: tuple = ()    # what brings the container to where the command finds it
    births: str = ""      # the processes it makes, in their order
    there: bool = True    # whether sentry, gofer and init are there already
    after: tuple = ()     # the states a container may be in when the command has succeeded; () if there may be none


MADE = "sentry,fork,helper,init,fork,gofer"  # a fork bears the process that comes after it
CREATE = ("create", "--bundle", "{bundle}", ID)
START = ("start", ID)
COMMANDS = {
    "create": Command(CREATE, (), MADE, False, ("created",)),
    "start": Command(START, (CREATE,), after=("running",)),
    "exec": Command(("exec", ID, "/bin/true"), (CREATE, START), "helper,process", after=("running",)),
    "kill": Command(("kill", ID, "CONT"), (CREATE, START), after=("running",)),
    "pause": Command(("pause", ID), (CREATE, START), after=("paused",)),
    "resume": Command(("resume", ID), (CREATE, START, ("pause", ID)), after=("running",)),
    "update": Command(("update", "--pids-limit", "50", ID), (CREATE, START), after=("running",)),
    "delete": Command(("delete", ID), (CREATE,)),
    "delete-force": Command(("delete", "--force", ID), (CREATE, START)),
    "run": Command(("run", "--bundle", "{bundle}", ID), (), MADE, False),
    "run-detach": Command(("run", "--detach", "--bundle", "{bundle}", ID), (), MADE, False, ("running",)),
}


@dataclasses.dataclass(frozen=True)
class Case:
    command: str
    target: str  # whose calls are counted
    action: str  # kill=VICTIM, stop=VICTIM, fail=ERRNO, none
    moment: int = 0

    def stops(self):
        return self.action.startswith("stop=")

    def may_stay(self):
        """A program whose sentry is stopped waits for it, and a command that is stopped ends nothing."""
        return self.action == "stop=runtime" or (self.stops() and self.command in ("run", "exec"))

    def __str__(self):
        return f"{self.command} {self.target} {self.action} {self.moment}"


def actions(name):
    """The pairs of target and action that make sense for a command. fail= is completed when the moment is known."""
    command = COMMANDS[name]
    made = list(dict.fromkeys(born for born in command.births.split(",") if born))
    found = [("runtime", "kill=runtime"), ("runtime", "fail=")]
    found += [("runtime", f"{harm}={victim}") for victim in SERVANTS for harm in ("kill", "stop")]
    found.append(("runtime", "stop=runtime"))
    for target in made + ([s for s in SERVANTS if name in ("start", "exec")] if command.there else []):
        found += [(target, f"kill={target}"), (target, f"stop={target}"), (target, "fail=")]
    if name == "exec":
        found.append(("runtime", "kill=process"))
    return found


class Harm(Driver):
    """A runtime to whose commands harm is done."""

    def __init__(self, runtime, interrupt):
        super().__init__(runtime)
        self.interrupt = interrupt
        self.counts = {}
        self.seen, self.since = None, 0

    def __enter__(self):
        super().__enter__()
        self.report = os.path.join(self.box.folder, "report")
        self.where = self.bundle("harmed", "/bin/sleep", "1000")
        self.where_short = self.bundle("short", "/bin/true")
        self.names = {"harmed": ID}
        os.environ["POSTERN_ID_RANGE"] = "%d:%d" % ID_RANGE
        return self

    # -- one case ----------------------------------------------------------------------------------------------------

    def words(self, name, words):
        where = self.where_short if name == "run" else self.where
        return [word.replace("{bundle}", where) for word in words]

    def prepare(self, name):
        for words in COMMANDS[name].before:
            code, _, err = self.call(self.words(name, words))
            assert code == 0, f"{words}: {err}"

    def servants(self):
        with open(os.path.join(self.box.state, ID, "state.json"), encoding="utf-8") as file:
            state = json.load(file)
        return [f"{servant}={state[servant]['pid']}" for servant in SERVANTS]

    def harm(self, case):
        """Runs the command with the harm done to it; its exit code, its words, and what the harm was."""
        command = COMMANDS[case.command]
        line = [self.interrupt, self.report, command.births, case.target, str(case.moment or 10**9), case.action,
                *(self.servants() if command.there else []), "--",
                *self.box.command(*(PATIENCE if case.stops() else ()), *self.words(case.command, command.words))]
        errors = os.path.join(self.box.folder, "harmed-err")
        self.seen, self.since = None, time.monotonic()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.report)
        with open(errors, "wb") as err:
            process = self.reaper.start(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
            try:
                until(lambda: process.pid in self.reaper.ended or (case.may_stay() and self.is_idle(process)),
                      "the end of the command", SECONDS)
                if process.pid not in self.reaper.ended:
                    self.end_by_force(case)
                code = self.reaper.wait(process, SECONDS)
            finally:
                self.reaper.kill(process)
        with open(errors, encoding="utf-8", errors="backslashreplace") as err:
            return code, err.read(), self.read_report()

    def end_by_force(self, case):
        """What is at work on the container is ended with it. A command that was stopped before it came to that goes on by itself."""
        stopped = int(self.read_report()[2]) if case.action == "stop=runtime" else 0
        folder = os.path.join(self.box.state, ID)
        knows_it = stopped == 0 or any(folder in name for name in self.descriptors_of(stopped))
        self.call(["delete", "--force", ID])
        if not knows_it and alive(stopped):
            os.kill(stopped, signal.SIGCONT)

    @staticmethod
    def descriptors_of(pid):
        try:
            return [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        except OSError:  # it has ended meanwhile
            return []

    def is_idle(self, process):
        """The harm is done, and nothing has happened in the command's processes for longer than it waits for anybody."""
        if not os.path.exists(self.report):
            return False
        family = descendants(process.pid)
        seen = [self.text_of(f"/proc/{pid}/stat").split()[13:15] for pid in family]
        if seen != self.seen:
            self.seen, self.since = seen, time.monotonic()
        return time.monotonic() - self.since > IDLE_SECONDS

    def read_report(self):
        if not os.path.exists(self.report):
            return ["missed", "0"]
        with open(self.report, encoding="ascii") as report:
            return report.read().split()

    def measure(self, name, target, action):
        """How many calls the target makes during the command."""
        key = (name, target, action == "fail=")
        if key not in self.counts:
            self.prepare(name)
            _, _, report = self.harm(Case(name, target, "fail=12" if action == "fail=" else "none"))
            wrong = self.clean()
            assert report[0] == "missed" and not wrong, (report, wrong)
            self.counts[key] = int(report[1])
        return self.counts[key]

    def play(self, case):
        """Returns what was wrong after a case, in words."""
        self.prepare(case.command)
        try:
            return self.harm_and_judge(case)
        except AssertionError as error:
            self.scrub()
            return [str(error)[:200]]

    def harm_and_judge(self, case):
        code, wrong = None, []
        try:
            code, err, report = self.harm(case)
            wrong += self.judge(case, code, err, report)
        except AssertionError:
            wrong.append("the command does not end")
            report = self.read_report()
        wrong += self.truth(case, code) + self.clean()
        return [f"{line} (system call {report[1]})" if report[:1] == ["done"] else line for line in wrong]

    def judge(self, case, code, err, report):
        """The command's own end."""
        killed_itself = case.action in ("kill=runtime", "stop=runtime") and report[0] == "done"
        if killed_itself or code == 0:
            return []
        # That of a process which was killed says it all. (run does say why, but cannot as long as the sentry has a tracer.)
        killed = code == 128 + signal.SIGKILL and (case.command == "exec" or (case.command == "run" and case.target == "sentry"))
        return [f"exit code {code} without a word"] if not err.strip() and not killed else []

    # -- the truth ----------------------------------------------------------------------------------------------------

    def state(self):
        code, out, err = self.call(["state", ID])
        if code == 0:
            found = json.loads(out)
            return found["status"], found["pid"]
        return ("none", 0) if err.strip() == "postern: container does not exist" else (f"error: {err.strip()}", 0)

    @staticmethod
    def has_started(pid):
        """Whether the container's program has taken the place of what set it up."""
        try:
            return os.readlink(f"/proc/{pid}/exe").startswith("/memfd:")
        except OSError:
            return None

    def is_truthful(self, name):
        status, pid = self.state()
        if status in ("created", "running"):
            return alive(pid) and self.has_started(pid) == (status == "running")
        if status == "paused":
            return alive(pid)
        # Whatever was there has ended, too: sentry, gofer and guests are our children now. (In a frozen cgroup nothing ends.)
        frozen = {"postern-sentry", "postern-gofer"} if name in ("pause", "resume") else set()
        return status in ("stopped", "none") and set(self.processes()) <= frozen

    def truth(self, case, code):
        try:
            until(lambda: self.is_truthful(case.command), "a truthful state", 5)
        except AssertionError:
            return [f"the state is {self.state()}, the processes {self.processes()}"]
        after = COMMANDS[case.command].after
        status = self.state()[0]
        if code == 0 and case.action.startswith("fail=") and case.target == "runtime" and after and status not in after:
            return [f"the command succeeded, and the state is {status}"]
        return []

    # -- the end --------------------------------------------------------------------------------------------------------

    def clean(self):
        code, _, err = self.call(["delete", "--force", ID])
        wrong = [f"delete --force: {code}: {err.strip()}"] if code != 0 or err else []
        if self.state()[0] != "none":
            wrong.append(f"the state after delete is {self.state()}")
        try:
            until(lambda: not any(self.leftovers().values()), "the last of it to go", 5)
        except AssertionError:
            wrong.append("left: " + str({key: value for key, value in self.leftovers().items() if value}))
            self.scrub()
        return wrong

    def scrub(self):
        """By hand, so that one failure does not become many."""
        kill_all(descendants(os.getpid())[1:])
        self.quietly("delete", "--force", ID)
        for group in self.leftovers()["cgroups"]:
            try:
                os.rmdir(os.path.join("/sys/fs/cgroup", group))
            except OSError:
                pass

    def leftovers(self):
        return dict(super().leftovers(), ids=self.ids_held(), names=[n for n in os.listdir("/run/postern") if ID in n])

    def ids_held(self):
        held = []
        for first in os.listdir("/run/postern/@ids"):
            if not ID_RANGE[0] <= int(first) < sum(ID_RANGE):
                continue
            with open(os.path.join("/run/postern/@ids", first), encoding="ascii") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(first)
        return held


def sample(count, most):
    """Moments spread evenly over a command; all of them if most is 0."""
    if most == 0 or count <= most:
        return list(range(1, count + 1))
    return sorted({1 + (2 * i + 1) * count // (2 * most) for i in range(most)})


def cases(harm, name, target, action, most):
    for moment in sample(harm.measure(name, target, action), most):
        what = action + str(getattr(errno, ERRORS[moment % len(ERRORS)])) if action == "fail=" else action
        yield Case(name, target, what, moment)
