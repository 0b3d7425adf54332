# SPDX-License-Identifier: Apache-2.0
"""The ordinary user of the tests is there for as long as they run, whatever useradd(8) does to the machine's files meanwhile."""
import os
import subprocess
import tempfile

import ordinary
import sandbox
from ordinary import NAME, OrdinaryUser


def known():
    return subprocess.run(["id", NAME], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def tests(machine, ready):
    """In a mount namespace of their own, as every test has it."""
    sandbox.private_mounts.done = False
    with OrdinaryUser(subordinate=True):
        assert known()
        os.write(ready, b"x")
        assert os.read(machine, 1) == b"x"
        assert known(), "the user is gone"
        with open("/etc/subuid", encoding="ascii") as file:
            assert file.read().startswith(NAME + ":")
    assert not known()


def test(runtime):
    if runtime != "postern":
        raise Skip("it is the harness that is looked at")  # noqa: F821
    sandbox.private_mounts()
    with tempfile.TemporaryDirectory(prefix="postern-etc-") as folder:
        etc = os.path.join(folder, "etc")
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        sandbox.mount(etc, "/etc", "none", ordinary.MS_BIND)  # what is the machine's, in here
        ready, machine = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(machine[1])
            code = 1
            try:
                tests(machine[0], ready[1])
                code = 0
            finally:
                os._exit(code)
        os.close(ready[1])
        try:
            assert os.read(ready[0], 1) == b"x"
            for name in ("passwd", "group", "subuid", "subgid"):
                with open(f"/etc/{name}+", "w", encoding="ascii") as file:
                    file.write("root:x:0:0::/root:/bin/sh\n" if name == "passwd" else "")
                os.rename(f"/etc/{name}+", f"/etc/{name}")
            os.write(machine[1], b"x")
            assert os.waitpid(pid, 0)[1] == 0
        finally:
            sandbox.umount("/etc")
