#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest that crashes starts no program of the host's, whatever kernel.core_pattern says: under runc it does, which shows that the test works.

The pattern is the whole machine's, so this machine is a virtual one.
usage: cores.py [RUNTIME]; run by tests/vm/inside.
"""
import glob
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("harness", "lifecycle")]
from cgroups import play  # noqa: E402
from sandbox import Sandbox  # noqa: E402

PATTERN = "/proc/sys/kernel/core_pattern"
# By a signal that a program sends itself, by its parent's, by one that comes while programs are being started; with and without a limit.
CRASHES = """
ulimit -c unlimited
cd /tmp
sh -c 'kill -SEGV $$'
sleep 9 & kill -SEGV $!; wait $!
for i in 1 2 3 4 5 6 7 8 9 10; do
    sh -c 'exec sleep 9' & kill -ABRT $!; wait $!
    sh -c 'while :; do exec sh -c "exec sleep 9"; done' & usleep ${i}00; kill -SEGV $!; wait $!
done
ulimit -c 0
sh -c 'kill -SEGV $$'
ls | grep core
true
"""


def dumped(box, pattern, folder):
    """What the host has of a container in which programs crashed."""
    with open(PATTERN, encoding="ascii") as text:
        before = text.read()
    with open(PATTERN, "w", encoding="ascii") as text:
        text.write(pattern)
    try:
        result = box.run(["/bin/sh", "-c", CRASHES], 120)
        assert result.code == 0 and not result.timed_out, result
        time.sleep(1)
        return sorted(os.path.basename(path) for path in glob.glob(folder + "/core*")), result.out.split()
    finally:
        with open(PATTERN, "w", encoding="ascii") as text:
            text.write(before)


def tried(box, kind):
    """With a helper or a file of the host's; the kernel's default."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        helper = folder + "/helper"
        with open(helper, "w", encoding="ascii") as script:
            script.write(f"#!/bin/sh\nexec cat >{folder}/core.$1\n")
        os.chmod(helper, 0o755)
        return dumped(box, {"helper": f"|{helper} %P", "file": f"{folder}/core.%P", "plain": "core"}[kind], folder)


def check_helper(box, runtime):
    found, inside = tried(box, "helper")
    assert inside == [], inside
    assert bool(found) == (runtime == "runc"), found
    if runtime != "runc":
        with Sandbox("runc", "busybox") as reference:
            assert tried(reference, "helper")[0] != [], "runc's guests start no helper either: this shows nothing"


def check_file(box, _):
    assert tried(box, "file")[0] == []


def check_plain(box, runtime):
    found, inside = tried(box, "plain")
    assert (found, bool(inside)) == ([], runtime == "runc"), (found, inside)


def check_plain_of_root_programs(box, runtime):
    """fs.suid_dumpable=2, as systemd sets it: what changed its ids is dumped as the host's root."""
    path = "/proc/sys/fs/suid_dumpable"
    with open(path, encoding="ascii") as text:
        before = text.read()
    subprocess.run(["sh", "-c", f"echo 2 >{path}"], check=True)
    try:
        found, _ = tried(box, "helper")
        assert bool(found) == (runtime == "runc"), found
    finally:
        with open(path, "w", encoding="ascii") as text:
            text.write(before)


if __name__ == "__main__":
    runtime_name = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("POSTERN_RUNTIME", "postern")
    sys.exit(play([check_helper, check_file, check_plain, check_plain_of_root_programs], runtime_name))
