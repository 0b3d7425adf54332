# SPDX-License-Identifier: Apache-2.0
"""What a container gets as its standard streams has its owner and mode outside. A pipe's are told to the guest, as with runc; of a file
others see them, and a change is refused in words, never taken in silence."""
import os
import socket
import stat
import subprocess

from sandbox import Sandbox

GUEST = r"""
import os, sys
def attempt(what, call, *arguments):
    try:
        call(*arguments)
        return what + " done"
    except OSError as error:
        return what + " " + os.strerror(error.errno)
def shown(fd):
    found = os.fstat(fd)
    return "%o %d:%d" % (found.st_mode & 0o7777, found.st_uid, found.st_gid)
fd = int(sys.argv[1])
lines = [attempt("chmod", os.fchmod, fd, 0o642), attempt("chown", os.fchown, fd, 1000, 1001), attempt("times", os.utime, fd, (1, 2)), shown(fd)]
print("\n".join(lines), file=sys.stderr)
"""
CHANGED = "chmod done\nchown done\n"
REFUSED = "chmod Operation not permitted\nchown Operation not permitted\ntimes Operation not permitted\n"


def run(box, stream):
    process = box.start(["python3", "-c", GUEST, "1"], stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    return words if isinstance(words, str) else words.decode()


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        read_end, write_end = os.pipe()
        words = run(box, write_end)
        assert words.startswith(CHANGED) and words.endswith("642 1000:1001\n"), words
        near, far = socket.socketpair()
        words = run(box, far.fileno())
        assert words.startswith(CHANGED) and words.endswith("642 1000:1001\n"), words
        path = os.path.join(box.folder, "output")
        with open(path, "wb") as output:
            os.fchmod(output.fileno(), 0o600)
            words = run(box, output)
        outside = os.stat(path)
        if runtime == "postern":
            assert words.startswith(REFUSED) and "600 " in words, words
            assert (stat.S_IMODE(outside.st_mode), outside.st_uid) == (0o600, os.getuid()), outside
        else:
            assert words.startswith(CHANGED), (words, outside)  # runc puts a pipe between
        for descriptor in (read_end, write_end):
            os.close(descriptor)
        near.close()
        far.close()
