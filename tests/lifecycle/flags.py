# SPDX-License-Identifier: Apache-2.0
"""Sequences about single options: each option of each command in at least one step, with what comes of it."""
import array
import json
import os
import socket
import subprocess
import threading
import time

from steps import remember, skip, until  # first: it knows where the harness is
import cgroup

SLEEP = ("/bin/sleep", "1000")
OWN_WORDS = "the words are our own"
WHO = "id -u; id -g; id -G; pwd; env | grep -v SHLVL | sort; grep -E 'Cap|NoNew' /proc/self/status; umask"


class Console:
    """A console socket, and what comes out of the terminal that is sent to it."""

    def __init__(self, d, name):
        self.path = os.path.join(d.box.folder, name)
        self.text = b""
        self.fds = []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.server.accept()
        _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        for _, _, data in ancillary:
            fds = array.array("i")
            fds.frombytes(data[:4])
            self.fds += fds
        if self.fds:
            self.read()

    def read(self):
        while True:
            try:
                piece = os.read(self.fds[0], 4096)
            except OSError:  # the other side is gone
                return
            if not piece:
                return
            self.text += piece

    def shown(self, words):
        until(lambda: words.encode() in self.text, f"{words} on the terminal")
        return self.text.decode().replace("\r\n", "\n")


def process_file(d, process):
    path = os.path.join(d.box.folder, "process.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(process if isinstance(process, str) else json.dumps(process))
    return path


def sequence_exec_process(d):
    """A process.json says all; what it leaves out is as the container has it, or nothing."""
    d.running("one", *SLEEP)
    base = {"args": ["/bin/sh", "-c", WHO], "cwd": "/tmp", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin", "A=1"]}
    some = ["CAP_CHOWN", "CAP_KILL"]
    for change in ({}, {"user": None}, {"env": None}, {"env": []}, {"capabilities": {}}, {"noNewPrivileges": True},
                   {"capabilities": {"bounding": some, "effective": some[:1], "permitted": some}},
                   {"user": {"uid": 7, "gid": 8, "additionalGids": [9, 10]}}, {"oomScoreAdj": 5},
                   {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]}):
        process = {key: value for key, value in dict(base, **change).items() if value is not None}
        d.step("exec", "--process", process_file(d, process), "one")
    limits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]
    d.step("exec", "-p", process_file(d, dict(base, args=["/bin/sh", "-c", "ulimit -Hn"], rlimits=limits)), "one")
    # The soft one runc gives now as it is asked for, now as high as the hard one: Go's own start raises it, and whether that is taken back
    # depends on the moment. What is right stands in the process.json.
    _, out, _ = d.call(["exec", "--process", process_file(d, dict(base, args=["/bin/sh", "-c", "ulimit -n; ulimit -Hn"], rlimits=limits)), "one"])
    d.check("the limits of a process.json", out if d.box.runtime != "runc" else "77\n88\n", "77\n88\n")
    for wrong in ({"cwd": None}, {"cwd": "tmp"}, {"args": None}, {"args": []}, {"cwd": "/no/such"}, {"args": ["/no/such"]},
                  {"rlimits": [{"type": "RLIMIT_NOPE", "soft": 1, "hard": 1}]}):
        process = {key: value for key, value in dict(base, **wrong).items() if value is not None}
        d.step("exec", "--process", process_file(d, process), "one", differs=OWN_WORDS)
    for text in ("", "{", "[]", "null"):
        d.step("exec", "--process", process_file(d, text), "one", differs=OWN_WORDS)
    d.step("exec", "--process", "/no/such/process.json", "one", differs=OWN_WORDS)
    d.step("exec", "--process", process_file(d, dict(base, args=["/bin/true"], terminal=True)), "--detach", "one")
    d.step("delete", "--force", "one")
    d.left()


