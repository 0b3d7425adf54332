# SPDX-License-Identifier: Apache-2.0
"""Sequences about what the process of a container, of exec and of a hook starts with."""
import os
import shlex
import shutil
import subprocess
import threading

from flags import process_file

SLEEP = ("/bin/sleep", "1000")
OWN_WORDS = "the words are our own"
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
CAPABILITIES = ("/bin/grep", "Cap", "/proc/self/status")


def process(**fields):
    return lambda config: config["process"].update(fields)


def linux(**fields):
    return lambda config: config["linux"].update(fields)


def run(d, label, *argv, change=None, differs="", **options):
    """A step `run` of a new container; the label says what is special about it."""
    where = d.bundle("one", *argv, change=change, **options)
    d.note(label, None)
    return d.step("run", "--bundle", where, "one", differs=differs)


def sequence_environment(d):
    """A name has one value, the last, where it came first; HOME is never empty."""
    for env in (["A=1", "A=2"], ["HOME="], ["HOME=/x"], ["HOME=/x", "HOME="], ["HOME=", "HOME=/x"], ["ONE=two", "ONE="], ["PATH="], ["N=\n", "N2=x"],
                ["A=1", "B=2", "A=3", "B=4", "AB=5"], ["A=1=2", "A=1"], []):
        run(d, str(env), "/bin/env", change=process(env=["PATH=/bin", *env]))
    for env in (["A"], ["=x"], [""]):
        run(d, str(env), "/bin/env", change=process(env=["PATH=/bin", *env]), differs=OWN_WORDS)
    d.running("two", *SLEEP, change=process(env=["PATH=/bin", "A=1", "HOME=/h"]))
    for options in ([], ["-e", "A=2"], ["-e", "A=2", "-e", "A=3"], ["-e", "HOME="], ["-u", "7", "-e", "HOME="]):
        d.step("exec", *options, "two", "/bin/env")
    given = {"args": ["/bin/env"], "cwd": "/", "env": ["B=1", "PATH=/bin", "B=2", "HOME="]}
    d.step("exec", "--process", process_file(d, given), "two")
    d.step("delete", "--force", "two")
    d.left()


NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts")
SAME_NAMESPACES = """for one in "$@"; do
    name=${one%%=*}
    [ "$(readlink /proc/self/ns/$name)" = "${one#*=}" ] && echo "$name as outside"
    [ "$(stat -Lc %i /proc/self/ns/$name)" = "$(readlink /proc/self/ns/$name | tr -dc 0-9)" ] || echo "$name has two numbers"
done"""


def sequence_namespace_numbers(d):
    """A namespace that is not the container's own has the number it has outside."""
    own = [f"{name}={os.readlink(f'/proc/self/ns/{name}')}" for name in NAMESPACES]
    net = f"/proc/{os.getpid()}/ns/net"
    kinds = [{"type": kind} for kind in ("pid", "mount")]
    for label, namespaces in (("none but these", kinds), ("a network", [*kinds, {"type": "network"}]), ("all", None),
                              ("a network by its path", [*kinds, {"type": "network", "path": net}]), ("ipc and uts", [*kinds, {"type": "ipc"}, {"type": "uts"}])):
        change = None if namespaces is None else linux(namespaces=namespaces)

        def without_names(config, change=change):
            config.pop("hostname", None)
            if change is not None:
                change(config)
        run(d, label, "/bin/sh", "-c", SAME_NAMESPACES, "sh", *own, change=without_names)
    d.left()


def sequence_process_from_pipe(d):
    """exec --process <(command)."""
    d.running("one", *SLEEP)
    for text in ('{"args":["/bin/echo","came by a pipe"],"cwd":"/"}', "{", '{"args":["/bin/echo","' + "x" * 100000 + '"],"cwd":"/"}'):
        read, write = os.pipe()
        os.set_inheritable(read, True)
        writer = threading.Thread(target=lambda t=text, w=write: (os.write(w, t.encode()), os.close(w)))
        writer.start()
        d.step("exec", "--process", f"/dev/fd/{read}", "one", pass_fds=[read], differs=OWN_WORDS if text == "{" else "",
               view=lambda out: [out[:30], len(out)])
        writer.join()
        os.close(read)
    d.step("exec", "--process", "/dev/zero", "one", differs=OWN_WORDS)
    d.step("delete", "--force", "one")
    d.left()


