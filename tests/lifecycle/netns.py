# SPDX-License-Identifier: Apache-2.0
"""Namespaces joined by path, and linux.sysctl, compared with runc."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import patched  # noqa: E402
from sandbox import Sandbox  # noqa: E402

LOW = "net/ipv4/ip_unprivileged_port_start"


class Holder:
    """A process that holds namespaces of its own."""

    def __init__(self, loopback):
        self.loopback = loopback

    def __enter__(self):
        script = f"hostname holder; ip link set lo {self.loopback}; ip link add left type veth peer name right && ip addr add 10.98.7.1/24 dev left && " \
                 "ip link set left up && echo ready && exec sleep 600"
        self.process = subprocess.Popen(["unshare", "-niu", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def path(self, kind):
        return f"/proc/{self.process.pid}/ns/{kind}"

    def run(self, *argv):
        return subprocess.run(["nsenter", "-t", str(self.process.pid), "-n", "-i", *argv], stdout=subprocess.PIPE, text=True,
                              check=True).stdout


def join(paths, sysctls=None, hostname=True):
    def change(config):
        for namespace in config["linux"]["namespaces"]:
            if namespace["type"] in paths:
                namespace["path"] = paths[namespace["type"]]
        if sysctls:
            config["linux"]["sysctl"] = sysctls
        if not hostname:
            del config["hostname"]
    return change


def without(*kinds, sysctls=None):
    """None of these is asked for: the container shares the caller's."""
    def change(config):
        linux = config["linux"]
        linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] not in kinds]
        if "uts" in kinds:
            del config["hostname"]
        if sysctls:
            linux["sysctl"] = sysctls
    return change


def run(runtime, change, script, prefix=()):
    with Sandbox(runtime, "busybox") as box:
        done = patched.run(box, ["/bin/sh", "-c", script], change, prefix=prefix)
        return done.returncode, done.stdout, done.stderr


def shared(runtime):
    """By a runtime that is in namespaces with something to be seen."""
    script = "ip -o addr | grep -c 10.98.7.1; hostname; ipcs -q | grep -c ^0x"
    facts = []
    with Holder("up") as holder:
        holder.run("ipcmk", "-Q")
        enter = ["nsenter", "-t", str(holder.process.pid), "-n", "-i", "-u"]
        for kinds in ((), ("network",), ("uts",), ("ipc",), ("network", "uts", "ipc")):
            facts.append((kinds, run(runtime, without(*kinds), script, enter)))
    return facts


def joined(runtime):
    with Holder("up") as holder:
        shared = holder.run("ipcmk", "-Q").split()[-1]
        paths = {"network": holder.path("net"), "ipc": holder.path("ipc"), "uts": holder.path("uts")}
        script = "ip -o addr | grep -c 10.98.7.1; ip -o link show lo | grep -c LOOPBACK,UP; hostname; " \
                 "(nc -l -p 80 -e echo served & sleep 0.3; nc 127.0.0.1 80 </dev/null); "
        facts = [run(runtime, join({key: path for key, path in paths.items() if key != "uts"}), script),
                 run(runtime, join(paths, hostname=False), "hostname"),
                 run(runtime, join(paths, {"net.ipv4.ip_forward": "1"}, hostname=False), "cat /proc/sys/net/ipv4/ip_forward")]
        assert shared
        assert holder.run("cat", "/proc/sys/net/ipv4/ip_forward") == "1\n"
        return facts


def test(runtime):
    def host():
        state = [open(f"/proc/sys/{name}", encoding="ascii").read() for name in (LOW, "net/ipv4/ip_forward", "kernel/shmmax")]
        return state + [os.listdir("/sys/class/net")]

    before = host()
    wanted, got = joined("runc"), joined(runtime)
    assert wanted == got, f"\nrunc {wanted}\nhere {got}"

    if runtime != "runc":  # runc leaves it as it is
        with Holder("down") as holder:
            got = run(runtime, join({"network": holder.path("net")}), "ip -o link show lo | grep -c LOOPBACK,UP")
        assert got == (0, "1\n", ""), got

    own = {"network": f"/proc/{os.getpid()}/ns/net"}
    links = "ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | sort"
    wanted, got = run("runc", join(own), links), run(runtime, join(own), links)
    assert wanted == got and "lo" in got[1], f"host's network:\nrunc {wanted}\nhere {got}"
    code, _, error = run(runtime, join(own, {"net.ipv4.ip_forward": "1"}), "true")
    assert code == 1 and "host" in error, (code, error)

    wanted, got = shared("runc"), shared(runtime)
    assert wanted == got, f"shared:\nrunc {wanted}\nhere {got}"
    for kinds, sysctl in (("network", "net.ipv4.ip_forward"), ("ipc", "kernel.shmmax")):
        code, _, error = run(runtime, without(kinds, sysctls={sysctl: "1"}), "true")
        assert code == 1 and kinds in error and "linux.sysctl" in error, (kinds, code, error)
    for kinds in ("pid", "mount"):
        code, _, error = run(runtime, without(kinds), "true")
        assert code == 1 and f'"{kinds}"' in error, (kinds, code, error)

    def named(config):
        without("uts")(config)
        config["hostname"] = "mine"
    code, _, error = run(runtime, named, "true")
    assert code == 1 and "hostname" in error, (code, error)

    new = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "65536", "net/ipv4/tcp_syn_retries": "3", "fs.mqueue.msg_max": "7"}
    read = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/net/ipv4/tcp_syn_retries"
    wanted, got = run("runc", join({}, new), read), run(runtime, join({}, new), read)
    assert wanted == got and got[0] == 0, f"sysctl:\nrunc {wanted}\nhere {got}"
    for name in ("kernel.core_pattern", "vm.swappiness", "net/../kernel/core_pattern", "net..ipv4", "", "net/ipv4/no_such"):
        code, _, error = run(runtime, join({}, {name: "1"}), "true")
        assert code == 1 and name in error, (name, code, error)
    for wrong in ("/nonexistent", "/etc/passwd", f"/proc/{os.getpid()}/ns/uts"):
        code, _, error = run(runtime, join({"network": wrong}), "true")
        assert code == 1 and wrong in error, (wrong, code, error)
    for kind, path in (("pid", "pid"), ("mount", "mnt")):
        code, _, error = run(runtime, join({kind: f"/proc/{os.getpid()}/ns/{path}"}), "true")
        assert code == 1 and kind in error, (kind, code, error)
    assert host() == before, (before, host())
