# SPDX-License-Identifier: Apache-2.0
"""Every descriptor of sentry and gofer, in containers of every kind, against the table "What they hold" of docs/exposure.md: its
number, what it is, how many there are. Above all none may be a folder of the host's."""
import contextlib
import json
import os
import re
import stat
import subprocess
import time

from ordinary import OrdinaryUser, UserSandbox
from sandbox import Sandbox
from throwaway import Throwaway

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRITE_ONLY, PATH, MODE = 1, 0o10000000, 3


class Descriptor:
    def __init__(self, pid, number):
        self.number, self.path = number, f"/proc/{pid}/fd/{number}"
        self.target = os.readlink(self.path)
        with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as info:
            self.flags = int(re.search(r"flags:\t(\d+)", info.read())[1], 8)

    def stat(self):
        return os.stat(self.path)

    def is_folder(self):
        return stat.S_ISDIR(self.stat().st_mode)

    def is_device(self, major, minor):
        found = self.stat()
        return stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(major, minor)

    def file_system(self):
        return subprocess.run(["stat", "-L", "-f", "-c", "%T", self.path], capture_output=True, text=True, check=False).stdout.strip()

    def is_writable_only(self):
        return self.flags & (MODE | PATH) == WRITE_ONLY


def first_name(descriptor):
    try:
        with open(f"{descriptor.path}/1/comm", encoding="ascii") as comm:
            return comm.read().strip()
    except OSError:
        return None


def is_procfs(descriptor, of_sentry):
    return descriptor.is_folder() and os.path.lexists(f"{descriptor.path}/self") and \
        (first_name(descriptor) == "postern-sentry") == of_sentry


def is_containers(descriptor, kept):
    """The gofer's view is the container's: what has this path there is this object. Without a path: it is not the host's either, if it
    has no folder above it."""
    if re.match(r"(pipe|socket):|/memfd:|anon_inode:", descriptor.target):
        return True
    try:
        here, there = descriptor.stat(), os.stat(f"/proc/{kept['gofer']}/root{descriptor.target}")
    except OSError:
        return descriptor.target.endswith(" (deleted)") and not descriptor.is_folder()
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


KINDS = {
    "null": lambda d, kept: d.is_device(1, 3),
    "standard error": lambda d, kept: not d.is_folder() and d.flags & MODE != 0 and not d.flags & PATH,
    "socket": lambda d, kept: d.target.startswith("socket:"),
    "sandbox's procfs": lambda d, kept: is_procfs(d, True),
    "guest's procfs": lambda d, kept: is_procfs(d, False),
    "trace": lambda d, kept: d.is_writable_only() and not d.is_folder(),
    "FUSE device": lambda d, kept: d.is_device(10, 229),
    "reason": lambda d, kept: d.is_writable_only() and d.target == os.path.join(kept["state"], "reason"),
    "lock": lambda d, kept: stat.S_ISREG(d.stat().st_mode) and d.flags & MODE == 0 and
    (d.target == os.path.join(kept["state"], "alive") or d.target.startswith("/run/postern/@ids/")),
    "epoll": lambda d, kept: d.target == "anon_inode:[eventpoll]",
    "listener": lambda d, kept: d.target == "anon_inode:seccomp notify",
    "pidfd": lambda d, kept: d.target == "anon_inode:[pidfd]" or d.target.startswith("pidfd:"),
    "pid namespace": lambda d, kept: d.target.startswith("pid:["),
    "memory file": lambda d, kept: d.target.startswith("/memfd:"),
    "container's": is_containers,
    "container's root": lambda d, kept: d.flags & PATH and os.path.samefile(d.path, f"/proc/{kept['gofer']}/root"),
    "own tmpfs": lambda d, kept: d.is_folder() and d.target == "/" and "names" in os.listdir(d.path) and
    d.file_system() == "tmpfs",
    "own descriptors": lambda d, kept: d.is_folder() and set(os.listdir(d.path)) >= {"0", "3", "4"} and
    not os.path.exists(d.path + "/../status"),
    "own mountinfo": lambda d, kept: d.target.endswith("/mountinfo") and stat.S_ISREG(d.stat().st_mode),
    "message queues": lambda d, kept: d.is_folder() and d.target == "/" and d.file_system() == "mqueue",
    "FUSE root": lambda d, kept: d.target == "/",  # to ask more of it is to ask the sentry
}


