# SPDX-License-Identifier: Apache-2.0
"""Trouble: bad bundles, full disks, tight limits, strange callers, many commands at once, what a dead machine leaves."""
import json
import os
import random
import resource
import signal
import subprocess
import threading

from steps import until  # first: it knows where the harness is
from sandbox import alive, libc, mount

SLEEP = ("/bin/sleep", "1000")
RLIMIT_LOCKS = 10  # of no use to the kernel any more, and the stamp of a process of ours: a caller's must not be taken for one
OWN_WORDS = "the words are our own"
MS_RDONLY, MS_REMOUNT = 1, 32


# -- bundles ---------------------------------------------------------------------------------------------------------


def sequence_bad_roots(d):
    def root(path):
        def change(config):
            config["root"]["path"] = path
        return change

    def place(name, make):
        path = os.path.join(d.box.folder, name)
        make(path)
        return path

    for name, make in (("file", lambda path: open(path, "w", encoding="ascii").close()),
                       ("dangling", lambda path: os.symlink("/nowhere", path)),
                       ("fifo", os.mkfifo)):
        d.step("create", "--bundle", d.bundle(name, *SLEEP, change=root(place(name, make))), name, differs=OWN_WORDS)
        d.step("state", name)
    d.step("create", "--bundle", d.bundle("relative", *SLEEP, change=root("../root")), "relative")
    link = place("link", lambda path: os.symlink(d.box.root, path))
    d.step("create", "--bundle", d.bundle("link", *SLEEP, change=root(link)), "link", code=False,
           differs="a root that is a link is followed, as crun does; runc refuses it")
    d.step("delete", "--force", "relative")
    d.step("delete", "--force", "link")
    d.left()


def sequence_bad_configs(d):
    for name, make in (("folder", os.mkdir), ("null", lambda path: os.symlink("/dev/null", path))):
        where = d.bundle(name, *SLEEP)
        config = os.path.join(where, "config.json")
        os.unlink(config)
        make(config)
        d.step("create", "--bundle", where, name, differs=OWN_WORDS)
        d.step("state", name)
    d.step("create", "--bundle", os.path.join(d.bundle("file", *SLEEP), "config.json"), "file", differs=OWN_WORDS)
    d.left()


# -- disks -----------------------------------------------------------------------------------------------------------


def small(d, path, options, flags=0):
    """A file system of its own, soon full."""
    os.makedirs(path, exist_ok=True)
    mount("tmpfs", path, "tmpfs", flags, "mode=711" + options)
    d.box.mounted.append(path)
    return path


def fill(path):
    try:
        with open(path, "wb") as file:
            file.write(bytes(1 << 20))
    except OSError:
        pass


def own_full_state(d):
    """--root is full at each point of create; and once it has been made a container needs no more room there."""
    where = d.bundle("one", *SLEEP)
    made = set()
    for options in [f",nr_inodes={count}" for count in range(1, 14)] + [f",size={4 * pages}k" for pages in range(1, 8)]:
        small(d, d.box.state, options)
        code, _, err = d.call(["create", "--bundle", where, "one"])
        made.add(code)
        if code != 0:
            d.check(f"create with {options}", [code, "No space left on device" in err], [1, True])
            d.check("state after that", d.quietly("state", "one"), 1)
        else:
            d.pid("one")
            fill(os.path.join(d.box.state, "filler"))
            for words in (["start"], ["state"], ["pause"], ["resume"], ["update", "--pids-limit", "99"], ["kill"], ["delete", "--force"]):
                d.check(f"{words[0]} with {options}", d.quietly(*words, "one"), 0)
            if os.path.exists(os.path.join(d.box.state, "filler")):
                os.unlink(os.path.join(d.box.state, "filler"))
        d.left_nothing()
        libc.umount2(d.box.mounted.pop().encode(), 0)
    d.check("it was full, and it was not", made, {0, 1})


def sequence_read_only_state(d):
    where = d.bundle("one", *SLEEP)
    small(d, d.box.state, "", MS_RDONLY)
    d.step("create", "--bundle", where, "one", differs=OWN_WORDS)
    d.step("state", "one")
    d.step("list", "-q")


