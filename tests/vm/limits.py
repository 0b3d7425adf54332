#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cgroups of version 2: the same files as with runc for the same configuration, and limits that limit.

usage: limits.py [RUNTIME]; run by tests/vm/inside. Needs a machine of its own: it makes swap, and uses up a disk.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("harness", "lifecycle")]
import cgroup  # noqa: E402
from cgroups import MIB, Container, play, read_words  # noqa: E402
from sandbox import Sandbox  # noqa: E402
from suites import GUEST  # noqa: E402

DISK = "/dev/vda"
# What changes by itself, or is a command.
UNSTEADY = ("cgroup.procs", "cgroup.threads", "cgroup.kill", "memory.reclaim", "memory.peak", "pids.peak",
            "hugetlb.2MB.rsvd.max")  # the last: newer runcs write it too
UNSTEADY_ENDS = (".stat", ".current", ".events", ".events.local", ".pressure", ".numa_stat")

CONFIGURATIONS = {
    "nothing": {},
    "everything": {
        "memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB, "swappiness": 20, "disableOOMKiller": False},
        "cpu": {"shares": 512, "quota": 50000, "period": 200000, "cpus": "1", "mems": "0"},
        "pids": {"limit": 20},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}],
        "blockIO": {"weight": 300, "throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 4 * MIB}],
                    "throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 100}]},
    },
    "no limits": {"memory": {"limit": -1}, "cpu": {"shares": 2, "quota": -1}, "pids": {"limit": -1}},
    "no limit of swap": {"memory": {"limit": 64 * MIB, "swap": -1}, "cpu": {"shares": 262144, "period": 50000}},
    "no swap": {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "cpu": {"shares": 1024, "quota": 20000}},
    "unified": {"unified": {"memory.high": str(48 * MIB), "memory.oom.group": "1", "pids.max": "33", "cpu.max": "70000 100000",
                            "io.max": "254:0 wbps=1048576"}},
}
# Commands of `update`, one after the other.
UPDATES = [["--memory", "100m", "--memory-swap", "150m"], ["--memory-swap", "-1"], ["--memory-reservation", "20m"],
           ["--cpu-share", "2048"], ["--cpu-quota", "30000"], ["--cpu-period", "50000"], ["--cpuset-cpus", "0"],
           ["--cpuset-mems", "0"], ["--pids-limit", "77"], ["--blkio-weight", "200"], ["--memory", "-1"]]


def values(ident):
    """The settings of a cgroup: every file of it that only changes when it is written."""
    folder = os.path.join(cgroup.ROOT, ident)
    found = {}
    for name in sorted(os.listdir(folder)):
        if name in UNSTEADY or name.endswith(UNSTEADY_ENDS):
            continue
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[name] = file.read().strip()
        except OSError as problem:
            found[name] = problem.strerror
    return found


def same(wanted, got, what):
    differing = [f"{name}: runc {wanted.get(name)!r}, here {got.get(name)!r}" for name in sorted(set(wanted) | set(got))
                 if wanted.get(name) != got.get(name)]
    assert not differing, f"{what}: " + "; ".join(differing)


def beside_runc(compare):
    """A check that needs runc beside what is tested."""
    def check(box, runtime):
        if runtime != "runc":
            with Sandbox("runc", "busybox") as reference:
                compare(box, reference)
    check.__name__ = compare.__name__
    return check


@beside_runc
def check_created_like_runc(box, reference):
    """For each configuration, every file is what it is with runc."""
    wrong = []
    for name, resources in CONFIGURATIONS.items():
        seen = []
        for each in (reference, box):
            with Container(each, ["/bin/true"], **resources) as container:
                assert container.create(start=False) == 0, (name, container.said())
                seen.append(values(container.ident))
        try:
            same(*seen, name)
        except AssertionError as problem:
            wrong.append(str(problem))
    assert not wrong, "\n    " + "\n    ".join(wrong)


@beside_runc
def check_updated_like_runc(box, reference):
    """After each command of `update`, too."""
    with Container(reference, ["/bin/true"]) as one, Container(box, ["/bin/true"]) as other:
        for container in (one, other):
            assert container.create(start=False) == 0, container.said()
        for words in UPDATES:
            for container in (one, other):
                container.call("update", *words, container.ident)
            same(values(one.ident), values(other.ident), " ".join(words))


def shape(value, at=""):
    """The names in a JSON value, but for what depends on the moment: numbers that are 0 are left out by both."""
    if isinstance(value, dict):
        return {path for name, inner in value.items() for path in {f"{at}.{name}"} | shape(inner, f"{at}.{name}")}
    return {path for inner in value for path in shape(inner, at + "[]")} if isinstance(value, list) else set()


