# SPDX-License-Identifier: Apache-2.0
"""Sequences about the command line itself: the order of its words, what it says of wrong ones."""
import array
import glob
import json
import os
import re
import signal
import socket

from steps import remember, until  # first: it knows where the harness is
import options
from flags import given_fds

SLEEP = ("/bin/sleep", "1000")
USAGE = "runc prints its whole usage"


def sequence_options_behind_id(d):
    """Of all commands but exec and ps, whose words are another program's, options may stand behind the id."""
    d.running("one", *SLEEP)
    for words in (["--pids-limit", "50"], ["--memory", "64m", "--pids-limit", "30"], ["--memory=70m"], ["--cpu-share=300"]):
        d.step("update", "one", *words)
    d.step("update", "--pids-limit", "30", "one", "--memory=70m")
    d.step("events", "one", "--stats", view=lambda text: sorted(json.loads(text)["data"]["pids"].items())[1:])
    for words in (["kill", "one", "0", "-a"], ["list", "-q", "--format", "json"], ["pause", "one"], ["resume", "one"], ["state", "--", "one"]):
        d.step(*words, view=lambda text: len(text.split()))
    for words in (["start"], ["state"], ["pause"], ["kill"], ["delete"], ["events"], ["update"], ["run"], ["create"]):
        d.step(*words, "one", "--help", differs=USAGE)
    for words in (["update", "one", "--nonsense", "3"], ["delete", "one", "-f", "x"], ["events", "one", "two", "--stats"], ["run", "a", "b", "--keep"],
                  ["state", "one", "--nonsense"], ["create", "a", "--bundle", "/tmp", "b"], ["spec", "x", "--rootless"]):
        d.step(*words, out=False, differs=USAGE)
    d.step("exec", "one", "--cwd", "/tmp", "/bin/pwd", differs="the words in front are runc's own")
    d.step("delete", "one", "-f")
    where = d.bundle("two", "/bin/echo", "ran")
    for words in (["run", "two", "--bundle", where], ["run", "--bundle", where, "two", "--keep"], ["delete", "two"],
                  ["create", "two", "-b", where], ["delete", "two", "--force"], ["create", "--bundle", where, "two", "--no-pivot"],
                  ["delete", "--force", "two"]):
        d.step(*words)
    d.left()


def sequence_help(d):
    for words in (["help"], ["help", "kill"], ["help", "update"], ["help", "help"]):
        d.step(*words, view=lambda text: len(text) > 40)
    d.step("help", "nonsense", out=False, code=False, differs="runc's exits with 3")


def sequence_unknown_annotations(d):
    """Those that begin as Postern's do are Postern's; all others are anybody's."""
    for key in ("dev.poster", "com.example", "run.oci.handler", "org.systemd.property."):
        d.step("run", "one", "--bundle", d.bundle("one", "/bin/true", change=lambda c, key=key: c.update(annotations={key: "x"})))
    d.left()


def own_wrong_annotations(d):
    for key in ("dev.postern.", "dev.postern.layers", "dev.postern.rootfs.x", "dev.postern.Layer"):
        code, _, err = d.call(["create", "--bundle", d.bundle("one", *SLEEP, change=lambda c, key=key: c.update(annotations={key: "x"})), "one"])
        d.check(key, [code, f'annotations["{key}"]' in err, d.call(["state", "one"])[0]], [1, True, 1])
    with open(os.path.join(options.REPO, "docs/postern.1"), encoding="utf-8") as page:
        real = set(re.findall(r"dev\.postern\.[a-z-]+", page.read().replace("\\-", "-")))
    sources = "".join(open(path, encoding="utf-8").read() for path in glob.glob(os.path.join(options.REPO, "runtime/**/*.[ch]"), recursive=True))
    of_code = {*re.findall(r'"(dev\.postern\.[a-z-]+)"', sources), *("dev.postern." + name for name in re.findall(r'ANNOTATION_PREFIX "([a-z-]+)"', sources))}
    d.check("those of the code are in the manual page", [sorted(of_code - real), len(of_code) >= 6], [["dev.postern.version"], True])  # that is of features
    for key in sorted(real):
        code, _, err = d.call(["create", "--bundle", d.bundle("one", *SLEEP, change=lambda c, key=key: c.update(annotations={key: "?"})), "one"])
        d.check(key, [code, "no such annotation" in err], [1, False])
    d.left_nothing()


