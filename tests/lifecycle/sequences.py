# SPDX-License-Identifier: Apache-2.0
"""The sequences: what an engine or a person would do with a runtime, in order. Each is run with runc and with Postern."""
import json
import os
import signal
import subprocess
import threading
import time

from steps import until  # first: it knows where the harness is
import binds
import flags
import patience
import process
import ready
import resources
import trouble
import usage

SLEEP = ("/bin/sleep", "1000")
OWN_WORDS = "the words are our own"
USAGE = "runc prints its whole usage"


def sequence_whole_life(d):
    d.create("one", *SLEEP, annotations={"org.example.key": "a \"value\" <&>", "empty": ""})
    d.pid("one")
    d.step("state", "one", view=d.as_state)
    d.step("list", view=d.as_table)
    d.step("list", "--format", "json", view=d.as_states)
    d.step("list", "-q")
    d.step("list", "--quiet", "--format", "json")
    d.step("ps", "--format", "json", "one", view=d.as_count)
    d.step("create", "--bundle", d.bundle("other", *SLEEP), "one")
    d.step("start", "one")
    d.step("state", "one", view=d.as_state)
    d.step("list", view=d.as_table)
    d.step("start", "one")
    d.step("kill", "one", "0")
    d.step("ps", "-f", "json", "one")
    d.step("ps", "one", "-o", "pid,args", view=lambda text: d.plain(text).split())  # widths are those of the pids
    d.step("ps", "one", view=d.as_lines)
    d.step("ps", "one", "-o", "args")
    d.step("ps", "--format", "yaml", "one")
    d.step("delete", "one")
    d.step("kill", "one", "TERM")  # init has no handler: nothing comes of it
    d.step("state", "one", view=d.as_state)
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("state", "one", view=d.as_state)
    d.step("list", view=d.as_table)
    d.step("kill", "one")
    d.step("kill", "one", "KILL")
    d.step("kill", "--all", "one", "KILL")
    d.step("pause", "one")
    d.step("resume", "one")
    d.step("start", "one")
    d.step("exec", "one", "/bin/true", code=False)
    d.step("ps", "--format", "json", "one", view=d.as_count)
    d.step("delete", "one")
    d.step("state", "one")
    d.step("delete", "one")
    d.step("delete", "--force", "one")
    d.step("list", "-q")
    d.left()


def sequence_missing(d):
    for words in (["state"], ["start"], ["kill"], ["kill", "--all"], ["pause"], ["resume"], ["ps"], ["ps", "--format", "json"],
                  ["delete"], ["delete", "--force"], ["update", "--pids-limit", "5"], ["events", "--stats"]):
        d.step(*words, "nobody")
    d.step("exec", "nobody", "/bin/true")
    d.step("kill", "nobody", "NONSENSE")
    d.step("checkpoint", "nobody", differs="not supported")
    d.step("restore", "nobody", differs="not supported")
    d.left()


def sequence_bad_ids(d):
    where = d.bundle("fine", *SLEEP)
    for ident in ("", "..", ".", "a/b", "../x", "a b", "x\ny", "é", "a;b", "/"):
        for words in (["state"], ["delete"], ["delete", "--force"], ["kill"], ["create", "--bundle", where]):
            d.step(*words, ident)
    d.step("create", "--bundle", where, "x" * 300, differs=OWN_WORDS)
    d.left()


def sequence_usage(d):
    for words in (["state"], ["state", "a", "b"], ["start"], ["start", "a", "b"], ["kill"], ["kill", "a", "TERM", "b"],
                  ["delete"], ["delete", "a", "b"], ["pause"], ["pause", "a", "b"], ["resume"], ["ps"], ["list", "a"],
                  ["features", "a"], ["create"], ["create", "a", "b"]):
        d.step(*words, out=False, differs=USAGE)
    for words in (["state", "--nonsense", "a"], ["kill", "--nonsense", "a"], ["list", "--format"], ["delete", "-x", "a"]):
        d.step(*words, out=False, differs=USAGE)
    for words in (["state"], ["kill"], ["delete"], ["list"], ["ps"], ["pause"], ["resume"], ["start"], ["create"], ["features"],
                  ["checkpoint"], ["restore"]):
        d.step(*words, "--help", differs=USAGE)
    d.step("list", "--format", "yaml")


