#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An ordinary user with a cgroup of his own: a folder that root gave him, and the scopes of his own systemd.

usage: delegated.py [RUNTIME]; run by tests/vm/inside.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("harness", "lifecycle")]
import cgroup  # noqa: E402
from cgroups import MIB, read_words  # noqa: E402
from ordinary import GID, NAME, UID, OrdinaryUser  # noqa: E402
from rootless import ONE, Bundle, command, processes  # noqa: E402

LIMITS = {"memory": {"limit": 48 * MIB, "swap": 48 * MIB}, "pids": {"limit": 40}, "cpu": {"quota": 50000, "period": 100000}}
WANTED = {"memory.max": str(48 * MIB), "pids.max": "40", "cpu.max": "50000 100000"}


class Place:
    """Where the user's processes are, and how they get there."""

    at_home = set()

    def __init__(self, user, runtime):
        self.user = user
        self.runtime = runtime
        self.options = []
        self.environment = []

    def call(self, *words, good=True, text=False, prefix=()):
        """A command of the runtime; what it leaves running keeps no pipe of ours, unless its output is asked for."""
        path = os.path.join(self.user.folder, "said")
        argv = [*prefix, *command(self.user, self.runtime, *self.options, *words)]
        with open(path, "w", encoding="utf-8") as said:
            done = subprocess.run(self.enter(self.user.words(argv, self.environment)), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                  timeout=100, check=False, cwd=self.user.home)
        with open(path, encoding="utf-8") as said:
            output = said.read()
        assert good is None or (done.returncode == 0) == good, (words, done.returncode, output)
        return output if text else done.returncode

    def bundle(self, argv, resources=None, path=None):
        made = Bundle(self.user, ONE, argv)
        made.config["linux"].pop("cgroupsPath", None)
        if resources:
            made.config["linux"]["resources"] = resources
        if path:
            made.config["linux"]["cgroupsPath"] = path
        made.write()
        return made.where

    def nothing_left(self):
        """No process of the user's but his systemd, and no container."""
        wait_for(lambda: set(processes()) <= self.at_home, "the last process")
        assert json.loads(self.call("list", "--format", "json", text=True)) in (None, [])

    def state(self, ident):
        return json.loads(self.call("state", ident, text=True))


