# SPDX-License-Identifier: Apache-2.0
"""A dead sentry or gofer is a dead container within a second, and the reason is reported."""
import os
import signal
import time

from sandbox import Sandbox, alive, descendants


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return ""


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
