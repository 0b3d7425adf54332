# SPDX-License-Identifier: Apache-2.0
"""A bundle whose root is the machine's: it is the container's root and nothing else of the machine's mounts lies over it."""
import os
import subprocess

import bundle
from sandbox import Sandbox


def test(runtime):
    if runtime != "postern":
        raise Skip("runc makes its mount points in the machine's own folders")  # noqa: F821
    with Sandbox(runtime, "busybox") as box:
        where = os.path.join(box.folder, "bundle")
        script = "head -n 1 /proc/mounts; grep -c ' / ' /proc/mounts; touch /host-root-test || echo refused"
        bundle.write(where, "/", ["/bin/sh", "-c", script], readonly=True)
        command = box.command("run", "--bundle", where, f"postern-test-{os.getpid()}-host-root")
        got = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert got.returncode == 0 and got.stdout.startswith("root / ") and got.stdout.endswith("\n1\nrefused\n"), got
        assert not os.path.exists("/host-root-test")
