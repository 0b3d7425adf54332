# SPDX-License-Identifier: Apache-2.0
"""The annotation dev.postern.rootfs=exclusive: nobody else changes the root, so what was seen of it holds for ever, not for a second."""
import os
import subprocess
import time

from sandbox import Sandbox


def sizes(box, annotations):
    """A file's size as the container sees it before and after somebody outside has made it longer, some time ago."""
    path = os.path.join(box.root, "seen")
    with open(path, "w", encoding="ascii") as file:
        file.write("12345")
    script = "stat -c %s /seen; read go; stat -c %s /seen"
    process = box.start(["/bin/sh", "-c", script], stdin=subprocess.PIPE, annotations=annotations)
    first = os.read(process.stdout.fileno(), 10)
    with open(path, "a", encoding="ascii") as file:
        file.write("6789")
    time.sleep(1.2)
    got = box.finish(process, 20, given=b"go\n")
    return [first.decode(), got.out]


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        assert sizes(box, {}) == ["5\n", "9\n"]
        if runtime == "postern":
            assert sizes(box, {"dev.postern.rootfs": "exclusive"}) == ["5\n", "5\n"]
            refused = box.run(["/bin/true"], annotations={"dev.postern.rootfs": "exlusive"})
            assert refused.code == 1 and "dev.postern.rootfs" in refused.err and "exlusive" in refused.err, refused
