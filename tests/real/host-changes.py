# SPDX-License-Identifier: Apache-2.0
"""The host changes a volume while the container looks at it, by names it knows well: every look says what the host did a moment ago. What
is right a process outside says, which has the same rights and asks the same. Where the container changes the volume as well there are two of it, alike:
one it works in, one a process outside works in; the host does the same to both, and all they come to and say must be the same."""
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

ACTOR = r"""
import os, sys
uid, top = int(sys.argv[1]), sys.argv[2]
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
os.umask(0o022)
print("ready", flush=True)
def show(s):
    folder = s.st_mode & 0o170000 == 0o040000
    set_time = s.st_mtime_ns if s.st_mtime_ns < 10**15 else "now"
    return f"{s.st_mode:o} {s.st_uid}:{s.st_gid} {'' if folder else s.st_size} {'' if folder else s.st_nlink} {set_time}"
def look(path):
    s = os.lstat(path)
    return show(s) + (os.readlink(path) if s.st_mode & 0o170000 == 0o120000 else "")
def by_descriptor(path, number):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | (os.O_EXCL if number % 3 == 0 else 0) | (os.O_TRUNC if number % 5 == 0 else 0), 0o640)
    said = []
    # the kernel takes set-id bits from what a guest's root writes to (docs/differences.md)
    for step in (lambda: os.fstat(fd).st_mode & 0o6000 or os.write(fd, b"w" * (number % 9)), lambda: os.utime(fd, (number, number)),
                 lambda: os.fchown(fd, (0, 1000, 4000)[number % 3], -1), lambda: os.fchmod(fd, 0o600 + number % 64)):
        try:
            step()
            said += [show(os.fstat(fd)), look(path)]
        except OSError as e:
            said.append(e.strerror)
    os.close(fd)
    return said
def create(path, number):
    with open(path, "xr"[number % 2] if number % 4 else "w") as file:
        return show(os.fstat(file.fileno()))
DO = {
    "look": lambda path, other, n: look(path),
    "create": lambda path, other, n: create(path, n),
    "fd": lambda path, other, n: by_descriptor(path, n),
    "mkdir": lambda path, other, n: os.mkdir(path, 0o777 if n % 2 else 0o700),
    "symlink": lambda path, other, n: os.symlink("target" if n % 2 else "two", path),
    "link": lambda path, other, n: os.link(path, other),
    "rename": lambda path, other, n: os.rename(path, other),
    "unlink": lambda path, other, n: os.unlink(path),
    "rmdir": lambda path, other, n: os.rmdir(path),
    "chmod": lambda path, other, n: os.chmod(path, 0o600 + n % 64),
    "chown": lambda path, other, n: os.lchown(path, (0, 1000, 4000)[n % 3], -1),
    "utime": lambda path, other, n: os.utime(path, (n, n), follow_symlinks=False),
    "truncate": lambda path, other, n: os.truncate(path, n % 40),
}
for line in sys.stdin:
    how, path, other, number = line.split()
    try:
        said = DO[how](os.path.join(top, path), os.path.join(top, other), int(number))
    except OSError as e: # which of two refusals a link meets first is no question of what is known
        said = "refused" if how == "link" and e.errno in (1, 13) else e.strerror
    print(repr(said), flush=True)
"""
ACTS = ("create", "fd", "mkdir", "symlink", "link", "rename", "unlink", "rmdir", "chmod", "chown", "utime", "truncate")

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

    def ask(self, *words):
        self.process.stdin.write((" ".join(words) + "\n").encode())
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


def change(top, choose, number, name=None):
    """One thing somebody on the host does, with this name or any. Some of them fail, as on any busy tree."""
    folder = os.path.join(top, choose.choice(FOLDERS))
    path = os.path.join(folder, choose.choice(NAMES)) if name is None else os.path.join(top, name)
    other = os.path.join(top, choose.choice(FOLDERS), choose.choice(NAMES))
    what = choose.choices([
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
    ], (5, 5, 5, 2, 5, *(1 for _ in range(11))))[0]
    try:
        what()
    except OSError:
        pass
    for needed in (os.path.join(top, folder) for folder in FOLDERS):
        if os.path.islink(needed) or not os.path.isdir(needed):
            remove(needed)
            os.makedirs(needed)