def sequence_global_options(d):
    for options in (["--debug"], ["--rootless", "auto"], ["--criu", "/x"], ["--systemd-cgroup"], ["--log-format", "json"]):
        d.step("list", "-q", globals_=options, err=False)
    d.step("list", globals_=["--log-format", "xml"], differs=OWN_WORDS)
    d.step("list", globals_=["--nonsense"], out=False, differs=USAGE)
    for form in ("json", "text"):
        log = os.path.join(d.box.folder, "log-" + form)
        d.step("state", "nobody", globals_=["--log", log, "--log-format", form], err=False)
        with open(log, encoding="utf-8") as file:
            line = file.read().splitlines()[-1]
        if form == "json":
            entry = json.loads(line)
            d.note("the log's last line", {key: entry.get(key) for key in ("level", "msg")})
        else:
            d.note("the log's last line", line.split(" ", 1)[1])
    code, out, _ = d.call(["features"])
    features = json.loads(out)
    d.note("features", {"code": code, "hooks": features["hooks"], "min": features["ociVersionMin"],
                        "linux": sorted(set(features["linux"]) & {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor",
                                                                  "selinux"}),
                        "mounts": {"bind", "rbind", "ro", "nosuid", "tmpcopyup", "rprivate"} <= set(features["mountOptions"])})
    code, out, _ = d.call(["--version"])
    d.note("--version", [code, out.split()[1], out.splitlines()[-1].split(":")[0]])


def own_features(d):
    """What engines are told of us: all of the cgroups' drivers, nothing that is refused, and which annotations change a sandbox."""
    features = json.loads(d.call(["features"])[1])
    linux = features["linux"]
    d.check("cgroups", linux["cgroup"], {name: True for name in ("v1", "v2", "systemd", "systemdUser", "rdma")})
    d.check("not enabled", [linux[name]["enabled"] for name in ("apparmor", "selinux", "intelRdt")], [False] * 3)
    d.check("SCMP_ACT_NOTIFY, of so many actions", ["SCMP_ACT_NOTIFY" in linux["seccomp"]["actions"], len(linux["seccomp"]["actions"])], [False, 8])
    d.check("flags", sorted(linux["seccomp"]["supportedFlags"]),
            ["SECCOMP_FILTER_FLAG_" + name for name in ("LOG", "SPEC_ALLOW", "TSYNC")])
    d.check("annotations", features["potentiallyUnsafeConfigAnnotations"], ["dev.postern."])


def sequence_signals(d):
    d.script("one", "n=0; trap 'n=$((n+1)); echo $n >/count' USR1; trap 'exit 7' TERM; ready; while :; do sleep 0.01; done")
    for turn, word in enumerate(("USR1", "SIGUSR1", "usr1", "sigusr1", "10"), 1):
        d.step("kill", "one", word)
        until(lambda n=turn: d.file("count") == f"{n}\n", f"signal {word}")
    for word in ("NONSENSE", "SIGNONSENSE", "SIGSIGTERM", "RTMIN", "10x", "1.5"):
        d.step("kill", "one", word)
    for word in ("65", "999"):
        d.step("kill", "one", word)
    d.step("kill", "one", "")  # as if there were none: TERM
    d.exit_of("one")
    d.step("kill", "one", "TERM")
    d.step("delete", "one")
    d.left()


def sequence_default_signal(d):
    d.script("one", "trap 'exit 8' TERM; ready; while :; do sleep 0.01; done")
    d.step("kill", "one")
    d.exit_of("one")
    d.step("delete", "--force", "one")
    d.left()


