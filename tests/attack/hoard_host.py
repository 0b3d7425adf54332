# SPDX-License-Identifier: Apache-2.0
"""What a container that has taken all it can get of the kernel's counted things leaves to the host's root, who started it."""
import ctypes
import os
import subprocess
import tempfile

import patched
import places
import sandbox

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = "-std=gnu17 -O1 -Wall -Wextra -Wno-unused-result -Wno-nonnull -static -pthread".split()
TERMINALS_MAX = 1024  # of the machine's 4096
libc = ctypes.CDLL(None, use_errno=True)


def inotify_instances(wanted):
    """How many of so many can be had."""
    found = [fd for fd in (libc.inotify_init1(0o2000000) for _ in range(wanted)) if fd >= 0]
    for fd in found:
        os.close(fd)
    return len(found)


def timers(wanted):
    """Each is a signal that may come to wait."""
    script = ("import ctypes, sys\n"
              "libc = ctypes.CDLL(None)\n"
              "timer = ctypes.c_void_p()\n"
              f"print(sum(libc.timer_create(1, None, ctypes.byref(timer)) == 0 for _ in range({wanted})))")
    return int(subprocess.run(["python3", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout)


def terminals(wanted):
    found = []
    try:
        while len(found) < wanted:
            found += os.openpty()
    except OSError:
        pass
    for fd in found:
        os.close(fd)
    return len(found) // 2


def number(path):
    with open(path, encoding="ascii") as text:
        return int(text.read())


def queues(wanted):
    rt = ctypes.CDLL("librt.so.1")
    names = [f"/postern-attack-{os.getpid()}-{i}".encode() for i in range(wanted)]
    found = 0
    for name in names:
        queue = rt.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None)
        if queue >= 0:
            found += 1
            os.close(queue)
            rt.mq_unlink(name)
    return found


PROBES = {"inotify instances": (inotify_instances, 40), "timers": (timers, 200), "terminals": (terminals, 40), "queues": (queues, 3)}


def probe():
    return {kind: take(wanted) for kind, (take, wanted) in PROBES.items()}


def hoard(runtime, folder, change, uid):
    before = probe()
    with sandbox.Sandbox(runtime, "busybox") as box:
        ident, command = box.prepare(["/attack/hoard", "hold"], mounts=[f"/attack:bind:{folder}:bind,ro"], uid=uid, gid=uid)
        patched.edit(os.path.join(command[command.index("--bundle") + 1], "config.json"), change)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        box.running.append((ident, process))
        taken = process.stdout.readline().decode().split()
        after = probe()
        requests = number("/proc/sys/fs/aio-max-nr") - number("/proc/sys/fs/aio-nr")
        box.stop(ident, process)
    complaints = [f"of {before[kind]} {kind} {left} are left (taken: {taken})" for kind, left in after.items() if left < before[kind]]
    if requests < number("/proc/sys/fs/aio-max-nr") // 4:
        complaints.append(f"{requests} asynchronous requests are left")
    if len(taken) != 5 or int(taken[3]) > TERMINALS_MAX:
        complaints.append(f"it said {taken}")
    return complaints


def check(runtime, uid=0):
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        os.chmod(folder, 0o755)
        subprocess.run(["gcc", *FLAGS, os.path.join(HERE, "hoard.c"), "-o", os.path.join(folder, "hoard")], check=True)
        return hoard(runtime, folder, lambda config: None, uid) + hoard(runtime, folder, places.with_mappings, uid)
