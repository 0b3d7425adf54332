# SPDX-License-Identifier: Apache-2.0
"""After a container, however it ended, the host has no process, mount, cgroup or file more than before."""
import os
import signal
import time

from sandbox import Sandbox, alive, descendants


def ours(text):
    return f"postern-test-{os.getpid()}-" in text


def processes(known):
    """The processes of our containers: by their cgroup, by their command line, or known from before."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid() or not alive(entry):
            continue
        try:
            with open(f"/proc/{entry}/cgroup", encoding="utf-8") as cgroup, open(f"/proc/{entry}/cmdline", "rb") as line, \
                    open(f"/proc/{entry}/comm", encoding="utf-8", errors="replace") as comm:
                name = comm.read().strip()
                if int(entry) in known or ours(cgroup.read()) or ours(line.read().decode("utf-8", "replace")):
                    found[int(entry)] = name
        except OSError:
            pass
    return found


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return sorted(line.split(" - ")[0].split(" ", 3)[3] for line in table)


def cgroups():
    return sorted(where for where, _, _ in os.walk("/sys/fs/cgroup") if ours(where))


def files(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith(("postern", "runc", "crun")))


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        family = []

        def left():
            return processes(family), sorted(set(mounts()) - set(before[0])), cgroups(), os.listdir(box.state), \
                sorted(set(files("/run")) - set(before[1]))

        def check(what, seconds=3):
            end = time.monotonic() + seconds
            while any(left()) and time.monotonic() < end:
                time.sleep(0.05)
            assert not any(left()), (what, left())

        before = mounts(), files("/run")
        assert box.run(["/bin/true"], 30).code == 0
        check("an ordinary end")
        box.run(["/bin/sh", "-c", "(sleep 300 &); (setsid sleep 300 &); exit 0"], 30)
        check("children left running")
        box.run(["/no/such/program"], 30)
        check("a program that is not there")
        box.run(["/bin/true"], 30, mounts=["/x:bind:/no/such/source:bind"])
        check("a mount that fails")
        process = box.start(["/bin/sleep", "300"])
        time.sleep(1)
        family += descendants(process.pid)
        process.send_signal(signal.SIGTERM if runtime == "runc" else signal.SIGINT)
        time.sleep(0.5)
        if process.poll() is None:  # init has no handler: the kernel drops the signal
            box.stop(process.ident, process)
        box.finish(process, 10)
        end = time.monotonic() + 3
        while left()[0] and time.monotonic() < end:
            time.sleep(0.05)
        assert not left()[0], ("ended from outside", left())