def own_help_and_version(d):
    """help is --help; version is --version, and says what was built; routes takes names."""
    for words in ([], ["kill"], ["do"], ["routes"], ["version"]):
        d.check(" ".join(["help", *words]), d.call(["help", *words])[1], d.call([*words, "--help"])[1])
    code, out, err = d.call(["nonsense-of-options", "--help"])
    d.check("no such command", [code, out, "postern --help" in err], [1, "", True])
    for words in (["help", "nonsense"], ["help", "kill", "x"], ["version", "x"], ["version", "--x"], ["routes", "nonsense"], ["routes", "read", "-m"]):
        code, out, err = d.call(words)
        d.check(" ".join(words), [code, out, words[-1] in err or "--markdown" in err], [1, "", True])
    lines = d.call(["version"])[1].splitlines()
    d.check("version", [[line.split()[0] for line in lines], d.call(["--version"])[1].splitlines()],
            [["postern", "commit:", "spec:", "libseccomp:"], lines])
    d.check("two of the routes", [line.split()[1] for line in d.call(["routes", "read", "openat"])[1].splitlines()], ["CALL", "read", "openat"])
    d.check("the same as JSON", [call["name"] for call in json.loads(d.call(["routes", "openat", "-j"])[1])], ["openat"])
    for words in (["state", "--nonsense", "a"], ["list", "--format"], ["exec", "--x", "a"], ["events", "a", "--stat=3"]):
        d.check(" ".join(words) + " names the help", f"postern {words[0]} --help" in d.call(words)[2], True)


LOG_LINE = r'time="[0-9T:Z-]+" level=debug msg=".+"'
LIFE = (["create"], ["start"], ["exec", "/bin/true"], ["update", "--pids-limit", "50"], ["pause"], ["resume"], ["kill", "KILL"], ["delete", "--force"])


def life(d, name):
    """The command lines of a container's life."""
    place = ["--bundle", d.bundle(name, *SLEEP)]
    return [[words[0], *(place if words[0] == "create" else []), *([name, *words[1:]] if words[0] in ("exec", "kill") else [*words[1:], name])]
            for words in LIFE]


def sequence_debug_to_a_log(d):
    """What is done goes to the log alone; an error goes there as an error, and is said besides."""
    for form in ("text", "json"):
        log = os.path.join(d.box.folder, "debug-" + form)
        for words in life(d, form):
            d.step(*words, globals_=["--debug", "--log", log, "--log-format", form])
            if words[0] == "create":
                d.pid(form)
        d.call(["state", form], globals_=["--debug", "--log", log, "--log-format", form])
        with open(log, encoding="utf-8") as file:
            lines = file.read().splitlines()
        if form == "json":
            levels = [json.loads(line)["level"] for line in lines]
        else:
            levels = [re.search(" level=([a-z]+) ", line).group(1) for line in lines]
        d.note("the levels", [sorted(set(levels)), len(levels) > 5, levels[-1], levels.count("error")])
    d.left()


