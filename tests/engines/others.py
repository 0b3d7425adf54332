# SPDX-License-Identifier: Apache-2.0
"""containerd by itself, and podman."""
import os
import subprocess
import tempfile
import time

from engines import Terminal, contains, equal, tree

# -- containerd ------------------------------------------------------------------------------------------------------


def ctr_run(e, *args, **kwargs):
    return e.ctr("run", "--rm", "--runc-binary", e.runtime, "--cgroup", "", "--rootfs", *args, **kwargs)


def test_ctr_run(e):
    root = writable_root(e)
    equal(ctr_run(e, root, "first", "/bin/echo", "hello").out, "hello\n")
    ctr_run(e, root, "second", "/bin/sh", "-c", "exit 6", ok=6)


def test_ctr_tasks(e):
    root = writable_root(e)
    e.ctr("run", "-d", "--runc-binary", e.runtime, "--rootfs", root, "lived", "/bin/sleep", "1000")
    try:
        contains(e.ctr("task", "ls").out, "RUNNING")
        equal(e.ctr("task", "exec", "--exec-id", "one", "lived", "/bin/echo", "inside").out, "inside\n")
        contains(e.ctr("task", "ps", "lived").out, "PID")
        e.ctr("task", "pause", "lived")
        contains(e.ctr("task", "ls").out, "PAUSED")
        e.ctr("task", "resume", "lived")
        contains(e.ctr("task", "metrics", "lived").out, "memory")
        e.ctr("task", "kill", "-s", "KILL", "lived")
        end = time.monotonic() + 10
        while "STOPPED" not in e.ctr("task", "ls").out and time.monotonic() < end:
            time.sleep(0.1)
        contains(e.ctr("task", "ls").out, "STOPPED")
    finally:
        e.ctr("task", "delete", "-f", "lived", ok=None)
        e.ctr("container", "delete", "lived", ok=None)


def test_ctr_terminal_and_limits(e):
    root = writable_root(e)
    command = e.inside_argv("ctr", "-a", e.folder + "/containerd.sock", "-n", "tests", "run", "--rm", "-t", "--runc-binary", e.runtime,
                            "--memory-limit", str(64 << 20), "--cgroup", e.cgroup + "/limited", "--rootfs", root, "typed", "/bin/sh")
    with Terminal(command) as t:
        t.expect("# ")
        t.type("stty size; tty; free -m | awk '/Mem/{print \"has\", $2}'; exit 4\n")
        t.expect(r"\b24 80\b")
        t.expect("/dev/(pts/0|console)")
        t.expect(r"has 64\b")
        equal(t.wait(), 4)
    contains(ctr_run(e, root, "absent", "/no/such", ok=1).err, 'exec: "/no/such": stat /no/such: no such file or directory')


def writable_root(e):
    """A copy of the busybox tree; made once."""
    root = e.folder + "/ctr-root"
    if not os.path.exists(root):
        subprocess.run(["cp", "-a", tree("busybox"), root], check=True)
    return root


# -- podman ----------------------------------------------------------------------------------------------------------


def podman_image(e):
    if e.podman("image", "exists", "localhost/busybox", ok=None).code != 0:
        tar = subprocess.Popen(["tar", "-C", tree("busybox"), "-c", "."], stdout=subprocess.PIPE)
        e.podman("import", "-", "localhost/busybox", stdin=tar.stdout, seconds=120)
        tar.wait()
    return "localhost/busybox"


def podman_run(e, *args, **kwargs):
    podman_image(e)
    return e.podman("run", "--rm", "--network", "none", "--cgroup-parent", e.cgroup, *args, **kwargs)


def test_podman_run(e):
    equal(podman_run(e, "localhost/busybox", "echo", "hello").out, "hello\n")
    podman_run(e, "localhost/busybox", "sh", "-c", "exit 8", ok=8)
    equal(podman_run(e, "-i", "localhost/busybox", "cat", input="typed\n").out, "typed\n")


def test_podman_not_found(e):
    for command, code in (("/no/such", 127), ("nosuch", 127), ("/etc/passwd", 126)):
        contains(podman_run(e, "localhost/busybox", command, ok=code).err, f'exec: "{command}"')
        podman_run(e, "localhost/busybox", command, runtime="runc", ok=code)


def test_podman_build(e):
    podman_image(e)
    with tempfile.TemporaryDirectory(dir=e.folder) as folder:
        with open(folder + "/Dockerfile", "w", encoding="ascii") as out:
            out.write("FROM localhost/busybox\nWORKDIR /w\nRUN echo made >a && chown 5:6 a\nUSER 5\nRUN id -u >>a\n"
                      "CMD [\"sh\", \"-c\", \"cat a; stat -c %u:%g a\"]\n")
        e.podman("build", "--network", "none", "-t", "made", folder, seconds=240)
    equal(podman_run(e, "made").out, "made\n5\n5:6\n")


