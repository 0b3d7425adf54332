#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a private copy of a root file system under an OCI runtime.

As a program:  sandbox.py [--runtime NAME] [--tree debian|busybox|DIR] [options] -- COMMAND...
               (exits with the command's code; POSTERN_RUNTIME names the runtime too)
As a module:   with Sandbox("runc", "debian") as box: result = box.run(["/bin/true"])

The private copy is an overlay mounted in a mount namespace of this process alone, so that nothing is left behind
however the test ends. Where overlays cannot be stacked (inside a container) the upper layer goes to a tmpfs.
"""
import argparse
import contextlib
import ctypes
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import bundle  # noqa: E402

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def private_mounts():
    """Leave the machine's mounts alone: what is mounted from here on is ours and dies with us."""
    if private_mounts.done:
        return
    check(libc.unshare(CLONE_NEWNS), "unshare")
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make / private")
    private_mounts.done = True


private_mounts.done = False


def mount(source, target, kind, flags=0, data=""):
    check(libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), f"mount {kind} on {target}")


def umount(target):
    libc.umount2(target.encode(), MNT_DETACH)


def tree(name):
    """The cached folder of a kind of tree, made when it is not there yet."""
    if name.startswith("/"):
        return name
    made = subprocess.run([os.path.join(HERE, "mkrootfs"), name], stdout=subprocess.PIPE, check=True, text=True)
    return made.stdout.strip()


def runtime_command(name):
    """The command line of a runtime up to its subcommand, without the state folder."""
    if name == "postern":
        return [os.environ.get("POSTERN", os.path.join(REPO, "build/release/postern"))]
    if name == "runsc":
        return [os.environ.get("RUNSC", "runsc"), "--network=none", "--ignore-cgroups", "--overlay2=none"]
    return [name]


def descendants(pid):
    """A process and all below it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        try:
            with open(f"/proc/{found[-1]}/task/{found[-1]}/children", encoding="ascii") as children:
                todo += [int(child) for child in children.read().split()]
        except OSError:
            pass
    return found


def part_of(process, name):
    """The pid of a container's postern-sentry or postern-gofer, by the process that runs it; None under another runtime."""
    for pid in descendants(process.pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return pid
    return None


def alive(pid):
    """Whether a process runs; one that is dead and only not yet waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str
    seconds: float
    timed_out: bool = False


class Sandbox:
    """A private copy of a tree, in which commands run one container after the other."""

    count = 0

    def __init__(self, runtime, source="debian", copy=False, **defaults):
        self.runtime = runtime
        self.source = source
        self.copy = copy
        self.defaults = defaults
        self.running = []

    def __enter__(self):
        private_mounts()
        if self.runtime == "crun" and os.path.ismount("/sys/fs/cgroup/unified"):
            umount("/sys/fs/cgroup/unified")  # crun refuses hybrid hierarchies; only this process sees it gone
        self.folder = tempfile.mkdtemp(prefix="postern-test-")
        os.chmod(self.folder, 0o755)
        self.mounted = []
        self.root = os.path.join(self.folder, "root")
        self.state = os.path.join(self.folder, "state")
        os.mkdir(self.state, 0o711)
        lower = tree(self.source)
        if self.copy:
            subprocess.run(["cp", "-a", "--reflink=auto", lower, self.root], check=True)
        else:
            self.overlay(lower)
        return self

    def overlay(self, lower):
        os.mkdir(self.root)
        layers = os.path.join(self.folder, "layers")
        os.mkdir(layers)
        for attempt in ("folder", "tmpfs"):
            if attempt == "tmpfs":
                mount("tmpfs", layers, "tmpfs", 0, "mode=755")
                self.mounted.append(layers)
            upper, work = (os.path.join(layers, n) for n in ("upper", "work"))
            os.mkdir(upper)
            os.chmod(upper, 0o755)
            os.mkdir(work)
            try:
                mount("overlay", self.root, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={work}")
                self.mounted.append(self.root)
                return
            except OSError:
                if attempt == "tmpfs":
                    raise

    def __exit__(self, *_):
        for ident, process in self.running:
            self.stop(ident, process)
        for target in reversed(self.mounted):
            umount(target)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *words):
        return runtime_command(self.runtime) + ["--root", self.state, *words]

    def prepare(self, argv, **options):
        """Writes a bundle for a command; returns the container's name and the command line that runs it."""
        Sandbox.count += 1
        ident = f"postern-test-{os.getpid()}-{Sandbox.count}"
        where = os.path.join(self.folder, "bundle-" + ident)
        settings = dict(self.defaults, **options)
        run_options = settings.pop("run_options", [])
        settings.setdefault("cgroup", "/" + ident)
        bundle.write(where, self.root, argv, **settings)
        return ident, self.command("run", *run_options, "--bundle", where, ident)

    def start(self, argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options):
        """Starts a container; the caller waits for the process."""
        ident, command = self.prepare(argv, **options)
        process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)
        process.ident = ident
        self.running.append((ident, process))
        return process

    def finish(self, process, timeout=60, given=None):
        """Waits for a started container; ends it when the time is up."""
        begun = time.monotonic()
        timed_out = False
        try:
            out, err = process.communicate(given, timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.stop(process.ident, process)
            try:
                out, err = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                out, err = b"", b"(output lost: something still holds the pipes)"
        self.running = [(i, p) for i, p in self.running if p is not process]
        text = [(b or b"").decode("utf-8", "backslashreplace") for b in (out, err)]
        return Result(process.returncode, *text, time.monotonic() - begun, timed_out)

    def run(self, argv, timeout=60, given=None, **options):
        process = self.start(argv, stdin=subprocess.DEVNULL if given is None else subprocess.PIPE, **options)
        return self.finish(process, timeout, given)

    def stop(self, ident, process):
        """Ends a container by its own runtime, then whatever is left of it by hand."""
        quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if process.poll() is not None:
            return
        family = descendants(process.pid)
        for words in (("kill", ident, "KILL"), ("delete", "--force", ident)):
            try:
                subprocess.run(self.command(*words), timeout=10, check=False, **quiet)
            except (subprocess.TimeoutExpired, OSError):
                pass
        for wait in (0.5, 5):
            try:
                process.wait(wait)
                break
            except subprocess.TimeoutExpired:
                kill_all(family[::-1])


def main():
    parser = argparse.ArgumentParser(description="run a command in a sandbox of its own")
    parser.add_argument("--runtime", default=os.environ.get("POSTERN_RUNTIME", "postern"))
    parser.add_argument("--tree", default="debian", help="debian, busybox or a folder")
    parser.add_argument("--copy", action="store_true", help="copy the tree instead of laying an overlay over it")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--run-option", dest="run_options", action="append", default=[], help="an option for `run`")
    bundle.options(parser)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with Sandbox(args.runtime, args.tree, copy=args.copy) as box:
        process = box.start(args.command, stdin=None, stdout=None, stderr=None, run_options=args.run_options,
                            **bundle.from_options(args))
        result = box.finish(process, args.timeout)
    if result.timed_out:
        print(f"sandbox: nothing came of it within {args.timeout:g} s", file=sys.stderr)
        return 124
    return result.code if result.code >= 0 else 128 - result.code


if __name__ == "__main__":
    sys.exit(main())
