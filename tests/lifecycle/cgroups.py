#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""linux.resources, update and events with real containers on this machine's cgroups, of version 1 or 2.

usage: cgroups.py [RUNTIME]; as a module test(runtime) raises or asserts to fail.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "harness"))
import cgroup  # noqa: E402
from sandbox import Sandbox  # noqa: E402

MIB = 1 << 20
LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 32 * MIB},
    "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
    "pids": {"limit": 64},
}
# What is where after creation with LIMITS, and then after some updates, with cgroups of version 1 and 2.
CREATED = {
    1: {
        "memory/memory.limit_in_bytes": str(64 * MIB),
        "memory/memory.memsw.limit_in_bytes": str(96 * MIB),
        "memory/memory.soft_limit_in_bytes": str(32 * MIB),
        "cpu/cpu.shares": "512",
        "cpu/cpu.cfs_quota_us": "50000",
        "cpu/cpu.cfs_period_us": "100000",
        "cpuset/cpuset.cpus": "0",
        "pids/pids.max": "64",
    },
    2: {
        "memory.max": str(64 * MIB),
        "memory.swap.max": str(32 * MIB),
        "memory.low": str(32 * MIB),
        "cpu.weight": "20",
        "cpu.max": "50000 100000",
        "cpuset.cpus": "0",
        "pids.max": "64",
    },
}[cgroup.VERSION]
UPDATES = [
    (["--memory", "300m", "--memory-swap", "400m", "--pids-limit", "99"], None, {
        1: {"memory/memory.limit_in_bytes": str(300 * MIB), "memory/memory.memsw.limit_in_bytes": str(400 * MIB),
            "pids/pids.max": "99", "cpu/cpu.shares": "512"},
        2: {"memory.max": str(300 * MIB), "memory.swap.max": str(100 * MIB), "pids.max": "99", "cpu.weight": "20"},
    }),
    (["--memory", str(10 * MIB), "--memory-swap", str(20 * MIB)], None, {
        1: {"memory/memory.limit_in_bytes": str(10 * MIB)},
        2: {"memory.max": str(10 * MIB), "memory.swap.max": str(10 * MIB)},
    }),
    (["--resources", "-"], {"cpu": {"shares": 100, "quota": 300000, "period": 200000}, "pids": {"limit": -1}}, {
        1: {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "200000", "cpu/cpu.shares": "100"},
        2: {"cpu.max": "300000 200000", "cpu.weight": "4"},
    }),
    (["--cpu-quota", "-1"], None, {1: {"cpu/cpu.cfs_quota_us": "-1"}, 2: {"cpu.max": "max 200000"}}),
]
PIDS = {1: "pids/pids.max", 2: "pids.max"}[cgroup.VERSION]
# What is not there: a file, and a size of huge pages.
REFUSED = [
    ({"cpu": {"cpus": "4000"}}, "linux.resources.cpu.cpus"),
    ({"unified": {"memory.nothing": "5"}}, "unified"),
    ({"hugepageLimits": [{"pageSize": "3MB", "limit": 4096}]}, "hugetlb"),
    ({"network": {"classID": 5}}, "net_cls"),
]
DEVICES = ["b *:* m", "c *:* m", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm",
           "c 5:2 rwm"]