def table():
    """{process: [(number or None, kinds, least, most)]}"""
    rows = {"sentry": [], "gofer": []}
    with open(os.path.join(REPO, "docs/exposure.md"), encoding="utf-8") as page:
        section = page.read().split("\n## What they hold\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 5 or cells[0] not in rows:
            continue
        counts = {"any": (0, 999), "1 or more": (1, 999), "0 to 1": (0, 1), "1": (1, 1), "2": (2, 2)}[cells[3]]
        kinds = re.split(r", | or ", cells[2])
        rows[cells[0]].append((None if cells[1] == "any" else int(cells[1]), kinds, *counts))
    assert len(rows["sentry"]) > 15 and len(rows["gofer"]) > 9, "docs/exposure.md: the table is not where it was"
    return rows


def check_process(role, pid, rows, kept, complain):
    counts = {index: 0 for index in range(len(rows))}
    for number in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        try:
            descriptor = Descriptor(pid, number)
            fitting = [i for i, row in enumerate(rows) if row[0] in (number, None) and
                       any(KINDS[kind](descriptor, kept) for kind in row[1])]
        except FileNotFoundError:
            continue  # closed meanwhile
        if not fitting:
            complain(f"{role}: descriptor {number} is {descriptor.target} (flags {descriptor.flags:o})")
        else:
            counts[fitting[0]] += 1
    for index, (number, kinds, least, most) in enumerate(rows):
        if not least <= counts[index] <= most:
            complain(f"{role}: {counts[index]} of {' or '.join(kinds)} at {'any number' if number is None else number}")


LOOKS = 5  # what is wrong is wrong at each: a descriptor that is closed while we ask about it is not


def check_container(name, state, complaints):
    with open(os.path.join(state, "state.json"), encoding="utf-8") as text:
        marks = json.load(text)
    kept = {"state": os.path.realpath(state), "gofer": marks["gofer"]["pid"]}
    for role, rows in table().items():
        seen = None
        for _ in range(LOOKS):
            now = []
            check_process(role, marks[role]["pid"], rows, kept, now.append)
            seen = now if seen is None else [what for what in seen if what in now]
            if not seen:
                break
        complaints.extend(f"{name}: {what}" for what in seen)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.05)


WORK = ["/bin/sh", "-c", "cat /proc/meminfo /proc/self/status >/dev/null; echo ready; while :; do cd /proc; cd /; ls >/dev/null; done"]


def of_run(box, complaints, trace):
    options = {"run_options": ["--trace=" + os.path.join(box.folder, "trace")]} if trace else {}
    process = box.start(WORK, **options)
    os.read(process.stdout.fileno(), 16)
    state = os.path.join(box.state, process.ident)
    for _ in range(5):
        check_container("run with a trace" if trace else "run", state, complaints)
    with subprocess.Popen(box.command("exec", process.ident, *WORK), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as other:
        other.stdout.read(6)
        check_container("run and exec", state, complaints)
        box.stop(process.ident, process)


def of_create(box, complaints):
    """The standard error is one a careless caller has: a folder of the host's."""
    ident, command = box.prepare(WORK)
    where = command[command.index("--bundle") + 1]
    folder = os.open("/etc", os.O_RDONLY)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "timeout": 60, "check": True}
    subprocess.run(box.command("create", "--bundle", where, ident), stderr=folder, **quiet)
    state = os.path.join(box.state, ident)
    check_container("created", state, complaints)
    subprocess.run(box.command("start", ident), **quiet)
    check_container("started", state, complaints)
    subprocess.run(box.command("exec", "--detach", ident, *WORK), **quiet)
    check_container("started and exec", state, complaints)
    subprocess.run(box.command("delete", "--force", ident), **quiet)
    process = box.start(WORK, stderr=folder)
    os.read(process.stdout.fileno(), 16)
    check_container("run with a folder as standard error", os.path.join(box.state, process.ident), complaints)
    box.stop(process.ident, process)
    os.close(folder)


def of_do(user, complaints):
    for options in ([], ["--rw"]):
        with Throwaway(user) as box:
            process = box.start(options, ["/bin/sh", "-c", "echo ready; exec sleep 100"])
            os.read(process.stdout.fileno(), 16)
            ident, = os.listdir(box.state)
            check_container(" ".join(["do", *options]), os.path.join(box.state, ident), complaints)
            process.terminate()
            process.communicate(timeout=20)


def check(rootless):
    complaints = []
    with contextlib.ExitStack() as stack:
        user = stack.enter_context(OrdinaryUser()) if rootless else None
        box = stack.enter_context(UserSandbox(user, "busybox") if user else Sandbox("postern", "busybox"))
        of_run(box, complaints, False)
        of_run(box, complaints, True)
        of_create(box, complaints)
        of_do(user, complaints)
    return complaints
