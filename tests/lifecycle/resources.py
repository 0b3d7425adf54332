# SPDX-License-Identifier: Apache-2.0
"""Sequences about limits, processors and memory nodes: what the words in config.json and on the command line come to."""
import glob
import json
import os
import re
import shutil

import cgroup
from flags import cgroup_of, process_file
from steps import skip, until

SLEEP = ("/bin/sleep", "1000")
OWN_WORDS = "the words are our own"
CPUS = ("/bin/grep", "Cpus_allowed_list", "/proc/self/status")


def resources(**fields):
    return lambda config: config["linux"]["resources"].update(fields)


def value(d, name, controller, file):
    path = os.path.join(cgroup_of(d, name, controller), file)
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as text:
        return text.read().strip()


def sequence_pids_limits(d):
    """0 and none are no limit, below that is any number."""
    for limit in ({"limit": 0}, {"limit": -1}, {}, {"limit": -5}, {"limit": 50}):
        d.create("one", *SLEEP, change=resources(pids=limit))
        d.note(str(limit), value(d, "one", "pids", "pids.max"))
        d.step("delete", "--force", "one")
    d.running("two", *SLEEP, change=resources(pids={"limit": 40}))
    for given in ({"limit": 0}, {}, {"limit": -1}, {"limit": 30}, {"limit": -2}):
        d.step("update", "--resources", "-", "two", given=json.dumps({"pids": given}))
        d.note(str(given), value(d, "two", "pids", "pids.max"))
    for word in ("0", "-1", "25", "0"):
        d.step("update", "--pids-limit", word, "two")
        d.note(word, value(d, "two", "pids", "pids.max"))
    d.step("delete", "--force", "two")
    d.left()


def realtime_is_free():
    """A cgroup that is removed keeps its share a little longer, which runc does not wait for."""
    probe = f"/sys/fs/cgroup/cpu/postern-realtime-{os.getpid()}"
    os.mkdir(probe)
    try:
        for share in ("600001", "0"):
            with open(probe + "/cpu.rt_runtime_us", "w", encoding="ascii") as file:
                file.write(share)
        return True
    except OSError:
        return False
    finally:
        os.rmdir(probe)


def sequence_realtime(d):
    """Also right after another container had all of it."""
    if cgroup.VERSION == 2 or not os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
        skip("realtime", "this machine shares out no realtime to cgroups")
        return

    def realtime(name):
        return [value(d, name, "cpu", f"cpu.rt_{file}_us") for file in ("period", "runtime")]

    for cpu in ({"realtimeRuntime": 500001}, {"realtimePeriod": 800001, "realtimeRuntime": 500001}, {"realtimeRuntime": 500001},
                {"realtimeRuntime": 0}, {"realtimePeriod": 900000}):
        if d.box.runtime == "runc":
            until(realtime_is_free, "the share of the last one")
        d.create("one", *SLEEP, change=resources(cpu=cpu))
        d.note(str(cpu), realtime("one"))
        d.step("delete", "--force", "one")
    if d.box.runtime == "runc":
        until(realtime_is_free, "the share of the last one")
    d.running("two", *SLEEP)
    for given in ({"realtimeRuntime": 500001}, {"realtimePeriod": 800001, "realtimeRuntime": 500001}):
        d.step("update", "--resources", "-", "two", given=json.dumps({"cpu": given}))
        d.note(str(given), realtime("two"))
    d.step("update", "two", "--cpu-rt-period", "900001", "--cpu-rt-runtime", "600001")
    d.note("both", realtime("two"))
    d.step("delete", "--force", "two")
    d.left()


def sequence_device_letters(d):
    for access in ("rwm", "mrw", "rw", "rwa", "rr"):
        rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": access}]
        d.note(access, None)
        d.create("one", *SLEEP, change=resources(devices=rules))
        if cgroup.VERSION == 1 and access in ("rwm", "mrw", "rw", "rr"):
            with open(os.path.join(cgroup_of(d, "one", "devices"), "devices.list"), encoding="ascii") as text:
                d.note("the rule", [line for line in text.read().split("\n") if " 1:11 " in line])
        d.step("delete", "--force", "one")
    for kind in ("a", "b", "c", ""):
        d.step("run", "--bundle", d.bundle("one", "/bin/echo", "ran", change=resources(devices=[{"allow": False, "type": kind, "access": "rwm"}])), "one")
    d.left()


