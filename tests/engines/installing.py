# SPDX-License-Identifier: Apache-2.0
"""postern install and uninstall, on the configuration of a dockerd that runs."""
import json
import os
import time

from engines import contains, equal

NAME = "installed"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def reload(e, present):
    """dockerd reads its runtimes again; until it has."""
    with open(e.folder + "/docker.pid", encoding="ascii") as pid:
        e.inside("kill", "-HUP", pid.read().strip())
    end = time.monotonic() + 15
    while (f"{NAME}:" in e.docker("info", "--format", "{{range $k, $v := .Runtimes}}{{$k}}: {{end}}").out) != present:
        assert time.monotonic() < end, "dockerd does not see the change"
        time.sleep(0.2)


def test_install(e):
    config = e.folder + "/daemon.json"
    before = read(config)
    words = ("--config", config, "--runtime", NAME)
    contains(e.command([e.runtime, "install", *words, "--dry-run"]).out, f'"{NAME}"')
    equal(read(config), before)
    e.command([e.runtime, "install", *words, "--", "--debug"])
    try:
        equal(read(config + "~"), before)
        equal(json.loads(read(config))["runtimes"][NAME], {"path": os.path.realpath(e.runtime), "runtimeArgs": ["--debug"]})
        after = json.loads(read(config))
        del after["runtimes"][NAME]
        equal(after, json.loads(before))
        contains(e.command([e.runtime, "install", *words, "--", "--debug"]).out, "nothing to do")
        equal(read(config + "~"), before)
        reload(e, True)
        equal(e.run("busybox", "echo", "by its name", runtime=NAME).out, "by its name\n")
    finally:
        e.command([e.runtime, "uninstall", *words])
    equal(json.loads(read(config)), json.loads(before))
    contains(e.command([e.runtime, "uninstall", *words]).out, "nothing to do")
    reload(e, False)
    contains(e.run("busybox", "true", runtime=NAME, ok=125).err, "Unknown runtime specified")
    contains(e.command([e.runtime, "uninstall", "--config", config], ok=1).err, "default-runtime")


def test_install_refuses(e):
    """What is no configuration of dockerd's is left as it is, and the place of the fault is named."""
    path = e.folder + "/broken.json"
    for text, word in (('{"a": ', "line"), ("[]", "object"), ('{"runtimes": []}', "runtimes"), ('{"runtimes": {"x": 1}, "runtimes": {}}', "runtimes")):
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        for command in ("install", "uninstall"):
            result = e.command([e.runtime, command, "--config", path], ok=1)
            contains(result.err, path)
            contains(result.err, word)
            equal((read(path), os.path.exists(path + "~")), (text, False))
    os.unlink(path)
    e.command([e.runtime, "install", "--config", path])
    equal(list(json.loads(read(path))["runtimes"]), ["postern"])
    os.unlink(path)
