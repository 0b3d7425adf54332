# SPDX-License-Identifier: Apache-2.0
"""What docker limits: memory, processors, processes."""
import time

from engines import Skip, contains, equal


def cgroup_file(e, c, controller, name):
    path = f"/sys/fs/cgroup/{controller}{e.cgroup}/{c.id}/{name}"
    try:
        with open(path, encoding="ascii") as found:
            return found.read().strip()
    except FileNotFoundError as missing:
        raise Skip(f"no cgroup version 1 controller {controller}") from missing


def test_memory(e):
    with e.started("--memory", "48m") as c:
        equal(cgroup_file(e, c, "memory", "memory.limit_in_bytes"), str(48 << 20))


def test_memory_exceeded(e):
    with e.started("--memory", "64m", "--memory-swap", "64m",
                   command=("sh", "-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo survived")) as c:
        c.docker("wait", "@", seconds=60)
        assert "survived" not in c.logs()
        equal(c.inspect("{{.State.OOMKilled}}"), "true")


def test_cpus(e):
    with e.started("--cpus", "0.5", "--cpu-shares", "512") as c:
        quota = int(cgroup_file(e, c, "cpu", "cpu.cfs_quota_us"))
        period = int(cgroup_file(e, c, "cpu", "cpu.cfs_period_us"))
        equal(quota / period, 0.5)
        equal(cgroup_file(e, c, "cpu", "cpu.shares"), "512")


def test_cpus_felt(e):
    """A busy loop gets no more than its part, whoever burns the time."""
    with e.started("--cpus", "0.25", command=("sh", "-c", "while :; do :; done")) as c:
        time.sleep(0.5)
        before = int(cgroup_file(e, c, "cpuacct", "cpuacct.usage"))
        time.sleep(2)
        used = (int(cgroup_file(e, c, "cpuacct", "cpuacct.usage")) - before) / 2e9
        assert 0.1 < used < 0.35, used


def test_cpuset(e):
    with e.started("--cpuset-cpus", "0") as c:
        equal(cgroup_file(e, c, "cpuset", "cpuset.cpus"), "0")
        contains(c.exec("grep", "Cpus_allowed_list", "/proc/self/status").out, "\t0\n")


def test_pids_limit(e):
    with e.started("--pids-limit", "30") as c:
        equal(cgroup_file(e, c, "pids", "pids.max"), "30")
        result = c.exec("sh", "-c", "for i in $(seq 60); do sleep 5 & done; echo all", ok=None)
        assert "all" not in result.out or "fork" in result.err, result
    with e.started() as c:
        equal(c.exec("echo", "still alive").out, "still alive\n")


def test_everything_is_in_the_cgroup(e):
    with e.started("--memory", "64m") as c:
        c.exec("true")
        pids = cgroup_file(e, c, "memory", "cgroup.procs").split()
        names = sorted(open(f"/proc/{pid}/comm", encoding="ascii").read().strip() for pid in pids)
        assert any("sentry" in n for n in names) and any("gofer" in n for n in names) and "sleep" in names, names


def test_update(e):
    with e.started("--memory", "64m", "--memory-swap", "64m") as c:
        c.docker("update", "--memory", "96m", "--memory-swap", "96m", "@")
        equal(cgroup_file(e, c, "memory", "memory.limit_in_bytes"), str(96 << 20))
        equal(c.exec("echo", "alive").out, "alive\n")


def test_oom_score(e):
    equal(e.run("--oom-score-adj", "500", "busybox", "cat", "/proc/self/oom_score_adj").out, "500\n")