def sequence_capabilities(d):
    """What the kernel makes of capability sets, and what exec --cap adds to them."""
    some = ["CAP_CHOWN", "CAP_KILL"]
    none = {name: [] for name in SETS}
    for given in ({}, {"ambient": some}, {"bounding": some, "permitted": some}, {"permitted": some + ["CAP_SYS_TIME"], "bounding": some},
                  {"bounding": some, "inheritable": some}, {"bounding": some, "inheritable": some, "permitted": some, "ambient": some[:1]},
                  {name: some for name in SETS}, {"bounding": ["CAP_UNKNOWN", "UNKNOWN_CAP"]}):
        for uid in (0, 7):
            run(d, f"{given} as {uid}", *CAPABILITIES, change=process(capabilities=given, user={"uid": uid, "gid": uid}))
    for given in ({"inheritable": some}, {"inheritable": some, "bounding": some[:1]}, {"effective": some}):
        run(d, str(given), *CAPABILITIES, change=process(capabilities=given), differs=OWN_WORDS)
    for name, sets in (("none", none), ("all", {s: some for s in SETS}), ("heirs", {**none, "bounding": some, "permitted": some, "inheritable": some})):
        d.running(name, *SLEEP, change=process(capabilities=sets))
        for caps in ([], ["CAP_KILL"], ["CAP_KILL", "CAP_AUDIT_WRITE"], ["CAP_SYS_TIME"]):
            for user in ("0", "5"):
                options = [word for cap in caps for word in ("--cap", cap)]
                d.step("exec", *options, "--user", user, name, *CAPABILITIES)
        d.step("delete", "--force", name)
    d.left()


def sequence_domainname(d):
    see = "cat /proc/sys/kernel/domainname; hostname"
    for sysctl in ({"kernel.domainname": "of.ours"}, {"kernel/domainname": "a"}):
        run(d, str(sysctl), "/bin/sh", "-c", see, change=linux(sysctl=sysctl))
    run(d, "kernel.hostname", "/bin/sh", "-c", see, change=linux(sysctl={"kernel.hostname": "x"}), differs=OWN_WORDS)

    def without_uts(config):
        config["linux"]["sysctl"] = {"kernel.domainname": "of.the.host"}
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "uts"]
        config.pop("hostname", None)

    run(d, "the host's", "/bin/sh", "-c", see, change=without_uts, differs=OWN_WORDS)
    d.left()


def sequence_hook_surroundings(d):
    """The working folder and the environment of hooks, given and not given. The runtime's own hooks have the runtime's."""
    log = os.path.join(d.box.folder, "log-of-hooks")
    for stage in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
        own = stage in ("createContainer", "startContainer")
        where = "/log" if stage == "startContainer" else log
        text = "pwd; env | grep -vE '^(SHLVL|PWD|_|HOME)='" + (" | sort" if own else " | grep -E '^(A|Z)='")
        hooks = [{"path": "/bin/sh", "args": ["sh", "-c", f"({text}) >>{where}; true"], **more} for more in ({}, {"env": []}, {"env": ["A=b"]})]

        def change(config, stage=stage, hooks=hooks):
            config["hooks"] = {stage: hooks}
            config["process"].update(cwd="/tmp", env=["PATH=/bin:/usr/bin", "Z=1", "Z=2"])

        bundle = d.bundle("one", "/bin/cat", "/log", change=change)
        d.step("run", "--bundle", bundle, "one")
        if stage != "startContainer":
            with open(log, encoding="utf-8") as file:
                d.note(f"what {stage} hooks see", d.plain(file.read()))
            os.unlink(log)
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "echo $HOME"]}
    where = d.bundle("one", "/bin/cat", "/log", change=lambda c: (c["process"].update(env=["PATH=/bin"]), c.update(
        hooks={"startContainer": [{**hook, "args": ["sh", "-c", "echo $HOME >/log"]}]})))
    d.step("run", "--bundle", where, "one")
    d.left()


