# SPDX-License-Identifier: Apache-2.0
"""The host changes a volume while the container looks at it, by names it knows well: every look says what the host did a moment ago. What
is right a process outside says, which has the same rights and asks the same."""
import os
import random
import shutil
import struct
import subprocess
import sys

from sandbox import Sandbox

LOOKER = r"""
import os, sys
uid, top = int(sys.argv[1]), sys.argv[2]
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
print("ready", flush=True)
def look(path):
    try:
        s = os.lstat(path)
        size = s.st_size if s.st_mode & 0o170000 != 0o040000 else 0
        link = os.readlink(path) if s.st_mode & 0o170000 == 0o120000 else ""
        return f"{s.st_mode:o} {s.st_uid}:{s.st_gid} {size} {s.st_ino} {s.st_mtime_ns} {s.st_ctime_ns} {link}"
    except OSError as e:
        return e.strerror
def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as e:
        return e.strerror
for line in sys.stdin:
    how, path = line.split()
    print(repr((look if how == "look" else read)(os.path.join(top, path))), flush=True)
"""

FOLDERS = ("a", "b", "a/c")
NAMES = ("one", "two", "three")
OWNERS = (0, 1000, 4000)
ROUNDS = 400


class Looker:
    def __init__(self, process):
        self.process = process
        assert self.line() == "ready"

    def line(self):
        return self.process.stdout.readline().decode().strip()

    def ask(self, how, path):
        self.process.stdin.write(f"{how} {path}\n".encode())
        self.process.stdin.flush()
        return self.line()


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def write(path, text):
    with open(path, "w", encoding="ascii") as out:
        out.write(text)


def replace(path, number):
    write(path + ".new", f"another {number}")
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def link(path, number):
    remove(path)
    os.symlink(f"target-{number}" if number % 2 else "two", path)


def access_list(choose):
    """What setfacl makes of u::rw,u:1000:?,g::-,m::rw,o::-, as the kernel stores it."""
    user_object, user, group_object, mask, other, nobody = 1, 2, 4, 16, 32, 0xffffffff
    entries = [(user_object, 6, nobody), (user, choose.choice([0, 4, 6, 7]), 1000), (group_object, 0, nobody), (mask, 7, nobody),
               (other, choose.choice([0, 4]), nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def change(top, choose, number):
    """One thing somebody on the host does. Some of them fail, as on any busy tree."""
    folder = os.path.join(top, choose.choice(FOLDERS))
    path = os.path.join(folder, choose.choice(NAMES))
    other = os.path.join(top, choose.choice(FOLDERS), choose.choice(NAMES))
    what = choose.choice([
        lambda: write(path, "x" * choose.randrange(50)),
        lambda: os.chown(path, choose.choice(OWNERS), choose.choice(OWNERS)),
        lambda: os.chmod(path, choose.choice([0o600, 0o644, 0o4755, 0o000])),
        lambda: replace(path, number),
        lambda: remove(path),
        lambda: link(path, number),
        lambda: os.rename(path, other),
        lambda: os.link(path, other),
        lambda: os.chmod(folder, choose.choice([0o755, 0o755, 0o700, 0o711])),
        lambda: os.chown(folder, choose.choice(OWNERS), 0),
        lambda: os.setxattr(path, "system.posix_acl_access", access_list(choose)),
        lambda: os.setxattr(folder, "system.posix_acl_access", access_list(choose)),
        lambda: os.removexattr(choose.choice([path, folder]), "system.posix_acl_access"),
        lambda: os.utime(path, (number, number)),
        lambda: (os.rename(folder, folder + ".away"), os.mkdir(folder), os.chmod(folder, 0o755)),
        lambda: (shutil.rmtree(folder + ".away"), None) if choose.random() < 0.5 else os.rename(folder + ".away/" + NAMES[0], path),
    ])
    try:
        what()
    except OSError:
        pass
    for needed in FOLDERS:
        os.makedirs(os.path.join(top, needed), exist_ok=True)


def follow(top, inside, outside, seed):
    choose = random.Random(seed)
    paths = [f"{folder}/{name}" for folder in FOLDERS for name in NAMES] + list(FOLDERS)
    for number in range(ROUNDS):
        change(top, choose, number)
        for path in choose.sample(paths, 3):
            for how in ("look", "read") if number % 3 else ("look", "look"):
                here, there = inside.ask(how, path), outside.ask(how, path)
                assert here == there, (seed, number, how, path, here, there)


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        top = os.path.join(box.folder, "volume")
        os.mkdir(top)
        os.chmod(top, 0o755)
        os.chmod(box.folder, 0o711)
        for uid in (0, 1000):
            seed = random.randrange(1 << 32)
            shutil.rmtree(top + "/a", ignore_errors=True)
            with subprocess.Popen([sys.executable, "-c", LOOKER, str(uid), top], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as there:
                here = box.start(["python3", "-c", LOOKER, str(uid), "/volume"], stdin=subprocess.PIPE, mounts=[f"/volume:bind:{top}:bind"])
                follow(top, Looker(here), Looker(there), seed)
                result = box.finish(here, 20)
                assert result.code == 0, result