class Container:
    """A container that create made; it goes with the end of the block."""

    def __init__(self, box, argv, **resources):
        self.box = box
        self.ident, _ = box.prepare(argv)
        self.bundle = os.path.join(box.folder, "bundle-" + self.ident)
        path = os.path.join(self.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["linux"]["resources"].update(resources)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(self.box.command("delete", "--force", self.ident), check=False, capture_output=True)
        end = time.monotonic() + 3
        while (left := self.folders()) and time.monotonic() < end:
            for folder in left:  # where delete is not there yet, or failed: the test must leave nothing all the same
                for pid in read_words(os.path.join(folder, "cgroup.procs")):
                    try:
                        os.kill(int(pid), 9)
                    except ProcessLookupError:
                        pass
                try:
                    os.rmdir(folder)
                except OSError:
                    time.sleep(0.02)

    def call(self, *words, given=None, good=True):
        done = subprocess.run(self.box.command(*words), input=given, capture_output=True, text=True, timeout=30, check=False)
        if good is not None:
            assert (done.returncode == 0) == good, (words, done)
        return done

    def create(self, start=True):
        # The program keeps these; nobody reads them, so a pipe would block it at its end.
        with open(os.path.join(self.box.folder, self.ident + ".out"), "wb") as out:
            done = subprocess.run(self.box.command("create", "--bundle", self.bundle, self.ident), stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, timeout=30, check=False)
        if start and done.returncode == 0:
            self.call("start", self.ident)
        return done.returncode

    def said(self):
        with open(os.path.join(self.box.folder, self.ident + ".out"), encoding="utf-8") as out:
            return out.read()

    def folders(self):
        return cgroup.folders(self.ident)

    def expect(self, wanted):
        for name, value in wanted.items():
            assert cgroup.read(self.ident, name) == value, (name, cgroup.read(self.ident, name))

    def cpu_time(self):
        return cgroup.cpu_time(self.ident)

    def stats(self):
        return json.loads(self.call("events", "--stats", self.ident).stdout)

    def wait_for(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "did not come about"
            time.sleep(0.02)


def read_words(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        return []


def check_created(box, runtime):
    with Container(box, ["/bin/sleep", "100"], **LIMITS) as container:
        assert container.create(start=False) == 0, container.said()
        container.expect(CREATED)
        if cgroup.VERSION == 1:  # version 2 has no list to read
            devices = sorted(cgroup.read(container.ident, "devices/devices.list").splitlines())
            assert [d for d in DEVICES if d not in devices] == [], devices
            assert "a *:* rwm" not in devices, devices
        members = read_words(container.folders()[0] + "/cgroup.procs")
        # Program, sentry and gofer; none is left outside.
        assert len(members) == (3 if runtime == "postern" else 1), members
        for folder in container.folders():
            assert sorted(read_words(folder + "/cgroup.procs")) == sorted(members), folder
        container.call("start", container.ident)


def check_update(box, runtime):
    with Container(box, ["/bin/sleep", "100"], **LIMITS) as container:
        assert container.create() == 0, container.said()
        for words, given, wanted in UPDATES:
            container.call("update", *words, container.ident, given=json.dumps(given) if given else None)
            container.expect(wanted[cgroup.VERSION])
            if given and runtime == "postern":  # runc takes -1 as not given
                container.expect({PIDS: "max"})
        if cgroup.VERSION == 1:  # for version 2 it becomes the least weight there is
            refused = container.call("update", "--cpu-share", "1", container.ident, good=False)
            assert "minimum allowed" in refused.stderr, refused.stderr
        container.call("update", "--resources", "-", container.ident, given="{", good=False)
        container.call("update", "--memory", "lots", container.ident, good=False)
    missing = subprocess.run(box.command("update", "--memory", "1g", "nobody"), capture_output=True, text=True, check=False)
    assert missing.returncode != 0 and "container does not exist" in missing.stderr, missing


def check_update_more(box, runtime):
    """What runc of Debian 12 has no options for."""
    if runtime != "postern":
        return
    with Container(box, ["/bin/sleep", "100"], **LIMITS) as container:
        assert container.create() == 0, container.said()
        container.call("update", "--cpu-burst", "20000", container.ident)
        container.expect({{1: "cpu/cpu.cfs_burst_us", 2: "cpu.max.burst"}[cgroup.VERSION]: "20000"})
        container.call("update", "--cpu-idle", "1", container.ident)
        container.expect({{1: "cpu/cpu.idle", 2: "cpu.idle"}[cgroup.VERSION]: "1"})


def check_stats(box, runtime):
    with Container(box, ["/bin/sh", "-c", "while :; do :; done"], **LIMITS) as container:
        assert container.create() == 0, container.said()
        time.sleep(0.5)
        first = container.stats()
        assert (first["type"], first["id"]) == ("stats", container.ident)
        data = first["data"]
        assert sorted(data) == ["blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory", "network_interfaces", "pids"]
        assert data["memory"]["usage"]["limit"] == 64 * MIB and data["memory"]["usage"]["usage"] > 0
        # Threads count, and the sentry has two.
        # Sentry and gofer count, with as many threads as the moment takes.
        assert data["pids"]["limit"] == 64 and data["pids"]["current"] in (range(4, 24) if runtime == "postern" else (1,)), data["pids"]
        begun = time.monotonic()
        data = container.stats()["data"]
        time.sleep(1)

        def used():
            return container.stats()["data"]["cpu"]["usage"]["total"] - data["cpu"]["usage"]["total"]

        container.wait_for(lambda: used() > 0.02e9)
        # At most half a cpu; how much less depends on what else runs here.
        assert used() < 0.5e9 * (time.monotonic() - begun) + 0.3e9, (used(), time.monotonic() - begun)
        container.call("update", "--cpu-quota", "5000", container.ident)
        container.wait_for(lambda: container.stats()["data"]["cpu"]["throttling"].get("throttledPeriods", 0) > 0)


def check_pids(box, _):
    script = "i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i+1)); done; echo all; wait"
    with Container(box, ["/bin/sh", "-c", script], pids={"limit": 20}) as container:
        assert container.create() == 0, container.said()
        container.wait_for(lambda: "fork" in container.said())
        assert "all" not in container.said()


def check_oom(box, runtime):
    """A guest that eats too much dies, is reported, and the events end with the container."""
    script = "sleep 1; dd if=/dev/zero of=/dev/null bs=200M count=1; echo code $?; sleep 1"
    with Container(box, ["/bin/sh", "-c", script], memory={"limit": 32 * MIB, "swap": 32 * MIB}) as container:
        assert container.create(start=False) == 0, container.said()
        events = subprocess.Popen(box.command("events", "--interval", "300ms", container.ident), stdout=subprocess.PIPE)
        time.sleep(0.3)
        container.call("start", container.ident)
        container.wait_for(lambda: "code" in container.said())
        if runtime != "postern":  # runc goes on until the container is deleted
            time.sleep(0.5)
            events.terminate()
        out, _ = events.communicate(timeout=20)
        assert runtime != "postern" or events.returncode == 0
        kinds = [json.loads(line)["type"] for line in out.splitlines()]
        assert "oom" in kinds and "stats" in kinds, kinds
        assert "code 137" in container.said(), container.said()
        container.wait_for(lambda: json.loads(container.call("state", container.ident).stdout)["status"] == "stopped")
        refused = container.call("events", "--stats", container.ident, good=False)
        assert "is not running" in refused.stderr, refused.stderr
        refused = container.call("update", "--memory", "1g", container.ident, good=False)
        assert "container not running" in refused.stderr, refused.stderr


def check_pause(box, _):
    """Busy, blocked and waiting processes: none gets on while paused, all do afterwards; paused, it can be deleted."""
    script = ("mkfifo /tmp/f; cat /tmp/f & (while :; do stat /etc/passwd >/dev/null; done) & "
              "(while :; do ls -lR /bin >/dev/null; done) & wait")
    with Container(box, ["/bin/sh", "-c", script]) as container:
        assert container.create() == 0, container.said()
        time.sleep(0.5)
        for _ in range(5):
            container.call("pause", container.ident)
            assert json.loads(container.call("state", container.ident).stdout)["status"] == "paused"
            before = container.cpu_time()
            time.sleep(0.2)
            assert container.cpu_time() == before
            container.call("update", "--pids-limit", "500", container.ident)
            container.call("resume", container.ident)
            time.sleep(0.1)
            assert container.cpu_time() != before
        container.call("pause", container.ident)
        container.call("delete", "--force", container.ident)
        assert container.folders() == []


def check_refused(box, runtime):
    """What cannot be done is said with the field's name, and nothing is left."""
    for resources, words in REFUSED:
        with Container(box, ["/bin/true"], **resources) as container:
            code = container.create(start=False)
            if runtime == "postern":
                assert code != 0 and words in container.said(), (resources, container.said())
                assert container.folders() == [], container.folders()


def check_occupied(box, runtime):
    """Two containers cannot have one cgroup: ending one would end the other."""
    with Container(box, ["/bin/sleep", "100"]) as first, Container(box, ["/bin/sleep", "100"]) as second:
        assert first.create() == 0, first.said()
        path = os.path.join(second.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("/" + second.ident + '"', "/" + first.ident + '"')
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        code = second.create(start=False)
        if runtime == "postern":
            assert code != 0 and "container's cgroup is not empty" in second.said(), second.said()
        assert read_words(first.folders()[0] + "/cgroup.procs") != []


CHECKS = [check_created, check_update, check_update_more, check_stats, check_pids, check_oom, check_pause, check_refused, check_occupied]


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        for check in CHECKS:
            check(box, runtime)


def play(checks, runtime):
    """Every check by itself, each result in a line; returns an exit code."""
    passed = failed = 0
    with Sandbox(runtime, "busybox") as box:
        for check in checks:
            name = check.__name__.removeprefix("check_")
            try:
                check(box, runtime)
                print(f"ok {name}", flush=True)
                passed += 1
            except (AssertionError, OSError, subprocess.SubprocessError, ValueError, KeyError) as problem:
                print(f"FAIL {name}: {type(problem).__name__}: {problem}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(play(CHECKS, sys.argv[1] if len(sys.argv) > 1 else os.environ.get("POSTERN_RUNTIME", "postern")))
