# SPDX-License-Identifier: Apache-2.0
"""The engines under test: containerd, dockerd and podman in namespaces of their own.

All of them live below one folder and in one pid, mount, network and ipc namespace, whose first process is a shell: when it is killed, every
daemon, shim and container, every mount and every network device is gone. The host's cgroups are used, below a folder of
our own, which is removed at the end. The bridge and whatever firewall there is are those of the private network.
"""
import dataclasses
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HARNESS = os.path.join(os.path.dirname(HERE), "harness")
BUILT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "build/release/postern")
sys.path.insert(0, HARNESS)
from ordinary import OrdinaryUser  # noqa: E402
from terminal import Terminal  # noqa: E402

# $1: the folder of it all. /run is ours, except for the locks on user ids, which hold for the whole machine. Networks of ordinary
# users (slirp4netns) need a tun device everybody may open.
INIT = r"""
set -eu
mount --make-rprivate /
mkdir -p /run/postern "$1/ids"
mount --bind /run/postern "$1/ids"
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/postern /run/netns /run/lock
mount --bind "$1/ids" /run/postern
if mknod "$1/tun" c 10 200 && [ -e /dev/net/tun ]; then
    chmod 666 "$1/tun"
    mount --bind "$1/tun" /dev/net/tun
fi
ip link set lo up
containerd --config "$1/containerd.toml" >"$1/containerd.log" 2>&1 &
dockerd --config-file "$1/daemon.json" >"$1/dockerd.log" 2>&1 &
wait
"""

CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
                    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "{folder}/containerd.sock"
"""

PROGRAMS = ("dockerd", "docker", "containerd", "ctr", "podman", "runc", "nsenter", "unshare", "ip", "newuidmap", "slirp4netns", "catatonit")

# Ids for dockerd's userns-remap (a user and a group that are there) and for podman's --userns=auto.
REMAPPED, AUTOMATIC = 500000, 800000
OTHER_IDS = (f"nobody:{REMAPPED}:65536", f"nogroup:{REMAPPED}:65536", f"containers:{AUTOMATIC}:262144")


PODMAN = ("--cgroup-manager", "cgroupfs", "--events-backend", "file")


class Skip(Exception):
    """Raised by a scenario that cannot run here, with the reason."""


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str


def tree(kind):
    return subprocess.run([os.path.join(HARNESS, "mkrootfs"), kind], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def cgroup_mounts():
    """Where this machine's cgroups are, of both versions."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        found = [line.split()[1] for line in mounts if line.split()[2] in ("cgroup", "cgroup2")]
    return sorted(mount for mount in set(found) if mount.startswith("/sys/fs/cgroup"))


