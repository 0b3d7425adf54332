# SPDX-License-Identifier: Apache-2.0
"""However `postern do` ends, killed included, the host has no process, mount, cgroup or file more than before."""
import os
import signal
import time

from sandbox import descendants, kill_all
from throwaway import Throwaway


def test(runtime):
    if runtime != "postern":
        raise Skip("only postern has `do`")  # noqa: F821
    with Throwaway() as box:
        limits = ["--memory", "100m", "--name", f"do-test-{os.getpid()}"]
        before = left(box)

        def check(what, seconds=15):
            end = time.monotonic() + seconds
            while left(box) != before and time.monotonic() < end:
                time.sleep(0.05)
            assert left(box) == before, (what, left(box), before)

        assert box.do(limits, ["true"]).code == 0
        check("an ordinary end", 0)
        assert box.do(limits, ["sh", "-c", "(setsid sleep 300 &); exit 3"]).code == 3
        check("children left running", 0)
        assert box.do([*limits, "--bind", "/etc/passwd:/etc"], ["true"]).code == 125
        check("a mount that fails", 0)
        assert box.do([*limits, "--time", "100ms"], ["sleep", "60"]).code == 124
        check("a time limit", 0)

        for which in ("runtime", "janitor", "first child", "all at once"):
            for wait in (0.05, 0.2, 1.5):
                end_by_force(box, limits, which, wait)
                if which == "all at once":  # nobody is left who could: the next command of that name tidies up
                    end = time.monotonic() + 15
                    while box.do(limits, ["true"]).code != 0 and time.monotonic() < end:
                        time.sleep(0.1)
                check((which, wait))

        # Where names are of our own choosing, any later command does.
        limits[-1] = f"do-test-{os.getpid()}-swept"
        end_by_force(box, limits, "all at once", 0.5)
        time.sleep(0.5)
        for name in os.listdir(box.state):
            os.utime(os.path.join(box.state, name), (1, 1))
        assert box.do([], ["true"]).code == 0
        check("swept")


def end_by_force(box, limits, which, wait):
    process = box.start(limits, ["sleep", "300"])
    time.sleep(wait)
    family = descendants(process.pid)
    children = [pid for pid in family[1:] if parent(pid) == process.pid]
    janitors = [pid for pid in children if name_of(pid) == "postern-janitor"]
    if which == "runtime":
        process.kill()
    elif which == "janitor":
        kill_all(janitors)
        process.send_signal(signal.SIGTERM)
    elif which == "first child":
        kill_all([pid for pid in children if pid not in janitors][:1])
    else:
        kill_all(family)
    for _ in range(200):
        if process.poll() is not None:
            break
        process.terminate()  # it may have come before there was anybody to hear it
        time.sleep(0.05)
    assert process.wait(20) != 0
    process.stdout.close()
    process.stderr.close()


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as name:
            return name.read().strip()
    except OSError:
        return ""


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def left(box):
    """What there is of us: processes by our name or that of the state folder, mounts, cgroups, files."""
    mark = f"do-test-{os.getpid()}"
    processes, cgroups = [], []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as line, open(f"/proc/{entry}/stat", "rb") as stat:
                text = line.read().decode("utf-8", "replace")
                if (mark in text or box.state in text) and stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X"):
                    processes.append(text)
        except OSError:
            pass
    for where, folders, _ in os.walk("/sys/fs/cgroup"):
        cgroups += [os.path.join(where, folder) for folder in folders if mark in folder]
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        mounts = len(table.readlines())
    files = [os.path.join(where, name) for where, folders, names in os.walk(box.top) for name in folders + names]
    return processes, cgroups, mounts, sorted(files)
