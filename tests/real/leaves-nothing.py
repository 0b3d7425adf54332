# SPDX-License-Identifier: Apache-2.0
"""After a container, however it ended, the host has no process, mount, cgroup or file more than before."""
import os
import signal
import subprocess
import time

from sandbox import Sandbox


def processes():
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                    text = stat.read()
                found[int(entry)] = text[text.index("(") + 1:text.rindex(")")]
            except (OSError, ValueError):
                pass
    return {pid: name for pid, name in found.items() if name.startswith(("postern", "runc", "crun", "sleep", "cell"))}


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return sorted(line.split(" - ")[0].split(" ", 3)[3] for line in table)


def cgroups(name):
    return sorted(where for where, _, _ in os.walk("/sys/fs/cgroup") if name in where)


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        def left():
            new = {p: n for p, n in processes().items() if p not in before[0]}
            return new, sorted(set(mounts()) - set(before[1])), cgroups("postern-test-"), os.listdir(box.state), \
                sorted(set(os.listdir("/run")) - set(before[2])), sorted(set(os.listdir("/tmp")) - set(before[3]))

        def check(what, seconds=3):
            end = time.monotonic() + seconds
            while any(left()) and time.monotonic() < end:
                time.sleep(0.05)
            assert not any(left()), (what, left())

        before = processes(), mounts(), os.listdir("/run"), os.listdir("/tmp")
        for cgroup in cgroups("postern-test-"):  # of an earlier, broken run
            subprocess.run(["rmdir", cgroup], check=False)
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
        process.send_signal(signal.SIGTERM if runtime == "runc" else signal.SIGINT)
        time.sleep(0.5)
        if process.poll() is None:  # init has no handler: the kernel drops the signal
            box.stop(process.ident, process)
        box.finish(process, 10)
        if runtime != "postern":
            return
        # run itself killed: the sandbox must go, what it kept on disk is found by the next start of that name.
        process = box.start(["/bin/sleep", "300"])
        time.sleep(1)
        process.kill()
        box.finish(process, 10)
        end = time.monotonic() + 3
        while left()[0] and time.monotonic() < end:
            time.sleep(0.05)
        assert not left()[0], ("run was killed", left())
