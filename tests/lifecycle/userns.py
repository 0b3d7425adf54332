# SPDX-License-Identifier: Apache-2.0
"""User namespaces with mappings and by path, as root, compared with runc."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import patched  # noqa: E402
from sandbox import Sandbox  # noqa: E402

UIDS, GIDS, SIZE = 700000, 800000, 65536
MAPS = {"uidMappings": [{"containerID": 0, "hostID": UIDS, "size": SIZE}],
        "gidMappings": [{"containerID": 0, "hostID": GIDS, "size": SIZE}]}

FACTS = r"""
id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
touch /tmp/a; mkdir /tmp/d; ln -s a /tmp/l; mkfifo /tmp/f
stat -c '%n %u:%g' / /tmp/* /dev /dev/pts /dev/shm /dev/fd /proc/self/status /seven
chown 5:6 /tmp/a; chown -h 7:8 /tmp/l; stat -c '%n %u:%g' /tmp/a /tmp/l
chown 65536 /tmp/a || echo refused; chgrp 70000 /tmp/a || echo refused; chown 65535:65535 /tmp/a && echo last
su -s /bin/sh nobody -c 'id; touch /tmp/his; stat -c %u:%g /tmp/his; echo x >>/tmp/a || echo his no'
stat -c '%u:%g %a' /host; cat /host; echo x >>/host || echo denied; cat /host-private || echo denied; chmod 777 /host || echo denied
chown 0:0 /host || echo denied; rm -f /tmp/a && echo removed; echo >/dev/null && head -c 1 /dev/zero | wc -c
cp /bin/busybox /tmp/b; chmod 4755 /tmp/b; chown 9 /tmp/b; stat -c %a /tmp/b; echo 5 >/proc/self/oom_score_adj && cat /proc/self/oom_score_adj
grep -E '^(Uid|Gid|Groups|CapEff)' /proc/self/status
"""


def shift(root):
    """The tree as an engine with remapped users would unpack it."""
    for folder, folders, files in os.walk(root):
        for name in [".", *folders, *files]:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            os.chown(path, UIDS, GIDS, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, mode & 0o7777)


def with_users(fields, path=None, uid=None):
    def change(config):
        config["linux"]["namespaces"].append({"type": "user", **({"path": path} if path else {})})
        config["linux"].update(fields)
        if uid is not None:
            config["process"]["user"]["uid"] = uid
    return change


class Host:
    """Files of the host's root, in a folder of their own."""

    def __init__(self, box):
        self.mounts = []
        for name, mode in (("host", 0o644), ("host-private", 0o600)):
            path = os.path.join(box.folder, name)
            with open(path, "w", encoding="ascii") as out:
                out.write(name + "\n")
            os.chmod(path, mode)
            self.mounts.append(f"/{name}:bind:{path}:bind")
        self.mounts.append("/seven:tmpfs:tmpfs:uid=7,gid=8,mode=750")


def play(runtime, change, script, **options):
    with Sandbox(runtime, "busybox", copy=True) as box:
        host = Host(box)
        shift(box.root)
        done = patched.run(box, ["/bin/sh", "-c", script], change, mounts=host.mounts, **options)
        owners = {}
        for name in sorted(os.listdir(os.path.join(box.root, "tmp"))):
            status = os.lstat(os.path.join(box.root, "tmp", name))
            owners[name] = (status.st_uid, status.st_gid)
        left = [open(os.path.join(box.folder, name), encoding="ascii").read() for name in ("host", "host-private")]
        return done.returncode, done.stdout, done.stderr, owners, left


def refused(runtime, change, *words):
    code, _, error, _, _ = play(runtime, change, "true")
    assert code == 1 and all(word in error for word in words), (words, code, error)


def executed(box_runtime):
    """Processes that join: with the container's ids, with a terminal of their own, and with an id nobody there has."""
    with Sandbox(box_runtime, "busybox", copy=True) as box:
        shift(box.root)
        ident, command = box.prepare(["/bin/sleep", "100"])
        where = os.path.join(command[command.index("--bundle") + 1], "config.json")
        patched.edit(where, with_users(MAPS))
        quiet = dict(stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        subprocess.run(box.command("run", "-d", *command[command.index("--bundle"):]), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=True)
        try:
            def execute(*words):
                return subprocess.run(box.command("exec", *words), **quiet)
            him = execute("-u", "5:6", ident, "sh", "-c", "id; touch /tmp/e; stat -c %u:%g /tmp/e")
            terminal = subprocess.run(["script", "-qec", " ".join(box.command("exec", "-t", "-u", "5:6", ident, "sh", "-c",
                                      "'stat -c %u $(tty); echo >$(tty) && echo written'")), "/dev/null"], **quiet)
            nobody = execute("-u", "70000", ident, "true")
            words = terminal.stdout.replace("^@", "").replace("\0", "").split()
            return him.returncode, him.stdout, terminal.returncode, words, nobody.returncode != 0
        finally:
            subprocess.run(box.command("delete", "--force", ident), check=False, **{k: v for k, v in quiet.items() if k != "check"})


def by_path(runtime):
    """The namespace of somebody else."""
    holder = subprocess.Popen(["unshare", "-U", "sleep", "600"])
    try:
        while os.readlink(f"/proc/{holder.pid}/ns/user") == os.readlink("/proc/self/ns/user"):
            pass
        for file, first in (("uid_map", UIDS), ("gid_map", GIDS)):
            with open(f"/proc/{holder.pid}/{file}", "w", encoding="ascii") as out:
                out.write(f"0 {first} {SIZE}\n")
        return play(runtime, with_users({}, path=f"/proc/{holder.pid}/ns/user"), FACTS)
    finally:
        holder.kill()
        holder.wait()


def of_another(runtime):
    """The namespace of another container, as a pod's containers share it, and of one that has joined it; and a container that has none."""
    with Sandbox(runtime, "busybox", copy=True) as box:
        host = Host(box)
        shift(box.root)
        started, done = [], []

        def state(ident):
            return json.loads(subprocess.run(box.command("state", ident), capture_output=True, text=True, timeout=60, check=True).stdout)

        def start(change):
            ident, command = box.prepare(["/bin/sleep", "100"])
            words = command[command.index("--bundle"):]
            patched.edit(os.path.join(words[1], "config.json"), change)
            started.append(ident)
            subprocess.run(box.command("run", "-d", *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=60, check=True)
            return f"/proc/{state(ident)['pid']}/ns/user"

        try:
            first = start(with_users(MAPS))
            second = start(with_users(MAPS, path=first))
            for path in (first, second):
                done.append(patched.run(box, ["/bin/sh", "-c", FACTS], with_users(MAPS, path=path), mounts=host.mounts))
            done.append(subprocess.run(box.command("exec", "-u", "5:6", started[1], "sh", "-c", "id; touch /tmp/e; stat -c %u:%g /tmp/e"),
                                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False))
            if runtime != "runc":  # which takes no path without mappings; 1.2 does, and has no more to say of this one
                plain = start(lambda config: None)
                own = patched.run(box, ["/bin/sh", "-c", "cat /proc/self/uid_map; stat -c %u /"], with_users({}, path=plain))
                assert own.stdout.split() == ["0", "0", "4294967295", str(UIDS)], own
                assert patched.run(box, ["/bin/true"], with_users({}, path=first)).returncode == 0
            return [(one.returncode, one.stdout, one.stderr) for one in done]
        finally:
            for ident in started:
                subprocess.run(box.command("delete", "--force", ident), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def id_mapped(runtime):
    """Binds whose files have other owners than on disk, without a user namespace and with the container's."""
    one = {"uidMappings": [{"containerID": 1234, "hostID": 0, "size": 1}], "gidMappings": [{"containerID": 1235, "hostID": 0, "size": 1}]}
    with Sandbox(runtime, "busybox", copy=True) as box:
        folder = os.path.join(box.folder, "mapped")
        os.mkdir(folder)
        os.chown(folder, 1234, 1235)
        with open(os.path.join(folder, "file"), "w", encoding="ascii") as out:
            out.write("text\n")
        os.chmod(os.path.join(folder, "file"), 0o600)
        os.chown(os.path.join(folder, "file"), 5, 6)

        def run(fields, kind, change=None):
            script = "stat -c %u:%g /m /m/file; touch /m/new && stat -c %u:%g /m/new; cat /m/file; rm -f /m/new"
            def add(config):
                if change:
                    change(config)
                config["mounts"].append({"destination": "/m", "type": kind, "source": folder, "options": ["bind", "idmap"], **fields})
            done = patched.run(box, ["/bin/sh", "-c", script], add)
            return done.returncode, done.stdout.split(), done.stderr

        code, words, error = run(one, "bind")
        assert words == ["0:0", "65534:65534", "0:0"] and "denied" in error, (code, words, error)
        code, words, error = run({}, "bind", with_users(MAPS))
        assert words == ["1234:1235", "5:6", "0:0", "text"], (code, words, error)
        code, words, error = run({}, "bind")
        assert code == 1 and "mounts[" in error and "uidMappings" in error, (code, words, error)
        code, words, error = run({"uidMappings": one["uidMappings"] * 2, "gidMappings": one["gidMappings"]}, "bind")
        assert code == 1 and "uidMappings[1]" in error, (code, words, error)


def test(runtime):
    wanted, got = play("runc", with_users(MAPS), FACTS), play(runtime, with_users(MAPS), FACTS)
    assert wanted == got and got[0] == 0, f"\nrunc {wanted}\nhere {got}"
    assert got[3]["d"] == (UIDS, GIDS) and got[3]["his"] == (UIDS + 65534, GIDS + 65534), got[3]
    assert by_path(runtime)[:4] == got[:4], (by_path(runtime), got)
    wanted, got = of_another("runc"), of_another(runtime)
    assert wanted == got and [one[0] for one in got] == [0] * 3, f"another's:\nrunc {wanted}\nhere {got}"
    wanted, got = executed("runc"), executed(runtime)
    assert wanted == got and "written" in got[3], f"exec:\nrunc {wanted}\nhere {got}"

    one = {"uidMappings": [{"containerID": 0, "hostID": UIDS, "size": 1}, {"containerID": 5, "hostID": UIDS + 5, "size": 3}],
           "gidMappings": [{"containerID": 0, "hostID": GIDS, "size": 10}]}
    script = "cat /proc/self/uid_map; touch /tmp/x; for i in 4 5 7 8; do chown $i /tmp/x || echo no $i; done; su -s /bin/sh nobody -c id || echo no"
    wanted, got = (play(r, with_users(one), script) for r in ("runc", runtime))
    assert wanted[:2] == got[:2] and got[0] == 0, f"pieces:\nrunc {wanted}\nhere {got}"

    id_mapped(runtime)
    refused(runtime, with_users(MAPS, uid=65536), "process.user.uid", "65536")
    refused(runtime, with_users({}), "linux.uidMappings")
    refused(runtime, with_users({**MAPS, "uidMappings": MAPS["uidMappings"] * 2}), "linux.uidMappings[1]", "overlaps")
    refused(runtime, with_users({**MAPS, "gidMappings": [{"containerID": 0, "hostID": 4294967290, "size": 9}]}), "linux.gidMappings[0]")
    refused(runtime, with_users({}, path="/nonexistent"), "/nonexistent")
    refused(runtime, with_users({}, path="/proc/self/ns/net"), "/proc/self/ns/net")
