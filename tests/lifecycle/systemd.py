#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup with a real systemd and a real version 2 tree: one that runs as PID 1 of namespaces of its own, in a
cgroup of its own, with nothing to do, and with the host's files read-only. Nothing of the machine's is changed.

usage: systemd.py [here]; as a module test(runtime) raises or asserts to fail. `here`: with the systemd that is this
machine's PID 1, for the virtual machine of tests/vm.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "harness"))
import bundle  # noqa: E402
import cgroup  # noqa: E402
from sandbox import runtime_command, tree  # noqa: E402

SYSTEMD = "/lib/systemd/systemd"

BOOT = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
printf '[Unit]\\nDefaultDependencies=no\\n' >/run/systemd/system/postern-test.target
export container=other
exec /lib/systemd/systemd --unit=postern-test.target --show-status=no
"""


class Machine:
    """A systemd that runs as long as the block."""

    def __enter__(self):
        second = [line.split()[4] for line in open("/proc/self/mountinfo", encoding="utf-8") if " - cgroup2 " in line]
        self.root = second[0]
        self.cgroup = f"{self.root}/postern-systemd-{os.getpid()}"
        os.mkdir(self.cgroup)
        join = f'echo $$ >{self.cgroup}/cgroup.procs; exec unshare -m -u -i -n -C -p --fork --kill-child /bin/bash -c "$0"'
        self.process = subprocess.Popen(["/bin/bash", "-c", join, BOOT], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while subprocess.run(self.inside("test", "-S", "/run/systemd/private"), check=False, capture_output=True).returncode:
            assert time.monotonic() < end and self.process.poll() is None, "systemd does not start"
            time.sleep(0.1)
        # The one outside: version 2 hands no controllers on beside processes.
        with open(f"{self.root}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(self.process.pid))
        # systemd has set up what it wanted of the kernel, and did not get; a proc that is partly hidden allows no new one.
        self.call("umount", "/proc/sys")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        end = time.monotonic() + 5
        while os.path.isdir(self.cgroup):
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    assert time.monotonic() < end, "the cgroup of systemd stays"
                    time.sleep(0.02)

    def inside(self, *words):
        """The command line that runs something in it; it is in a folder of its own, as a daemon's would be."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
                first = children.read().split()[0]
        except (OSError, IndexError):
            return ["false"]
        # It moves before it enters: a delegated namespace lets nobody move in.
        move = f'mkdir -p {self.cgroup}/engine; echo $$ >{self.cgroup}/engine/cgroup.procs; exec "$@"'
        return ["/bin/bash", "-c", move, "inside", "nsenter", "-t", first, "-m", "-u", "-i", "-n", "-C", "-p", *words]

    def call(self, *words, good=True, **options):
        done = subprocess.run(self.inside(*words), capture_output=True, text=True, timeout=60, check=False, **options)
        assert good is None or (done.returncode == 0) == good, (words, done)
        return done

    def members(self, folder):
        with open(f"{self.cgroup}/{folder}/cgroup.procs", encoding="ascii") as procs:
            return procs.read().split()


def limit(path, resources):
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    config["linux"]["resources"].update(resources)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)


def check_limits(postern_call, folder):
    """They hold whatever systemd does meanwhile, and can be changed."""
    assert cgroup.read(folder, "memory.max") == str(64 << 20) and cgroup.read(folder, "pids.max") == "50"
    postern_call("update", "--memory", "80m", "--cpu-quota", "20000", "a")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert cgroup.read(folder, "memory.max") == str(80 << 20) and cgroup.read(folder, "cpu.max") == "20000 100000"


class Here(Machine):
    """The systemd of this machine."""

    def __enter__(self):
        self.cgroup = cgroup.ROOT
        return self

    def __exit__(self, *_):
        pass

    def inside(self, *words):
        return list(words)


def test(runtime, machine_type=Machine):
    if runtime != "postern" or not os.path.exists(SYSTEMD):
        return
    with tempfile.TemporaryDirectory(prefix="postern-test-") as folder, machine_type() as machine:
        postern = runtime_command(runtime) + ["--root", f"{folder}/state", "--systemd-cgroup"]
        bundle.write(f"{folder}/bundle", tree("busybox"), ["/bin/sleep", "100"], cgroup="one-two.slice:box:a", readonly=True)
        if machine_type is Here:  # which has the controllers
            limit(f"{folder}/bundle/config.json", {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}})
        scope = "one.slice/one-two.slice/box-a.scope"

        def postern_call(*words, good=True):
            return machine.call(*postern, *words, good=good)

        with open(f"{folder}/out", "wb") as out:  # the program keeps it
            done = subprocess.run(machine.inside(*postern, "create", "--bundle", f"{folder}/bundle", "a"), timeout=60,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
        with open(f"{folder}/out", encoding="utf-8") as out:
            assert done.returncode == 0, out.read()
        try:
            postern_call("start", "a")
            assert len(machine.members(f"{scope}/container")) == 3, machine.members(f"{scope}/container")
            assert machine.members(scope) == []
            assert not os.path.exists(f"{machine.cgroup}/{scope}/begin")
            status = machine.call("systemctl", "show", "--property=ActiveState,Delegate", "box-a.scope").stdout
            assert "ActiveState=active" in status and "Delegate=yes" in status, status
            machine.call("systemctl", "daemon-reload")
            assert len(machine.members(f"{scope}/container")) == 3
            if machine_type is Here:
                check_limits(postern_call, f"{scope}/container")

            stats = json.loads(postern_call("events", "--stats", "a").stdout)["data"]
            assert stats["cpu"]["usage"]["total"] > 0, stats
            postern_call("pause", "a")
            assert json.loads(postern_call("state", "a").stdout)["status"] == "paused"
            postern_call("resume", "a")
            assert json.loads(postern_call("state", "a").stdout)["status"] == "running"
        finally:
            postern_call("delete", "--force", "a", good=None)
        assert not os.path.exists(f"{machine.cgroup}/{scope}"), glob.glob(f"{machine.cgroup}/{scope}/*")
        assert "box-a" not in machine.call("systemctl", "list-units", "--all", "--no-pager").stdout


if __name__ == "__main__":
    test("postern", Here if sys.argv[1:] == ["here"] else Machine)
    print("ok scope")
    print("1 passed, 0 failed, 0 skipped")
