# SPDX-License-Identifier: Apache-2.0
"""What a command waits for that does not come: it ends when its time is up, or when it is asked to, and leaves nothing; and
`delete --force` ends it in any case. (At which moments, and who is stopped: tests/failure.)"""
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time

from steps import until  # first: it knows where the harness is
import cgroup
from sandbox import alive

SLEEP = ("/bin/sleep", "1000")
NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def servant(d, name, which):
    with open(os.path.join(d.box.state, d.names[name], "state.json"), encoding="utf-8") as file:
        return json.load(file)[which]["pid"]


def timed(d, words, globals_=("--timeout", "1")):
    """The exit code and words of a command that may not take long."""
    begun = time.monotonic()
    code, _, err = d.call(words, globals_)
    return code, err, time.monotonic() - begun < 12


# -- the time is up -------------------------------------------------------------------------------------------------------


def own_timeout_words(d):
    for words in ("0", "-1", "x", "1s", "100000"):
        code, _, err = d.call(["list"], ("--timeout", words))
        d.check(f"--timeout {words}", [code, "--timeout" in err], [1, True])


def own_lock_is_held(d):
    """By somebody who does not end: the others say so, and delete --force goes on without it."""
    d.create("one", *SLEEP)
    d.pid("one")
    with open(os.path.join(d.box.state, d.names["one"], "lock"), encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in (["start", "one"], ["pause", "one"], ["update", "--pids-limit", "9", "one"], ["delete", "one"]):
            code, err, quick = timed(d, words)
            d.check(" ".join(words), [code, "another command" in err, quick], [1, True, True])
        code, err, quick = timed(d, ["delete", "--force", "one"])
        d.check("delete --force", [code, quick], [0, True])
    d.left_nothing()


def own_nobody_reads(d):
    """A FIFO to be written without a reader."""
    fifo = os.path.join(d.box.folder, "fifo")
    os.mkfifo(fifo)
    where = d.bundle("one", "/bin/true")
    code, err, quick = timed(d, ["list"], ("--timeout", "1", "--log", fifo))
    d.check("--log", [code, "timed out" in err.lower(), quick], [1, True, True])
    code, err, quick = timed(d, ["run", f"--trace={fifo}", "--bundle", where, "one"])
    d.check("--trace", [code, "timed out" in err.lower(), quick], [1, True, True])
    with open(fifo, "rb", buffering=0, opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)):
        d.check("--trace that is read", d.call(["run", f"--trace={fifo}", "--bundle", where, "one"])[0], 0)
        writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        code, err, quick = timed(d, ["state", "nobody"], ("--log", fifo))
        d.check("--log that is full", [code, "does not exist" in err, quick], [1, True, True])
        os.close(writer)
    d.left_nothing()


def own_sentry_is_stopped(d):
    """exec waits in vain, also when others have filled the sentry's list of callers."""
    d.running("one", *SLEEP)
    sentry = servant(d, "one", "sentry")
    os.kill(sentry, signal.SIGSTOP)
    code, err, quick = timed(d, ["exec", "one", "/bin/true"])
    d.check("exec", [code, "does not answer" in err, quick], [255, True, True])
    callers = []
    while True:
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        caller.setblocking(False)
        callers.append(caller)
        try:
            caller.connect(os.path.join(d.box.state, d.names["one"], "control.sock"))
        except BlockingIOError:
            break
    code, err, quick = timed(d, ["exec", "one", "/bin/true"])
    d.check("exec where nobody can connect", [code, "timed out" in err.lower(), quick], [255, True, True])
    for caller in callers:
        caller.close()
    os.kill(sentry, signal.SIGCONT)
    d.check("exec when it goes on", d.quietly("exec", "one", "/bin/true"), 0)
    d.check("delete --force", d.quietly("delete", "--force", "one"), 0)
    d.left_nothing()


