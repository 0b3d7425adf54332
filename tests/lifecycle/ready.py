# SPDX-License-Identifier: Apache-2.0
"""Sequences about NOTIFY_SOCKET: who waits for a service to be ready is told by `start` and `run` when a program inside says so."""
import array
import os
import signal
import socket
import subprocess
import time

from steps import remember, until

SAYS = """import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ['NOTIFY_SOCKET'])
for word in sys.argv[1:]:
    if word == 'wait':
        open('/tmp/said', 'w').close()
        while not os.path.exists('/tmp/go'):
            time.sleep(0.02)
    elif word.isdigit():
        time.sleep(int(word))
    else:
        try:
            s.send(word.replace('|', chr(10)).encode())
        except ConnectionRefusedError:
            pass  # nobody listens any more
"""
HOST = ("/usr", "/lib", "/lib64")  # where its python3 is


class Caller:
    """Whoever waits, as systemd does: a socket, and what has come there."""

    def __init__(self, d, address=None):
        self.name = address or os.path.join(d.box.folder, "caller.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0") if address else self.name)
        self.socket.settimeout(20)

    def hear(self):
        text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4))
        for _, _, data in ancillary:
            fds = array.array("i", data[:4])
            os.close(fds[0])
            text += b" with a descriptor"
        return text.decode()

    def barrier(self):
        """What runc says since 1.2 before it goes, and waits until it is read; this one may be older."""
        text = self.silence()
        assert text in (None, "BARRIER=1 with a descriptor"), text

    def silence(self):
        self.socket.settimeout(0.3)
        try:
            return self.hear()
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(20)


class Service:
    """A container that says `words`; at "wait" it tells us and waits until it may go on."""

    def __init__(self, d, name, *words, env=()):
        self.tmp = os.path.join(d.box.folder, "tmp-of-" + name)
        os.mkdir(self.tmp)
        os.chmod(self.tmp, 0o777)

        def change(config):
            for path in HOST:
                config["mounts"].append({"destination": path, "type": "bind", "source": os.path.realpath(path), "options": ["rbind", "ro"]})
            config["mounts"].append({"destination": "/tmp", "type": "bind", "source": self.tmp, "options": ["bind"]})
            config["process"]["env"] += env
            config["process"]["user"].update(uid=1234, gid=1234)
        self.bundle = d.bundle(name, "/usr/bin/python3", "-c", SAYS, *words, change=change)

    def waits(self):
        until(lambda: os.path.exists(os.path.join(self.tmp, "said")), "the service's word")

    def go_on(self):
        os.unlink(os.path.join(self.tmp, "said"))
        with open(os.path.join(self.tmp, "go"), "w", encoding="ascii"):
            pass


