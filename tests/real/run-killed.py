# SPDX-License-Identifier: Apache-2.0
"""`run` itself killed: nobody is left to supervise the sandbox, so it must not run on."""
import time

from sandbox import Sandbox, alive, descendants, kill_all


def test(runtime):
    if runtime != "postern":
        raise Skip("runc leaves the container running for `runc delete`")  # noqa: F821
    with Sandbox(runtime, "busybox") as box:
        process = box.start(["/bin/sleep", "300"])
        time.sleep(1)
        family = descendants(process.pid)
        assert len(family) >= 4, family
        process.kill()
        box.finish(process, 10)
        end = time.monotonic() + 10
        while time.monotonic() < end and any(alive(pid) for pid in family):
            time.sleep(0.05)
        left = [pid for pid in family if alive(pid)]
        kill_all(left)
        assert not left, left