@beside_runc
def check_stats_like_runc(box, reference):
    """`events --stats` has the same names in it, and the same limits."""
    script = "dd if=/dev/zero of=/tmp/x bs=1M count=4 2>/dev/null; sync; while :; do :; done"
    seen = []
    for each in (reference, box):
        with Container(each, ["/bin/sh", "-c", script], memory={"limit": 64 * MIB, "swap": 96 * MIB},
                       cpu={"quota": 20000}, pids={"limit": 50}) as container:
            assert container.create() == 0, container.said()
            container.wait_for(lambda: container.stats()["data"]["cpu"]["throttling"].get("throttledPeriods", 0) > 0)
            seen.append(container.stats())
    wanted, got = ({path for path in shape(one) if not path.startswith((".data.blkio", ".data.network"))} for one in seen)
    newer = {".data.memory.kernel.usage", ".data.memory.usage.max"}  # runc has these since 1.2
    assert wanted == got - newer, (sorted(wanted - got), sorted(got - wanted))
    for name in ("usage", "swap"):
        limits = [one["data"]["memory"][name]["limit"] for one in seen]
        assert limits[0] == limits[1], (name, limits)


def check_refused(box, runtime):
    """What version 2 cannot do is refused, as by runc, and leaves nothing."""
    for resources in ({"memory": {"swap": 64 * MIB}}, {"memory": {"limit": 64 * MIB, "swap": 32 * MIB}},
                      {"unified": {"memory.nothing": "1"}}, {"unified": {"pids.max": "many"}}, {"cpu": {"cpus": "77"}},
                      {"unified": {"a/../cgroup.procs": "1"}}):
        with Container(box, ["/bin/true"], **resources) as container:
            assert container.create(start=False) != 0, resources
            assert runtime == "runc" or "linux.resources." in container.said(), container.said()
            assert container.folders() == [], resources


def code_of(box, script, **resources):
    """The exit code of a script of `run` in the foreground."""
    with Container(box, ["/bin/sh", "-c", script], **resources) as container:
        done = container.call("run", "--bundle", container.bundle, container.ident, good=None)
        assert container.folders() == [], container.folders()
        return done.returncode


def check_oom_of_init(box, _):
    """The code of an init that the kernel killed for want of memory is that of the signal; nothing is left."""
    eat = "exec dd if=/dev/zero of=/dev/null bs=200M count=1"
    assert code_of(box, eat, memory={"limit": 40 * MIB, "swap": 40 * MIB}) == 137
    assert code_of(box, eat + "; true", memory={"limit": 400 * MIB, "swap": 400 * MIB}) == 0


def check_oom_group(box, _):
    """memory.oom.group by `unified`: all of the container goes at once."""
    eat = "dd if=/dev/zero of=/dev/null bs=200M count=1; echo survived"
    with Container(box, ["/bin/sh", "-c", eat], memory={"limit": 40 * MIB, "swap": 40 * MIB},
                   unified={"memory.oom.group": "1"}) as container:
        done = container.call("run", "--bundle", container.bundle, container.ident, good=None)
        assert done.returncode == 137 and "survived" not in done.stdout, done


def check_swap(box, _):
    """More memory than the limit, if there is swap beside it; not if swap is limited too."""
    eat = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null"
    assert code_of(box, eat, memory={"limit": 40 * MIB, "swap": 200 * MIB}) == 0
    assert code_of(box, eat, memory={"limit": 40 * MIB, "swap": 40 * MIB}) == 137


def check_weight(box, _):
    """Two that never rest on one processor share it by weight."""
    spin = ["/bin/sh", "-c", "while :; do :; done"]
    with Container(box, spin, cpu={"cpus": "1", "shares": 4096}) as heavy, \
            Container(box, spin, cpu={"cpus": "1", "shares": 256}) as light:
        for container in (heavy, light):
            assert container.create() == 0, container.said()
        begun = heavy.cpu_time(), light.cpu_time()
        time.sleep(4)
        used = heavy.cpu_time() - begun[0], light.cpu_time() - begun[1]
        assert used[0] > 4 * used[1] > 0, used  # 157 to 10 by the book


def check_idle(box, runtime):
    if runtime == "runc":  # its 1.1 does not know it
        return
    with Container(box, ["/bin/true"], cpu={"idle": 1}) as container:
        assert container.create(start=False) == 0, container.said()
        container.expect({"cpu.idle": "1"})


def check_quota(box, _):
    with Container(box, ["/bin/sh", "-c", "while :; do :; done"], cpu={"quota": 10000, "period": 100000}) as container:
        assert container.create() == 0, container.said()
        begun, used = time.monotonic(), container.cpu_time()
        time.sleep(3)
        share = (container.cpu_time() - used) / 1e6 / (time.monotonic() - begun)
        assert 0 < share < 0.2, share


def check_cpuset(box, _):
    """Every thread of the container, whosever it is, runs on the processor it was given."""
    with Container(box, ["/bin/sleep", "100"], cpu={"cpus": "1"}) as container:
        assert container.create() == 0, container.said()
        assert cgroup.read(container.ident, "cpuset.cpus.effective") == "1"
        for pid in read_words(container.folders()[0] + "/cgroup.procs"):
            assert os.sched_getaffinity(int(pid)) == {1}, pid