class Waiting:
    """A command of the runtime's, with NOTIFY_SOCKET, that we need not wait for."""

    def __init__(self, d, address, *words):
        self.d, self.words = d, words
        with open(os.path.join(d.box.folder, "err-of-waiting"), "wb") as err:
            self.process = subprocess.Popen(d.box.command(*d.with_ids(words)), env={**os.environ, "NOTIFY_SOCKET": address},
                                            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        self.pid = self.process.pid
        remember((), words)

    def ended(self):
        return self.pid in self.d.reaper.ended

    def code(self):
        until(self.ended, "the end of " + self.words[0])
        self.process.returncode = self.d.reaper.ended.pop(self.pid)
        return self.process.returncode


def pid_of(d, name):
    until(lambda: d.pid(name) is not None, "the pid of " + name)
    return str(d.pids[name])


NOISE = ("STATUS=begun", "READY=0", "X=1|READY=1x", "NOTREADY=1", "MAINPID=1", "FDSTORE=1", "x" * 5000)


def sequence_ready_after_start(d):
    """create makes the socket's place, start stays until READY=1 is heard, and hands that on with the container's pid."""
    caller = Caller(d)
    one = Service(d, "one", "STATUS=begun", "NOTREADY=1", "MAINPID=1", "wait", "READY=1", "STOPPING=1", "30", env=["NOTIFY_SOCKET=/somebody/else's"])
    d.note("create", Waiting(d, caller.name, "create", "--bundle", one.bundle, "one").code())
    pid = pid_of(d, "one")
    start = Waiting(d, caller.name, "start", "one")
    one.waits()
    d.note("nothing yet", [caller.silence(), start.ended()])
    d.step("state", "one", view=lambda text: '"status": "running"' in text)
    d.step("exec", "one", "/bin/ls", "/run/notify")
    d.step("exec", "one", "/bin/touch", "/run/notify/x")
    one.go_on()
    d.note("ready", [caller.hear(), caller.hear().replace(pid, "PID")])
    caller.barrier()
    d.note("start", start.code())
    d.note("and no more", caller.silence())
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("delete", "one")
    d.left()


def sequence_ready_after_run(d):
    caller = Caller(d, "@postern-" + str(os.getpid()))
    for name, words in (("one", ["run", "--detach"]), ("two", ["run"])):
        service = Service(d, name, "STATUS=1", "wait", "READY=1", "1" if name == "two" else "30")
        run = Waiting(d, caller.name, *words, "--bundle", service.bundle, name)
        pid = pid_of(d, name)
        service.waits()
        d.note("nothing yet", [caller.silence(), run.ended()])
        service.go_on()
        d.note("ready", [caller.hear(), caller.hear().replace(pid, "PID").replace(str(run.pid), "RUNTIME")])
        caller.barrier()
        d.note("run", run.code())
    d.step("delete", "--force", "one")
    d.left()


def sequence_never_ready(d):
    """A container that ends without a word has nobody wait for ever."""
    caller = Caller(d)
    service = Service(d, "one", "STATUS=1", "1")
    d.note("create", Waiting(d, caller.name, "create", "--bundle", service.bundle, "one").code())
    pid_of(d, "one")
    d.note("start", Waiting(d, caller.name, "start", "one").code())
    d.note("heard", caller.silence())
    d.step("delete", "--force", "one")
    d.left()


def sequence_nobody_to_tell(d):
    """Without NOTIFY_SOCKET there is none inside."""
    d.step("run", "--bundle", d.bundle("one", "/bin/sh", "-c", "echo /run/*; env | grep NOTIFY"), "one")
    d.left()


def own_caller_does_not_read(d):
    """One whose queue is full holds nobody up for long."""
    caller = Caller(d)
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    try:
        while True:
            sender.sendto(b"STATUS=much", caller.name)
    except BlockingIOError:
        pass
    for name, *words in (("one", "run"), ("two", "run", "--detach")):
        service = Service(d, name, "READY=1", "1")
        begun = time.monotonic()
        run = Waiting(d, caller.name, *words, "--bundle", service.bundle, name)
        code = run.code()
        with open(os.path.join(d.box.folder, "err-of-waiting"), encoding="utf-8") as err:
            d.check(" ".join(words), [code, "NOTIFY_SOCKET" in err.read(), time.monotonic() - begun < 15], [0, True, True])
    d.quietly("delete", "--force", "two")
    sender.close()
    d.left_nothing()


def own_strange_words(d):
    """Only one word counts, and only what we make of it goes out; a caller who cannot be reached is no reason to end anything."""
    caller = Caller(d)
    one = Service(d, "one", *NOISE, "wait", "STATUS=x|READY=1|MAINPID=1|BARRIER=1", "30")
    run = Waiting(d, caller.name, "run", "--detach", "--bundle", one.bundle, "one")
    pid = pid_of(d, "one")
    one.waits()
    d.check("nothing yet", [caller.silence(), run.ended()], [None, False])
    one.go_on()
    d.check("ready", [caller.hear(), caller.hear()], ["READY=1\n", f"MAINPID={pid}\n"])
    time.sleep(0.3)
    d.check("it stays until that was read", run.ended(), False)
    d.check("so it is", [caller.hear(), run.code()], ["BARRIER=1 with a descriptor", 0])
    for name, address in (("two", "/no/such/socket"), ("three", "relative"), ("four", "@" + 200 * "x")):
        service = Service(d, name, "READY=1", "30")
        run = Waiting(d, address, "run", "--detach", "--bundle", service.bundle, name)
        with open(os.path.join(d.box.folder, "err-of-waiting"), encoding="utf-8") as err:
            d.check(address[:20], [run.code(), "NOTIFY_SOCKET" in err.read(), '"running"' in d.call(["state", name])[1]], [0, True, True])
        pid_of(d, name)
    # runc waits for ever here: for its own end, and for that of a process nobody but it can reap
    for name, word, *words in (("five", "READY=0", "run"), ("six", "READY=1", "run"), ("seven", "READY=0", "run", "--detach")):
        service = Service(d, name, word, *100 * ["WATCHDOG=1"])
        run = Waiting(d, caller.name, *words, "--bundle", service.bundle, name)
        d.check(f"{words} {word}", [run.code(), caller.silence()], [0, "READY=1\n" if word == "READY=1" else None])
        caller.silence()
    d.quietly("delete", "seven")
    for name in ("one", "two", "three", "four"):
        d.quietly("delete", "--force", name)
    # a start that is ended while it waits leaves the container as it is
    last = Service(d, "last", "wait", "30")
    d.check("create", Waiting(d, caller.name, "create", "--bundle", last.bundle, "last").code(), 0)
    pid_of(d, "last")
    start = Waiting(d, caller.name, "start", "last")
    last.waits()
    os.kill(start.pid, signal.SIGTERM)
    d.check("start that was ended", [start.code(), '"running"' in d.call(["state", "last"])[1]], [-15, True])
    d.check("delete", d.quietly("delete", "--force", "last"), 0)
    d.left_nothing()
