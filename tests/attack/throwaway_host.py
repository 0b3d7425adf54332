# SPDX-License-Identifier: Apache-2.0
"""`postern do` against the host it shows: a command, be it root inside or an ordinary user, must not reach sockets, FIFOs, files, rights or
processes of the host, whether its folder is below the layer or the real one, with or without the host's network.
This is the host's side; what is tried is in throwaway_guest.py."""
import json
import os
import secrets
import shutil
import socket
import stat
import tempfile

from ordinary import GID, UID
from throwaway import Throwaway

GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "throwaway_guest.py")
CAPABILITY = b"\x01\0\0\2" + b"\x01\0\0\0" + b"\0" * 12
MODES = {
    "below the layer": [],
    "with --rw": ["--rw"],
    "with binds": ["--bind", "{top}/given", "--ro-bind", "{top}/work:/again"],
    "with the host's network": ["--network", "host"],
    "with --rw and the host's network": ["--rw", "--network", "host"],
}


class Host:
    """One of each kind of thing a guest must not reach, in every place it might."""

    def __init__(self, box):
        self.box = box
        self.secret = "secret-" + secrets.token_hex(8)
        self.temporary = tempfile.mkdtemp(prefix="do-attack-", dir="/tmp")
        self.runtime = tempfile.mkdtemp(prefix="do-attack-", dir="/run")
        given = os.path.join(box.top, "given")
        os.mkdir(given)
        if box.user:
            box.user.give(given)
        self.places = [box.folder, box.top, given, self.temporary, self.runtime]
        self.listening, self.fifos, self.files = {}, {}, {}
        for place in self.places:
            self.listen(os.path.join(place, "stream"), socket.SOCK_STREAM)
            self.listen(os.path.join(place, "datagram"), socket.SOCK_DGRAM)
            fifo = os.path.join(place, "fifo")
            os.mkfifo(fifo, 0o666)
            self.fifos[fifo] = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.listen("\0" + self.secret, socket.SOCK_STREAM)
        self.listen("\0" + self.secret + "-datagram", socket.SOCK_DGRAM)
        for path in (os.path.join(box.top, "file"), "/etc/hostname", os.path.join(self.temporary, "file")):
            if path != "/etc/hostname":
                with open(path, "w", encoding="ascii") as file:
                    file.write("the host's\n")
                if box.user:
                    box.user.give(path)
            self.files[path] = self.look(path)
        self.programs = {}
        for place in (box.folder, given):
            self.add_programs(place)
        self.hidden = os.path.join(box.top, "hidden")
        os.mkdir(self.hidden)
        shutil.copyfile(os.path.join(box.top, "file"), os.path.join(self.hidden, "key"))
        self.tcp = socket.create_server(("127.0.0.1", 0))

    def listen(self, address, kind):
        made = socket.socket(socket.AF_UNIX, kind)
        made.bind(address)
        made.setblocking(False)
        if kind == socket.SOCK_STREAM:
            made.listen()
        if address[0] == "/":
            os.chmod(address, 0o666)
        self.listening[address] = made

    def add_programs(self, place):
        """Such as have rights of their own: the command may not say what they do."""
        for mode, capability in ((0o4755, None), (0o2755, None), (0o755, CAPABILITY)):
            path = os.path.join(place, f"program{len(self.programs)}")
            with open(path, "wb") as program:
                program.write(b"the host's" * 1000)
            if self.box.user:
                os.chown(path, UID, GID)
            os.chmod(path, mode)
            if capability:
                os.setxattr(path, "security.capability", capability)
            self.programs[path] = b"the host's" * 1000

    def is_unchanged(self, path):
        with open(path, "rb") as program:
            return self.programs.get(path) == program.read()

    @staticmethod
    def look(path):
        status = os.stat(path)
        with open(path, "rb") as file:
            return file.read(), status.st_mode, status.st_uid, status.st_mtime_ns, status.st_ino, os.listxattr(path)

    def plan(self, mode, options):
        given = {"with --rw": self.box.folder, "with --rw and the host's network": self.box.folder,
                 "with binds": os.path.join(self.box.top, "given")}.get(mode)
        host_network = "host" in options
        disk = os.stat("/").st_dev
        return {
            "secret": self.secret,
            "cwd": self.box.folder,
            "sockets": [address for address in self.listening if address[0] == "/"],
            "abstract": [address[1:] for address in self.listening if address[0] != "/"],
            "fifos": list(self.fifos),
            "files": list(self.files),
            "own": [] if host_network else [self.box.folder, "/tmp"] + ([given] if given else []),
            "given": given,
            "programs": [path for path in self.programs if given and path.startswith(given + "/")],
            "hidden": [os.path.join(self.hidden, "key"), os.path.join(self.runtime, "stream")],
            "disk": [os.major(disk), os.minor(disk)],
            "network": "host" if host_network else "none",
            "port": self.tcp.getsockname()[1],
        }

    def complaints(self):
        """What has come through, or changed."""
        for address, made in self.listening.items():
            try:
                if made.type == socket.SOCK_STREAM:
                    made.accept()[0].close()
                else:
                    made.recv(100)
                yield f"something reached {address!r}"
            except BlockingIOError:
                pass
        for path, fd in self.fifos.items():
            try:
                if os.read(fd, 100):
                    yield f"something was written into {path}"
            except BlockingIOError:
                yield f"somebody opened {path}"
        for path, before in self.files.items():
            if not os.path.exists(path) or self.look(path) != before:
                yield f"{path} has changed: {before}"
        for place in (self.box.folder, os.path.join(self.box.top, "given")):
            for where, folders, names in os.walk(place):
                for path in (os.path.join(where, name) for name in folders + names):
                    status = os.lstat(path)
                    if stat.S_ISREG(status.st_mode) and (status.st_mode & 0o6000 or
                                                        "security.capability" in os.listxattr(path, follow_symlinks=False)) and \
                            not self.is_unchanged(path):
                        yield f"{path} gives rights: {status.st_mode:o}"
                    if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
                        yield f"{path} is a device"

    def close(self):
        for made in (*self.listening.values(), self.tcp):
            made.close()
        for fd in self.fifos.values():
            os.close(fd)
        for folder in (self.temporary, self.runtime):
            shutil.rmtree(folder, ignore_errors=True)


def check(mode, user=None):
    """Runs the guest in one of the MODES; returns what is wrong."""
    with open(GUEST, encoding="utf-8") as source:
        program = source.read()  # the file itself may lie where a sandbox sees nothing, in /tmp
    with Throwaway(user) as box:
        host = Host(box)
        try:
            options = [option.format(top=box.top) for option in MODES[mode]]
            environment = dict(os.environ, HOST_SECRET=host.secret)
            got = box.do([*options, "--hide", host.hidden], ["python3", "-c", program, json.dumps(host.plan(mode, options))],
                         env=environment, timeout=120)
            found = [line for line in got.out.splitlines() if line.startswith("BAD ")]
            if got.code != 0 or not got.out.endswith("held\n"):
                found.append(f"exit code {got.code}: {got.out[-500:]} {got.err[-1500:]}")
            return found + list(host.complaints())
        finally:
            host.close()