def own_state_goes_read_only(d):
    """As a disk does on which an error was found: delete says so, and works when it is mended."""
    where = d.bundle("one", *SLEEP)
    small(d, d.box.state, "")
    d.check("create", d.quietly("create", "--bundle", where, "one"), 0)
    d.pid("one")
    d.check("kill", d.quietly("kill", "one", "KILL"), 0)
    until(lambda: not d.processes(), "the end of all its processes")
    remounted = libc.mount(b"tmpfs", d.box.state.encode(), b"tmpfs", MS_REMOUNT | MS_RDONLY, b"")
    d.check("the file system is read-only", remounted, 0)
    d.check("state", json.loads(d.call(["state", "one"])[1])["status"], "stopped")
    d.check("start", d.quietly("start", "one"), 1)
    for words in (["delete", "one"], ["delete", "--force", "one"]):
        code, _, err = d.call(words)
        d.check(" ".join(words), [code, "Read-only file system" in err], [1, True])
    libc.mount(b"tmpfs", d.box.state.encode(), b"tmpfs", MS_REMOUNT, b"")
    d.check("delete when it can be written", d.quietly("delete", "one"), 0)
    d.left_nothing()


def sequence_pid_file_fails(d):
    full = small(d, os.path.join(d.box.folder, "full"), ",size=4k")
    fill(os.path.join(full, "filler"))
    no_room = small(d, os.path.join(d.box.folder, "no-room"), ",nr_inodes=1")
    where = d.bundle("one", *SLEEP)
    for path in (os.path.join(full, "pid"), os.path.join(no_room, "pid"), "/no/such/folder/pid", full):
        for words in (("create",), ("run", "--detach")):
            d.step(*words, "--pid-file", path, "--bundle", where, "one", differs=OWN_WORDS)
            d.step("state", "one")
    d.running("two", *SLEEP)
    d.step("exec", "--pid-file", os.path.join(no_room, "pid"), "two", "/bin/true", differs=OWN_WORDS)
    d.step("exec", "--detach", "--pid-file", os.path.join(no_room, "pid"), "two", *SLEEP, differs=OWN_WORDS)
    d.step("ps", "--format", "json", "two", view=d.as_count)
    d.step("delete", "--force", "two")
    d.left()


def own_output_is_full(d):
    """What could not be printed is a failure."""
    d.create("one", *SLEEP)
    d.pid("one")
    for words in (["state", "one"], ["list"], ["list", "-q"], ["ps", "one"], ["features"], ["events", "--stats", "one"], ["--help"],
                  ["--version"]):
        with open("/dev/full", "wb") as full:
            code = d.reaper.run(d.box.command(*d.with_ids(words)), stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.DEVNULL)
        d.check(f"{words[0]} to a full disk", code, 1)
    d.quietly("delete", "--force", "one")
    d.left_nothing()


# -- callers ---------------------------------------------------------------------------------------------------------