def sequence_options_last(d):
    d.running("one", *SLEEP)
    d.step("kill", "one", "KILL", "--all")
    d.exit_of("one")
    d.step("delete", "one", "--force")
    d.left()


def sequence_paused(d):
    d.script("one", "trap 'exit 9' TERM; ready; while :; do sleep 0.01; done")
    d.step("pause", "one")
    d.step("state", "one", view=d.as_state)
    d.step("list", view=d.as_table)
    d.step("pause", "one")
    d.step("kill", "one", "0")
    d.step("ps", "one", "-o", "pid,args", view=lambda text: d.plain(text).splitlines()[:2])
    d.step("start", "one")
    d.step("exec", "one", "/bin/true", differs=OWN_WORDS)
    d.step("delete", "one")
    d.step("kill", "one", "TERM")
    d.step("state", "one", view=d.as_state)  # the signal waits
    d.step("resume", "one")
    d.exit_of("one")
    d.step("resume", "one")
    d.step("delete", "one")
    d.left()


def sequence_paused_then_killed(d):
    d.running("one", *SLEEP)
    d.step("pause", "one")
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("state", "one", view=d.as_state)
    d.step("delete", "one")
    d.left()


def sequence_paused_then_deleted(d):
    d.running("one", *SLEEP)
    d.step("pause", "one")
    d.step("delete", "--force", "one")
    d.exit_of("one")
    d.step("state", "one")
    d.left()


def sequence_created(d):
    """What can be done with a container that was never started."""
    for name, signal in (("first", "TERM"), ("second", "INT"), ("third", "KILL")):
        d.create(name, *SLEEP)
        d.pid(name)
        d.step("kill", name, signal)
        until(lambda n=name: '"stopped"' in d.call(["state", n])[1], f"the end by {signal}")
        d.step("start", name)
        d.step("delete", name)
    d.create("usr", *SLEEP)
    d.pid("usr")
    d.step("kill", "usr", "CHLD")
    d.step("state", "usr", view=d.as_state)
    d.step("pause", "usr")
    d.step("state", "usr", view=d.as_state)
    d.step("start", "usr")
    d.step("resume", "usr")
    d.step("state", "usr", view=d.as_state)
    d.step("delete", "usr")
    d.step("state", "usr")
    d.create("force", *SLEEP)
    d.pid("force")
    d.step("delete", "--force", "force")
    d.exit_of("force")
    d.left()


def sequence_program_ends(d):
    for code in (0, 3, 255):
        name = f"exit{code}"
        d.create(name, "/bin/sh", "-c", f"exit {code}")
        d.pid(name)
        d.step("start", name)
        d.exit_of(name)
        d.step("state", name, view=d.as_state)
        d.step("delete", name)
    d.left()


def sequence_many_processes(d):
    d.script("one", "sleep 1000 & sleep 1000 & (sleep 1000 & sleep 1000) & ready; wait")
    until(lambda: len(json.loads(d.call(["ps", "-f", "json", "one"])[1]) or []) >= 5, "all processes")
    d.step("ps", "--format", "json", "one", view=d.as_count)
    d.step("ps", "one", view=d.as_lines)
    d.step("kill", "--all", "one", "0")
    d.step("kill", "--all", "one", "KILL")
    d.exit_of("one")
    d.step("ps", "--format", "json", "one", view=d.as_count)
    d.step("delete", "one")
    d.left()


def sequence_init_takes_all_along(d):
    d.script("one", "sleep 1000 & ready; wait")
    d.step("delete", "--force", "one")
    d.exit_of("one")
    d.left()


def sequence_pid_file(d):
    path = os.path.join(d.box.folder, "pid")
    where = d.bundle("one", *SLEEP)
    d.step("create", "--pid-file", path, "--bundle", where, "one")
    with open(path, encoding="utf-8") as file:
        d.note("the pid file is the pid", file.read() == str(d.pid("one")))
    with open(f"/proc/{d.pid('one')}/status", encoding="utf-8") as file:
        spid = [line.split()[-1] for line in file if line.startswith("NSpid:")]
    d.note("pid in its own namespace", spid)
    d.note("its parent is whoever reaps", os.getpid() == int(open(f"/proc/{d.pid('one')}/stat").read().rpartition(")")[2].split()[1]))
    d.step("delete", "--force", "one")
    d.left()