def check_huge_pages(box, _):
    """Two huge pages may be had, three not."""
    with Container(box, ["/bin/sh", "-c", "/huge 2; echo two $?; /huge 3; echo three $?"],
                   hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MIB}]) as container:
        subprocess.run(["cp", GUEST + "/huge", box.root + "/huge"], check=True)
        done = container.call("run", "--bundle", container.bundle, container.ident)
        assert done.stdout.split() == ["two", "0", "three", "1"], done


def check_io(box, _):
    """What is written past the page cache takes the time it should, and is counted."""
    where = os.path.join(box.folder, "disk")
    os.makedirs(where, exist_ok=True)
    subprocess.run(["busybox", "mke2fs", DISK], check=True, capture_output=True)
    subprocess.run(["mount", "-t", "ext4", DISK, where], check=True)
    os.chmod(where, 0o777)
    limit = {"throttleWriteBpsDevice": [{"major": 254, "minor": 0, "rate": MIB}]}
    script = "dd if=/dev/zero of=/disk/x bs=64k count=48 oflag=direct 2>/dev/null && echo done; sleep 100"
    try:
        with Container(box, ["/bin/sh", "-c", script], blockIO=limit) as container:
            path = os.path.join(container.bundle, "config.json")
            with open(path, encoding="utf-8") as file:
                config = json.load(file)
            config["mounts"].append({"destination": "/disk", "type": "bind", "source": where, "options": ["bind"]})
            with open(path, "w", encoding="utf-8") as file:
                json.dump(config, file)
            begun = time.monotonic()
            assert container.create() == 0, container.said()
            container.wait_for(lambda: "done" in container.said())
            assert time.monotonic() - begun > 2.5, time.monotonic() - begun
            entries = container.stats()["data"]["blkio"]["ioServiceBytesRecursive"]
            written = [e.get("value", 0) for e in entries if (e.get("major"), e.get("minor", 0), e["op"]) == (254, 0, "Write")]
            assert written and written[0] >= 3 * MIB, entries
    finally:
        subprocess.run(["umount", where], check=True)


def check_occupied_above(box, runtime):
    """A cgroup below one with processes can have no limits (version 2 allows no such thing): said, and nothing is left."""
    above = os.path.join(cgroup.ROOT, "postern-vm-full")
    os.mkdir(above)
    sleeper = subprocess.Popen(["sleep", "100"])
    try:
        with open(above + "/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write(str(sleeper.pid))
        with Container(box, ["/bin/true"], memory={"limit": 64 * MIB}) as container:
            path = os.path.join(container.bundle, "config.json")
            with open(path, encoding="utf-8") as file:
                text = file.read().replace("/" + container.ident + '"', "/postern-vm-full/" + container.ident + '"')
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            assert container.create(start=False) != 0
            assert runtime == "runc" or "linux.resources.memory" in container.said(), container.said()
            assert [name for name in os.listdir(above) if os.path.isdir(os.path.join(above, name))] == []
    finally:
        sleeper.kill()
        sleeper.wait()
        os.rmdir(above)


def check_own_folder(box, _):
    """Without cgroupsPath: below /postern, which goes with the last container."""
    with Container(box, ["/bin/sleep", "100"]) as container:
        path = os.path.join(container.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        del config["linux"]["cgroupsPath"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        assert container.create() == 0, container.said()
        with open(f"/proc/{json.loads(container.call('state', container.ident).stdout)['pid']}/cgroup", encoding="utf-8") as file:
            where = cgroup.ROOT + file.read().strip().split("::")[1]
        assert container.ident in where and os.path.isdir(where), where
        container.call("kill", container.ident, "KILL")
        container.wait_for(lambda: json.loads(container.call("state", container.ident).stdout)["status"] == "stopped")
        container.call("delete", container.ident)
        assert not os.path.exists(where) and not os.path.exists(cgroup.ROOT + "/postern"), where


CHECKS = [check_created_like_runc, check_updated_like_runc, check_stats_like_runc, check_refused, check_oom_of_init, check_oom_group, check_swap, check_weight, check_idle, check_quota, check_cpuset,
          check_huge_pages, check_io, check_occupied_above, check_own_folder]


def make_swap():
    """In compressed memory."""
    with open("/sys/block/zram0/disksize", "w", encoding="ascii") as size:
        size.write("256M")
    subprocess.run(["busybox", "mkswap", "/dev/zram0"], check=True, capture_output=True)
    subprocess.run(["busybox", "swapon", "/dev/zram0"], check=True)


if __name__ == "__main__":
    assert cgroup.VERSION == 2, "this is for cgroups of version 2"
    if "zram0" not in open("/proc/swaps", encoding="ascii").read():
        make_swap()
    sys.exit(play(CHECKS, sys.argv[1] if len(sys.argv) > 1 else "postern"))
