# SPDX-License-Identifier: Apache-2.0
"""No process of a guest is one whose memory the host's kernel would write to a file or hand to the host's helper when it crashes, whatever
the guest does to its limits and to its dumpable attribute; that shows as under runc. (tests/vm/cores.py has a helper.)"""
import fcntl
import os
import struct
import time

from sandbox import Sandbox, descendants

# pidfd(2) of Linux 6.16: struct pidfd_info up to coredump_mask. The C library has no names for it yet.
PIDFD_GET_INFO, PIDFD_INFO_COREDUMP, PIDFD_COREDUMP_SKIP = 0xC048FF0B, 1 << 4, 1 << 1
INFO = struct.Struct("=QQ11IiII")

PROGRAM = """
import ctypes, os, resource, signal, subprocess, sys
FOREVER = resource.RLIM_INFINITY
PR_SET_DUMPABLE = 4
libc = ctypes.CDLL(None)

def wishes():
    resource.setrlimit(resource.RLIMIT_CORE, (FOREVER, FOREVER))
    assert libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 and libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0

wishes()
assert resource.getrlimit(resource.RLIMIT_CORE) == (FOREVER, FOREVER)
assert subprocess.run(["sh", "-c", "ulimit -c"], stdout=subprocess.PIPE).stdout == b"unlimited\\n"
with open("/proc/self/limits") as limits:
    assert [line.split()[4:6] for line in limits if line.startswith("Max core")] == [["unlimited"] * 2]
os.chdir("/tmp")
children = [subprocess.Popen(["sleep", "1000"], preexec_fn=wishes)]
children.append(subprocess.Popen(["sleep", "1000"], preexec_fn=lambda: (os.setgid(1000), os.setuid(1000), wishes())))
if (child := os.fork()) == 0:
    while True:
        signal.pause()
print("ready", flush=True)
sys.stdin.readline()
for signum in (signal.SIGSEGV, signal.SIGQUIT, signal.SIGABRT):
    if (crashing := os.fork()) == 0:
        os.kill(os.getpid(), signum)
    status = os.waitpid(crashing, 0)[1]
    assert os.WTERMSIG(status) == signum
print("core", [name for name in os.listdir(".") if "core" in name], os.WCOREDUMP(status))
for one in children:
    one.kill()
os.kill(child, signal.SIGKILL)
"""


def is_never_dumped(pid):
    """What the kernel says it would do; None: it is too old to tell."""
    descriptor = os.pidfd_open(pid)
    try:
        answer = INFO.unpack(fcntl.ioctl(descriptor, PIDFD_GET_INFO, struct.pack("Q", PIDFD_INFO_COREDUMP).ljust(INFO.size, b"\0")))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return answer[-2] == PIDFD_COREDUMP_SKIP if answer[0] & PIDFD_INFO_COREDUMP else None


def is_never_dumped_at_last(pid):
    """Its program may be in the middle of being loaded, by our code still."""
    end = time.monotonic() + 5
    while (never := is_never_dumped(pid)) is False and time.monotonic() < end:
        time.sleep(0.02)
    return never


def core_limits(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        return next(line.split()[4:6] for line in limits if line.startswith("Max core"))


def guests(run):
    for pid in descendants(run.pid)[1:]:
        with open(f"/proc/{pid}/comm", encoding="ascii") as name:
            if not name.read().startswith("postern-"):
                yield pid


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        process = box.start(["python3", "-c", PROGRAM], stdin=-1, rlimits=[{"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1}])
        assert process.stdout.readline() == b"ready\n", process.communicate()
        seen = [(core_limits(pid), is_never_dumped_at_last(pid)) for pid in guests(process)]
        result = box.finish(process, given=b"\n")
    assert result.code == 0, result
    if runtime != "runc":
        assert len(seen) >= 4, seen
        assert result.out == "core [] False\n", result
        assert all(limits == ["1", "1"] and never in (True, None) for limits, never in seen), seen
