# SPDX-License-Identifier: Apache-2.0
"""A container's life as dockerd leads it: detached, looked into, stopped, paused, restarted."""
import io
import json
import os
import tarfile
import tempfile
import time

from engines import contains, equal


def test_detached_and_logs(e):
    with e.started(command=("sh", "-c", "echo out; echo err >&2; exit 3")) as c:
        equal(c.docker("wait", "@").out.strip(), "3")
        result = c.docker("logs", "@")
        equal((result.out, result.err), ("out\n", "err\n"))
        equal(c.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 3")


def test_detached_terminal_logs(e):
    with e.started("-t", command=("sh", "-c", "tty; echo terminal")) as c:
        equal(c.docker("wait", "@").out.strip(), "0")
        contains(c.logs(), "/dev/")
        contains(c.logs(), "terminal\n")


def test_logs_follow(e):
    with e.started(command=("sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done")) as c:
        equal(c.docker("logs", "-f", "@").out, "1\n2\n3\n")


def test_log_drivers(e):
    for driver in ("json-file", "local"):
        with e.started("--log-driver", driver, command=("sh", "-c", "echo logged; echo bad >&2")) as c:
            c.docker("wait", "@")
            result = c.docker("logs", "@")
            equal((result.out, result.err), ("logged\n", "bad\n"))
    with e.started("--log-driver", "none", command=("echo", "lost")) as c:
        equal(c.docker("wait", "@").out, "0\n")
        contains(c.docker("logs", "@", ok=1).err, "does not support reading")


def test_exec(e):
    with e.started() as c:
        equal(c.exec("echo", "hi").out, "hi\n")
        c.exec("sh", "-c", "exit 9", ok=9)
        c.exec("/no/such", ok=127 if e.docker("exec", c.id, "/no/such", ok=None).code == 127 else 126)
        c.exec("sh", "-c", "echo x >/tmp/file")
        equal(c.exec("cat", "/tmp/file").out, "x\n")
        contains(c.exec("ps").out, "sleep 1000")
        equal(c.docker("exec", "-i", "@", "cat", input="piped").out, "piped")
        equal(c.docker("exec", "-e", "A=b", "-w", "/tmp", "-u", "nobody", "@", "sh", "-c", "echo $A $PWD; id -u").out,
              "b /tmp\n65534\n")


def test_exec_not_found(e):
    """The exit codes of docker exec are those with runc."""
    for command in ("/no/such", "nosuch", "/etc/passwd"):
        codes = []
        for runtime in ("runc", "postern"):
            with e.started("--runtime", runtime) as c:
                codes.append(c.exec(command, ok=None).code)
        equal((command, codes[1]), (command, codes[0]))


def test_exec_terminal(e):
    with e.started() as c:
        with e.terminal("exec", "-it", c.id, "sh") as t:
            t.expect(r"/ # ")
            t.type("stty size; tty\n")
            t.expect(r"\b24 80\b")
            t.expect(r"/dev/pts/")
            t.resize(40, 120)
            t.type("sleep 1; stty size\n")
            t.expect(r"\b40 120\b")
            t.type("exit 4\n")
            equal(t.wait(), 4)


def test_exec_detached(e):
    with e.started() as c:
        c.docker("exec", "-d", "@", "sh", "-c", "echo done >/tmp/flag")
        for _ in range(50):
            if c.exec("cat", "/tmp/flag", ok=None).out == "done\n":
                return
            time.sleep(0.1)
        raise AssertionError("the detached process did nothing")


def test_exec_many(e):
    with e.started() as c:
        for i in range(10):
            equal(c.exec("echo", str(i)).out, f"{i}\n")


def test_stop(e):
    with e.started(command=("sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done")) as c:
        begun = time.monotonic()
        c.docker("stop", "@")
        assert time.monotonic() - begun < 8, "stop waited for the signal that kills"
        equal(c.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 0")
        equal(c.logs(), "bye\n")


def test_stop_deaf(e):
    with e.started() as c:
        c.docker("stop", "-t", "1", "@")
        equal(c.inspect("{{.State.Status}} {{.State.ExitCode}}"), "exited 137")


def test_kill(e):
    with e.started() as c:
        c.docker("kill", "@")
        c.until("{{.State.Status}} {{.State.ExitCode}}", "exited 137")
    with e.started(command=("sh", "-c", "trap 'exit 42' USR1; while :; do sleep 0.1; done")) as c:
        time.sleep(0.5)
        c.docker("kill", "-s", "USR1", "@")
        c.until("{{.State.Status}} {{.State.ExitCode}}", "exited 42")


def test_start_again(e):
    with e.started(command=("sh", "-c", "echo run >>/count; wc -l </count")) as c:
        c.docker("wait", "@")
        c.docker("start", "-a", "@")
        equal(c.logs(), "1\n2\n")


def test_restart(e):
    with e.started() as c:
        before = c.inspect("{{.State.Pid}}")
        c.docker("restart", "-t", "0", "@")
        equal(c.inspect("{{.State.Running}}"), "true")
        assert c.inspect("{{.State.Pid}}") != before


def test_restart_policy(e):
    with e.started("--restart", "on-failure:2", command=("sh", "-c", "echo try; exit 1")) as c:
        c.until("{{.RestartCount}} {{.State.Status}}", "2 exited")
        equal(c.logs(), "try\n" * 3)
    with e.started("--restart", "always") as c:
        os.kill(host_pid(e, c), 9)
        c.until("{{.RestartCount}}", "1")
        c.until("{{.State.Running}}", "true")


def host_pid(e, c):
    """The container's pid as our own pid namespace knows it."""
    wanted = c.inspect("{{.State.Pid}}")
    level = len(open(f"/proc/{e.init}/status", encoding="ascii").read().split("NSpid:")[1].split("\n")[0].split()) - 1
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
                pids = status.read().split("NSpid:")[1].split("\n")[0].split()
            same = os.stat(f"/proc/{pid}/ns/pid_for_children") and len(pids) > level and pids[level] == wanted
        except (OSError, IndexError):
            continue
        if same and any(e.folder in open(p, encoding="utf-8", errors="replace").read()
                        for p in [f"/proc/{parent(pid)}/cmdline"]):
            return int(pid)
    raise AssertionError("the container's process is not to be found")


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rsplit(")", 1)[1].split()[1]


def test_pause(e):
    with e.started(command=("sh", "-c", "while :; do echo tick; sleep 0.1; done")) as c:
        time.sleep(0.5)
        c.docker("pause", "@")
        equal(c.inspect("{{.State.Status}}"), "paused")
        before = len(c.logs())
        time.sleep(0.7)
        equal(len(c.logs()), before)
        c.docker("unpause", "@")
        equal(c.inspect("{{.State.Status}}"), "running")
        time.sleep(0.7)
        assert len(c.logs()) > before, "it does not go on"


def test_stats(e):
    with e.started("--memory", "64m", "--pids-limit", "50", command=("sh", "-c", "while :; do :; done")) as c:
        time.sleep(1)
        row = json.loads(c.docker("stats", "--no-stream", "--format", "json", "@").out)
        contains(row["MemUsage"], "64MiB")
        assert float(row["CPUPerc"].rstrip("%")) > 10, row
        assert int(row["PIDs"]) >= 1, row
        assert not row["MemUsage"].startswith("0B"), row


def test_top(e):
    with e.started(command=("sh", "-c", "sleep 1000 & sleep 2000")) as c:
        time.sleep(0.3)
        text = c.docker("top", "@").out
        contains(text, "sleep 1000")
        contains(text, "sleep 2000")


def test_copy(e):
    with tempfile.TemporaryDirectory(dir=e.folder) as folder, e.started() as c:
        with open(folder + "/a", "w", encoding="ascii") as out:
            out.write("carried\n")
        c.docker("cp", folder + "/a", c.id + ":/tmp/a")
        equal(c.exec("cat", "/tmp/a").out, "carried\n")
        c.exec("sh", "-c", "echo back >/tmp/b")
        c.docker("cp", c.id + ":/tmp/b", folder + "/b")
        with open(folder + "/b", encoding="ascii") as found:
            equal(found.read(), "back\n")


def test_copy_stream(e):
    with e.started(command=("true",)) as c:
        c.docker("wait", "@")
        import subprocess
        done = subprocess.run(e.docker_argv("cp", c.id + ":/etc/passwd", "-"), stdout=subprocess.PIPE, check=True)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            equal(archive.getnames(), ["passwd"])


def test_inspect(e):
    with e.started("--name", "inspected") as c:
        state = json.loads(c.docker("inspect", "inspected").out)[0]
        equal(state["HostConfig"]["Runtime"], "postern")
        equal((state["State"]["Status"], state["State"]["OOMKilled"]), ("running", False))
        assert state["State"]["Pid"] > 0
        e.inside("kill", "-0", str(state["State"]["Pid"]))


def test_diff_and_commit(e):
    with e.started(command=("sh", "-c", "echo new >/added; rm /etc/group")) as c:
        c.docker("wait", "@")
        text = c.docker("diff", "@").out
        contains(text, "A /added")
        contains(text, "D /etc/group")
        c.docker("commit", "@", "committed")
        equal(e.run("committed", "cat", "/added").out, "new\n")


def test_attach(e):
    with e.started("-i", command=("cat",)) as c:
        with e.terminal("attach", "--sig-proxy=false", c.id) as t:
            t.type("round\n")
            t.expect("round\r\nround")


def test_attach_and_detach(e):
    """The keys that detach leave the program running, with its terminal."""
    with e.started("-it", command=("sh",)) as c:
        with e.terminal("attach", c.id) as t:
            t.type("X=remembered\n")
            t.expect("/ # ")
            t.type("\x10\x11")
            equal(t.wait(), 1 if "read escape sequence" in t.seen else 0)
        equal(c.inspect("{{.State.Running}}"), "true")
        with e.terminal("attach", c.id) as t:
            t.type("echo got-$X; exit 7\n")
            t.expect("got-remembered")
            equal(t.wait(), 7)


def test_signals_of_the_client(e):
    """What the docker program is sent goes to the container's."""
    import signal
    import subprocess
    command = e.docker_argv("run", "--rm", "--network", "none", "busybox", "sh", "-c",
                            "trap 'echo got; exit 9' TERM; echo up; while :; do sleep 0.1; done")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        equal(client.stdout.readline(), "up\n")
        client.send_signal(signal.SIGTERM)
        equal(client.stdout.readline(), "got\n")
        equal(client.wait(30), 9)


def test_start_attached(e):
    c = e.docker("create", "-i", "--network", "none", "busybox", "cat").out.strip()
    try:
        equal(e.docker("start", "-ai", c, input="given\n").out, "given\n")
    finally:
        e.docker("rm", "-f", c)


def test_events(e):
    begun = str(int(time.time()) - 1)
    with e.started(command=("sh", "-c", "exit 6")) as c:
        c.docker("wait", "@")
        text = e.docker("events", "--since", begun, "--until", str(int(time.time()) + 1), "--filter", "container=" + c.id, "--format",
                        "{{.Status}} {{.Actor.Attributes.exitCode}}").out
        contains(text, "start")
        contains(text, "die 6")


def test_healthcheck(e):
    with e.started("--health-cmd", "test -f /tmp/well", "--health-interval", "500ms", "--health-retries", "2") as c:
        c.until("{{.State.Health.Status}}", "unhealthy")
        c.exec("touch", "/tmp/well")
        c.until("{{.State.Health.Status}}", "healthy")


def test_create_then_start(e):
    c = e.docker("create", "--network", "none", "busybox", "echo", "late").out.strip()
    try:
        equal(e.docker("start", "-a", c).out, "late\n")
    finally:
        e.docker("rm", "-f", c)


def test_many_at_once(e):
    import concurrent.futures
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda i: e.run("busybox", "echo", str(i)).out, range(12)))
    equal(found, [f"{i}\n" for i in range(12)])