def sequence_names_in_any_case(d):
    """Fields are found by their names in whatever case."""
    def change(config):
        config["linux"]["resources"] = {"CPU": {"SHARES": 300}, "PIDS": {"Limit": 44}}
        config["HostName"] = config.pop("hostname", "") and "another"
        config["linux"]["Seccomp"] = {"DefaultAction": "SCMP_ACT_ALLOW", "Syscalls": [{"Names": ["mkdir"], "ACTION": "SCMP_ACT_ERRNO", "errnoret": 28}]}

    d.step("run", "--bundle", d.bundle("one", "/bin/sh", "-c", "hostname; mkdir /tmp/x", change=change), "one")
    d.running("two", *SLEEP, change=change)
    shares = "cpu.weight" if cgroup.VERSION == 2 else "cpu.shares"
    for given in ({}, {"PIDS": {"LIMIT": 33}, "Cpu": {"shares": 500}}):
        d.step("update", "--resources", "-", "two", given=json.dumps(given))
        d.note("limits", [value(d, "two", "pids", "pids.max"), value(d, "two", "cpu", shares)])
    d.step("exec", "-p", process_file(d, {"Args": ["/bin/echo", "said"], "CWD": "/"}), "two")
    d.step("delete", "--force", "two")
    d.left()


def own_processors(d):
    """runc 1.4: a container has the processors of its cgroup, whatever its caller was bound to; with `do` it has the caller's."""
    if os.cpu_count() < 2 or not shutil.which("taskset"):
        skip("processors", "takes two of them, and taskset")
        return
    all_cpus = open("/proc/self/status", encoding="ascii").read().split("Cpus_allowed_list:\t")[1].split()[0]

    def bound(*words):
        out = os.path.join(d.box.folder, "bound")
        with open(out, "wb") as file:
            code = d.reaper.run(["taskset", "-c", "0", *d.box.command(*d.with_ids(list(words)))], stdout=file, stderr=file)
        with open(out, encoding="utf-8") as file:
            return [code, file.read().split()[-1]]

    d.check("run", bound("run", "--bundle", d.bundle("one", *CPUS), "one"), [0, all_cpus])
    for cpus in ("0-1", "1"):
        where = d.bundle("one", *CPUS, change=resources(cpu={"cpus": cpus, "mems": "0"}))
        d.check(f"run with cpus {cpus}", bound("run", "--bundle", where, "one"), [0, cpus])
    d.running("two", *SLEEP)
    d.check("exec", bound("exec", "two", *CPUS), [0, all_cpus])
    given = {"args": list(CPUS), "cwd": "/", "execCPUAffinity": {"initial": "0", "final": "1"}}
    d.check("exec with its own", bound("exec", "--process", process_file(d, given), "two"), [0, "1"])
    with open(os.path.join(d.box.state, d.names["two"], "state.json"), encoding="utf-8") as file:
        state = json.load(file)
    d.check("sentry and gofer", [sorted(os.sched_getaffinity(state[who]["pid"])) for who in ("sentry", "gofer")], 2 * [list(range(os.cpu_count()))])
    d.quietly("delete", "--force", "two")
    d.check("do", bound("do", "--", "grep", "Cpus_allowed_list", "/proc/self/status"), [0, "0"])
    d.left_nothing()


def sequence_cgroup_in_use(d):
    """A cgroup with processes in it, or a frozen one, is no place for a new container; runc only warns of the first until 1.2."""
    group = f"/postern-in-use-{os.getpid()}"
    folder = "/sys/fs/cgroup" + ("" if cgroup.VERSION == 2 else "/freezer") + group
    name, on, off = ("cgroup.freeze", "1", "0") if cgroup.VERSION == 2 else ("freezer.state", "FROZEN", "THAWED")

    def set_state(where, text):
        with open(os.path.join(where, name), "w", encoding="ascii") as file:
            file.write(text)

    def change(config):
        config["linux"]["cgroupsPath"] = group

    os.makedirs(folder)
    try:
        set_state(folder, on)
        for command in ("create", "run"):
            d.step(command, "--bundle", d.bundle("one", "/bin/true", change=change), "one", differs="the words are followed by the path")
        set_state(folder, off)
        d.step("run", "--bundle", d.bundle("one", "/bin/true", change=change), "one")
    finally:
        if os.path.isdir(folder):
            set_state(folder, off)
            os.rmdir(folder)
    d.left()


def own_frozen_from_above(d):
    if cgroup.VERSION == 2:
        return
    above = f"/sys/fs/cgroup/freezer/postern-in-use-{os.getpid()}"
    os.makedirs(above)
    try:
        for state, wanted in (("FROZEN", [1, True]), ("THAWED", [0, False])):
            with open(above + "/freezer.state", "w", encoding="ascii") as file:
                file.write(state)
            where = d.bundle("one", "/bin/true", change=lambda c: c["linux"].update(cgroupsPath=f"/postern-in-use-{os.getpid()}/below"))
            code, _, err = d.call(["run", "--bundle", where, "one"])
            d.check(state, [code, "cgroup unexpectedly frozen" in err], wanted)
            d.check("nothing is there", os.path.exists(above + "/below"), False)
    finally:
        for folder in glob.glob(f"/sys/fs/cgroup/*/{os.path.basename(above)}"):
            os.rmdir(folder)
    d.left_nothing()


