#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers that share an ipc namespace: with one another, with one that was there before, and with the host.

Run by itself, in an ipc namespace of its own, which then plays the host's:  unshare -i neighbours.py RUNTIME"""
import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../harness"))
sys.path.insert(0, HERE)
import patched  # noqa: E402
import posture  # noqa: E402
import sandbox  # noqa: E402

FLAGS = "-std=gnu17 -O1 -Wall -Wextra -Wno-unused-result -Wno-nonnull -static -pthread".split()
IPC_CREAT = 0o1000
libc = ctypes.CDLL(None, use_errno=True)


def joining(path):
    def change(config):
        for namespace in config["linux"]["namespaces"]:
            if namespace["type"] == "ipc":
                namespace["path"] = path
    return change


def sharing(config):
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "ipc"]


def told(name, out, code=0):
    bad = [f"{name}: {line}" for line in out.split("\n") if line.startswith("BAD ")]
    return bad if bad or code == 0 else [f"{name}: exit code {code}: {out[-400:]}"]


class Neighbourhood:
    def __init__(self, runtime, programs):
        self.runtime = runtime
        self.mounts = [f"/attack:bind:{programs}:bind,ro"]
        self.complaints = []

    def run(self, name, change, *words):
        """A container that comes, does and goes."""
        with sandbox.Sandbox(self.runtime, "busybox") as box:
            done = patched.run(box, ["/attack/ipc", *words], change, mounts=self.mounts)
        self.complaints += told(name, done.stdout + done.stderr, done.returncode)
        return done.stdout

    def with_each_other(self):
        """One container's namespace, and a second one in it."""
        with sandbox.Sandbox(self.runtime, "busybox") as box:
            holder = box.start(["/attack/ipc", "hold"], stdin=subprocess.PIPE, mounts=self.mounts)
            ids = holder.stdout.readline().split()
            guest = posture.processes_of(holder.pid)["guest"][0]
            self.run("neighbour", joining(f"/proc/{guest}/ns/ipc"), "reach", *map(bytes.decode, ids))
            done = box.finish(holder, given=b"x")
        self.complaints += told("holder", done.out + done.err, done.code)

    def with_later_ones(self):
        """A namespace that outlives its containers."""
        with subprocess.Popen(["unshare", "-i", "sleep", "600"]) as keeper:
            try:
                while os.readlink(f"/proc/{keeper.pid}/ns/ipc") == os.readlink("/proc/self/ns/ipc"):
                    pass
                change = joining(f"/proc/{keeper.pid}/ns/ipc")
                ids = self.run("first", change, "leave").split()[:3]
                self.run("second", change, "later", *ids)
            finally:
                keeper.kill()

    def with_the_host(self):
        """Objects of the host's root: a container that shares the namespace has no part in them."""
        ids = [libc.shmget(0x5EC7E7, 4096, IPC_CREAT | 0o600), libc.semget(0x5EC7E7, 2, IPC_CREAT | 0o600),
               libc.msgget(0x5EC7E7, IPC_CREAT | 0o600)]
        rt = ctypes.CDLL("librt.so.1", use_errno=True)
        for name, mode in ((b"/closed", 0o600), (b"/open", 0o666)):
            os.umask(0)
            queue = rt.mq_open(name, os.O_CREAT | os.O_RDWR, mode, None)
            assert queue >= 0
            if name == b"/open":
                rt.mq_send(queue, b"root's own secret\0", 18, 0)
        shared = libc.shmget(0x09E7, 4096, IPC_CREAT | 0o666)
        libc.shmat.restype = ctypes.c_void_p
        place = libc.shmat(shared, None, 0)
        ctypes.memmove(place, b"root's own secret\0", 18)
        self.run("with the host", sharing, "reach", *map(str, ids + [shared]))
        if ctypes.string_at(place) != b"written by the neighbour":
            self.complaints.append("what is open to all could not be written")
        if rt.mq_unlink(b"/closed") != 0 or rt.mq_unlink(b"/open") != 0:
            self.complaints.append("the host's queues are gone")


def check(runtime):
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        os.chmod(folder, 0o755)
        programs = os.path.join(folder, "programs")
        os.mkdir(programs, 0o755)
        subprocess.run(["gcc", *FLAGS, os.path.join(HERE, "ipc.c"), "-o", os.path.join(programs, "ipc")], check=True)
        sandbox.private_mounts()
        neighbourhood = Neighbourhood(runtime, programs)
        for act in (neighbourhood.with_each_other, neighbourhood.with_later_ones, neighbourhood.with_the_host):
            with contextlib.suppress(subprocess.TimeoutExpired):
                act()
                continue
            neighbourhood.complaints.append(f"{act.__name__}: no end")
    return neighbourhood.complaints


if __name__ == "__main__":
    found = check(sys.argv[1])
    print(*found, sep="\n")
    sys.exit(bool(found))