def follow(top, inside, outside, seed):
    choose = random.Random(seed)
    paths = [f"{folder}/{name}" for folder in FOLDERS for name in NAMES] + list(FOLDERS)
    for number in range(ROUNDS):
        change(top, choose, number)
        for path in choose.sample(paths, 3):
            for how in ("look", "read") if number % 3 else ("look", "look"):
                here, there = inside.ask(how, path), outside.ask(how, path)
                assert here == there, (seed, number, how, path, here, there)


def act(tops, inside, outside, seed):
    """The host changes both volumes, the container one of them and the process outside the other, and both look: most often at what was changed last,
    at once, or at a name that is new to them."""
    choose = random.Random(seed)
    paths = [f"{folder}/{name}" for folder in FOLDERS for name in (*NAMES, "new")] + list(FOLDERS)
    for number in range(ROUNDS):
        path = choose.choice(paths) if choose.random() < 0.7 else f"{choose.choice(FOLDERS)}/n{number}"
        for how in choose.choices(("host", "look", *ACTS), (6, 2, *(1 for _ in ACTS)), k=6) + ["look"]:
            words = (how, path if choose.random() < 0.8 else choose.choice(paths), choose.choice(paths), str(number))
            if how == "host":
                state = choose.getstate()
                for top in tops:
                    choose.setstate(state)
                    change(top, choose, number, choose.choice([None, path, path, path]))
                continue
            here, there = inside.ask(*words), outside.ask(*words)
            assert here == there, (seed, words, here, there)

def act_unseen(tops, inside, outside, uid):
    """What is done first with a name nobody has asked for: it is there, as a file, a folder, a link to something or to nothing, or it is not."""
    makers = (lambda path: write(path, "there"), os.mkdir, lambda path: os.symlink("aim", path), lambda path: os.symlink("nowhere", path), lambda path: None)
    cases = [(mode, how, make, number) for mode in (0o700, 0o755, 0o500) for how in ACTS for make in makers for number in (1, 4)]
    for at, (mode, how, make, number) in enumerate(cases):
        folder = f"unseen{at}" # each its own: who has asked for a few names of one folder is told the others
        for top in (os.path.join(top, folder) for top in tops):
            os.mkdir(top)
            write(top + "/aim", "aim")
            make(top + "/name")
            for path in (top, *(os.path.join(top, name) for name in os.listdir(top))):
                os.lchown(path, uid, uid)
            os.chmod(top, mode)
        for act_or_look in (how, "look"):
            words = (act_or_look, folder + "/name", folder + "/other", str(number))
            here, there = inside.ask(*words), outside.ask(*words)
            assert here == there, (cases[at], words, here, there)


def run(box, tops, program, uid, compare):
    inner, outer = tops
    with subprocess.Popen([sys.executable, "-c", program, str(uid), outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as there:
        here = box.start(["python3", "-c", program, str(uid), "/volume"], stdin=subprocess.PIPE, mounts=[f"/volume:bind:{inner}:bind"])
        compare(Looker(here), Looker(there))
        result = box.finish(here, 20)
        assert result.code == 0, result


def make_volume(box, name):
    top = os.path.join(box.folder, name)
    shutil.rmtree(top, ignore_errors=True)
    os.mkdir(top)
    os.chmod(top, 0o777)
    for folder in FOLDERS:
        os.makedirs(os.path.join(top, folder), exist_ok=True)
        os.chmod(os.path.join(top, folder), 0o777)
    return top


def test(runtime):
    with Sandbox(runtime, "debian") as box:
        top = os.path.join(box.folder, "volume")
        os.mkdir(top)
        os.chmod(top, 0o755)
        os.chmod(box.folder, 0o711)
        for uid in (0, 1000):
            seed = random.randrange(1 << 32)
            shutil.rmtree(top + "/a", ignore_errors=True)
            run(box, (top, top), LOOKER, uid, lambda inside, outside, seed=seed: follow(top, inside, outside, seed))
        for uid in (0, 1000):
            tops = make_volume(box, "changed"), make_volume(box, "twin")
            seed = random.randrange(1 << 32)
            run(box, tops, ACTOR, uid, lambda inside, outside, tops=tops, uid=uid: act_unseen(tops, inside, outside, uid))
            run(box, tops, ACTOR, uid, lambda inside, outside, tops=tops, seed=seed: act(tops, inside, outside, seed))
