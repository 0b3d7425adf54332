# SPDX-License-Identifier: Apache-2.0
"""Fields of config.json that runc of Debian 12 does not know, or that no comparison shows: scheduler, ioPriority,
execCPUAffinity, personality, timeOffsets, rlimits, domainname. What is right is what the kernel's own tools say outside."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import cgroup  # noqa: E402
import steps  # noqa: E402
from sandbox import Sandbox  # noqa: E402

CAP_SYS_RESOURCE = 24
CLOCKS = "import time; print(*(time.clock_gettime(c) for c in (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)))"


class Container:
    """A container of a changed configuration, that sleeps as long as the block."""

    def __init__(self, box, process=None, linux=None, resources=None, argv=("/bin/sleep", "1000"), **top):
        self.box = box
        self.ident, _ = box.prepare(list(argv))
        self.bundle = os.path.join(box.folder, "bundle-" + self.ident)
        path = os.path.join(self.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config.update(top)
        config["process"].update(process or {})
        config["linux"].update(linux or {})
        config["linux"]["resources"].update(resources or {})
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)

    def call(self, *words, **options):
        return subprocess.run(self.box.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False, **options)

    def run(self):
        """The container to its end instead: its code, output and errors."""
        done = self.call("run", "--bundle", self.bundle, self.ident)
        return done.returncode, done.stdout, done.stderr

    def __enter__(self):
        with open(os.path.join(self.box.folder, "out-" + self.ident), "wb") as out:  # the program keeps it
            done = subprocess.run(self.box.command("run", "--detach", "--bundle", self.bundle, self.ident), check=False,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60)
        with open(os.path.join(self.box.folder, "out-" + self.ident), encoding="utf-8") as out:
            assert done.returncode == 0, out.read()
        with open(os.path.join(self.box.state, self.ident, "state.json"), encoding="utf-8") as file:
            state = json.load(file)
        self.pids = [state[part]["pid"] for part in ("init", "sentry", "gofer")]
        return self

    def __exit__(self, *_):
        self.call("delete", "--force", self.ident)

    def exec(self, *words, options=()):
        done = self.call("exec", *options, self.ident, *words)
        assert done.returncode == 0, done
        return done.stdout


def native(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def check_io_priority(box):
    for name, number, level in (("RT", 1, 2), ("BE", 2, 7), ("IDLE", 3, 0)):
        wanted = native("ionice", "-c", str(number), "-n", str(level), "ionice")
        priority = {"ioPriority": {"class": "IOPRIO_CLASS_" + name, "priority": level}}
        with Container(box, priority) as container:
            seen = [container.exec("ionice", "-p", "1"), container.exec("ionice")] + [native("ionice", "-p", str(p)) for p in container.pids]
            assert seen == [wanted] * 5, (name, seen)


def check_scheduler(box):
    realtime = {"cpu": {"realtimeRuntime": 50000, "realtimePeriod": 1000000}}
    for policy, number, fields, resources, nice in (
            ("OTHER", os.SCHED_OTHER, {"nice": -3}, {}, -3),
            ("BATCH", os.SCHED_BATCH, {"nice": 5}, {}, 5),
            ("IDLE", os.SCHED_IDLE, {}, {}, os.nice(0)),
            ("FIFO", os.SCHED_FIFO, {"priority": 7}, realtime, os.nice(0)),
            ("RR", os.SCHED_RR, {"priority": 3}, realtime, os.nice(0))):
        if resources and cgroup.VERSION == 2:
            steps.skip(f"fields scheduler {policy}", "cgroups of version 2 share out no realtime")
            continue
        with Container(box, {"scheduler": {"policy": "SCHED_" + policy, **fields}}, resources=resources) as container:
            for pid in container.pids:
                assert os.sched_getscheduler(pid) == number, (policy, pid, os.sched_getscheduler(pid))
                assert os.sched_getparam(pid).sched_priority == fields.get("priority", 0), policy
                assert os.getpriority(os.PRIO_PROCESS, pid) == nice, policy
            for who in ("1", "0"):
                ask = "import os; print(os.sched_getscheduler(%s), os.getpriority(os.PRIO_PROCESS, %s))" % (who, who)
                assert container.exec("python3", "-c", ask) == f"{number} {nice}\n", (policy, who)
    deadline = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 100000000, "period": 100000000,
                "flags": ["SCHED_FLAG_RESET_ON_FORK"]}
    with Container(box, {"scheduler": deadline}) as container:
        assert os.sched_getscheduler(container.pids[0]) & 0xff == 6, os.sched_getscheduler(container.pids[0])
        assert [os.sched_getscheduler(p) for p in container.pids[1:]] == [0, 0]


def check_scheduler_refused(box):
    for scheduler, words in (
            ({"policy": "SCHED_OTHER", "priority": 3}, "process.scheduler.priority"),
            ({"policy": "SCHED_FIFO"}, "process.scheduler.priority"),
            ({"policy": "SCHED_BATCH", "runtime": 5}, "process.scheduler"),
            ({"policy": "SCHED_ISO"}, "SCHED_ISO"),
            ({"policy": "SCHED_DEADLINE"}, "SCHED_DEADLINE"),
            ({"policy": "SCHED_FIFO", "priority": 100}, "process.scheduler.priority"),
            ({"policy": "SCHED_RR", "priority": 1}, "realtimeRuntime")):
        code, out, error = Container(box, {"scheduler": scheduler}, argv=["/bin/echo", "ran"]).run()
        if words == "realtimeRuntime" and code == 0:
            continue  # a kernel that does not share out realtime
        assert code == 1 and out == "" and words in error, (scheduler, code, error)
    code, _, error = Container(box, {"ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 8}}).run()
    assert code == 1 and "process.ioPriority.priority" in error, error
    assert os.listdir(box.state) == [], os.listdir(box.state)


def check_exec(box):
    """A process of exec has the container's rank, or its own; and its processors."""
    with Container(box, {"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}, "execCPUAffinity": {"initial": "0", "final": "1"}}) as container:
        assert container.exec("ionice") == "idle\n"
        if os.cpu_count() > 1:
            assert container.exec("grep", "Cpus_allowed_list", "/proc/self/status").split()[-1] == "1"
            assert container.exec("grep", "Cpus_allowed_list", "/proc/1/status").split()[-1] != "1"
        process = {"args": ["/bin/sh", "-c", "ionice; nice"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"],
                   "user": {"uid": 0, "gid": 0}, "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 3},
                   "scheduler": {"policy": "SCHED_OTHER", "nice": 7}}
        path = os.path.join(box.folder, "process.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(process, file)
        assert container.exec(options=["--process", path]) == "best-effort: prio 3\n7\n"
        process["execCPUAffinity"] = {"initial": "4000"}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(process, file)
        done = container.call("exec", "--process", path, container.ident)
        assert done.returncode == 255 and "execCPUAffinity.initial" in done.stderr, done


def check_personality(box):
    for domain, machine, number in (("LINUX32", "i686", "00000008"), ("LINUX", "x86_64", "00000000")):
        with Container(box, linux={"personality": {"domain": domain}}) as container:
            assert container.exec("sh", "-c", "uname -m; cat /proc/self/personality") == f"{machine}\n{number}\n", domain
            assert container.exec("setarch", "linux32", "uname", "-m") == "i686\n"
            assert container.exec("cat", "/proc/1/personality") == number + "\n", domain
    code, _, error = Container(box, linux={"personality": {"domain": "LINUX", "flags": ["X"]}}).run()
    assert code == 1 and "linux.personality.flags" in error, error


def offset(clock):
    return clock["secs"] + clock.get("nanosecs", 0) / 1e9


def check_time(box):
    """The guest's clocks are the host's and the offsets; whatever shows them agrees."""
    namespaces = [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "time")]
    offsets = {"monotonic": {"secs": 100000, "nanosecs": 5}, "boottime": {"secs": 200000, "nanosecs": 500000000}}
    clocks = [time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME]
    with Container(box, linux={"namespaces": namespaces, "timeOffsets": offsets}) as container:
        before = [time.clock_gettime(c) for c in clocks]
        seen = [float(word) for word in container.exec("python3", "-c", CLOCKS).split()]
        after = [time.clock_gettime(c) for c in clocks]
        for name, first, value, last in zip(("monotonic", "boottime"), before, seen, after):
            assert first <= value - offset(offsets[name]) <= last, (name, first, value, last)
        uptime = float(container.exec("cat", "/proc/uptime").split()[0])
        assert before[1] <= uptime + 0.01 - offset(offsets["boottime"]) <= time.clock_gettime(clocks[1]) + 0.02, uptime
        booted = int(re.search(r"^btime (\d+)$", container.exec("cat", "/proc/stat"), re.M).group(1))
        assert abs(booted - (time.time() - time.clock_gettime(clocks[1]) - offset(offsets["boottime"]))) < 3, booted
        assert container.exec("cat", "/proc/self/timens_offsets", "/proc/1/timens_offsets") == \
            2 * "monotonic      100000         5\nboottime       200000 500000000\n"
        since = int(container.exec("ps", "-o", "etimes=", "-p", "1"))
        assert 0 <= since < 600, since
        refused = container.call("exec", container.ident, "sh", "-c", "echo monotonic 1 1 >/proc/self/timens_offsets")
        assert refused.returncode != 0, refused
    with Container(box, linux={"namespaces": namespaces}) as container:
        assert float(container.exec("cat", "/proc/uptime").split()[0]) < 600  # not how long the host has been up
        assert container.exec("cat", "/proc/self/timens_offsets").split() == ["monotonic", "0", "0", "boottime", "0", "0"]
    for linux, words in (
            ({"namespaces": namespaces, "timeOffsets": {"boottime": {"secs": -10 ** 9}}}, "linux.timeOffsets"),
            ({"namespaces": namespaces, "timeOffsets": {"monotonic": {"secs": 2 ** 62}}}, "linux.timeOffsets"),
            ({"namespaces": namespaces, "timeOffsets": {"realtime": {"secs": 1}}}, "linux.timeOffsets"),
            ({"timeOffsets": {"boottime": {"secs": 1}}}, "linux.timeOffsets")):
        code, _, error = Container(box, linux=linux).run()
        assert code == 1 and words in error, (linux, code, error)


def check_domainname(box):
    with Container(box, hostname="inside", domainname="of.ours") as container:
        assert container.exec("sh", "-c", "hostname; domainname; cat /proc/sys/kernel/domainname") == "inside\nof.ours\nof.ours\n"
    assert native("cat", "/proc/sys/kernel/domainname") != "of.ours\n"
    without = [{"type": t} for t in ("pid", "network", "ipc", "mount")]
    code, _, error = Container(box, linux={"namespaces": without}, hostname=None, domainname="x").run()
    assert code == 1 and "domainname" in error and "uts" in error, (code, error)


def check_rlimits(box):
    """A hard limit above the runtime's own is raised for the container, by whoever may."""
    with open("/proc/self/status", encoding="ascii") as status:
        may = int(re.search(r"CapEff:\s*(\w+)", status.read()).group(1), 16) >> CAP_SYS_RESOURCE & 1
    limits = {"rlimits": [{"type": "RLIMIT_RTPRIO", "soft": 5, "hard": 9}, {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]}
    if may:
        with Container(box, limits) as container:
            assert re.search(r"priority +5 +9 ", container.exec("cat", "/proc/1/limits"))
            assert container.exec("sh", "-c", "ulimit -n; ulimit -Hn; ulimit -r") == "100\n200\n5\n"
    else:
        steps.skip("fields rlimits", "raising a hard limit takes CAP_SYS_RESOURCE, which this machine's root has not")
        code, _, error = Container(box, limits).run()
        assert code == 1 and "process.rlimits[0]: RLIMIT_RTPRIO" in error, (code, error)


def test(runtime):
    if runtime == "runc":
        return
    with Sandbox(runtime, "debian") as box:
        for check in (check_io_priority, check_scheduler, check_scheduler_refused, check_exec, check_personality, check_time,
                      check_domainname, check_rlimits):
            check(box)
