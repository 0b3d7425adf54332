# SPDX-License-Identifier: Apache-2.0
"""While one thread of the sentry waits (for a gofer that does not answer, here) another takes its place. What was begun before must end well
all the same: a call whose caller has been killed, alone or with all others of an `exec`; a process that is just let in; a call that
waits on, once it has its answer, for something only time or another call brings."""
import os
import signal
import subprocess
import time

from sandbox import Sandbox, descendants, part_of

GUEST = "echo ready; while read -r line; do eval \"$line\"; done"


class Container:
    """One with a shell that does what it is told, line by line."""

    def __init__(self, box):
        self.box = box
        self.process = box.start(["/bin/sh", "-c", GUEST], stdin=subprocess.PIPE, annotations={"dev.postern.gofer-timeout": "60"})
        self.expect("ready")
        self.gofer = part_of(self.process, "postern-gofer")

    def expect(self, word):
        line = self.process.stdout.readline().decode().strip()
        assert line == word, (line, word, self.process.stderr.read() if not line else "")

    def tell(self, line, word=None):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        if word:
            self.expect(word)

    def exec(self, *argv, **options):
        return subprocess.Popen(self.box.command("exec", *options.pop("options", []), self.process.ident, *argv), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **options)

    def stop_gofer(self):
        os.kill(self.gofer, signal.SIGSTOP)

    def continue_gofer(self):
        os.kill(self.gofer, signal.SIGCONT)

    def end(self):
        self.tell("exit 7")
        result = self.box.finish(self.process, 20)
        assert result.code == 7 and not result.timed_out, result


def finished(process, seconds=20):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


def killed_in_a_call(box):
    """All of an exec's processes end while a call of one waits: what it called by is closed for the others, not for the answer."""
    container = Container(box)
    for number in range(3):
        inside = container.exec("/bin/sh", "-c", f"echo go; read x; test -e /usr/share/nothing-{number}")
        assert inside.stdout.readline() == b"go\n", (number, finished(inside))
        container.stop_gofer()
        inside.stdin.write(b"\n")
        inside.stdin.flush()
        time.sleep(0.3)
        for pid in descendants(inside.pid)[::-1]:
            os.kill(pid, signal.SIGKILL)
        finished(inside)
        container.tell("umask 022; echo on", "on")
        container.continue_gofer()
        container.tell(f"test -e /usr/share/other-{number} || echo none", "none")
    container.end()


def killed_while_entering(box):
    """The command that lets a process in is killed while the sentry looks for the process's working folder."""
    container = Container(box)
    for number in range(3):
        container.tell(f"mkdir /tmp/folder-{number}; echo made", "made")
        container.stop_gofer()
        inside = container.exec("/bin/true", options=["--cwd", f"/tmp/folder-{number}/."])
        time.sleep(0.3)
        for pid in descendants(inside.pid)[::-1]:
            os.kill(pid, signal.SIGKILL)
        finished(inside)
        container.tell("umask 022; echo on", "on")
        time.sleep(0.2)
        container.continue_gofer()
        container.tell(f"test -e /usr/share/other-{number} || echo none", "none")
    code, out, err = finished(container.exec("/bin/echo", "well"))
    assert (code, out) == (0, "well\n"), (code, out, err)
    container.end()


def entering_meanwhile(box):
    """A process is let in by a thread that is not the receiver any more: whoever is hears of it."""
    container = Container(box)
    container.tell("mkdir /tmp/folder; echo made", "made")
    time.sleep(1.5)  # what was known of it is not good any more
    container.stop_gofer()
    inside = container.exec("/bin/echo", "well", options=["--cwd", "/tmp/folder"])
    time.sleep(0.3)
    container.tell("umask 022; echo on", "on")
    time.sleep(0.3)
    container.continue_gofer()
    code, out, err = finished(inside)
    assert (code, out) == (0, "well\n"), (code, out, err)
    container.end()


WAITER = r"""
import os, signal, time
signal.signal(signal.SIGALRM, lambda *_: print("alarm", flush=True))
os.mkfifo("/tmp/fifo")
time.sleep(1.5)
print("go", flush=True)
signal.setitimer(signal.ITIMER_REAL, 3)
time.sleep(0.5)
class Stop(Exception): pass
def stop(*_): raise Stop
signal.signal(signal.SIGALRM, stop)
try:
    os.open("/tmp/fifo", os.O_RDONLY)
except Stop:
    print("interrupted", flush=True)
"""


def waiting_on(box):
    """A call that was handed over and then waits for something else is asked again, though nobody calls meanwhile."""
    container = Container(box)
    inside = container.exec("/usr/bin/python3", "-c", WAITER)
    assert inside.stdout.readline() == b"go\n"
    time.sleep(0.2)
    container.stop_gofer()
    time.sleep(0.8)
    container.tell("umask 022; echo on", "on")
    time.sleep(0.2)
    container.continue_gofer()
    begun = time.monotonic()
    code, out, err = finished(inside)
    assert "interrupted" in out and code == 0 and time.monotonic() - begun < 10, (code, out, err)
    container.end()


def test(runtime):
    if runtime != "postern":
        raise Skip("runc has no gofer")  # noqa: F821
    with Sandbox(runtime, "debian") as box:
        for part in (killed_in_a_call, killed_while_entering, entering_meanwhile, waiting_on):
            print("   ", part.__name__, flush=True)
            part(box)
