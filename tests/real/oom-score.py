# SPDX-License-Identifier: Apache-2.0
"""process.oomScoreAdj reaches the program. Sentry and gofer are killed later than any program of the container."""
import json
import os
import subprocess
import time

from sandbox import Sandbox, descendants

SCORE, LAST = 321, -999


def score_of(pid):
    with open(f"/proc/{pid}/oom_score_adj", encoding="ascii") as text:
        return int(text.read())


def may_lower():
    """Only who has CAP_SYS_RESOURCE, or a parent who once had it lower."""
    child = os.fork()
    if child == 0:
        try:
            os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), str(LAST).encode())
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def check_parts(run):
    """Of the container that a command runs."""
    found = {}
    for pid in descendants(run.pid)[1:]:
        with open(f"/proc/{pid}/comm", encoding="ascii") as name:
            found[name.read().strip()] = score_of(pid)
    wanted = LAST if may_lower() else score_of(run.pid)
    if "postern-sentry" in found:
        assert (found.pop("postern-sentry"), found.pop("postern-gofer")) == (wanted, wanted), found
    assert set(found.values()) <= {SCORE}, found


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        process = box.start(["/bin/true"])
        box.finish(process)  # only its bundle is of use
        where = os.path.join(box.folder, "bundle-" + process.ident)
        path = os.path.join(where, "config.json")
        with open(path, encoding="utf-8") as text:
            config = json.load(text)
        config["process"]["oomScoreAdj"] = SCORE
        config["process"]["args"] = ["sh", "-c", "cat /proc/self/oom_score_adj; exec sleep 1000"]
        with open(path, "w", encoding="utf-8") as text:
            json.dump(config, text)
        run = subprocess.Popen(box.command("run", "--bundle", where, process.ident + "-b"), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
        try:
            assert run.stdout.readline() == f"{SCORE}\n"
            time.sleep(0.5)
            check_parts(run)
        finally:
            subprocess.run(box.command("kill", process.ident + "-b", "KILL"), check=True)
            run.wait(20)
