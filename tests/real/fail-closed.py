# SPDX-License-Identifier: Apache-2.0
"""A dead sentry or gofer is a dead container within a second, and the reason is reported. Whatever a program made of calls that
nobody answered any more, it is not taken for a success."""
import ctypes
import json
import os
import random
import signal
import subprocess
import time

from sandbox import Sandbox, alive, descendants


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return ""


# Ends with 0 as soon as a call fails that can only fail when nobody serves it.
QUITTER = "echo up; while cd /proc && cd /; do :; done 2>/dev/null; exit 0"
ROUNDS = 12
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None, use_errno=True)


def victim_of(family, victim):
    pids = [pid for pid in family if name_of(pid) == victim[:15]]
    assert pids, (victim, family)
    return pids[0]


def never_zero_in_the_foreground(box, victim, extra):
    """`run`, or `exec` in a container whose init only sleeps."""
    init = ["/bin/sh", "-c", "echo up; while :; do sleep 100; done"] if extra else ["/bin/sh", "-c", QUITTER]
    process = box.start(init)
    assert os.read(process.stdout.fileno(), 3) == b"up\n"
    pid = victim_of(descendants(process.pid), victim)
    other = None
    if extra:
        other = subprocess.Popen(box.command("exec", process.ident, "/bin/sh", "-c", QUITTER), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert os.read(other.stdout.fileno(), 3) == b"up\n"
    time.sleep(random.uniform(0.002, 0.02))
    os.kill(pid, signal.SIGKILL)
    result = box.finish(process, 10)
    assert not result.timed_out and result.code != 0, (victim, result)
    if other is not None:
        out, err = other.communicate(timeout=10)
        assert other.returncode != 0, (victim, out, err)


def never_zero_when_detached(box, victim):
    """The init's own status, as an engine's shim gets it."""
    ident, command = box.prepare(["/bin/sh", "-c", QUITTER])
    words = ["--bundle", command[command.index("--bundle") + 1], ident]
    reading, writing = os.pipe()
    quiet = dict(stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.DEVNULL)
    subprocess.run(box.command("create", *words), check=True, timeout=60, **quiet)
    state = json.loads(subprocess.check_output(box.command("state", ident)))
    pid = victim_of(descendants(os.getpid()), victim)
    subprocess.run(box.command("start", ident), check=True, timeout=60, stdin=subprocess.DEVNULL)
    assert os.read(reading, 3) == b"up\n"
    time.sleep(random.uniform(0.002, 0.02))
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(state["pid"], 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (victim, status)
    subprocess.run(box.command("delete", "--force", ident), check=True, timeout=60, stdin=subprocess.DEVNULL)
    os.close(reading)
    os.close(writing)
    while True:  # sentry and gofer are ours now too
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break


def never_a_success():
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        with Sandbox("postern", "busybox") as box:
            for victim in ("postern-sentry", "postern-gofer"):
                for _ in range(ROUNDS):
                    never_zero_in_the_foreground(box, victim, False)
                    never_zero_in_the_foreground(box, victim, True)
                    never_zero_when_detached(box, victim)
    finally:  # later tests run in this process too, and wait for nobody's orphans: a pid namespace with one of them never ends
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern has a sentry and a gofer")  # noqa: F821
    for victim in ("postern-sentry", "postern-gofer"):
        with Sandbox(runtime, "busybox") as box:
            process = box.start(["/bin/sh", "-c", "sleep 300 & echo up; while :; do :; done"])
            assert os.read(process.stdout.fileno(), 3) == b"up\n"
            family = descendants(process.pid)
            pids = [pid for pid in family if name_of(pid) == victim[:15]]
            assert pids, (victim, family)
            begun = time.monotonic()
            os.kill(pids[0], signal.SIGKILL)
            result = box.finish(process, 5)
            assert not result.timed_out and time.monotonic() - begun < 1.5, (victim, result)
            assert result.code != 0, (victim, result)
            assert victim.split("-")[1] in result.err, (victim, result)
            time.sleep(0.1)
            left = [pid for pid in family if alive(pid)]
            assert not left, (victim, "alive", left)
    never_a_success()
