# SPDX-License-Identifier: Apache-2.0
"""A 32-bit program is refused in words, and by an error a shell can show; it is not killed half way."""
import os
import struct

from sandbox import Sandbox

CODE = bytes.fromhex("b801000000bb03000000cd80")  # exit(3)
BASE = 0x8048000


def program():
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01", 2, 3, 1, BASE + 84, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, BASE, BASE, 84 + len(CODE), 84 + len(CODE), 5, 4096)
    return header + segment + CODE


def test(runtime):
    if runtime != "postern":
        raise Skip("others run it where the kernel does")  # noqa: F821
    with Sandbox(runtime, "busybox") as box:
        path = os.path.join(box.root, "old")
        with open(path, "wb") as out:
            out.write(program())
        os.chmod(path, 0o755)
        first = box.run(["/old"])
        assert first.code == 1 and first.err == "exec /old: exec format error: 32-bit programs are not supported\n", first
        second = box.run(["/bin/sh", "-c", "/old; echo $?"])
        assert second.out in ("126\n", "2\n", "127\n") and second.code == 0, second
