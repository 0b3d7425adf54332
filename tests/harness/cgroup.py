# SPDX-License-Identifier: Apache-2.0
"""This machine's cgroups, of whichever version it runs on (the two side by side count as the first)."""
import os

ROOT = "/sys/fs/cgroup"
VERSION = 2 if os.path.exists(ROOT + "/cgroup.controllers") else 1


def hierarchies():
    """Where they are mounted: version 1 has one for each controller."""
    return [ROOT] if VERSION == 2 else [os.path.join(ROOT, name) for name in sorted(os.listdir(ROOT))]


def folders(path):
    """The folders of a cgroup that are there."""
    return [found for top in hierarchies() if os.path.isdir(found := top + "/" + path.lstrip("/"))]


def named(matches):
    """The cgroups right below the tops whose names match, as paths below ROOT."""
    return [os.path.relpath(os.path.join(top, name), ROOT) for top in hierarchies() if os.path.isdir(top)
            for name in sorted(os.listdir(top)) if matches(name) and os.path.isdir(os.path.join(top, name))]


def read(path, file):
    """A file of a cgroup; with version 1, CONTROLLER/FILE says in which hierarchy."""
    controller, _, name = file.rpartition("/")
    with open(os.path.join(ROOT, controller, path.lstrip("/"), name), encoding="utf-8") as source:
        return source.read().strip()


def cpu_time(path):
    """What a cgroup has used, in some unit."""
    if VERSION == 1:
        return int(read(path, "cpuacct/cpuacct.usage"))
    return int(read(path, "cpu.stat").split()[1])