RUNCS_FILES = set()
CGROUP_VIEW = r"""
sed s/^[0-9]*// /proc/self/cgroup; awk '$3 ~ /^cgroup/ || $2 == "/sys/fs/cgroup" { print $1, $2, $3 }' /proc/mounts
awk '/cgroup/ { gsub("^.* - ", ""); print $1 }' /proc/self/mountinfo; grep cgroup /proc/filesystems; cat /proc/self/cpuset; cd /sys/fs/cgroup
for file in memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us pids/pids.max freezer/freezer.state memory/memory.use_hierarchy \
        cpu/cpu.shares memory/memory.soft_limit_in_bytes memory/memory.memsw.limit_in_bytes cpuset/cpuset.cpus cpu.weight memory.low \
        pids/pids.current cpuset/cpuset.effective_cpus memory.max cpu.max pids.max cgroup.controllers; do
    test -e $file && echo $file $(head -n 1 $file)
done
ls memory; ls pids; ls -d */ | wc -l; mkdir memory/a 2>&1 | grep -o Read-only; test -e memory/tasks || mkdir a
test -e memory/tasks && for folder in */; do test -d $folder && stat -f -c %t $folder; done; sh -c 'wc -l </sys/fs/cgroup/pids/cgroup.procs'
"""


def sequence_cgroup_view(d):
    """The version of cgroups is the host's, the container's folder the root, its limits can be read and not be changed."""
    mount = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}

    def run(name, limits, script, **more):
        def change(config):
            config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"] + [mount]
            config["linux"]["namespaces"].append({"type": "cgroup"})
            config["linux"]["resources"] = limits
        d.step("run", "--bundle", d.bundle(name, "/bin/sh", "-c", script, change=change), name, **more)

    have = set()

    def without_files(text):
        """What is there besides ours is the kernel's, and of no use to anybody who only reads."""
        lines = text.splitlines()
        have.update(line for line in lines if re.fullmatch(r"((memory|pids|cgroup)[.][a-z_.]+|tasks|notify_on_release)", line))
        return [line for line in lines if line not in have]

    limits = {"memory": {"limit": 64 << 20, "reservation": (32 << 20) + 5}, "pids": {"limit": 50},
              "cpu": {"quota": 50000, "period": 100000, "shares": 700, "cpus": "0"}}
    run("limited", limits, CGROUP_VIEW, view=without_files)
    if d.box.runtime == "runc":
        RUNCS_FILES.update(have)
    d.note("files that are none of runc's", sorted(have - RUNCS_FILES))
    run("free", {}, "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us pids/pids.max || cat memory.max cpu.max pids.max")
    d.left()


def own_memory_policy(d):
    """runc 1.4's linux.memoryPolicy. The kernel says what became of it."""
    if not os.path.exists("/proc/self/numa_maps"):
        skip("memory-policy", "this kernel knows no memory nodes")
        return
    see = ["/bin/sh", "-c", "head -n 1 /proc/self/numa_maps | cut -d' ' -f 2"]

    def policy(**fields):
        return lambda config: config["linux"].update(memoryPolicy=fields)

    for fields, wanted in (
            ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0"), ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0"),
            ({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}, "prefer=relative:0"), ({}, "default"),
            ({"mode": "MPOL_DEFAULT"}, "default"), ({"mode": "MPOL_LOCAL"}, "local")):
        where = d.bundle("one", *see, change=policy(**fields))
        code, out, err = d.call(["run", "--bundle", where, "one"])
        d.check(str(fields), [code, out.strip(), err], [0, wanted, ""])
    for fields, words in (
            ({"mode": "INTERLEAVE", "nodes": "0"}, "memory policy mode"), ({"nodes": "0-7"}, "invalid memory policy mode"),
            ({"mode": "MPOL_PREFERRED", "nodes": "0", "flags": ["badflag"]}, "memory policy flag"),
            ({"mode": "MPOL_DEFAULT", "nodes": "0-7", "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}, "set_mempolicy"),
            ({"mode": "MPOL_BIND", "nodes": "0-9876543210"}, "invalid memory policy node"), ({"mode": "MPOL_BIND", "nodes": "bad"}, "invalid memory policy node"),
            ({"mode": "MPOL_INTERLEAVE"}, "set_mempolicy")):
        where = d.bundle("one", *see, change=policy(**fields))
        code, _, err = d.call(["run", "--bundle", where, "one"])
        d.check(f"{fields} is refused", [code, words in err], [1, True])
    d.running("two", *SLEEP, change=policy(mode="MPOL_PREFERRED", nodes="0", flags=["MPOL_F_RELATIVE_NODES"]))
    d.check("exec", d.call(["exec", "two", *see])[1].strip(), "prefer=relative:0")
    d.quietly("delete", "--force", "two")
    d.left_nothing()