def sequence_detached(d):
    where = d.bundle("one", *SLEEP)
    d.step("run", "--detach", "--bundle", where, "one")
    d.pid("one")
    d.step("state", "one", view=d.as_state)
    d.step("run", "--detach", "--bundle", where, "one")
    d.step("delete", "--force", "one")
    d.exit_of("one")
    d.left()


def sequence_exec(d):
    d.running("one", *SLEEP)
    d.step("exec", "one", "/bin/true")
    d.step("exec", "one", "/bin/sh", "-c", "exit 5")
    d.step("exec", "one", "/bin/sh", "-c", "kill -9 $$")
    d.step("exec", "one", "/bin/echo", "hello")
    d.step("exec", "--cwd", "/tmp", "one", "/bin/pwd")
    d.step("exec", "--env", "A=b c", "one", "/bin/sh", "-c", "echo $A")
    d.step("exec", "--user", "7:8", "one", "/bin/sh", "-c", "id -u; id -g")
    d.step("exec", "one", "/no/such/program", differs=OWN_WORDS)
    path = os.path.join(d.box.folder, "exec-pid")
    d.step("exec", "--detach", "--pid-file", path, "one", *SLEEP)
    d.step("ps", "--format", "json", "one", view=d.as_count)
    with open(path, encoding="utf-8") as file:
        second = file.read()
    d.note("the pid file is in the list", int(second) in json.loads(d.call(["ps", "-f", "json", "one"])[1]))
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("exec", "one", "/bin/true", differs=OWN_WORDS)
    d.step("delete", "one")
    d.left()


def sequence_annotations(d):
    d.create("none", *SLEEP)
    d.pid("none")
    d.step("state", "none", view=d.as_state)
    d.create("some", *SLEEP, annotations={"é": "\u2028\t\"\\", "b": "<html>"})
    d.pid("some")
    d.step("state", "some", view=d.as_state)
    d.step("list", "--format", "json", view=lambda text: sorted(d.as_states(text), key=str))
    d.step("delete", "none")
    d.step("delete", "some")
    d.left()


def sequence_damage(d):
    """Folders that no container belongs to."""
    half, broken, empty = (os.path.join(d.box.state, name) for name in ("half", "broken", "empty"))
    os.mkdir(half)
    for folder, text in ((broken, "{"), (empty, "")):
        os.mkdir(folder)
        with open(os.path.join(folder, "state.json"), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(d.box.state, "file"), "w", encoding="utf-8"):
        pass
    d.step("list", view=d.as_table, err=False)
    d.step("list", "-q", err=False)
    d.step("state", "half")
    d.step("kill", "half")
    d.step("state", "broken", differs=OWN_WORDS)
    d.step("state", "empty", differs=OWN_WORDS)
    d.step("delete", "broken", differs=OWN_WORDS)
    d.step("delete", "half")
    d.step("delete", "--force", "half")
    d.note("the folder is gone", not os.path.exists(half))
    d.step("state", "file", differs=OWN_WORDS)


def sequence_bad_bundles(d):
    d.step("create", "--bundle", "/no/such/bundle", "one", differs=OWN_WORDS)
    where = d.bundle("one", *SLEEP)
    config = os.path.join(where, "config.json")
    with open(config, encoding="utf-8") as file:
        text = file.read()
    for bad in ("", "{", "[]", text[:200]):
        with open(config, "w", encoding="utf-8") as file:
            file.write(bad)
        d.step("create", "--bundle", where, "one", differs=OWN_WORDS)
        d.step("state", "one")
    os.unlink(config)
    d.step("create", "--bundle", where, "one", differs=OWN_WORDS)

    def no_root(settings):
        settings["root"]["path"] = "/no/such/root"

    d.step("create", "--bundle", d.bundle("rootless", *SLEEP, change=no_root), "rootless", differs=OWN_WORDS)
    d.step("state", "rootless")
    d.step("create", "--bundle", d.bundle("program", "/no/such/program"), "program", differs=OWN_WORDS)
    d.step("state", "program")
    d.step("delete", "--force", "program")
    d.step("list", "-q")
    d.left()


