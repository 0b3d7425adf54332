# SPDX-License-Identifier: Apache-2.0
"""A file system whose server can be told to leave requests of a kind unanswered for a while, as one on a network that does not respond:

    with SlowFs(folder) as slow:
        slow.hold("FLUSH"); ...; slow.release()

It has a folder "folder" and files "file" and "program", which hold nothing that stays. The caller has mounts of its own (sandbox.py).
"""
import os
import select
import stat
import struct
import threading

import sandbox

OPERATIONS = {"LOOKUP": 1, "FORGET": 2, "GETATTR": 3, "SETATTR": 4, "OPEN": 14, "READ": 15, "WRITE": 16, "STATFS": 17, "RELEASE": 18,
              "FSYNC": 20, "FLUSH": 25, "INIT": 26, "OPENDIR": 27, "READDIR": 28, "RELEASEDIR": 29, "FSYNCDIR": 30, "ACCESS": 34,
              "INTERRUPT": 36, "IOCTL": 39, "BATCH_FORGET": 42}
NAMES = {number: name for name, number in OPERATIONS.items()}
ENOENT, ENOTTY, ENOSYS = 2, 25, 38
ROOT, FILE, FOLDER, PROGRAM = 1, 2, 3, 4
ENTRIES = {b"file": FILE, b"folder": FOLDER, b"program": PROGRAM}
TEXT = b"#!/bin/true\n"
BUFFER = 1 << 17
SILENT = ("FORGET", "BATCH_FORGET", "INTERRUPT")


def attributes(node):
    mode = stat.S_IFDIR | 0o755 if node in (ROOT, FOLDER) else stat.S_IFREG | 0o777
    return struct.pack("<6Q10I", node, len(TEXT), 1, *[1000000000] * 3, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def attributes_reply(node):
    return struct.pack("<QII", 0, 0, 0) + attributes(node)


def entries_from(offset):
    data = b""
    for at, (name, node) in enumerate(ENTRIES.items(), 1):
        if at > offset:
            data += struct.pack("<QQII", node, at, len(name), 0) + name.ljust((len(name) + 7) // 8 * 8, b"\0")
    return data


def answer(name, node, body):
    """The data of a reply, or an errno."""
    if name == "INIT":
        return struct.pack("<4I2H4I28x", 7, 31, 1 << 16, 0, 16, 12, 1 << 16, 1, 0, 0)[:64]
    if name == "LOOKUP":
        found = ENTRIES.get(body.split(b"\0")[0]) if node == ROOT else None
        return struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + attributes(found) if found else ENOENT
    if name in ("GETATTR", "SETATTR"):
        return attributes_reply(node)
    if name in ("OPEN", "OPENDIR"):
        return struct.pack("<QII", 1, 0, 0)
    if name in ("READ", "READDIR"):
        offset, size = struct.unpack_from("<QI", body, 8)
        return (TEXT[offset:] if name == "READ" else entries_from(offset))[:size]
    if name == "WRITE":
        return struct.pack("<II", struct.unpack_from("<I", body, 16)[0], 0)
    if name == "STATFS":
        return struct.pack("<5Q4I24x", 1000, 1000, 1000, 1000, 1000, 4096, 255, 4096, 0)
    if name == "IOCTL":
        return ENOTTY
    return b"" if name in OPERATIONS else ENOSYS


class SlowFs:
    def __init__(self, folder):
        self.folder = folder
        self.held, self.holding = [], set()
        self.lock = threading.Lock()

    def __enter__(self):
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        sandbox.mount("slow", self.folder, "fuse", 0, f"fd={self.device},rootmode=40755,user_id=0,group_id=0,allow_other")
        self.ended, self.end = os.pipe()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.release()
        sandbox.umount(self.folder)
        os.close(self.end)
        self.thread.join(5)
        os.close(self.device)

    def hold(self, *names):
        """Requests of these kinds are left unanswered from now on."""
        with self.lock:
            self.holding = set(names)

    def release(self):
        with self.lock:
            held, self.held, self.holding = self.held, [], set()
        for request in held:
            self.reply(*request)

    def is_holding(self):
        with self.lock:
            return len(self.held)

    def reply(self, name, unique, node, body):
        data = answer(name, node, body)
        error = data if isinstance(data, int) else 0
        data = b"" if error else data
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), -error, unique) + data)
        except OSError:
            pass  # whoever asked is there no more

    def serve(self):
        while self.ended not in select.select([self.device, self.ended], [], [])[0]:
            try:
                frame = os.read(self.device, BUFFER + 4096)
            except OSError:
                if not os.path.ismount(self.folder):
                    return
                continue
            _, operation, unique, node = struct.unpack_from("<IIQQ", frame)
            request = (NAMES.get(operation, "?"), unique, node, frame[40:])
            if request[0] in SILENT:
                continue
            with self.lock:
                hold = request[0] in self.holding
                if hold:
                    self.held.append(request)
            if not hold:
                self.reply(*request)
