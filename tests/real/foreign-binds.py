# SPDX-License-Identifier: Apache-2.0
"""The annotation dev.postern.binds=foreign: what is bound gives no rights in the container, and what the container leaves there gives none
outside. `do` has it so in any case (do.py, the attack throwaway)."""
import os
import shutil
import stat

from sandbox import Sandbox

# Prints what went wrong. The set-id program and the device are the host's, and lie in /given.
GUEST = r"""
import ctypes, os, socket, stat, subprocess
libc = ctypes.CDLL(None, use_errno=True)

def fails(what, call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return
    print("BAD", what)

def rename(flags):
    if libc.renameat2(-100, b"/given/plain", -100, b"/given/renamed", flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")

options = [line.split()[3].split(",") for line in open("/proc/mounts") if line.split()[1] in ("/given", "/given/below")]
print(len(options), all({"nosuid", "nodev"} <= set(found) for found in options))
with open("/given/plain", "w"):
    pass
fails("a set-id bit", os.chmod, "/given/plain", 0o4755)
fails("a device", os.mknod, "/given/device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
fails("a whiteout", rename, 4)
fails("the host's FIFO", os.open, "/given/fifo", os.O_RDWR | os.O_NONBLOCK)
fails("the host's program is opened for writing", os.open, "/given/program", os.O_RDWR)
fails("the host's device", os.open, "/given/null", os.O_RDONLY)
rename(0)
os.mkfifo("/given/own")
os.close(os.open("/given/own", os.O_RDWR))
print(subprocess.check_output(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "/given/program", "-u"], text=True).strip())
"""


def make_given(box):
    given = os.path.join(box.folder, "given")
    os.makedirs(os.path.join(given, "below"))
    os.mkfifo(os.path.join(given, "fifo"))
    os.mknod(os.path.join(given, "null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    shutil.copy(os.path.join(box.root, "usr/bin/id"), os.path.join(given, "program"))
    os.chmod(os.path.join(given, "program"), 0o4755)
    return given


def test(runtime):
    if runtime != "postern":
        raise Skip("an annotation of Postern's")  # noqa: F821
    with Sandbox(runtime, "debian") as box:
        given = make_given(box)
        options = {"mounts": [f"/given:bind:{given}:rbind,rw"], "annotations": {"dev.postern.binds": "foreign"}}
        result = box.run(["python3", "-c", GUEST], **options)
        assert result.out == "1 True\n1000\n" and result.code == 0, result
        assert sorted(os.listdir(given)) == ["below", "fifo", "null", "own", "program", "renamed"], os.listdir(given)
        refused = box.run(["/bin/true"], annotations={"dev.postern.binds": "forein"})
        assert refused.code == 1 and "dev.postern.binds" in refused.err and "forein" in refused.err, refused