def own_failing_poststart(d):
    """As runc does it since 1.3, and the specification since 1.2.1: the container ends. (runc 1.1 has these hooks in create.)"""
    hooks = {"poststart": [{"path": "/bin/true"}, {"path": "/bin/false"}, {"path": "/bin/touch", "args": ["touch", f"{d.box.folder}/third"]}],
             "poststop": [{"path": "/bin/touch", "args": ["touch", f"{d.box.folder}/stopped"]}]}
    where = d.bundle("one", "/bin/sleep", "1000", change=lambda c: c.update(hooks=hooks))

    def there(name):
        return os.path.exists(f"{d.box.folder}/{name}")

    code, _, err = d.call(["run", "--bundle", where, "one"])
    d.check("run", [code, "error running poststart hook #1" in err, there("third"), there("stopped")], [1, True, False, True])
    os.unlink(f"{d.box.folder}/stopped")
    d.check("state after run", d.call(["state", "one"])[0], 1)
    d.check("run --detach", d.call(["run", "--detach", "--bundle", where, "one"])[0], 1)
    os.unlink(f"{d.box.folder}/stopped")
    d.check("create", d.call(["create", "--bundle", where, "one"])[0], 0)
    d.pid("one")
    code, _, err = d.call(["start", "one"])
    d.check("start", [code, "error running poststart hook #1" in err, there("third"), there("stopped")], [1, True, False, False])
    d.check("state", '"stopped"' in d.call(["state", "one"])[1], True)
    d.check("delete", [d.call(["delete", "one"])[0], there("stopped")], [0, True])
    d.left_nothing()


def sequence_terminal_into_pipe(d):
    """What a program with a terminal writes comes out of a pipe or a file without carriage returns. runc needs a terminal to say so."""
    see = "echo a; printf 'b\\r\\nc\\n'; stty -a | grep -o '[-]*onlcr'"
    out = os.path.join(d.box.folder, "bytes")

    def bytes_of(words):
        command = shlex.join(d.box.command(*d.with_ids(words)))
        for into in (f">{out} 2>&1", f"2>&1 | cat >{out}"):
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            text = b""
            for _ in range(10):
                d.reaper.run(["/usr/bin/script", "-qec", f"{command} {into}", "/dev/null"], **quiet)
                with open(out, "rb") as file:
                    text = file.read().replace(b"^@", b"")  # script's own end of input, echoed
                if b"-onlcr" in text or d.box.runtime != "runc":
                    break  # runc's exec says so to the terminal when the program may have begun
            yield text

    d.note("run", list(bytes_of(["run", "--bundle", d.bundle("one", "/bin/sh", "-c", see, terminal=True), "one"])))
    d.running("two", *SLEEP)
    d.note("exec", list(bytes_of(["exec", "--tty", "two", "/bin/sh", "-c", see])))
    d.step("delete", "--force", "two")
    d.left()


def sequence_program_found(d):
    """The first program is looked up with the rights the process will have, not with those of its real user."""
    shut = os.path.join(d.box.root, "shut")
    os.makedirs(shut)
    for name, mode in (("echo", 0o755), ("true", 0o600)):
        shutil.copy(os.path.join(d.box.root, "bin/busybox"), os.path.join(shut, name))
        os.chmod(os.path.join(shut, name), mode)
    os.chmod(shut, 0o700)
    for caps in ([], ["CAP_DAC_OVERRIDE"], ["CAP_DAC_READ_SEARCH"]):
        for uid in (0, 7):
            for sets in (SETS, SETS[:4]):
                for program in ("echo", "/shut/echo", "/shut/true"):
                    where = d.bundle("one", program, "found", change=process(
                        user={"uid": uid, "gid": uid}, env=["PATH=/shut:/bin"], capabilities={s: caps for s in sets}))
                    code, out, _ = d.call(["run", "--bundle", where, "one"])
                    d.note(f"{program} as {uid} with {caps} in {len(sets)} sets", [code == 0, out])
    d.running("two", *SLEEP, change=process(env=["PATH=/shut:/bin"]))
    d.step("exec", "--user", "7", "two", "/shut/echo", "found", differs=OWN_WORDS)
    d.step("delete", "--force", "two")
    d.left()
