# SPDX-License-Identifier: Apache-2.0
"""A bundle that names no cgroup has its limits all the same when it is run by hand; and what a file system refuses is named."""
import json
import os
import subprocess

from sandbox import Sandbox


def run(box, script, change):
    ident, command = box.prepare(["/bin/sh", "-c", script], cgroup=None)
    path = os.path.join(command[command.index("--bundle") + 1], "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    change(config)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    got = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    # runc's cgroup is that of the caller where there is no path: whatever it is called, nothing of it is left
    left = [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if ident in folder]
    assert not left, left
    return got


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        def pids(config):
            config["linux"]["resources"]["pids"] = {"limit": 60}
        forks = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); done; echo all of them"
        got = run(box, forks, pids)
        assert "all of them" not in got.stdout and "fork" in got.stderr, got

        def memory(config):
            config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
        got = run(box, "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null && echo fits", memory)
        assert "fits" not in got.stdout, got
        got = run(box, "dd if=/dev/zero of=/dev/null bs=1M count=1 2>/dev/null && echo fits", memory)
        assert got.stdout == "fits\n", got

        def nothing(_):
            pass
        got = run(box, forks, nothing)
        assert got.stdout == "all of them\n", got
        if runtime != "postern":
            return
        for number, options, wanted in ((3, ["ro", "bogus=1"], 'mounts[3].options[1]: tmpfs does not take "bogus=1"'),
                                        (2, ["noexec", "bogus"], 'mounts[2].options[1]: devpts does not take "bogus"'),
                                        (2, ["gid=x"], 'mounts[2].options[0]: "gid=x": the gid must be a number')):
            got = run(box, "true", lambda config: config["mounts"][number].update(options=options))
            assert got.returncode == 1 and wanted in got.stderr, (wanted, got)