def sequence_strange_callers(d):
    """What a caller hands on without meaning to: streams that are closed, signals, a mask, a folder that is gone."""
    where = d.bundle("one", *SLEEP)
    gone = os.path.join(d.box.folder, "gone")

    def in_folder_gone():
        os.mkdir(gone)
        os.chdir(gone)
        os.rmdir(gone)

    for label, options in (
            ("no streams", {"preexec_fn": lambda: os.closerange(0, 3)}),
            ("no standard input", {"preexec_fn": lambda: os.close(0)}),
            ("SIGCHLD ignored", {"preexec_fn": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)}),
            ("SIGTERM blocked", {"preexec_fn": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])}),
            ("nothing may be read", {"preexec_fn": lambda: os.umask(0o777)}),
            ("all may be written", {"preexec_fn": lambda: os.umask(0)}),
            ("a folder that is gone", {"preexec_fn": in_folder_gone}),
            ("no environment", {"env": {}})):
        code = d.reaper.run(d.box.command("create", "--bundle", where, d.names["one"]), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        d.note(f"create: {label}", code)
        d.pid("one")
        d.step("start", "one")
        d.step("kill", "one", "KILL")
        d.exit_of("one")
        d.step("delete", "one")
    d.left()


# -- limits ----------------------------------------------------------------------------------------------------------


def limited(d, words, which, soft, hard):
    """A command with a limit; its exit code and words."""
    errors = os.path.join(d.box.folder, "limited-err")
    with open(errors, "wb") as file:
        code = d.reaper.run(d.box.command(*d.with_ids(words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file,
                            preexec_fn=lambda: resource.setrlimit(which, (soft, hard)))
    with open(errors, encoding="utf-8", errors="replace") as file:
        return code, file.read()


def own_callers_limits(d):
    """A caller's limits are for the container's program. What stands in our own way is lifted, or named."""
    def unlimited(config):
        config["process"]["rlimits"] = []

    show = "ulimit -n; ulimit -f; ulimit -t; sed -n 's/Max file locks *//p' /proc/self/limits | cut -d ' ' -f 1"
    where = d.bundle("one", "/bin/sh", "-c", f"({show}) >/limits; sleep 1000", change=unlimited)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for files in (4, 8, 16, 32, 64, 100):
        code, err = limited(d, ["create", "--bundle", where, "one"], resource.RLIMIT_NOFILE, files, files)
        d.check(f"create with {files} files", [code, "ulimit -n" in err] if code != 0 else "made", [1, True])
        d.left_nothing()
    for which, soft, line, shown in ((resource.RLIMIT_NOFILE, 20, 0, "20"), (resource.RLIMIT_FSIZE, 512 * 20, 1, "20"),
                                     (resource.RLIMIT_CPU, 3000, 2, "3000"), (RLIMIT_LOCKS, 500, 3, "unlimited")):
        hard = highest if which == resource.RLIMIT_NOFILE else resource.RLIM_INFINITY
        code, err = limited(d, ["create", "--bundle", where, "one"], which, soft, hard)
        d.check(f"create with a soft limit {line} of {soft}", [code, err], [0, ""])
        d.pid("one")
        d.check("start", d.quietly("start", "one"), 0)
        until(lambda: (d.file("limits") or "").count("\n") == 4, "the limits the program sees")
        d.check("what the program sees", d.file("limits").split("\n")[line], shown)
        os.unlink(os.path.join(d.box.root, "limits"))
        d.check("delete", d.quietly("delete", "--force", "one"), 0)
        d.left_nothing()


def own_tight_cgroups(d):
    """A container that does not fit into its limits is refused in words that name them."""
    def limit(what, value):
        def change(config):
            config["linux"]["resources"][what] = {"limit": value}
        return change

    made = {}
    for what, values, words in (("pids", (1, 2, 3, 20), "limit of processes"),
                                ("memory", (4096, 65536, 262144, 64 << 20), "linux.resources.memory.limit")):
        for value in values:
            where = d.bundle("one", *SLEEP, change=limit(what, value))
            code, _, err = d.call(["create", "--bundle", where, "one"])
            d.check(f"create with {what} {value}", [code, words in err] if code else [0, True], [1 if value != values[-1] else 0, True])
            made[what] = code
            if code == 0:
                d.pid("one")
                d.check("start", d.quietly("start", "one"), 0)
                d.check("delete", d.quietly("delete", "--force", "one"), 0)
            d.left_nothing()


# -- many at once ----------------------------------------------------------------------------------------------------


def in_threads(functions):
    failures = []

    def guarded(function):
        try:
            function()
        except Exception as error:  # reported by the one who waits
            failures.append(repr(error))

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def own_crowd(d):
    """All commands on one id at once, in any order: each ends, and then the state is true and everything can be deleted."""
    where = d.bundle("one", *SLEEP)
    commands = (["create", "--bundle", where, "one"], ["start", "one"], ["pause", "one"], ["resume", "one"], ["state", "one"],
                ["kill", "one", "KILL"], ["delete", "one"], ["delete", "--force", "one"], ["exec", "one", "/bin/true"], ["list"],
                ["ps", "one"], ["update", "--pids-limit", "60", "one"])
    dice = random.Random(1)
    known = {0, 1, 137, 255}
    asked = {("create", -signal.SIGTERM), ("exec", -signal.SIGTERM)}  # delete --force asks those to end who are at work on it
    for turn in range(6):
        chosen = [[dice.choice(commands) for _ in range(6)] for _ in range(6)]
        codes = []
        failures = in_threads([lambda mine=mine: codes.extend((words[0], d.quietly(*words)) for words in mine) for mine in chosen])
        d.check(f"turn {turn}: all end, and say how", [failures, sorted({one for one in codes if one[1] not in known} - asked)], [[], []])
        code, out, _ = d.call(["state", "one"])
        if code == 0:
            state = json.loads(out)
            d.check("the state is true", state["pid"] > 0 and alive(state["pid"]), state["status"] != "stopped")
        d.check("delete", d.quietly("delete", "--force", "one"), 0)
        d.left_nothing()


def own_many_containers(d):
    """Many lives at once."""
    names = [f"c{number}" for number in range(10)]
    wheres = {name: d.bundle(name, *SLEEP) for name in names}

    def life(name):
        for words in (["create", "--bundle", wheres[name], name], ["start", name], ["exec", name, "/bin/true"], ["pause", name],
                      ["resume", name], ["kill", name, "KILL"], ["delete", "--force", name]):
            assert d.quietly(*words) == 0, words

    d.check("all of them live and die", in_threads([lambda n=name: life(n) for name in names]), [])
    d.left_nothing()


# -- after the machine died --------------------------------------------------------------------------------------------


def stopped_container(d):
    """The folder of a container whose processes have all ended, and its state."""
    where = d.bundle("one", *SLEEP)
    d.check("create", d.quietly("create", "--bundle", where, "one"), 0)
    d.pid("one")
    os.kill(d.pids["one"], signal.SIGKILL)
    folder = os.path.join(d.box.state, d.names["one"])
    path = os.path.join(folder, "state.json")
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    until(lambda: set(d.processes()) <= {"sleep"}, "the end of all its processes")  # the stranger's name
    return folder, path, state


def own_reused_pids(d):
    """The pids in a state are those of strangers by now: they are left alone."""
    stranger = d.reaper.start(["/bin/sleep", "1000"])
    with open(f"/proc/{stranger.pid}/stat", encoding="ascii") as file:
        start = int(file.read().rpartition(")")[2].split()[19])
    for label, mark, boot in (("started at another time", {"pid": stranger.pid, "start": start + 1}, None),
                              ("before a reboot", {"pid": stranger.pid, "start": start}, "0" * 8 + "-0000-0000-0000-" + "0" * 12),
                              ("pid 1", {"pid": 1, "start": 0}, None)):
        _, path, state = stopped_container(d)
        state.update(init=mark, sentry=mark, gofer=mark, boot=boot or state["boot"])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(state, file)
        code, out, _ = d.call(["state", "one"])
        d.check(f"{label}: state", [code, json.loads(out)["status"], json.loads(out)["pid"]], [0, "stopped", 0])
        d.check(f"{label}: kill", d.quietly("kill", "one", "KILL"), 1)
        d.check(f"{label}: start", d.quietly("start", "one"), 1)
        d.check(f"{label}: exec", d.quietly("exec", "one", "/bin/true"), 255)
        d.check(f"{label}: delete", d.quietly("delete", "one"), 0)
        d.check(f"{label}: the stranger lives", alive(stranger.pid), True)
    d.reaper.kill(stranger)
    d.reaper.wait(stranger)
    d.left_nothing()


def own_half_written(d):
    """What a loss of power can leave of a state folder: it is listed or named, and can be removed by force."""
    def cut(path):
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)

    def empty(path):
        os.truncate(path, 0)

    def zeros(path):
        with open(path, "r+b") as file:
            file.write(bytes(os.path.getsize(path)))

    def link(path):
        os.unlink(path)
        os.symlink("/etc/passwd", path)

    def folder(path):
        os.unlink(path)
        os.mkdir(path)

    def fifo(path):
        os.unlink(path)
        os.mkfifo(path)

    for harm in (cut, empty, zeros, link, folder, fifo, os.unlink):
        where, path, state = stopped_container(d)
        harm(path)
        open(path + ".4711", "w", encoding="ascii").close()  # of a writer that was interrupted
        name = harm.__name__
        d.check(f"{name}: list", d.quietly("list"), 0)
        d.check(f"{name}: state", d.quietly("state", "one"), 1)
        d.check(f"{name}: start", d.quietly("start", "one"), 1)
        d.check(f"{name}: create", d.quietly("create", "--bundle", state["bundle"], "one"), 1 if harm is not os.unlink else 0)
        d.check(f"{name}: delete by force", d.quietly("delete", "--force", "one"), 0)
        d.check(f"{name}: the folder is gone", os.path.exists(where), False)
        for group in d.cgroups():  # no longer known to anybody
            os.rmdir(os.path.join("/sys/fs/cgroup", group))
    d.left_nothing()
