# SPDX-License-Identifier: Apache-2.0
"""What `spec` writes runs as it stands, under runc too: with a terminal, a shell in it, a root nobody may write to."""
import json
import os
import subprocess

from sandbox import Sandbox, runtime_command
from terminal import Terminal


def test(runtime):
    writer = runtime_command("postern")[0]
    with Sandbox(runtime, "busybox") as box:
        bundle = os.path.join(box.folder, "bundle")
        os.mkdir(bundle)
        os.symlink(box.root, os.path.join(bundle, "rootfs"))
        subprocess.run([writer, "spec", "--bundle", bundle], check=True)
        again = subprocess.run([writer, "spec", "--bundle", bundle], capture_output=True, text=True, check=False)
        assert again.returncode != 0 and "config.json" in again.stderr, again
        path = os.path.join(bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["root"]["path"] = box.root  # runc does not follow a link there
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        with Terminal(box.command("run", "--bundle", bundle, f"postern-test-{os.getpid()}-spec")) as tty:
            tty.expect(r"[#$] ")
            tty.type("tty; id -u; touch /x; grep CapEff /proc/self/status\r")
            tty.expect(r"/dev/(pts/\d+|console)\r\n0\r\n")
            tty.expect(r"Read-only file system")
            tty.expect(r"CapEff:\s+0000000020000420")
            tty.type("exit 5\r")
            assert tty.wait() == 5, tty.code