def test_many_that_stay(e):
    """A dozen run side by side, each is its own, all end when told so."""
    import concurrent.futures
    import contextlib
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(6) as pool:
        every = [stack.enter_context(e.started("--hostname", f"host{i}", command=("sh", "-c", f"echo {i} >/me; sleep 1000"))) for i in range(12)]
        equal(list(pool.map(lambda c: c.exec("sh", "-c", "cat /me; hostname; ps -o args | grep -cx 'sleep 1000'").out, every)),
              [f"{i}\nhost{i}\n1\n" for i in range(12)])
        e.docker("kill", *[c.id for c in every])
        equal([c.docker("wait", "@").out for c in every], ["137\n"] * 12)


def test_failed_starts_leave_nothing(e):
    """The state must be "stopped" by the time the engine asks, or it gives the container up with all that belongs to it."""
    import concurrent.futures
    before = set(e.cgroup_folders())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: e.run("busybox", "/no/such", ok=None).code, range(12)))
    equal(codes, [127] * 12)
    equal([f for f in e.cgroup_folders() if f not in before and not f.endswith(e.cgroup)], [])


def who(folder):
    with open(folder + "/cgroup.procs", encoding="ascii") as pids:
        return folder, [open(f"/proc/{pid}/cmdline", encoding="utf-8").read() for pid in pids.read().split()]


def test_leaves_nothing(e):
    """After a container is gone nothing of it is: no process, no state, no cgroup."""
    e.docker("container", "prune", "-f")
    for other in e.docker("ps", "-aq").out.split():  # what a failed test left
        e.docker("rm", "-f", other)
    e.run("busybox", "true")
    ours = [line for line in e.inside("ps", "-eo", "args").out.splitlines() if "postern-" in line or "[postern" in line]
    equal(ours, [])
    equal([who(f) for f in e.cgroup_folders() if not f.endswith((e.cgroup, "/conmon"))], [])
    states = e.inside("find", e.folder + "/docker-run", "-path", "*runtime-*", "-mindepth", "3", ok=None).out
    equal(states, "")