def together(d, count, *words):
    """The same command several times at once; how many of each exit code."""
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(d.quietly(*words))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {code: codes.count(code) for code in sorted(set(codes))}


def own_at_once(d):
    where = d.bundle("one", *SLEEP)
    for turn in range(3):
        d.check("8 creations of one id", together(d, 8, "create", "--bundle", where, "one"), {0: 1, 1: 7})
        d.pid("one")
        d.check("8 states", together(d, 8, "state", "one"), {0: 8})
        d.check("8 starts", together(d, 8, "start", "one"), {0: 1, 1: 7})
        d.check("8 kills", together(d, 8, "kill", "one", "0"), {0: 8})
        d.check("8 pauses", together(d, 8, "pause", "one"), {0: 1, 1: 7})
        d.check("8 resumes", together(d, 8, "resume", "one"), {0: 1, 1: 7})
        if turn == 0:
            d.check("8 deletes of what runs", together(d, 8, "delete", "one"), {1: 8})
        d.check("8 deletes by force", together(d, 8, "delete", "--force", "one"), {0: 8})
        d.check("8 states of nothing", together(d, 8, "state", "one"), {1: 8})


def sequence_same_id_again(d):
    where = d.bundle("one", *SLEEP)
    for _ in range(3):
        d.step("create", "--bundle", where, "one")
        d.step("start", "one")
        d.pid("one")
        d.step("delete", "--force", "one")
        d.exit_of("one")
    d.left()


def own_deaths(d):
    """Who serves a container is killed: it reads as stopped, and delete needs no force."""
    for victim in ("init", "sentry", "gofer"):
        for stage in ("created", "running", "paused"):
            name = f"{victim}-{stage}"
            d.create(name, *SLEEP)
            d.pid(name)
            for command in {"created": [], "running": ["start"], "paused": ["start", "pause"]}[stage]:
                d.quietly(command, name)
            with open(os.path.join(d.box.state, d.names[name], "state.json"), encoding="utf-8") as file:
                os.kill(json.load(file)[victim]["pid"], signal.SIGKILL)
            if stage == "paused":
                d.quietly("resume", name)
            if victim != "gofer":  # without it the program goes on until it wants a file
                until(lambda n=name: '"stopped"' in d.call(["state", n])[1], f"the end of {name}")
            d.check(f"delete after the {victim} of a {stage} container died",
                    d.quietly(*(["delete", "--force"] if victim == "gofer" else ["delete"]), name), 0)
            d.check("state after that", d.quietly("state", name), 1)
    d.left_nothing()


def own_killed_create(d):
    """create is killed at any moment: by force all that is there goes."""
    where = d.bundle("one", *SLEEP)
    for moment in range(0, 60, 3):
        command = d.box.command("create", "--bundle", where, d.names["one"])
        process = d.reaper.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment / 1000)
        d.reaper.kill(process)
        d.reaper.wait(process)
        d.pid("one")
        d.check(f"delete --force after {moment} ms of create", d.quietly("delete", "--force", "one"), 0)
        d.check("state after that", d.quietly("state", "one"), 1)
        d.left_nothing()


def all_sequences():
    """Those compared with runc, and those (own_...) that know what is right."""
    found = {}
    for names in (globals(), *map(vars, (binds, flags, patience, process, ready, resources, trouble, usage))):
        for name, what in names.items():
            if name.startswith(("sequence_", "own_")):
                assert found.setdefault(name.split("_", 1)[1].replace("_", "-"), what) is what, f"two tests are called {name}"
    return found