class Engines:
    """Starts it all; use as a context."""

    def __init__(self, runtime, keep=False):
        self.runtime = os.path.abspath(shutil.which(runtime) or runtime)
        self.keep = keep
        # Short: the path of a Unix socket has 108 bytes.
        self.folder = tempfile.mkdtemp(prefix="pe-", dir="/tmp")
        os.chmod(self.folder, 0o711)
        self.cgroup = "/" + os.path.basename(self.folder)
        self.socket = self.folder + "/docker.sock"
        self.user = OrdinaryUser(subordinate=True, others=OTHER_IDS)
        self.unshare = None
        self.init = None

    # -- life ----------------------------------------------------------------------------------------------------

    def configure(self):
        config = {
            "data-root": self.folder + "/docker", "exec-root": self.folder + "/docker-run",
            "pidfile": self.folder + "/docker.pid", "hosts": ["unix://" + self.socket],
            "containerd": self.folder + "/containerd.sock", "cgroup-parent": self.cgroup,
            "exec-opts": ["native.cgroupdriver=cgroupfs"], "iptables": False, "ip6tables": False,
            "ip-forward": False, "ip-masq": False, "storage-driver": self.storage_driver(), "shutdown-timeout": 5,
            "default-runtime": "postern", "runtimes": {"postern": {"path": self.runtime}},
        }
        with open(self.folder + "/daemon.json", "w", encoding="utf-8") as out:
            json.dump(config, out, indent=2)
        with open(self.folder + "/containerd.toml", "w", encoding="utf-8") as out:
            out.write(CONTAINERD.format(folder=self.folder))

    def storage_driver(self):
        """overlay2 as on a real machine, vfs where it cannot be (an overlay in an overlay)."""
        kind = subprocess.run(["stat", "-f", "-c", "%T", self.folder], stdout=subprocess.PIPE, text=True).stdout.strip()
        return "vfs" if kind in ("overlayfs", "tmpfs") else "overlay2"

    def __enter__(self):
        self.user.__enter__()
        self.configure()
        with open(self.folder + "/init.log", "w", encoding="utf-8") as log:
            self.unshare = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--mount", "--net", "--ipc", "sh", "-c", INIT, "engines",
                 self.folder], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_for_daemons()
            for kind in ("busybox", "debian"):
                self.image(kind)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_for_daemons(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.unshare.poll() is not None:
                break
            if self.docker("info", "--format", "{{.ServerVersion}}", ok=None).code == 0:
                children = f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children"
                with open(children, encoding="ascii") as found:
                    self.init = int(found.read().split()[0])
                return
            time.sleep(0.2)
        raise RuntimeError("the daemons did not start:\n" + self.logs())

    def image(self, kind):
        """The image of one of the trees of tests/harness/mkrootfs, made when it is not there yet."""
        if self.docker("image", "inspect", kind, ok=None).code == 0:
            return
        tar = subprocess.Popen(["tar", "-C", tree(kind), "-c", "."], stdout=subprocess.PIPE)
        self.docker("import", "-", kind, stdin=tar.stdout, seconds=300)
        if tar.wait() != 0:
            raise RuntimeError("tar failed")

    def logs(self, lines=15):
        text = ""
        for name in ("init", "containerd", "dockerd"):
            path = f"{self.folder}/{name}.log"
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    text += f"-- {name}\n" + "".join(log.readlines()[-lines:])
        return text

    def stop(self):
        """Kills the namespaces' first process and with it everything in them."""
        if self.unshare is not None:
            if self.init is not None:
                try:
                    os.kill(self.init, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.unshare.kill()
            self.unshare.wait()
        self.remove_cgroups()
        self.user.__exit__()
        if self.keep:
            print("kept: " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def cgroup_folders(self):
        """What is left of the tests in the machine's cgroups, deepest first."""
        return [folder for mount in cgroup_mounts() for folder, _, _ in os.walk(mount + self.cgroup, topdown=False)]

    def forget_pod(self, pod):
        """A pod's cgroup is Podman's, which leaves it where no controller is (the hierarchies named and of version 2), whatever the runtime.
        One that has something in it stays, and is found."""
        for mount in cgroup_mounts():
            try:
                os.rmdir(f"{mount}{self.cgroup}/{pod}")
            except OSError:
                pass

    def remove_cgroups(self):
        for _ in range(50):
            for folder in self.cgroup_folders():
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            if not self.cgroup_folders():
                break
            time.sleep(0.1)
        # Where a controller's hierarchy is not mounted but has a folder beside the others, Podman makes plain folders and files there for
        # its conmon, whatever the runtime, and leaves them.
        for folder in glob.glob("/sys/fs/cgroup/*" + self.cgroup):
            if not any(folder.startswith(mount + "/") for mount in cgroup_mounts()):
                shutil.rmtree(folder, ignore_errors=True)

    def __exit__(self, *_):
        self.stop()

    # -- what tests call ---------------------------------------------------------------------------------------------

    def command(self, argv, ok=0, seconds=60, stdin=None, input=None):
        """Runs a program here; raises unless its exit code is `ok` (None: any)."""
        if stdin is None and input is None:
            stdin = subprocess.DEVNULL
        done = subprocess.run(argv, stdin=stdin, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds, text=True, errors="replace", env=dict(os.environ, DOCKER_BUILDKIT="0"))
        result = Result(done.returncode, done.stdout, done.stderr)
        if ok is not None and result.code != ok:
            raise AssertionError(f"{' '.join(argv)}: exit code {result.code}, not {ok}\n{result.out}{result.err}")
        return result

    def docker_argv(self, *args):
        return ["docker", "-H", "unix://" + self.socket, *args]

    def docker(self, *args, **kwargs):
        return self.command(self.docker_argv(*args), **kwargs)

    def run(self, *args, runtime="postern", **kwargs):
        """docker run --rm without a network (tests of the network ask for one)."""
        return self.docker("run", "--rm", "--runtime", runtime, "--network", "none", *args, **kwargs)

    def terminal(self, *args):
        return Terminal(self.docker_argv(*args))

    def inside(self, *argv, **kwargs):
        """Runs a program in the engines' namespaces."""
        return self.command(self.inside_argv(*argv), **kwargs)

    def inside_argv(self, *argv):
        return ["nsenter", "-t", str(self.init), "-m", "-n", "-p", "-i", *argv]

    def podman_argv(self, *args, runtime=None):
        where = self.folder + "/podman"
        return self.inside_argv("podman", "--root", where, "--runroot", where + "-run", "--tmpdir", where + "-tmp", *PODMAN,
                                "--runtime", runtime or self.runtime, *args)

    def podman(self, *args, runtime=None, **kwargs):
        return self.command(self.podman_argv(*args, runtime=runtime), **kwargs)

    def ctr(self, *args, **kwargs):
        return self.inside("ctr", "-a", self.folder + "/containerd.sock", "-n", "tests", *args, **kwargs)

    def started(self, *args, command=("sleep", "1000")):
        """A detached container, as a context that removes it."""
        return Started(self, args, command)


class Started:
    def __init__(self, engines, args, command):
        self.engines = engines
        self.args = args
        self.command = command

    def __enter__(self):
        network = () if "--network" in self.args else ("--network", "none")
        self.id = self.engines.docker("run", "-d", *network, *self.args, "busybox", *self.command).out.strip()
        return self

    def __exit__(self, *_):
        self.engines.docker("rm", "-f", self.id, ok=None)

    def docker(self, *args, **kwargs):
        """docker ARGS with @ standing for the container."""
        return self.engines.docker(*[self.id if a == "@" else a for a in args], **kwargs)

    def exec(self, *command, **kwargs):
        return self.engines.docker("exec", self.id, *command, **kwargs)

    def inspect(self, template):
        return self.docker("inspect", "-f", template, "@").out.strip()

    def logs(self):
        return self.docker("logs", "@").out

    def until(self, template, value, seconds=15):
        end = time.monotonic() + seconds
        while (found := self.inspect(template)) != value:
            if time.monotonic() > end:
                raise AssertionError(f"{template} is {found!r}, not {value!r}")
            time.sleep(0.1)


def equal(found, wanted):
    if found != wanted:
        raise AssertionError(f"found {found!r}, not {wanted!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"no {part!r} in {text!r}")