def own_debug(d):
    """Without a log they are on the standard error, a line of a log's each; without --debug nothing is."""
    said = {}
    for options in ([], ["--debug"], ["--log-level", "debug"]):
        for words in life(d, "one"):
            code, _, err = d.call(words, globals_=options)
            if words[0] == "create":
                d.pid("one")
            lines = err.splitlines()
            d.check(f"{options} {words[0]}", [code, bool(lines), all(re.fullmatch(LOG_LINE, line) for line in lines)], [0, bool(options), True])
            said[words[0]] = err
    for command, word in (("create", "the cgroup"), ("create", "the sentry is process"), ("create", "is created"), ("start", "has begun"), ("exec", "has entered"),
                          ("exec", "has ended: 0"), ("update", "limits"), ("pause", "frozen"), ("resume", "thawed"), ("kill", "signal 9"),
                          ("delete", "the state of container")):
        d.check(f"{command}: {word}", word in said[command], True)
    log = os.path.join(d.box.folder, "debug-of-run")
    hooks = {"poststart": [{"path": "/bin/true"}]}
    where = d.bundle("two", "/bin/sh", "-c", "exit 3", change=lambda config: config.update(hooks=hooks))
    code, _, err = d.call(["run", "--bundle", where, "two"], globals_=["--debug", "--log", log])
    with open(log, encoding="utf-8") as file:
        text = file.read()
    d.check("run", [code, err, [word in text for word in ("has begun", "poststart hook #0: /bin/true", "has ended: 3")]], [3, "", [True] * 3])
    code, _, err = d.call(["exec", "--env", "TOKEN=secret", "two", "/bin/true"], globals_=["--debug"])
    d.check("no secret is told", [code, "secret" in err, "level=debug" in err, "postern: " in err], [255, False, True, True])
    d.left_nothing()


def sequence_ps_options(d):
    """Whatever else ps is told, the container's processes are shown, and no others."""
    d.script("one", "sleep 1000 & ready; wait")

    def view(text):
        lines = text.splitlines()
        return [lines[0].split(), len(lines)]

    for options in (["-e", "-x"], ["-x"], ["-ef"], ["aux"], ["ax"], ["-o", "pid"], ["-o", "pid,args"], ["-H", "-e"], ["axjf"], ["-ly"], ["--forest"],
                    ["-A", "-f"]):
        d.step("ps", "one", *options, view=view)
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("ps", "one", "-o", "pid", view=view)
    d.step("delete", "one")
    d.left()


class PidfdSocket:
    """A socket for --pidfd-socket, and what comes by it."""

    def __init__(self, d, name):
        self.path = os.path.join(d.box.folder, name)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.server.settimeout(10)

    def take(self):
        connection, _ = self.server.accept()
        text, ancillary, _, _ = connection.recvmsg(100, socket.CMSG_SPACE(4))
        fds = array.array("i")
        for _, _, data in ancillary:
            fds.frombytes(data[:4])
        connection.close()
        return text, fds[0]


def own_pidfd_socket(d):
    """runc 1.2: a pidfd of the new process goes to a socket of the caller's."""
    for words in (["create"], ["run", "--detach"]):
        listener = PidfdSocket(d, "pidfd-" + words[0])
        d.check(" ".join(words), d.call([*words, "--pidfd-socket", listener.path, "--bundle", d.bundle("one", *SLEEP), "one"])[0], 0)
        remember((), [words[0], "--pidfd-socket"])
        d.pid("one")
        text, pidfd = listener.take()
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        until(lambda: '"stopped"' in d.call(["state", "one"])[1], "the end")
        d.check("what it says", [text, d.call(["delete", "one"])[0]], [b"standard", 0])
    d.running("two", *SLEEP)
    listener, pid_file = PidfdSocket(d, "pidfd-exec"), os.path.join(d.box.folder, "pid-of-exec")
    d.check("exec", d.call(["exec", "--detach", "--pid-file", pid_file, "--pidfd-socket", listener.path, "two", *SLEEP])[0], 0)
    remember((), ["exec", "--pidfd-socket"])
    text, pidfd = listener.take()
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as info, open(pid_file, encoding="ascii") as pid:
        d.check("of that process", [text, f"Pid:\t{pid.read()}\n" in info.read()], [b"setns", True])
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    d.check("the container goes on", '"running"' in d.call(["state", "two"])[1], True)
    for words in (["create", "--bundle", d.bundle("three", *SLEEP), "three"], ["exec", "two", "/bin/true"]):
        code, _, err = d.call([words[0], "--pidfd-socket", "/no/such/socket", *words[1:]])
        d.check(words[0] + " without a socket", [code != 0, "pidfd socket" in err], [True, True])
    d.check("nothing of it is there", d.call(["state", "three"])[0], 1)
    d.quietly("delete", "--force", "two")
    d.left_nothing()