def test_podman_init_and_health(e):
    podman_image(e)
    contains(podman_run(e, "--init", "localhost/busybox", "ps").out, "podman-init")
    e.podman("run", "-d", "--name", "patient", "--network", "none", "--cgroup-parent", e.cgroup, "--health-cmd", "test -f /tmp/well",
             "--health-retries", "1", "localhost/busybox", "sleep", "1000")
    try:
        e.podman("healthcheck", "run", "patient", ok=1)
        e.podman("exec", "patient", "touch", "/tmp/well")
        e.podman("healthcheck", "run", "patient")
    finally:
        e.podman("rm", "-f", "-t", "0", "patient", ok=None)


def test_podman_options(e):
    result = podman_run(e, "--user", "12:34", "-w", "/tmp", "-e", "A=b", "--hostname", "keep", "--read-only",
                        "localhost/busybox", "sh", "-c", "id -u; id -g; pwd; echo $A; hostname; touch /x", ok=1)
    equal(result.out, "12\n34\n/tmp\nb\nkeep\n")


def test_podman_terminal(e):
    podman_image(e)
    command = e.podman_argv("run", "--rm", "-it", "--network", "none", "--cgroup-parent", e.cgroup, "localhost/busybox", "sh")
    with Terminal(command) as t:
        t.expect(r"/ # ")
        t.type("stty size\n")
        t.expect(r"\b24 80\b")
        t.type("exit 3\n")
        equal(t.wait(), 3)


def test_podman_network(e):
    """The host's, which podman asks for by asking for none; a pod's."""
    podman_image(e)
    links = e.inside("ip", "-o", "link").out
    found = e.podman("run", "--rm", "--network", "host", "--cgroup-parent", e.cgroup, "localhost/busybox", "ip", "-o", "link").out
    contains(links, "docker0")
    contains(found, "docker0")


def test_podman_pod(e):
    """Containers of a pod share network, ipc and names with its infra container."""
    podman_image(e)
    parent = ("--cgroup-parent", e.cgroup)
    pod = e.podman("pod", "create", "--name", "pea", "--infra-image", "localhost/busybox", "--infra-command", "sleep 1000", "--network", "none",
                   *parent).out.strip()
    try:
        e.podman("run", "-d", "--pod", "pea", "--name", "server", *parent, "localhost/busybox", "sh", "-c",
                 "echo podded >/tmp/index.html; echo shared >/dev/shm/word; exec httpd -f -p 80 -h /tmp")
        script = "for i in 1 2 3 4 5 6 7 8; do wget -q -O - http://127.0.0.1/index.html && break; sleep 0.3; done; hostname; cat /dev/shm/word"
        equal(e.podman("run", "--rm", "--pod", "pea", *parent, "localhost/busybox", "sh", "-c", script).out, "podded\npea\nshared\n")
        equal(e.podman("pod", "ps", "--format", "{{.Status}} {{.NumberOfContainers}}").out, "Running 2\n")
        e.podman("pod", "pause", "pea")
        equal(e.podman("pod", "ps", "--format", "{{.Status}}").out, "Paused\n")
        e.podman("pod", "unpause", "pea")
        contains(e.podman("pod", "stats", "--no-stream", "pea").out, "server")
        e.podman("pod", "stop", "-t", "1", "pea")
        equal(e.podman("pod", "ps", "--format", "{{.Status}}").out, "Exited\n")
    finally:
        e.podman("pod", "rm", "-f", "-t", "0", "pea", ok=None)
        e.forget_pod(pod)


def test_podman_life(e):
    podman_run(e, "localhost/busybox", "true")
    name = "lived"
    e.podman("run", "-d", "--name", name, "--network", "none", "--cgroup-parent", e.cgroup, "--memory", "64m",
             "localhost/busybox", "sh", "-c", "echo begun; sleep 1000")
    try:
        equal(e.podman("exec", name, "echo", "inside").out, "inside\n")
        e.podman("exec", name, "sh", "-c", "exit 5", ok=5)
        equal(e.podman("logs", name).out, "begun\n")
        # With ps of the container; podman's own columns are read in the container's mount namespace, which is empty here.
        contains(e.podman("top", name, "-o", "pid,args").out, "sleep 1000")
        e.podman("pause", name)
        equal(e.podman("inspect", "-f", "{{.State.Status}}", name).out.strip(), "paused")
        with tempfile.NamedTemporaryFile("w", dir=e.folder) as file:  # not while it runs: docs/engines.md
            file.write("carried\n")
            file.flush()
            e.podman("cp", file.name, name + ":/tmp/file")
        e.podman("unpause", name)
        equal(e.podman("exec", name, "cat", "/tmp/file").out, "carried\n")
        contains(e.podman("stats", "--no-stream", name).out, name)
        e.podman("stop", "-t", "1", name)
        equal(e.podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name).out.strip(), "exited 137")
        e.podman("start", name)
        e.podman("kill", name)
    finally:
        e.podman("rm", "-f", "-t", "0", name, ok=None)
