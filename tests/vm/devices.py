#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices with cgroups of version 2: the BPF program is there, and says what runc's says.

The guest's own devices are the sentry's, so a process of ours is put into the container's cgroup and tries the machine's.
usage: devices.py [RUNTIME]; run by tests/vm/inside.
"""
import ctypes
import errno
import os
import stat
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("harness", "lifecycle")]
import bundle  # noqa: E402
import cgroup  # noqa: E402
from cgroups import Container, play  # noqa: E402
from sandbox import Sandbox, libc  # noqa: E402

SYS_BPF, BPF_PROG_QUERY, BPF_CGROUP_DEVICE = 321, 16, 6
NODES = [("c", 1, 3), ("c", 1, 5), ("c", 1, 11), ("c", 4, 64), ("c", 5, 0), ("c", 5, 1), ("c", 5, 2), ("c", 10, 229), ("b", 254, 0)]
MODES = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}


def rule(allow, kind=None, major=None, minor=None, access=None):
    given = {"allow": allow, "type": kind, "major": major, "minor": minor, "access": access}
    return {name: value for name, value in given.items() if value is not None}


NOTHING = rule(False, access="rwm")
RULES = {
    "what engines give": bundle.DEVICES,
    "all": [rule(True, "a", access="rwm")],
    "one for reading": [NOTHING, rule(True, "b", 254, 0, "r")],
    "a kind": [NOTHING, rule(True, "c", access="rw")],
    "all of one driver": [NOTHING, rule(True, "c", 5, None, "rwm")],
    "all but one": [rule(True, "a", access="rwm"), rule(False, "b", 254, 0, "rwm")],
}


def programs(ident):
    """How many programs of the kind are attached to the cgroup itself."""
    attributes = struct.Struct("=IIIIQI")
    folder = os.open(os.path.join(cgroup.ROOT, ident), os.O_RDONLY | os.O_DIRECTORY)
    try:
        buffer = ctypes.create_string_buffer(attributes.pack(folder, BPF_CGROUP_DEVICE, 0, 0, 0, 0), 64)
        if libc.syscall(SYS_BPF, BPF_PROG_QUERY, buffer, 64) != 0:
            raise OSError(ctypes.get_errno(), "BPF_PROG_QUERY")
        return attributes.unpack(buffer.raw[:attributes.size])[5]
    finally:
        os.close(folder)


def attempts(folder):
    """What comes of every way to use every node: yes, no, or that making it is refused."""
    for kind, major, minor in NODES:
        path = f"{folder}/{kind}{major}:{minor}"
        try:
            os.mknod(path, 0o600 | (stat.S_IFCHR if kind == "c" else stat.S_IFBLK), os.makedev(major, minor))
        except PermissionError:
            yield f"{kind} {major}:{minor} m no"
            continue
        for name, mode in MODES.items():
            try:
                os.close(os.open(path, mode | os.O_NONBLOCK | os.O_NOCTTY))
                yield f"{kind} {major}:{minor} {name} yes"
            except OSError as problem:  # EPERM is the cgroup's; another error comes from the device itself, behind it
                yield f"{kind} {major}:{minor} {name} " + ("no" if problem.errno == errno.EPERM else "yes")


def allowed_in(ident):
    """attempts() by a process in the cgroup."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                with open(os.path.join(cgroup.ROOT, ident, "cgroup.procs"), "w", encoding="ascii") as procs:
                    procs.write(str(os.getpid()))
                lines = list(attempts(folder))
                with open(folder + "/result", "w", encoding="ascii") as out:
                    out.write("\n".join(lines))
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0, "the attempts failed"
        with open(folder + "/result", encoding="ascii") as result:
            return result.read().split("\n")


def verdicts(box, rules):
    with Container(box, ["/bin/true"], devices=rules) as container:
        assert container.create(start=False) == 0, container.said()
        assert programs(container.ident) == 1, programs(container.ident)
        return allowed_in(container.ident)


def check_usual(box, _):
    """With an engine's rules the usual devices can be opened and the machine's disk cannot."""
    said = verdicts(box, bundle.DEVICES)
    assert {"c 1:3 rw yes", "c 5:0 rw yes", "b 254:0 r no", "b 254:0 w no", "c 1:11 r no"} <= set(said), said


def check_one_for_reading(box, _):
    said = verdicts(box, RULES["one for reading"])
    assert {"b 254:0 r yes", "b 254:0 w no", "b 254:0 rw no"} <= set(said), said


def check_a_kind_but_one(box, runtime):
    """What version 1 cannot express, and runc refuses with either version."""
    if runtime != "runc":
        said = verdicts(box, [NOTHING, rule(True, "c", access="rwm"), rule(False, "c", 10, 229, "w")])
        assert {"c 10:229 r yes", "c 10:229 w no", "c 1:11 r yes", "b 254:0 r no"} <= set(said), said


def check_like_runc(box, runtime):
    if runtime == "runc":
        return
    wrong = []
    with Sandbox("runc", "busybox") as reference:
        for name, rules in RULES.items():
            wanted, got = verdicts(reference, rules), verdicts(box, rules)
            wrong += [f"{name}: runc {one}, here {other}" for one, other in zip(wanted, got) if one != other]
    assert not wrong, "\n    " + "\n    ".join(wrong)


def check_updated(box, _):
    """`update` of something else leaves the program where it is."""
    with Container(box, ["/bin/true"]) as container:
        assert container.create(start=False) == 0, container.said()
        container.call("update", "--pids-limit", "50", container.ident)
        assert programs(container.ident) == 1
        assert "b 254:0 r no" in allowed_in(container.ident)


if __name__ == "__main__":
    assert cgroup.VERSION == 2, "this is for cgroups of version 2"
    sys.exit(play([check_usual, check_one_for_reading, check_a_kind_but_one, check_like_runc, check_updated],
                  sys.argv[1] if len(sys.argv) > 1 else "postern"))
