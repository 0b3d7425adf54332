# SPDX-License-Identifier: Apache-2.0
"""A gofer that does not answer (as on a network file system that is not there) stops who asks for files, and nobody else. If it comes back
all goes on as if nothing had been; when the time it is given is up the container ends, and says why."""
import os
import signal
import subprocess
import time

from sandbox import Sandbox, part_of

GUEST = r"""
import os, sys, threading, time
def ask():
    time.sleep(1)
    print("asking", flush=True)
    os.stat("/usr/share/doc")
    print("answered", flush=True)
print("ready", flush=True)
asker = threading.Thread(target=ask)
asker.start()
worst, last = 0, time.monotonic()
while asker.is_alive():
    os.umask(0o22)
    os.kill(os.getpid(), 0)
    os.getcwd()
    time.sleep(0.01)
    now = time.monotonic()
    worst, last = max(worst, now - last), now
print("worst", int(worst * 1000), flush=True)
"""


def read_until(process, word):
    line = b""
    while word not in line:
        line = process.stdout.readline()
        assert line, f"the container ended before it said {word!r}: {process.stderr.read()!r}"


def start(box, seconds):
    """A container whose gofer stands still when it is asked."""
    process = box.start(["/usr/bin/python3", "-c", GUEST], annotations={"dev.postern.gofer-timeout": seconds})
    read_until(process, b"ready")
    gofer = part_of(process, "postern-gofer")
    os.kill(gofer, signal.SIGSTOP)
    read_until(process, b"asking")
    return process, gofer


BUSY = "for i in 1 2 3 4; do (n=0; while [ $n -lt 4000 ]; do echo $n >/tmp/d$i; n=$((n+1)); done) & done; echo ready; wait; echo done"


def lives_through_a_pause(box):
    """Frozen time is not the gofer's: requests that were on their way are answered after it."""
    process = box.start(["/bin/bash", "-c", BUSY], annotations={"dev.postern.gofer-timeout": "2"})
    read_until(process, b"ready")
    for _ in range(2):
        time.sleep(0.3)
        assert subprocess.run(box.command("pause", process.ident), check=False).returncode == 0
        time.sleep(4)
        assert subprocess.run(box.command("resume", process.ident), check=False).returncode == 0
    result = box.finish(process, 60)
    assert result.code == 0 and result.out.endswith("done\n"), result


def test(runtime):
    if runtime != "postern":
        raise Skip("runc has no gofer")  # noqa: F821
    with Sandbox(runtime, "debian") as box:
        process, gofer = start(box, "60")
        time.sleep(2)
        os.kill(gofer, signal.SIGCONT)
        result = box.finish(process, 20)
        assert result.code == 0 and "answered" in result.out, result
        assert int(result.out.split("worst")[1]) < 1000, result.out

        process, _ = start(box, "2")
        begun = time.monotonic()
        result = box.finish(process, 30)
        took = time.monotonic() - begun
        assert not result.timed_out and result.code != 0 and "answered" not in result.out, result
        # one period more if an answer was on its way when it was stopped
        assert "did not answer" in result.err and ("within 2 s" in result.err or "within 4 s" in result.err), (result.err, took)
        assert 1 < took < 15, took

        lives_through_a_pause(box)

        for wrong in ("", "-1", "soon", "5s", "99999999"):
            result = box.run(["/bin/true"], annotations={"dev.postern.gofer-timeout": wrong})
            assert result.code != 0 and "dev.postern.gofer-timeout" in result.err, (wrong, result)
