# SPDX-License-Identifier: Apache-2.0
"""Containers in user namespaces: dockerd with userns-remap, podman with mappings, podman without root."""
import json
import os
import subprocess
import time

from docker_net import until_answers
from engines import PODMAN, REMAPPED, Skip, Terminal, contains, equal, tree
from ordinary import SUBORDINATE, UID
from others import podman_image, podman_run

# Who one is, and that ids are those of the namespace only.
FACTS = "id -u; awk '{print $2, $3}' /proc/self/uid_map; touch /tmp/a; chown 5:6 /tmp/a; stat -c %u:%g /tmp/a; chown 90000 /tmp/a || echo no"

# -- dockerd -----------------------------------------------------------------------------------------------------------


class Remapped:
    """A second dockerd, beside the other, whose containers are in user namespaces."""

    def __init__(self, engines):
        self.engines = engines
        self.folder = engines.folder + "/remapped"
        self.socket = self.folder + ".sock"

    def __enter__(self):
        with open(self.engines.folder + "/daemon.json", encoding="utf-8") as common:
            config = json.load(common)
        config.update({
            "data-root": self.folder, "exec-root": self.folder + "-run", "pidfile": self.folder + ".pid", "hosts": ["unix://" + self.socket],
            "containerd-namespace": "remapped", "containerd-plugins-namespace": "remapped-plugins", "bridge": "none",
            "userns-remap": "nobody:nogroup"})
        with open(self.folder + ".json", "w", encoding="utf-8") as out:
            json.dump(config, out)
        with open(self.engines.folder + "/remapped.log", "w", encoding="utf-8") as log:
            # In a network of its own: a dockerd without a bridge takes docker0 away, whosever it is.
            self.process = subprocess.Popen(self.engines.inside_argv("unshare", "-n", "dockerd", "--config-file", self.folder + ".json"),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while self.docker("info", ok=None).code != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.engines.folder + "/remapped.log", encoding="utf-8") as log:
                    raise AssertionError("dockerd did not start:\n" + log.read()[-2000:])
            time.sleep(0.2)
        tar = subprocess.Popen(["tar", "-C", tree("busybox"), "-c", "."], stdout=subprocess.PIPE)
        self.docker("import", "-", "busybox", stdin=tar.stdout)
        tar.wait()
        return self

    def __exit__(self, *_):
        for container in self.docker("ps", "-aq", ok=None).out.split():
            self.docker("rm", "-f", container, ok=None)
        with open(self.folder + ".pid", encoding="ascii") as pid:
            self.engines.inside("kill", pid.read().strip())
        self.process.wait(30)

    def docker(self, *args, **kwargs):
        return self.engines.command(["docker", "-H", "unix://" + self.socket, *args], **kwargs)

    def run(self, *args, runtime="postern", **kwargs):
        return self.docker("run", "--rm", "--runtime", runtime, "--network", "none", *args, **kwargs)


def test_docker_remapped(e):
    with Remapped(e) as remapped:
        contains(remapped.docker("info").out, "userns")
        wanted = remapped.run("busybox", "sh", "-c", FACTS, runtime="runc").out
        equal(remapped.run("busybox", "sh", "-c", FACTS).out, wanted)
        contains(wanted, f"{REMAPPED} 65536")
        equal(remapped.run("-u", "7:8", "--read-only", "--tmpfs", "/t", "busybox", "sh", "-c",
                           "touch /t/a; stat -c %u:%g /t/a; touch /a || echo ro").out, "7:8\nro\n")
        c = remapped.docker("run", "-d", "--network", "none", "-m", "64m", "-v", "kept:/data", "busybox", "sh", "-c",
                            "touch /data/a; trap 'exit 3' TERM; while :; do sleep 0.1; done").out.strip()
        equal(remapped.docker("exec", c, "sh", "-c", "id -u; stat -c %u /data/a").out, "0\n0\n")
        equal(os.stat(f"{remapped.folder}/{REMAPPED}.{REMAPPED}/volumes/kept/_data/a").st_uid, REMAPPED)
        equal(remapped.docker("exec", "-u", "9", c, "sh", "-c", "id -u; touch /data/b || echo no").out, "9\nno\n")
        with Terminal(["docker", "-H", "unix://" + remapped.socket, "exec", "-it", c, "sh"]) as terminal:
            terminal.expect("/ # ")
            terminal.type("tty; exit 4\n")
            terminal.expect("/dev/pts/")
            equal(terminal.wait(), 4)
        remapped.docker("stop", c)
        equal(remapped.docker("inspect", "-f", "{{.State.ExitCode}}", c).out, "3\n")
        host = remapped.run("--userns", "host", "busybox", "cat", "/proc/self/uid_map").out.split()
        equal(host, ["0", "0", "4294967295"])


# -- podman as root ------------------------------------------------------------------------------------------------------


def test_podman_mappings(e):
    podman_image(e)
    for options in (("--userns", "auto"), ("--userns", "auto:size=5000"), ("--uidmap", "0:300000:5000", "--gidmap", "0:400000:5000"),
                    ("--userns", "host")):
        wanted, found = [podman_run(e, *options, "localhost/busybox", "sh", "-c", FACTS, runtime=runtime, ok=None).out
                         for runtime in ("runc", None)]
        equal((options, found), (options, wanted))


# -- podman without root -------------------------------------------------------------------------------------------------