class Folder(Place):
    """Root has given the user a folder; his processes are in one in it."""
    path = "/postern-user"

    def __enter__(self):
        for folder in (self.path, self.path + "/session"):
            os.mkdir(cgroup.ROOT + folder)
            for name in ("", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"):
                os.chown(cgroup.ROOT + folder + name, UID, GID)
        return self

    def __exit__(self, *_):
        for folder in (self.path + "/session", self.path):
            os.rmdir(cgroup.ROOT + folder)

    def enter(self, words):
        return ["/bin/sh", "-c", f'echo $$ >{cgroup.ROOT}{self.path}/session/cgroup.procs; exec "$@"', "sh", *words]

    def name(self, ident):
        """The configuration's path for a container, and where it leads."""
        return ident, f"{self.path}/{ident}"


UNIT = """
[Unit]
DefaultDependencies=no
[Service]
Type=notify
User={uid}
Group={gid}
Slice=user-{uid}.slice
Delegate=yes
Environment=XDG_RUNTIME_DIR={folder} HOME={home}
StandardOutput=file:{said}
StandardError=file:{said}
ExecStart=/lib/systemd/systemd --user --unit=basic.target
"""


class Manager(Place):
    """The user has a systemd of his own."""
    slice = f"/user.slice/user-{UID}.slice"
    at_home = {"systemd S (sleeping)"}

    def __init__(self, user, runtime):
        super().__init__(user, runtime)
        self.options = ["--systemd-cgroup"]
        self.unit = f"user@{UID}.service"

    def __enter__(self):
        said = "/run/manager.log"
        with open(f"/run/systemd/system/{self.unit}", "w", encoding="utf-8") as unit:  # Debian's, but for PAM and a session
            unit.write(UNIT.format(uid=UID, gid=GID, folder=self.user.runtime_folder, home=self.user.home, said=said))
        for words in (["daemon-reload"], ["start", self.unit]):
            done = subprocess.run(["systemctl", *words], check=False, timeout=100)
            assert done.returncode == 0, subprocess.run(["systemctl", "show", self.unit], capture_output=True, text=True).stdout
        self.path = f"{self.slice}/{self.unit}"
        os.mkdir(f"{cgroup.ROOT}{self.path}/session")
        os.chown(f"{cgroup.ROOT}{self.path}/session/cgroup.procs", UID, GID)
        return self

    def __exit__(self, *_):
        subprocess.run(["systemctl", "stop", self.unit], check=True, timeout=60)

    enter = Folder.enter

    def name(self, ident):
        tail = "/container" if self.runtime == "postern" else ""
        return f"app.slice:box:{ident}", f"{self.path}/app.slice/box-{ident}.scope{tail}"


def wait_for(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def life(place):
    """Limits are there and change, all is counted, it can be paused, and nothing is left."""
    given, where = place.name("life")
    bundle = place.bundle(["/bin/sleep", "100"], LIMITS, given)
    place.call("create", "--bundle", bundle, "life")
    for name, value in WANTED.items():
        assert cgroup.read(where, name) == value, (name, cgroup.read(where, name))
    members = read_words(f"{cgroup.ROOT}{where}/cgroup.procs")
    assert len(members) == (3 if place.runtime == "postern" else 1), members
    place.call("start", "life")
    place.call("update", "--memory", "60m", "--memory-swap", "60m", "life")
    assert cgroup.read(where, "memory.max") == str(60 * MIB)
    stats = json.loads(place.call("events", "--stats", "life", text=True))
    assert stats["data"]["pids"]["limit"] == 40 and stats["data"]["memory"]["usage"]["usage"] > 0, stats
    place.call("pause", "life")
    assert place.state("life")["status"] == "paused" and "frozen 1" in cgroup.read(where, "cgroup.events")
    place.call("resume", "life")
    place.call("exec", "life", "/bin/true")
    place.call("kill", "life", "KILL")
    wait_for(lambda: place.state("life")["status"] == "stopped", "the end")
    place.call("delete", "life")
    assert not os.path.exists(cgroup.ROOT + where), where
    place.nothing_left()


def out_of_memory(place):
    given, where = place.name("eater")
    bundle = place.bundle(["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"], LIMITS, given)
    assert place.call("run", "--bundle", bundle, "eater", good=None) == 137
    assert not os.path.exists(cgroup.ROOT + where), where
    place.nothing_left()


def by_default(place):
    """Without a path in the configuration the container is beside its caller; `do` has one for its limits."""
    bundle = place.bundle(["/bin/sleep", "100"], LIMITS)
    place.call("create", "--bundle", bundle, "default")
    assert cgroup.read(place.path + "/postern/default", "memory.max") == str(48 * MIB)
    place.call("delete", "--force", "default")
    limit = "/sys/fs/cgroup/memory.max"
    assert place.call("do", "--memory", "48m", "--", "cat", limit, text=True).strip() == str(48 * MIB)
    assert os.listdir(cgroup.ROOT + place.path).count("postern") == 0
    place.nothing_left()


def check_folder(user, runtime):
    with Folder(user, runtime) as place:
        life(place)
        out_of_memory(place)
        if runtime == "postern":
            by_default(place)


def check_manager(user, runtime):
    with Manager(user, runtime) as place:
        life(place)
        out_of_memory(place)


def check_nowhere(user, runtime):
    """Without a folder of his own the user has a container without limits, and none with: that is said."""
    place = Place(user, runtime)
    place.enter = list
    bundle = place.bundle(["/bin/true"])
    place.call("run", "--bundle", bundle, "free")
    if runtime == "postern":  # runc starts it all the same, for some limits
        for path in (None, "limited"):
            bundle = place.bundle(["/bin/true"], {"memory": {"limit": 48 * MIB}}, path)
            said = place.call("run", "--bundle", bundle, "limited", good=False, text=True)
            assert "cgroup" in said, said
    place.nothing_left()


def main():
    runtime = sys.argv[1] if len(sys.argv) > 1 else "postern"
    passed = failed = 0
    for path, line in (("/etc/passwd", f"{NAME}:x:{UID}:{GID}::/:/bin/sh"), ("/etc/group", f"{NAME}:x:{GID}:")):
        with open(path, "a", encoding="utf-8") as file:  # the machine's systemd must know him too
            file.write(line + "\n")
    with OrdinaryUser() as user:
        for check in (check_folder, check_manager, check_nowhere):
            name = check.__name__.removeprefix("check_")
            try:
                check(user, runtime)
                print(f"ok {name}", flush=True)
                passed += 1
            except (AssertionError, OSError, subprocess.SubprocessError, ValueError, KeyError) as problem:
                print(f"FAIL {name}: {type(problem).__name__}: {problem}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    assert cgroup.VERSION == 2, "this is for cgroups of version 2"
    sys.exit(main())