def sequence_exec_options(d):
    d.running("one", *SLEEP)
    for options in (["--cwd", "/tmp"], ["--env", "A=b", "--env", "C=d=e"], ["-e", "A="], ["--user", "5"], ["-u", "5:6"],
                    ["--additional-gids", "7", "--additional-gids", "8"], ["-g", "9"], ["--cap", "CAP_SYS_ADMIN"],
                    ["-c", "CAP_SYS_TIME", "-c", "CAP_SYS_NICE"], ["-u", "5", "-c", "CAP_SYS_TIME"], ["--no-new-privs"],
                    ["--preserve-fds", "0"]):
        d.step("exec", *options, "one", "/bin/sh", "-c", WHO)
    for options in (["--cwd", "tmp"], ["--cwd", "/no/such"], ["-e", "A"], ["-e", ""], ["-e", "=b"], ["-u", "x"], ["-u", ":5"],
                    ["-u", "5:"], ["-u", "-1"], ["-g", "-1"], ["--preserve-fds", "5"]):
        d.step("exec", *options, "one", "/bin/true", differs=OWN_WORDS)
    for options in (["-g", "x"], ["--preserve-fds", "x"], ["--nonsense"], ["--cwd"]):
        d.step("exec", *options, "one", "/bin/true", out=False, differs="runc prints its whole usage, and 1 for any wrong option", code=False)
    d.step("exec", "-c", "CAP_NOPE", "one", "/bin/true", err=False)
    for option in ("--process-label", "--apparmor"):
        d.step("exec", option, "x", "one", "/bin/echo", "ran", differs="labels are taken and not applied", code=False)
    d.step("exec", "one", "/bin/sh", "-c", "exit 256")
    d.step("exec", "one", "sh", "-c", "echo found by name")
    d.step("exec", "one", differs="runc prints its whole usage", out=False)
    d.step("exec", "--", "one", "/bin/echo", "--cwd")
    d.step("exec", "one", "/bin/sh", "-c", "echo out; echo err >&2")
    d.step("exec", "one", "/bin/cat", given="from standard input\n")
    d.step("exec", "one", "/bin/sh", "-c", "read a; echo got $a", given="line\n")
    d.step("delete", "--force", "one")
    d.left()


def sequence_exec_terminal(d):
    d.running("one", *SLEEP)
    console = Console(d, "console")
    d.step("exec", "--tty", "--detach", "--console-socket", console.path, "one", "/bin/sh", "-c", "tty; echo on the terminal; sleep 1000")
    d.note("the terminal", console.shown("on the terminal"))
    sized = Console(d, "console-sized")
    process = {"args": ["/bin/sh", "-c", "stty size; echo shown; sleep 1000"], "cwd": "/", "env": ["PATH=/bin"], "terminal": True,
               "consoleSize": {"height": 12, "width": 34}}
    d.step("exec", "--detach", "--console-socket", sized.path, "--process", process_file(d, process), "one")
    d.note("the terminal", sized.shown("shown"))
    d.step("exec", "-t", "-d", "one", "/bin/true")
    d.step("exec", "--tty", "--console-socket", "/no/such/socket", "--detach", "one", "/bin/true", differs=OWN_WORDS, code=False)
    pid_file = os.path.join(d.box.folder, "pid-of-exec")
    d.step("exec", "-d", "--pid-file", pid_file, "one", *SLEEP)
    d.note("in the container's list", int(open(pid_file, encoding="ascii").read()) in json.loads(d.call(["ps", "-f", "json", "one"])[1]))
    d.step("exec", "--pid-file", "/no/such/folder/pid", "one", "/bin/true", differs=OWN_WORDS)
    d.step("delete", "--force", "one")
    d.left()


