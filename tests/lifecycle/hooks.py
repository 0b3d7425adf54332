# SPDX-License-Identifier: Apache-2.0
"""Hooks: order, namespaces, standard input, environment, failures and timeouts, compared with runc's."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import patched  # noqa: E402
from sandbox import Sandbox  # noqa: E402

STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
NAMESPACES = ("pid", "net", "ipc", "uts", "mnt")
REPORT = 'state=$(cat); for n in %s; do ns="$ns $(readlink /proc/self/ns/$n)"; done; ' % " ".join(NAMESPACES)


def hook(log, label, more="", **fields):
    text = REPORT + f'echo "{label}|$0|$X|$PWD|$ns|$state" >>{log}; {more}'
    return {"path": "/bin/sh", "args": ["sh", "-c", text, "zero"], "env": ["X=y", "PATH=/usr/bin:/bin"], **fields}


def records(log):
    """(label, $0, $X, working folder, namespaces, state) of each line; the container's own have no namespaces we can compare."""
    if not os.path.exists(log):
        return []
    with open(log, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("|", 5) for line in lines]
    return [(r[0], r[1], r[2], r[3], dict(zip(NAMESPACES, r[4].split())), json.loads(r[5])) for r in rows]


def everything(runtime):
    """All stages, two hooks in one of them. Returns what must be the same as with runc."""
    with Sandbox(runtime, "busybox") as box:
        log, inner = os.path.join(box.folder, "log"), os.path.join(box.root, "tmp/log")
        ours = {n: os.readlink(f"/proc/self/ns/{n}") for n in NAMESPACES}
        made = f"mount -t tmpfs made {box.root}/home && touch {box.root}/home/by-hook"

        def change(config):
            config["annotations"] = {"a": "b"}
            config["hooks"] = {stage: [hook(log, stage)] for stage in STAGES}
            config["hooks"]["createRuntime"].append(hook(log, "createRuntime2"))
            config["hooks"]["createContainer"] = [hook(log, "createContainer", made)]
            config["hooks"]["startContainer"] = [hook("/tmp/log", "startContainer")]

        done = patched.run(box, ["/bin/sh", "-c", "ls /home; wc -l </tmp/log"], change)
        assert done.returncode == 0, done
        outside, inside = records(log), records(inner)
        facts = [done.stdout]
        for label, zero, x, folder, namespaces, state in outside + inside:
            bundle = os.path.basename(state["bundle"]).startswith("bundle-")
            if label == "poststart":  # runc 1.1 may call it created still, the specification does not
                assert state["status"] in ("running", "created" if runtime == "runc" else "running"), state
                state["status"] = "running"
            facts.append((label, zero, x, bundle, state["id"].startswith("postern-test-"), state["status"], state.get("annotations")))
            if label in ("prestart", "createRuntime", "createRuntime2", "poststart", "poststop"):
                assert namespaces == ours, (label, namespaces)
                assert folder == state["bundle"], (label, folder)
                facts.append(state.get("pid", 0) > 1)
            elif label == "createContainer":
                assert all(namespaces[n] != ours[n] for n in ("net", "ipc", "uts", "mnt")), namespaces
            else:
                facts.append(state["pid"])
        return facts


def failing(runtime, stage, more="echo said; echo why >&2; exit 3", **fields):
    """One hook that fails: what ran afterwards, and whether the program did."""
    with Sandbox(runtime, "busybox") as box:
        log = os.path.join(box.folder, "log")
        where = "/tmp/log" if stage == "startContainer" else log

        def change(config):
            config["hooks"] = {"poststop": [hook(log, "poststop")]}
            config["hooks"][stage] = [hook(where, "fails", more, **fields), hook(where, "next")]

        begun = time.monotonic()
        done = patched.run(box, ["/bin/echo", "program"], change)
        assert os.listdir(box.state) == [], os.listdir(box.state)
        ran = [r[0] for r in records(log) + records(os.path.join(box.root, "tmp/log"))]
        return done, ran, time.monotonic() - begun


def test(runtime):
    wanted, got = everything("runc"), everything(runtime)
    assert wanted == got, f"\nrunc {wanted}\nhere {got}"
    for stage in ("prestart", "createRuntime", "createContainer", "startContainer"):
        (one, ran_one, _), (two, ran_two, _) = failing("runc", stage), failing(runtime, stage)
        assert one.returncode == two.returncode == 1 and two.stdout == "", (stage, one, two)
        assert sorted(ran_one) == sorted(ran_two), (stage, ran_one, ran_two)
        assert "hook #0" in two.stderr and "exit status 3" in two.stderr and "why" in two.stderr, (stage, two.stderr)
        done, ran, seconds = failing(runtime, stage, "sleep 30", timeout=1)
        assert done.returncode == 1 and "next" not in ran and seconds < 10, (stage, done, ran, seconds)
    if runtime == "runc":
        return
    done, ran, _ = failing(runtime, "poststart")  # process.py has what becomes of the container
    assert done.returncode == 1 and "next" not in ran and "poststop" in ran and "error running poststart hook #0" in done.stderr, (done, ran)
    done, ran, _ = failing(runtime, "poststop")
    assert done.returncode == 0 and done.stdout == "program\n" and "next" in ran, (done, ran)
    assert "hook #0" in done.stderr, done.stderr