class Rootless:
    """podman as an ordinary user has it. Storage by copying: overlays may need fuse, which he may not have."""

    def __init__(self, engines):
        self.engines = engines
        self.user = engines.user
        if self.podman("image", "exists", "localhost/busybox", ok=None).code != 0:
            archive = self.user.home + "/busybox.tar"
            subprocess.run(["tar", "-C", tree("busybox"), "-cf", archive, "."], check=True)
            self.podman("import", archive, "localhost/busybox")

    def argv(self, *args, runtime="postern"):
        runtime = self.user.postern if runtime == "postern" else runtime
        return self.engines.inside_argv(*self.user.words(["podman", "--storage-driver", "vfs", *PODMAN, "--runtime", runtime, *args]))

    def podman(self, *args, runtime="postern", **kwargs):
        return self.engines.command(self.argv(*args, runtime=runtime), **kwargs)

    def run(self, *args, **kwargs):
        return self.podman("run", "--rm", "--network", "none", *args, **kwargs)

    def same(self, *args):
        """What it prints is what it prints with runc."""
        wanted, found = [self.run(*args, runtime=runtime, ok=None) for runtime in ("runc", "postern")]
        equal((args, found.code, found.out), (args, wanted.code, wanted.out))
        return found


def test_rootless_run(e):
    user = Rootless(e)
    contains(user.same("localhost/busybox", "sh", "-c", FACTS).out, f"{UID} 1\n{SUBORDINATE} 65536\n5:6\nno\n")
    user.same("--userns", "keep-id", "localhost/busybox", "sh", "-c", "id; cat /proc/self/uid_map; touch /tmp/a; stat -c %u /tmp/a")
    user.same("-u", "7:8", "--read-only", "--tmpfs", "/t", "--hostname", "cell", "-w", "/t", "localhost/busybox", "sh", "-c",
              "id; pwd; hostname; touch a; stat -c %u:%g a; touch /a")
    for command, code in (("/no/such", 127), ("/etc/passwd", 126)):
        equal(user.same("localhost/busybox", command).code, code)
    equal(user.run("-i", "localhost/busybox", "cat", input="piped").out, "piped")


def test_rootless_volume(e):
    """What a container's root writes is the user's; what others of it write is his subordinates'."""
    user = Rootless(e)
    folder = user.user.home + "/shared"
    os.mkdir(folder)
    os.chown(folder, UID, UID)
    user.run("-v", folder + ":/v", "localhost/busybox", "sh", "-c", "touch /v/a /v/b; chown 5 /v/b")
    equal((os.stat(folder + "/a").st_uid, os.stat(folder + "/b").st_uid), (UID, SUBORDINATE + 4))
    user.run("-v", folder + ":/v:ro", "localhost/busybox", "touch", "/v/c", ok=1)


def test_rootless_terminal(e):
    user = Rootless(e)
    with Terminal(user.argv("run", "--rm", "-it", "--network", "none", "localhost/busybox", "sh")) as terminal:
        terminal.expect("/ # ")
        terminal.type("stty size; tty; exit 3\n")
        terminal.expect(r"\b24 80\b")
        terminal.expect("/dev/(pts/0|console)")
        equal(terminal.wait(), 3)


def test_rootless_life(e):
    user = Rootless(e)
    user.podman("run", "-d", "--name", "lived", "--network", "none", "--health-cmd", "test -f /tmp/well", "--health-retries", "1",
                "localhost/busybox", "sh", "-c", "echo begun; exec sleep 1000")
    try:
        equal(user.podman("exec", "lived", "id", "-u").out, "0\n")
        equal(user.podman("exec", "-u", "5", "lived", "id", "-u").out, "5\n")
        user.podman("exec", "lived", "sh", "-c", "exit 5", ok=5)
        equal(user.podman("logs", "lived").out, "begun\n")
        contains(user.podman("top", "lived", "-o", "pid,args").out, "sleep 1000")
        user.podman("healthcheck", "run", "lived", ok=1)
        user.podman("exec", "lived", "touch", "/tmp/well")
        user.podman("healthcheck", "run", "lived")
        user.podman("stop", "-t", "1", "lived")
        equal(user.podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "lived").out, "exited 137\n")
        user.podman("start", "lived")
        user.podman("kill", "lived")
    finally:
        user.podman("rm", "-f", "-t", "0", "lived", ok=None)


def test_rootless_network(e):
    """slirp4netns, and a port on the host."""
    if not os.path.exists("/dev/net/tun"):
        raise Skip("this kernel has no tun device")
    user = Rootless(e)
    contains(user.podman("run", "--rm", "localhost/busybox", "ip", "-o", "addr").out, "10.0.2.100/24")
    user.podman("run", "-d", "--name", "web", "-p", "127.0.0.1:18080:80", "localhost/busybox", "sh", "-c",
                "echo slirped >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
    try:
        until_answers(e, "http://127.0.0.1:18080/index.html", "slirped")
    finally:
        user.podman("rm", "-f", "-t", "0", "web", ok=None)


def test_rootless_build(e):
    user = Rootless(e)
    folder = user.user.home + "/build"
    os.mkdir(folder)
    with open(folder + "/Dockerfile", "w", encoding="ascii") as out:
        out.write("FROM localhost/busybox AS first\nRUN mkdir /out && echo made >/out/a && chown -R 12:13 /out\n"
                  "FROM localhost/busybox\nCOPY --from=first --chown=1000:1000 /out/a /copied\nWORKDIR /w\nRUN chown 1000 /w\n"
                  "USER 1000\nRUN id -u >who\nCMD [\"sh\", \"-c\", \"pwd; cat who /copied; stat -c %u /copied\"]\n")
    os.chmod(folder, 0o755)
    user.podman("build", "--network", "none", "-t", "built", folder, seconds=240)
    equal(user.run("built").out, "/w\n1000\nmade\n1000\n")