def given_fds(d, *words, count, env=None):
    """A step whose command is given a few descriptors, from 3 on, of files that say which they are."""
    files = []
    try:
        for number in range(count):
            path = os.path.join(d.box.folder, f"given-{number}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"file {number}\n")
            files.append(os.open(path, os.O_RDONLY))
        # Numbers from 3 on, whatever we have there: the command is started by a shell that moves them.
        moves = " ".join(f"{3 + n}<&{fd} {fd}<&-" if fd != 3 + n else "" for n, fd in enumerate(files))
        command = d.box.command(*d.with_ids(words))
        before = "".join(f"export {name}={value}; " for name, value in (env or {}).items())
        script = ["/bin/bash", "-c", f'{before}exec "$@" {moves}', "bash", *command]
        out, err = (os.path.join(d.box.folder, name) for name in ("out", "err"))
        high = [os.dup2(fd, 200 + n) for n, fd in enumerate(files)]
        script[2] = f'{before}exec "$@" ' + " ".join(f"{3 + n}<&{200 + n} {200 + n}<&-" for n in range(count))
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            code = d.reaper.run(script, stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, pass_fds=high)
        for fd in high:
            os.close(fd)
    finally:
        for fd in files:
            os.close(fd)
    with open(out, encoding="utf-8") as file:
        remember((), words)
        d.note(d.label((), words) + f" with {count} descriptors" + (f" and {sorted(env)}" if env else ""), [code, d.plain(file.read())])


def sequence_descriptors(d):
    """What is open from 3 on reaches the program if it is asked for, and nothing else does."""
    see = "for n in 3 4 5 6; do [ -e /proc/self/fd/$n ] && cat <&$n; done; ls /proc/self/fd | wc -l; env | grep LISTEN"
    for count, options in ((0, []), (3, []), (2, ["--preserve-fds", "2"]), (3, ["--preserve-fds", "1"])):
        given_fds(d, "run", *options, "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=count)
    listen = {"LISTEN_FDS": 2, "LISTEN_PID": "$$"}
    given_fds(d, "run", "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=2, env=listen)
    given_fds(d, "run", "--preserve-fds", "1", "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=3, env=listen)
    given_fds(d, "run", "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=2, env={"LISTEN_FDS": 2, "LISTEN_PID": 1})
    given_fds(d, "create", "--preserve-fds", "2", "--bundle", d.bundle("two", "/bin/sh", "-c", f"({see}) >/seen; sleep 1000"), "two", count=2)
    d.step("start", "two")
    until(lambda: (d.file("seen") or "").count("\n") >= 3, "what the program sees")
    d.note("what it sees", d.file("seen"))
    given_fds(d, "exec", "two", "/bin/sh", "-c", see, count=2)
    given_fds(d, "exec", "--preserve-fds", "2", "two", "/bin/sh", "-c", see, count=2)
    for words in (["run", "--preserve-fds", "5", "--bundle", d.bundle("three", "/bin/true"), "three"],
                  ["exec", "--preserve-fds", "3", "two", "/bin/true"]):
        d.step(*words, code=False, differs="numbers the caller left free are refused; runc would give descriptors of its own away")
    d.step("delete", "--force", "two")
    d.left()


def cgroup_of(d, name, controller):
    pid = d.pid(name)
    if cgroup.VERSION == 2:
        return cgroup.ROOT + open(f"/proc/{pid}/cgroup", encoding="ascii").read().rstrip("\n").split(":", 2)[2]
    return f"/sys/fs/cgroup/{controller}" + next(line.rstrip("\n").split(":", 2)[2] for line in open(f"/proc/{pid}/cgroup", encoding="ascii")
                                                if controller in line.split(":")[1].split(","))


def sequence_exec_cgroup(d):
    if cgroup.VERSION == 2:
        skip("exec-cgroup", "its folders are those of cgroups of version 1")
        return
    d.running("one", *SLEEP)
    hierarchies = [line.split(":") for line in open(f"/proc/{d.pid('one')}/cgroup", encoding="ascii").read().splitlines()]
    folders = []
    for _, controllers, path in hierarchies:
        mount = "/sys/fs/cgroup/" + (controllers.removeprefix("name=") or "unified")
        if os.path.isdir(mount + path + "/"):
            folders.append(mount + path + "/below")
            os.mkdir(folders[-1])
            for name in ("cpuset.cpus", "cpuset.mems"):  # a new one is empty, and takes no process
                if controllers == "cpuset":
                    with open(os.path.join(folders[-1], name), "w", encoding="ascii") as file:
                        file.write(open(f"{mount}{path}/{name}", encoding="ascii").read())
    pid_file = os.path.join(d.box.folder, "pid-below")
    for words in (["below"], ["/below"], ["./below"], ["cpu:below"], ["cpu,memory:below", "pids:below"], ["/"]):
        options = [part for word in words for part in ("--cgroup", word)]
        d.step("exec", "--detach", "--pid-file", pid_file, *options, "one", *SLEEP)
        pid = open(pid_file, encoding="ascii").read()
        where = {line.split(":")[1]: line.rstrip("\n").endswith("/below") for line in open(f"/proc/{pid}/cgroup", encoding="ascii")}
        d.note("who is below", [where[name] for name in ("cpu", "memory", "pids", "freezer")])
    for words in (["nope"], ["a:b:c"], ["../x"], ["below/../.."], ["bogus:/"], ["/", "below"], ["cpu:nope"]):
        options = [part for word in words for part in ("--cgroup", word)]
        d.step("exec", *options, "one", "/bin/true", differs=OWN_WORDS)
    d.step("ps", "-f", "json", "one", view=d.as_count)
    d.step("kill", "--all", "one", "KILL")
    d.exit_of("one")
    d.step("delete", "one")
    d.left()


def sequence_exec_paused(d):
    d.running("one", *SLEEP)
    d.step("pause", "one")
    d.step("exec", "one", "/bin/echo", "never", differs=OWN_WORDS)
    thread = threading.Thread(target=lambda: d.step("exec", "--ignore-paused", "one", "/bin/echo", "after resume"))
    thread.start()
    time.sleep(0.3)
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    d.note("it waits", [thread.is_alive(), d.reaper.run(d.box.command("resume", d.names["one"]), **quiet)])
    thread.join()
    d.step("delete", "--force", "one")
    d.left()


def sequence_run_options(d):
    pid_file = os.path.join(d.box.folder, "pid-of-run")
    d.step("run", "--bundle", d.bundle("one", "/bin/echo", "ran"), "--pid-file", pid_file, "one")
    d.note("the pid file", open(pid_file, encoding="ascii").read().isdigit())
    for options in (["--no-pivot"], ["--no-new-keyring"], ["--no-subreaper"]):
        d.step("run", *options, "-b", d.bundle("one", "/bin/echo", "ran"), "one")
    for options in (["--no-pivot"], ["--no-new-keyring"]):
        d.step("create", *options, "--bundle", d.bundle("two", *SLEEP), "two")
        d.step("delete", "--force", "two")
    d.step("run", "--keep", "--bundle", d.bundle("kept", "/bin/sh", "-c", "exit 3"), "kept")
    d.step("state", "kept", view=d.as_state)
    d.step("list", view=d.as_table)
    d.step("run", "--keep", "--bundle", d.bundle("other", "/bin/true"), "kept")
    d.step("start", "kept")
    d.step("kill", "kept", "KILL")
    d.step("delete", "kept")
    d.step("run", "--keep", "--detach", "--bundle", d.bundle("kept", *SLEEP), "kept")
    d.step("delete", "--force", "kept")
    d.step("run", "--keep=true", "--detach=false", "--bundle", d.bundle("kept", "/bin/echo", "Go's own way"), "kept")
    d.step("delete", "-force=true", "kept")
    d.step("run", "--bundle", "/no/such/bundle", "one", differs=OWN_WORDS)
    d.step("run", "--pid-file", "/no/such/folder/pid", "--bundle", d.bundle("one", "/bin/true"), "one", differs=OWN_WORDS)
    d.step("state", "one")
    d.step("run", "--bundle", d.bundle("one", "/bin/cat"), "one", given="standard input\n")
    d.step("run", "--bundle", d.bundle("one", "/bin/sh", "-c", "kill -9 $$; sleep 5; echo not"), "one", differs="runc's shell goes on as pid 1")
    d.left()


def sequence_terminal(d):
    script = "tty; stty size; echo shown; sleep 1000"
    console = Console(d, "console-1")
    d.step("create", "--console-socket", console.path, "--bundle", d.bundle("one", "/bin/sh", "-c", script, terminal=True, window=(11, 22)), "one")
    d.step("start", "one")
    d.note("the terminal", console.shown("shown"))
    console = Console(d, "console-2")
    d.step("run", "-d", "--console-socket", console.path, "-b", d.bundle("two", "/bin/sh", "-c", script, terminal=True, window=(33, 44)), "two")
    d.note("the terminal", console.shown("shown"))
    d.step("create", "--bundle", d.bundle("three", *SLEEP, terminal=True), "three")
    d.step("create", "--console-socket", "/no/such/socket", "--bundle", d.bundle("three", *SLEEP, terminal=True), "three", differs=OWN_WORDS)
    d.step("create", "--console-socket", console.path, "--bundle", d.bundle("three", *SLEEP), "three", differs=OWN_WORDS)
    d.step("state", "three")
    for name in ("one", "two"):
        d.step("delete", "--force", name)
    d.left()


LIMITS = (
    ("--memory", "64m", "memory", "memory.limit_in_bytes"), ("--memory-swap", "96m", "memory", "memory.memsw.limit_in_bytes"),
    ("--memory-reservation", "1024k", "memory", "memory.soft_limit_in_bytes"), ("--memory", "70000000", "memory", "memory.limit_in_bytes"),
    ("--cpu-period", "50000", "cpu", "cpu.cfs_period_us"), ("--cpu-quota", "20000", "cpu", "cpu.cfs_quota_us"),
    ("--cpu-quota", "-1", "cpu", "cpu.cfs_quota_us"), ("--cpu-share", "200", "cpu", "cpu.shares"),
    ("--cpu-rt-period", "900000", "cpu", "cpu.rt_period_us"), ("--cpu-rt-runtime", "10000", "cpu", "cpu.rt_runtime_us"),
    ("--cpuset-cpus", "0", "cpuset", "cpuset.cpus"), ("--cpuset-mems", "0", "cpuset", "cpuset.mems"),
    ("--pids-limit", "50", "pids", "pids.max"), ("--blkio-weight", "300", "blkio", "blkio.bfq.weight"))


def sequence_update(d):
    d.running("one", *SLEEP, change=lambda c: c["linux"]["resources"].update(
        {"memory": {"limit": 64 << 20, "swap": 128 << 20}, "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1"}}))
    files = {(c, f): os.path.join(cgroup_of(d, "one", c), f) for _, _, c, f in LIMITS}

    def values():
        return {f: open(path, encoding="ascii").read().strip() for (_, f), path in files.items() if os.path.exists(path)}

    d.note("limits after creation", values())
    for option, value, _, _ in LIMITS:
        d.step("update", option, value, "one")
        d.note("limits", values())
    for option in ("--kernel-memory", "--kernel-memory-tcp"):
        d.step("update", option, "100m", "one", err=False)
    for given in ({"cpu": {"shares": 300}}, {"pids": {"limit": 60}}, {"memory": {"limit": 80 << 20, "swap": 80 << 20}}, {},
                  {"cpu": {"quota": 30000, "period": 60000}}, {"memory": {"reservation": 2 << 20}}, {"cpu": {"cpus": "0-1"}}):
        d.step("update", "--resources", "-", "one", given=json.dumps(given))
        d.note("limits", values())
    path = os.path.join(d.box.folder, "limits.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"cpu": {"shares": 400}}, file)
    d.step("update", "-r", path, "one")
    d.step("update", "-r", path, "--cpu-share", "999", "one")
    d.note("limits", values())
    for words in (["--memory", "lots"], ["--cpu-share", "x"], ["--pids-limit", "x"], ["--cpuset-cpus", "4000"], ["--cpuset-mems", "x"],
                  ["--blkio-weight", "99999"], ["-r", "/no/such/file"]):
        d.step("update", *words, "one", out=False, differs=OWN_WORDS)
    for text in ("", "{", "[]"):
        d.step("update", "-r", "-", "one", given=text, out=False, differs=OWN_WORDS)
    for option in ("--l3-cache-schema", "--mem-bw-schema"):
        d.step("update", option, "L3:0=f", "one", differs=OWN_WORDS)
    d.note("limits", values())
    d.step("update", "one")
    d.step("update", out=False, differs="runc prints its whole usage")
    d.step("delete", "--force", "one")
    d.step("update", "--memory", "1g", "one")
    d.left()


def shape(value):
    """The names of an object, and below them."""
    return {key: shape(entry) for key, entry in sorted(value.items())} if isinstance(value, dict) else type(value).__name__


def sequence_events(d):
    d.running("one", *SLEEP, change=lambda c: c["linux"]["resources"].update({"memory": {"limit": 64 << 20}, "pids": {"limit": 100}}))

    def view(text):
        event = json.loads(text)
        data = event["data"]
        return [sorted(event), event["type"], sorted(data), sorted(set(data["memory"]) - {"cache"}), data["memory"]["usage"]["limit"], data["pids"]["limit"],
                sorted(data["cpu"]["usage"])]

    d.step("events", "--stats", "one", view=view)
    for interval in ("1ms", "200ms", "1.5s", "1m30s"):
        command = d.box.command("events", "--interval", interval, d.names["one"])
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = process.stdout.readline() if interval in ("1ms", "200ms") else None
        alive = process.poll() is None
        process.terminate()
        process.stdout.close()
        process.stderr.close()
        until(lambda p=process: p.pid in d.reaper.ended, "the end of events")
        process.returncode = d.reaper.ended.pop(process.pid)
        remember((), ["events", "--interval"])
        d.note(f"events --interval {interval}", [alive, first and json.loads(first)["type"]])
    for interval in ("x", "", "-5s", "0"):
        d.step("events", "--interval", interval, "one", out=False, differs="runc prints its whole usage")
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("events", "--stats", "one")
    d.step("delete", "one")
    d.step("events", "--stats", "one")
    d.left()


def sequence_spec(d):
    def spec():
        path = os.path.join(folder, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        os.unlink(path)
        config["linux"].pop("maskedPaths")
        return {"process": {key: value for key, value in config["process"].items() if key != "capabilities"},
                "root": config["root"], "mounts": [m["destination"] for m in config["mounts"]], "names": sorted(config)}

    folder = os.path.join(d.box.folder, "spec")
    os.mkdir(folder)
    d.step("spec", "--bundle", folder)
    d.note("config.json", spec())
    d.step("spec", "-b", folder)
    d.step("spec", "--bundle", folder, differs=OWN_WORDS)  # it is there already
    spec()
    d.step("spec", cwd=folder)
    d.note("config.json", spec())
    d.step("spec", "--rootless", "--bundle", folder)
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        linux = json.load(file)["linux"]
    d.note("mappings", [linux["uidMappings"], linux["gidMappings"], "resources" in linux, "user" in [n["type"] for n in linux["namespaces"]]])
    d.step("spec", "--bundle", "/no/such/folder", differs=OWN_WORDS)
    d.step("spec", "x", out=False, differs="runc prints its whole usage")


def sequence_lists(d):
    """What many containers look like: in order, in each form."""
    for name in ("b", "a", "c"):
        d.create(name, *SLEEP)
        d.pid(name)
    d.step("start", "a")
    d.step("pause", "a")
    for words in (["-q"], ["--quiet"], ["-q", "-f", "json"], ["-q=false", "-q"]):
        d.step("list", *words)
    d.step("list", "-f", "table", view=d.as_table)
    d.step("list", "--format", "json", view=d.as_states)
    d.step("list", "-f", "json", view=d.as_states)
    d.step("list", "-f", "")
    d.step("list", "-f", "xml")
    d.step("ps", "--format", "table", "a", view=d.as_lines)
    for words in (["-f", "json"], ["--format", "json"]):
        d.step("ps", *words, "a")
    d.step("ps", "-f", "xml", "a")
    for options in (["-ef"], ["aux"], ["-o", "pid"], ["-o", "pid,comm"]):
        d.step("ps", "a", *options, view=lambda text: [line.split()[-1] for line in text.splitlines()][:1])
    d.step("ps", "a", "-o", "comm", differs=OWN_WORDS)  # there is no PID in it
    d.step("ps", "a", "--nonsense", differs=OWN_WORDS)
    for name in ("a", "b", "c"):
        d.step("delete", "-f", name)
    d.step("list", "-q")
    d.left()


def sequence_kill_options(d):
    """Every signal by its number and its name, with and without SIG."""
    d.script("one", "for s in $(seq 1 31); do case $s in 9|17|18|19) ;; *) trap \"echo $s >>/got\" $s;; esac; done; ready; "
             "while :; do sleep 0.01; done")
    names = "HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
    for turn, word in enumerate(names.split() + ["1", "31", "SIGHUP", "sighup", "hup", "Hup"], 1):
        d.step("kill", "one", word)
        until(lambda n=turn: (d.file("got") or "").count("\n") == n, f"signal {word}")
    d.note("what came", d.file("got").split())
    for word in ("0", "CHLD", "CONT", "UNUSED", "RTMIN", "34"):
        d.step("kill", "one", word)
    for word in ("CLD", "IOT", "POLL"):
        d.step("kill", "one", word, differs="other names of CHLD, ABRT and IO; runc knows one of each", code=False)
    for word in ("-1", "64", "100", "RTMIN+1", "SIGRTMAX", " TERM", "TERM ", "\u00e9"):
        d.step("kill", "one", word, differs=OWN_WORDS)
    d.step("kill", "-a", "one", "0")
    d.step("kill", "--all=false", "one", "0")
    d.step("kill", "one", "9")
    d.exit_of("one")
    d.step("delete", "one")
    d.left()


def sequence_not_supported(d):
    """checkpoint and restore say that they are not, with all of runc's options."""
    d.running("one", *SLEEP)
    reason = "not supported; runc needs criu, which is not installed here"
    for options in ([], ["--image-path", "/tmp/x"], ["--leave-running"], ["--tcp-established", "--shell-job", "--file-locks"],
                    ["--pre-dump", "--parent-path", "x", "--work-path", "y"], ["--ext-unix-sk", "--lazy-pages", "--status-fd", "5"],
                    ["--page-server", "h:1", "--manage-cgroups-mode", "soft", "--empty-ns", "network", "--auto-dedup"]):
        d.step("checkpoint", *options, "one", differs=reason)
    d.step("state", "one", view=d.as_state)
    for options in ([], ["--image-path", "/tmp/x", "--bundle", "/tmp"], ["--detach", "--pid-file", "/tmp/p", "--no-subreaper", "--no-pivot"]):
        d.step("restore", *options, "two", differs=reason)
    d.step("delete", "--force", "one")
    d.left()


def sequence_global_flags(d):
    d.running("one", *SLEEP)
    for command in ("events", "exec", "run", "spec", "update"):
        d.step(command, "--help", differs="each prints its own help")
    for options in (["--debug=true"], ["--debug=false"], ["-debug=false"], ["--log-format=json"], ["--criu=/x"], ["--rootless=false"]):
        d.step("list", "-q", globals_=options, err=False)
    d.step("list", globals_=["--debug=maybe"], out=False, differs="runc prints its whole usage")
    parent, name = os.path.split(d.box.state)
    command = [*d.box.command()[:1], "--root", name, "list", "-q"]
    out = subprocess.Popen(command, cwd=parent, stdout=subprocess.PIPE, text=True)
    remember(["--root"], ["list"])
    d.note("--root relative to the folder", [d.plain(out.stdout.read()), out.stdout.close()])
    until(lambda: out.pid in d.reaper.ended, "the end of list")
    out.returncode = d.reaper.ended.pop(out.pid)
    for form in ("json", "text"):
        log = os.path.join(d.box.folder, "log2-" + form)
        for words in (["state", "nobody"], ["exec", "one", "/bin/true"], ["kill", "nobody", "TERM"], ["run", "--bundle", "/no/such", "x"]):
            d.step(*words, globals_=["--log", log, "--log-format", form], err=False)
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if form == "json":
            d.note("the log", [[sorted(json.loads(line)), json.loads(line)["level"]] for line in lines])
        else:
            d.note("the log", [line.split(" ")[1] for line in lines])
    d.step("list", "-q", globals_=["--log", "/no/such/folder/log"], differs=OWN_WORDS)
    for words in (["--help"], ["-h"], ["help"]):
        d.step(*words, differs="each prints its own help")
    d.step("--version", differs="each says its own")
    d.step("-v", differs="each says its own")
    d.step("nonsense", differs="runc prints its help", out=False, code=False)
    d.step("delete", "--force", "one")
    d.left()


def sequence_annotations_of_hooks(d):
    """What hooks read on their standard input, and the order in which they come."""
    log = os.path.join(d.box.folder, "hooks-log")
    stages = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")

    def change(config):
        config["annotations"] = {"a.b": "c"}
        config["hooks"] = {stage: [{"path": "/bin/sh", "timeout": 20, "env": ["PATH=/bin:/usr/bin", f"N={n}"],
                                    "args": ["sh", "-c", f"(echo {stage} $N; cat; echo) >>{log}"]} for n in (1, 2)] for stage in stages}

    def so_far(creating=False):
        with open(log, encoding="utf-8") as file:
            parts = file.read().splitlines()
        lines = []
        for part in parts:
            state = json.loads(part) if part.startswith("{") else None
            lines.append({"id": d.plain(state["id"]), "annotations": state.get("annotations")} if state else part)
        return [line for line in lines if line][:3 * 4 if creating else None]

    d.create("one", *SLEEP, change=change)
    d.pid("one")
    d.note("after create", so_far(creating=True))
    d.step("start", "one")
    # runc 1.1 runs these with create; the specification says after start
    d.check("poststart hooks", [line for line in so_far() if "poststart" in line], ["poststart 1", "poststart 2"])
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.note("after kill", so_far())
    d.step("delete", "one")
    d.note("after delete", so_far())
    d.left()


def sequence_config_fields(d):
    """Fields of config.json that runc knows too, and what a program sees of them."""
    def linux(**fields):
        return lambda c: c["linux"].update(fields)

    def process(**fields):
        return lambda c: c["process"].update(fields)

    capabilities = {key: ["CAP_KILL"] for key in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    low = "nc -l -p 80 & sleep 0.3; netstat -ltn 2>/dev/null | grep -c ':80 '"
    none = {key: [] for key in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    for label, change, script in (
            ("capabilities", process(capabilities=capabilities), "grep Cap /proc/self/status"),
            ("no capabilities", process(capabilities=none), "grep Cap /proc/self/status; chown 5 /tmp; echo $?"),
            ("ambient", process(capabilities=capabilities, user={"uid": 5, "gid": 6}), "grep Cap /proc/self/status"),
            ("noNewPrivileges", process(noNewPrivileges=True), "grep NoNew /proc/self/status"),
            ("oomScoreAdj", process(oomScoreAdj=321), "cat /proc/self/oom_score_adj"),
            ("umask", process(user={"uid": 1, "gid": 2, "umask": 0o77, "additionalGids": [3]}), "umask; id"),
            ("rlimits", process(rlimits=[{"type": "RLIMIT_" + n, "soft": 99, "hard": 1000} for n in
                                         ("NOFILE", "CORE", "SIGPENDING", "MSGQUEUE", "CPU", "MEMLOCK")]),
             "grep -E 'open files|core|pending|msgqueue|cpu|locked' /proc/self/limits"),
            ("cwd", process(cwd="/made/for/it"), "pwd; ls -ld /made/for/it | cut -c 1-10"),
            ("maskedPaths", linux(maskedPaths=["/etc/passwd", "/bin/../usr", "/no/such"]), "cat /etc/passwd; ls /usr; ls -d /no"),
            ("readonlyPaths", linux(readonlyPaths=["/etc", "/no/such"]), "touch /etc/x; touch /tmp/x && echo written"),
            ("sysctl", linux(sysctl={"net.ipv4.ip_forward": "1"}), "cat /proc/sys/net/ipv4/ip_forward"),
            ("low ports with the capability", process(), low),
            ("low ports without", process(capabilities=none), low),
            ("low ports by sysctl", lambda c: (process(capabilities=none)(c), linux(sysctl={"net.ipv4.ip_unprivileged_port_start": "80"})(c)), low),
            ("hostname", lambda c: c.update(hostname="somebody"), "hostname; cat /proc/sys/kernel/hostname"),
            ("read-only root", lambda c: c["root"].update(readonly=True), "touch /x; touch /dev/shm/x && echo written"),
            ("env", process(env=["A=1", "B=", "PATH=/bin:/usr/bin"]), "echo $A/$B; env | cut -d= -f1 | sort"),
            ("devices", linux(devices=[{"path": "/dev/mine", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 5, "gid": 6}]),
             "ls -ln /dev/mine | tr -s ' ' | cut -d' ' -f 1,3-6; echo x >/dev/null")):
        d.bundle("one", "/bin/sh", "-c", script, change=change)
        where = os.path.join(d.box.folder, "bundle-" + d.names["one"])
        d.note(label, None)
        d.step("run", "--bundle", where, "one")
    d.left()


def mount_case(d, mount, script, before=None):
    def change(config):
        config["mounts"].append(mount)
    if before:
        before()
    d.note(json.dumps(mount.get("options", [])), mount["destination"])
    d.step("run", "--bundle", d.bundle("one", "/bin/sh", "-c", script, change=change), "one", err=False)


def sequence_mount_options(d):
    """What options of mounts do, as far as a program can see."""
    source = os.path.join(d.box.folder, "volume")
    os.makedirs(os.path.join(source, "sub"))
    subprocess.Popen(["mount", "-t", "tmpfs", "test", os.path.join(source, "sub")]).wait()
    d.box.mounted.append(os.path.join(source, "sub"))
    with open(os.path.join(source, "script"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho executed\n")
    os.chmod(os.path.join(source, "script"), 0o4755)
    os.symlink("script", os.path.join(source, "link"))
    flags = "s/,(discard|resv_strict|resuid=[0-9]*|resgid=[0-9]*|inode64|size=[^, ]*|errors=[a-z-]*|stripe=[0-9]*)//g"  # of the file system
    see = f"grep ' /v' /proc/mounts | cut -d' ' -f 2,4 | sed -E '{flags}'; /v/script; cat /v/link | head -n 1; touch /v/x && rm /v/x; " \
          "touch /v/sub/x && rm /v/sub/x; echo $?"
    for options in (["rbind"], ["bind"], ["rbind", "ro"], ["rbind", "rro"], ["rbind", "noexec", "nosuid", "nodev"], ["rbind", "rnoexec", "rnosuid", "rnodev"],
                    ["rbind", "noatime"], ["rbind", "rnoatime"], ["rbind", "nodiratime", "relatime"], ["rbind", "strictatime"],
                    ["rbind", "ro", "rw"], ["rbind", "rprivate"], ["rbind", "rslave"], ["rbind", "rro", "rrw"],
                    ["rbind", "rnosymfollow"], ["rbind", "ro", "exec"]):
        mount_case(d, {"destination": "/v", "type": "bind", "source": source, "options": options}, see)
    see = "grep ' /tmp' /proc/mounts | cut -d' ' -f 2-4 | sed 's/,inode64//'; ls -ld /tmp | cut -c 1-10; df /tmp | tail -n 1 | tr -s ' ' | cut -d' ' -f 2; ls /tmp"
    for options in ([], ["size=1m"], ["nosuid", "nodev", "noexec", "mode=1777"], ["ro"], ["nr_inodes=10"],
                    ["tmpcopyup"], ["noatime"]):
        mount_case(d, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": options}, see,
                   before=lambda: open(os.path.join(d.box.root, "tmp/there"), "w", encoding="utf-8").close())
    where = d.bundle("one", "/bin/sh", "-c", "ls -ld /tmp | cut -c 1-10", change=lambda c: c["mounts"].append(
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=700"]}))
    d.check("mode= of a tmpfs over a folder", d.call(["run", "--bundle", where, "one"])[1], "drwx------\n")  # runc has it from 1.2 on
    for wrong in ({"destination": "/x", "type": "nonsense", "source": "x"}, {"destination": "/x", "type": "bind", "source": "/no/such", "options": ["bind"]},
                  {"destination": "/x", "type": "tmpfs", "source": "x", "options": ["size=lots"]},
                  {"destination": "/x", "type": "tmpfs", "source": "x", "options": ["nonsense=1"]}):
        d.bundle("one", "/bin/true", change=lambda c, w=wrong: c["mounts"].append(w))
        d.step("run", "--bundle", os.path.join(d.box.folder, "bundle-" + d.names["one"]), "one", differs=OWN_WORDS)
    d.left()