def own_sentry_is_stopped_for_good(d):
    """A `run` and an `exec` of programs that wait for their sentry end with the container."""
    where = d.bundle("one", "/bin/sh", "-c", "echo up >/ready-one; while :; do cd /proc; cd /; done")
    run = d.reaper.start(d.box.command("run", "--bundle", where, d.names["one"]), **NULL)
    d.wait_file("ready-one")
    other = d.reaper.start(d.box.command("exec", d.names["one"], "/bin/sh", "-c", "echo up >/ready-two; while :; do cd /proc; cd /; done"),
                           **NULL)
    d.wait_file("ready-two")
    os.kill(servant(d, "one", "sentry"), signal.SIGSTOP)
    os.kill(other.pid, signal.SIGSTOP)
    code, err, quick = timed(d, ["delete", "--force", "one"], ())
    d.check("delete --force", [code, err, quick], [0, "", True])
    d.check("run failed", d.reaper.wait(run, 10) != 0, True)
    d.check("exec failed", d.reaper.wait(other, 10) != 0, True)
    d.left_nothing()


# -- signals --------------------------------------------------------------------------------------------------------------


def hanging(d, name, stage, path="/bin/sleep"):
    """A bundle with a hook that hangs, and says that it does."""
    mark = os.path.join(d.box.folder, "hangs-" + name)

    def change(config):
        script = f"echo $$ >{mark}; exec sleep 1000" if stage != "startContainer" else "echo up >/hangs; exec sleep 1000"
        config["hooks"] = {stage: [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    return d.bundle(name, path, "1000", change=change), mark if stage != "startContainer" else os.path.join(d.box.root, "hangs")


def own_signals_during_set_up(d):
    """The command takes down what it made, and dies of the signal."""
    for stage, words in (("createRuntime", ("create",)), ("createRuntime", ("run",)), ("createContainer", ("create",)),
                         ("startContainer", ("run",)), ("poststart", ("run",)), ("prestart", ("run", "--detach"))):
        for number in (signal.SIGTERM, signal.SIGINT):
            name = f"{stage}-{words[0]}-{number}"
            where, mark = hanging(d, name, stage)
            command = d.reaper.start(d.box.command(*words, "--bundle", where, d.names[name]), **NULL)
            until(lambda: os.path.exists(mark), "the hook")
            os.kill(command.pid, number)
            d.check(f"{' '.join(words)} in {stage} by {number.name}", d.reaper.wait(command, 15), -number)
            d.left_nothing()
            os.unlink(mark)


def own_signal_ignored(d):
    """nohup(1): who ignores it for us does not want us to end."""
    where, mark = hanging(d, "one", "createRuntime")
    command = d.reaper.start(d.box.command("create", "--bundle", where, d.names["one"]), **NULL,
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    until(lambda: os.path.exists(mark), "the hook")
    os.kill(command.pid, signal.SIGHUP)
    time.sleep(0.3)
    d.check("it goes on", alive(command.pid), True)
    os.kill(command.pid, signal.SIGTERM)
    d.check("and ends", d.reaper.wait(command, 15), -signal.SIGTERM)
    d.left_nothing()


def own_signal_to_exec(d):
    """One that waits for a stopped sentry; and one whose program runs, to which it goes."""
    d.running("one", *SLEEP)
    sentry = servant(d, "one", "sentry")
    os.kill(sentry, signal.SIGSTOP)
    command = d.reaper.start(d.box.command("exec", d.names["one"], "/bin/true"), **NULL)
    time.sleep(0.5)
    os.kill(command.pid, signal.SIGTERM)
    d.check("exec that waits", d.reaper.wait(command, 15), -signal.SIGTERM)
    os.kill(sentry, signal.SIGCONT)
    command = d.reaper.start(d.box.command("exec", d.names["one"], "/bin/sh", "-c",
                                           "trap 'exit 9' TERM; echo up >/ready; while :; do sleep 0.1; done"), **NULL)
    d.wait_file("ready")
    os.kill(command.pid, signal.SIGTERM)
    d.check("exec whose program runs", d.reaper.wait(command, 15), 9)
    d.check("delete --force", d.quietly("delete", "--force", "one"), 0)
    d.left_nothing()


# -- delete --force -------------------------------------------------------------------------------------------------------


def own_force_ends_creators(d):
    """A container that is being made, by a command that hangs or is stopped."""
    for stop in (False, True):
        where, mark = hanging(d, f"one-{stop}", "createRuntime")
        command = d.reaper.start(d.box.command("create", "--bundle", where, d.names[f"one-{stop}"]), **NULL)
        until(lambda: os.path.exists(mark), "the hook")
        if stop:
            os.kill(command.pid, signal.SIGSTOP)
        d.check("state", json.loads(d.call(["state", f"one-{stop}"])[1])["status"], "creating")
        d.check("delete", d.quietly("delete", f"one-{stop}"), 1)
        code, err, quick = timed(d, ["delete", "--force", f"one-{stop}"], ())
        d.check("delete --force", [code, err, quick], [0, "", True])
        d.check("create failed", d.reaper.wait(command, 10) != 0, True)
        os.unlink(mark)
        until(lambda: not d.processes(), "the hook to go", 10)
        d.left_nothing()


# -- the freezer ----------------------------------------------------------------------------------------------------------


def set_frozen(folder, frozen):
    name, words = ("freezer.state", ("THAWED", "FROZEN")) if cgroup.VERSION == 1 else ("cgroup.freeze", ("0", "1"))
    with open(os.path.join(folder, name), "w", encoding="ascii") as file:
        file.write(words[frozen])


def in_frozen(d, below, play):
    """A container's cgroup that is frozen before there is a container, or is below one that is."""
    name = f"/frozen-{os.getpid()}"
    top = os.path.join(cgroup.ROOT, "freezer" if cgroup.VERSION == 1 else "", name.lstrip("/"))
    os.makedirs(top)
    set_frozen(top, True)
    try:
        play(d.bundle("one", *SLEEP, cgroup=name + below))
    finally:
        set_frozen(top, False)
        d.quietly("delete", "--force", "one")
        for folder in cgroup.folders(name):
            for root, _, _ in os.walk(folder, topdown=False):
                os.rmdir(root)


def sequence_frozen(d):
    def play(where):
        d.step("create", "--bundle", where, "one")
        d.step("run", "--bundle", where, "one")
        d.step("run", "--detach", "--bundle", where, "one")
        d.step("state", "one")
    in_frozen(d, "", play)


def own_frozen_above(d):
    """runc hangs here."""
    def play(where):
        for words in (["create"], ["run"], ["run", "--detach"]):
            code, err, quick = timed(d, [*words, "--bundle", where, "one"], ())
            d.check(" ".join(words), [code, "container's cgroup unexpectedly frozen" in err, quick], [1, True, True])
        d.check("state", d.quietly("state", "one"), 1)
    in_frozen(d, "/below", play)


def own_frozen_meanwhile(d):
    """By somebody else, when half of the container is there."""
    where, mark = hanging(d, "one", "createRuntime")
    with open(os.path.join(where, "config.json"), encoding="utf-8") as file:
        path = json.load(file)["linux"]["cgroupsPath"]
    command = d.reaper.start(d.box.command("--timeout", "2", "create", "--bundle", where, d.names["one"]), **NULL)
    until(lambda: os.path.exists(mark) and os.path.getsize(mark) > 0, "the hook")
    folder, = [found for found in cgroup.folders(path) if os.path.exists(os.path.join(found, "freezer.state" if cgroup.VERSION == 1 else
                                                                                      "cgroup.freeze"))][:1]
    set_frozen(folder, True)
    with open(mark, encoding="ascii") as pid:
        os.kill(int(pid.read()), signal.SIGKILL)
    d.check("create failed", d.reaper.wait(command, 30) != 0, True)
    d.left_nothing()