def own_delete_matching(d):
    """crun's delete --regex."""
    for name in ("a", "b", "c"):
        d.call(["create", "--bundle", d.bundle(name, *SLEEP), name])
        d.pid(name)
    d.call(["start", "c"])
    both = f"({d.names['a']}|{d.names['b']})$"
    d.check("bad expression", d.call(["delete", "--regex", "("])[0], 1)
    d.check("nothing fits", d.call(["delete", "--regex", "^nobody$"])[0], 0)
    d.check("two of three", d.call(["delete", "--regex", both])[0], 0)
    remember((), ["delete", "--regex"])
    d.check("what is left", d.call(["list", "-q"])[1].split(), [d.names["c"]])
    code, _, err = d.call(["delete", "--regex", "^postern-test"])
    d.check("one that runs", [code, "not stopped" in err], [1, True])
    d.check("by force", d.call(["delete", "-f", "--regex", "^postern-test"])[0], 0)
    d.check("nothing is left", d.call(["list", "-q"])[1], "")
    d.left_nothing()


def own_config_file(d):
    """crun's --config: another file than the bundle's config.json, from the bundle on; what comes later knows it too."""
    proof = os.path.join(d.box.folder, "proof")
    hooks = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo stopped >{proof}"]}]}
    where = d.bundle("one", "/bin/echo", "from there", change=lambda config: config.update(hooks=hooks))
    os.mkdir(where + "/sub")
    os.rename(where + "/config.json", where + "/sub/other.json")
    for words in (["--config", "sub/other.json"], ["-f", where + "/sub/other.json"], ["--config=sub/../sub/other.json"]):
        code, out, _ = d.call(["run", *words, "--bundle", where, "one"])
        d.check(" ".join(words[:1]), [code, out, open(proof, encoding="ascii").read()], [0, "from there\n", "stopped\n"])
        os.unlink(proof)
    remember((), ["run", "--config"])
    d.check("create", d.call(["create", "--config", "sub/other.json", "--bundle", where, "one"])[0], 0)
    remember((), ["create", "--config"])
    pid = d.pid("one")
    os.rename(where + "/sub", where + "/gone")
    d.check("exec", d.call(["exec", "one", "/bin/echo", "x"])[:2], (0, "x\n"))
    d.check("start", d.call(["start", "one"])[0], 0)
    until(lambda: pid in d.reaper.ended, "the end")
    d.check("delete", [d.call(["delete", "one"])[0], os.path.exists(proof)], [0, True])
    code, _, err = d.call(["run", "--config", "sub/none.json", "--bundle", where, "one"])
    d.check("none", [code, "sub/none.json" in err], [1, True])
    d.left_nothing()


def own_listen_fds_alone(d):
    """As with crun, LISTEN_FDS without LISTEN_PID is meant for the container; runc wants both."""
    see = "env | grep LISTEN | sort; for n in 3 4 5; do [ -e /proc/self/fd/$n ] && cat <&$n; done; true"
    for count, number, wanted in ((2, 2, "file 0\nfile 1\n"), (3, 2, "file 0\nfile 1\n"), (1, 2, "file 0\n"), (0, 1, "")):
        given_fds(d, "run", "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=count, env={"LISTEN_FDS": number})
        d.check(f"{count} of {number}", d.steps.pop().seen["seen"], [0, f"LISTEN_FDS={number}\nLISTEN_PID=1\n{wanted}".strip()])
    given_fds(d, "run", "--bundle", d.bundle("one", "/bin/sh", "-c", see), "one", count=1, env={"LISTEN_FDS": "many"})
    d.check("no number", d.steps.pop().seen["seen"][0], 1)
    d.left_nothing()


def own_list_of_nothing(d):
    nowhere = os.path.join(d.box.folder, "nowhere")
    for words in (["list"], ["list", "-q"]):
        code, out, err = d.call(words, globals_=["--root", nowhere])
        d.check(" ".join(words), [code, len(out.split()), f"there is no folder {nowhere}" in err], [0, 6 if len(words) == 1 else 0, True])
