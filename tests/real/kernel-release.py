# SPDX-License-Identifier: Apache-2.0
"""The kernel's release is one that fits what is served, or what the bundle says; it is the same wherever it can be read."""
from sandbox import Sandbox

SHOW = ["/bin/sh", "-c", "uname -r; cat /proc/sys/kernel/osrelease; cut -d ' ' -f 3 /proc/version"]
KEY = "dev.postern.kernel-release"


def test(runtime):
    if runtime != "postern":
        raise Skip("runc shows the host's")  # noqa: F821
    with Sandbox(runtime, "busybox") as box:
        for annotations, wanted in (({}, "6.1.0-postern"), ({KEY: "6.12.3"}, "6.12.3"), ({KEY: "5.4"}, "5.4")):
            result = box.run(SHOW, annotations=annotations)
            assert result.code == 0 and result.out.split() == [wanted] * 3, (wanted, result)
        for wrong in ("", "linux", "6", "6.", "6.1 ", "6.1\n", "6.1/..", "6." + "1" * 70):
            result = box.run(["/bin/true"], annotations={KEY: wrong})
            assert result.code != 0 and KEY in result.err, (wrong, result)
