# SPDX-License-Identifier: Apache-2.0
"""What is bound may be of a server that does not respond. Whoever asks for something there waits; nobody else does, whatever it is that is
asked for: not only what the gofer does, but also what the sentry does with a descriptor of such a file, up to giving it back."""
import os
import subprocess
import time

from sandbox import Sandbox
from slowfs import SlowFs

SECONDS = 1.2  # that a request is left unanswered
WORST_MS = 700

# Each line it reads is an action for two threads at once; meanwhile it looks how long calls take that have nothing to do with it.
GUEST = r"""
import ctypes, fcntl, os, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
file = os.open("/slow/file", os.O_RDWR)
folder = os.open("/slow", os.O_RDONLY | os.O_DIRECTORY)
buffer = ctypes.create_string_buffer(4096)

def list_folder():
    libc.syscall(217, folder, buffer, 4096)

# What is asked about a process in the middle of an exec, which waits for a file there to be closed.
def look_at(pid):
    at = f"/proc/{pid}"
    for look in (lambda: os.readlink(f"{at}/fd/0"), lambda: os.listdir(f"{at}/fd"), lambda: os.readlink(f"{at}/cwd"), lambda: open(f"{at}/io").read(),
                 lambda: open(f"{at}/maps").read(), lambda: open(f"{at}/stat").read(), lambda: open(f"{at}/personality").read(),
                 lambda: open(f"{at}/environ").read(), lambda: open(f"{at}/auxv", "rb").read(), lambda: open(f"{at}/syscall").read(),
                 lambda: libc.syscall(312, pid, os.getpid(), 2, 0, 0), lambda: libc.syscall(312, pid, os.getpid(), 1, 0, 0), lambda: open(f"{at}/mem", "rb"),
                 lambda: libc.prlimit(pid, 7, None, buffer), lambda: os.sched_getaffinity(pid), lambda: libc.syscall(438, os.pidfd_open(pid), 0, 0)):
        try:
            look()
        except OSError:
            pass

def close_by_exec():
    pid = os.fork()
    if pid == 0:
        os.open("/slow/file", os.O_RDWR)
        os.execv("/bin/true", ["true"])
    time.sleep(0.2)
    look_at(pid)
    os.waitpid(pid, 0)

actions = {
    "close by exec": close_by_exec,
    "stat": lambda: os.stat("/slow/file"),
    "fstat": lambda: os.fstat(file),
    "ioctl": lambda: libc.ioctl(file, 0x8901, buffer),
    "flags": lambda: libc.ioctl(file, 0x80086601, buffer),
    "open": lambda: os.open("/slow/file", os.O_RDONLY),
    "reopen": lambda: os.open(f"/proc/self/fd/{file}", os.O_RDWR),
    "readlink": lambda: os.readlink(f"/proc/self/fd/{file}"),
    "list": list_folder,
    "statfs": lambda: os.fstatvfs(file),
    "chmod": lambda: os.fchmod(file, 0o777),
    "truncate": lambda: os.truncate("/slow/file", 0),
    "exec": lambda: os.spawnv(os.P_WAIT, "/slow/program", ["program"]),
    "connect": lambda: libc.connect(file, buffer, 16),
}

def measure(threads):
    worst, last = 0, time.monotonic()
    while any(thread.is_alive() for thread in threads):
        os.umask(0o22)
        os.getcwd()
        os.stat("/etc")
        time.sleep(0.005)
        now = time.monotonic()
        worst, last = max(worst, now - last), now
    return int(worst * 1000)

def run(action):
    try:
        action()
    except OSError:
        pass

print("ready", flush=True)
for line in sys.stdin:
    threads = [threading.Thread(target=run, args=(actions[line.strip()],)) for _ in range(2)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    worst = measure(threads)
    print(worst, int((time.monotonic() - begun) * 1000), flush=True)
"""

# What is asked for, and of what kind the request is that is not answered.
CASES = [("stat", "GETATTR"), ("stat", "LOOKUP"), ("fstat", "GETATTR"), ("fstat", "FLUSH"), ("ioctl", "GETATTR"), ("ioctl", "FLUSH"),
         ("flags", "IOCTL"), ("open", "OPEN"), ("open", "FLUSH"), ("reopen", "GETATTR"), ("reopen", "OPEN"), ("reopen", "FLUSH"), ("readlink", "GETATTR"),
         ("readlink", "FLUSH"), ("list", "READDIR"), ("list", "GETATTR"), ("statfs", "STATFS"), ("statfs", "FLUSH"),
         ("chmod", "SETATTR"), ("chmod", "FLUSH"), ("truncate", "SETATTR"), ("exec", "OPEN"), ("exec", "READ"), ("exec", "FLUSH"),
         ("exec", "GETATTR"), ("connect", "FLUSH"), ("close by exec", "FLUSH")]


def one(process, slow, action, kind):
    slow.hold(kind)
    process.stdin.write(action.encode() + b"\n")
    process.stdin.flush()
    begun = time.monotonic()
    while time.monotonic() - begun < SECONDS and not (slow.is_holding() == 0 and time.monotonic() - begun > 0.7):
        time.sleep(0.05)
    held = slow.is_holding()
    slow.release()
    line = process.stdout.readline().decode()
    assert line, f"{action}, {kind}: the container ended: {process.stderr.read()}"
    worst, took = map(int, line.split())
    return worst, took, held


def test(runtime):
    complaints = []
    with Sandbox(runtime, "debian") as box:
        folder = os.path.join(box.folder, "slow")
        os.mkdir(folder)
        with SlowFs(folder) as slow:
            process = box.start(["/usr/bin/python3", "-c", GUEST], stdin=subprocess.PIPE, mounts=[f"/slow:bind:{folder}:bind,rw"])
            assert process.stdout.readline() == b"ready\n", process.stderr.read()
            waited = 0
            for action, kind in CASES:
                worst, took, held = one(process, slow, action, kind)
                waited += held > 0
                print(f"    {action} {kind}: {held} held, {took} ms; the worst of others {worst} ms", flush=True)
                if worst > WORST_MS:
                    complaints.append(f"{action}, {kind}: others had to wait {worst} ms")
            result = box.finish(process, 20, b"")
    assert not complaints, complaints
    assert waited >= len(CASES) // 3, f"only {waited} of {len(CASES)} asked for what was held: nothing has been shown"
    assert result.code == 0 and not result.timed_out, result
