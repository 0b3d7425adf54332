# SPDX-License-Identifier: Apache-2.0
"""What an ordinary user can do: the whole life of containers, with one id and with subordinate ones, compared with runc's rootless
mode where that can do it here."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import bundle  # noqa: E402
from ordinary import GID, SUBORDINATE, UID, OrdinaryUser  # noqa: E402
from sandbox import runtime_command, tree  # noqa: E402

ONE = {"uidMappings": [{"containerID": 0, "hostID": UID, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": GID, "size": 1}]}
MANY = {"uidMappings": ONE["uidMappings"] + [{"containerID": 1, "hostID": SUBORDINATE, "size": 65536}],
        "gidMappings": ONE["gidMappings"] + [{"containerID": 1, "hostID": SUBORDINATE, "size": 65536}]}

FACTS = r"""
id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
touch /tmp/a; stat -c '%n %u:%g' / /tmp/a /dev/pts /dev/shm /dev/null
chown 5:6 /tmp/a && stat -c %u:%g /tmp/a || echo refused
echo >/dev/null && head -c 3 /dev/zero | wc -c; hostname; hostname other || echo no
su -s /bin/sh nobody -c 'id -u' || echo no su
cat /private || echo denied; stat -c %u /private
cat /proc/1/comm; ls -A /sys/fs/cgroup >/dev/null && echo cgroup; mount -t tmpfs t /tmp || echo no mount
"""


class Bundle:
    """A bundle of the user's own."""

    def __init__(self, user, fields, argv, without_gid=False, **options):
        self.user = user
        self.where = os.path.join(user.home, "bundle")
        self.root = os.path.join(self.where, "rootfs")
        os.makedirs(self.where, exist_ok=True)
        if not os.path.isdir(self.root):
            shutil.copytree(tree("busybox"), self.root, symlinks=True)
            os.makedirs(os.path.join(self.root, "tmp"), exist_ok=True)
        config = bundle.config("rootfs", argv, **options)
        if fields is not None:
            config["linux"]["namespaces"].append({"type": "user"})
            config["linux"].update(fields)
        if fields is ONE or without_gid:  # there is no group 5
            for mount in config["mounts"]:
                mount["options"] = [o for o in mount.get("options", []) if o != "gid=5"]
        config["linux"].pop("cgroupsPath", None)
        config["linux"].pop("resources", None)
        self.config = config
        self.write()
        user.give(self.where)

    def write(self):
        with open(os.path.join(self.where, "config.json"), "w", encoding="utf-8") as out:
            json.dump(self.config, out)


def command(user, runtime, *words):
    program = user.postern if runtime == "postern" else runtime_command(runtime)[0]
    return [program, "--root", os.path.join(user.runtime_folder, runtime), *words]


def processes():
    """Those of the user and of his subordinate ids."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8") as status:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        except OSError:
            continue
        uid = int(facts["Uid"].split()[0])
        if (uid == UID or SUBORDINATE <= uid < SUBORDINATE + 65536) and not facts["State"].startswith("Z"):
            found.append(f"{facts['Name']} {facts['State']}")
    return found


def nothing_left(user):
    end = time.monotonic() + 20
    while processes():
        try:
            os.waitpid(-1, os.WNOHANG)  # what its runtime left to us, as to a shim
        except ChildProcessError:
            pass
        assert time.monotonic() < end, processes()
        time.sleep(0.05)
    for root, folders, files in os.walk(user.runtime_folder):
        assert not [f for f in files if not f.isdigit()] and not [f for f in folders if f not in ("postern", "runc")], (root, folders, files)


def facts(user, runtime, fields, private):
    Bundle(user, fields, ["/bin/sh", "-c", FACTS], mounts=[f"/private:bind:{private}:bind"])
    shutil.rmtree(os.path.join(user.home, "bundle/rootfs/tmp"))
    os.mkdir(os.path.join(user.home, "bundle/rootfs/tmp"))
    os.chown(os.path.join(user.home, "bundle/rootfs/tmp"), UID, GID)
    os.chmod(os.path.join(user.home, "bundle/rootfs/tmp"), 0o1777)
    done = user.run(command(user, runtime, "run", "--bundle", os.path.join(user.home, "bundle"), "facts"))
    status = os.stat(os.path.join(user.home, "bundle/rootfs/tmp/a"))
    return done.returncode, done.stdout, status.st_uid, status.st_gid, done.stderr


def life(user, runtime, shared=()):
    """create, start, exec (with a terminal), kill and delete; the states as they go. `shared`: namespaces that stay the user's."""
    made = Bundle(user, ONE, ["/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"])
    linux = made.config["linux"]
    linux["namespaces"] = [namespace for namespace in linux["namespaces"] if namespace["type"] not in shared]
    if "uts" in shared:
        del made.config["hostname"]
    if "ipc" in shared:  # runc may not mount the queues then
        made.config["mounts"] = [mount for mount in made.config["mounts"] if mount["type"] != "mqueue"]
    made.write()
    where = made.where
    seen = []

    def do(*words, text=False):
        null = subprocess.DEVNULL
        streams = dict(stdout=subprocess.PIPE, stderr=null) if text else dict(stdout=null, stderr=null)
        done = subprocess.run(user.words(command(user, runtime, *words)), stdin=null, timeout=60, check=False, text=True, **streams)
        seen.append((words[0], done.returncode, done.stdout if text else None))
        return done

    def status():
        state = json.loads(subprocess.run(user.words(command(user, runtime, "state", "life")), stdout=subprocess.PIPE, text=True, timeout=60,
                                          check=True).stdout)
        seen.append(state["status"])
        return state["status"]

    do("create", "--bundle", where, "life")
    status()
    do("start", "life")
    status()
    do("exec", "life", "sh", "-c", "id -u; cat /proc/1/comm", text=True)
    terminal = subprocess.run(user.words(["script", "-qec", " ".join(command(user, runtime, "exec", "-t", "life", "tty")), "/dev/null"]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    seen.append(("tty", terminal.returncode, "/dev/pts/" in terminal.stdout))
    do("kill", "life", "TERM")
    end = time.monotonic() + 20
    while status() != "stopped":
        assert time.monotonic() < end
        seen.pop()
        time.sleep(0.05)
    do("delete", "life")
    do("state", "life")
    return seen


def said_ready(user, runtime):
    """The user's service manager is told by the user's container."""
    says = "import os, socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])"
    made = Bundle(user, ONE, ["/usr/bin/python3", "-c", says])
    for path in ("/usr", "/lib", "/lib64"):
        made.config["mounts"].append({"destination": path, "type": "bind", "source": os.path.realpath(path), "options": ["rbind", "ro"]})
    made.write()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(os.path.join(user.home, "manager"))
        os.chown(os.path.join(user.home, "manager"), UID, GID)
        words = user.words(command(user, runtime, "run", "--bundle", made.where, "ready"), [f"NOTIFY_SOCKET={user.home}/manager"])
        done = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=60, check=False)
        os.unlink(os.path.join(user.home, "manager"))
        return done.returncode, manager.recv(100), manager.recv(100)[:8]


def no_permission(user, runtime):
    """What the user may not read or write is named, and nothing is left of the attempt."""
    made = Bundle(user, ONE, ["true"])
    config, theirs = os.path.join(made.where, "config.json"), os.path.join(user.folder, "theirs")
    os.mkdir(theirs, 0o700)

    def refused(*words, place, root=()):
        done = user.run([*command(user, runtime)[:1], *root, *words])
        assert done.returncode == 1 and place in done.stderr and "Permission denied" in done.stderr, (words, done)

    for path, place in ((config, config), (made.root, "root.path"), (made.where, config)):
        before = os.stat(path)
        os.chown(path, 0, 0)
        os.chmod(path, 0o700)
        refused("run", "--bundle", made.where, "forbidden", place=place)
        os.chown(path, UID, GID)
        os.chmod(path, before.st_mode & 0o7777)
    for words in (["list"], ["state", "forbidden"], ["run", "--bundle", made.where, "forbidden"]):
        refused(*words, place=theirs, root=["--root", os.path.join(theirs, "states")])
    refused("list", place=theirs, root=["--log", os.path.join(theirs, "log")])
    refused("spec", "--bundle", theirs, place=theirs)
    refused("run", "--pid-file", os.path.join(theirs, "pid"), "--bundle", made.where, "forbidden", place=theirs)
    nothing_left(user)


def test(runtime):
    with OrdinaryUser() as user:
        private = os.path.join(user.folder, "private")
        with open(private, "w", encoding="ascii") as out:
            out.write("the machine's root's\n")
        os.chmod(private, 0o600)
        wanted, got = facts(user, "runc", ONE, private), facts(user, runtime, ONE, private)
        assert wanted[:4] == got[:4] and "refused" in got[1] and "denied" in got[1], f"one id:\nrunc {wanted}\nhere {got}"
        wanted, got = life(user, "runc"), life(user, runtime)
        assert wanted == got, f"life:\nrunc {wanted}\nhere {got}"
        for shared in (("ipc",), ("uts",), ("ipc", "uts")):
            wanted, got = life(user, "runc", shared), life(user, runtime, shared)
            assert wanted == got, f"life in the user's {shared}:\nrunc {wanted}\nhere {got}"
        wanted, got = said_ready(user, "runc"), said_ready(user, runtime)
        assert wanted == got, f"ready:\nrunc {wanted}\nhere {got}"
        nothing_left(user)

        if runtime == "postern":
            no_permission(user, runtime)

        # Without any word of it in config.json: root there is the user here.
        where = Bundle(user, None, ["/bin/sh", "-c", "cat /proc/self/uid_map"]).where
        done = user.run(command(user, runtime, "run", "--bundle", where, "plain"))
        assert done.returncode == 1 and "mounts[2].options" in done.stderr and "gid=5" in done.stderr, done
        many = Bundle(user, MANY, ["true"]).where
        done = user.run(command(user, runtime, "run", "--bundle", many, "many"))
        assert done.returncode == 1 and "/etc/subuid" in done.stderr, done
        nothing_left(user)

        # Whoever is root of a user namespace already, as in another runtime's container or under podman.
        script = "id -u; cat /proc/self/uid_map; touch /tmp/nested; echo >/dev/null"
        where = Bundle(user, None, ["/bin/sh", "-c", script], without_gid=True).where
        nested = ["unshare", "-Urm", *command(user, runtime, "run", "--bundle", where, "nested")]
        done = user.run(nested)
        assert (done.returncode, done.stdout.split()) == (0, ["0", "0", str(UID), "1"]), done
        user.give(user.folder, 0, 0)
        done = subprocess.run(["env", f"XDG_RUNTIME_DIR={user.runtime_folder}", *nested], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.split()) == (0, ["0", "0", "0", "1"]), done
        user.give(user.home)
        user.give(user.runtime_folder)
        nothing_left(user)

        other = os.path.join(user.folder, "other")
        os.mkdir(other, 0o777)
        os.chmod(other, 0o777)
        done = user.run([user.postern, "--root", other, "run", "--bundle", where, "foreign"])
        assert done.returncode == 1 and other in done.stderr, done

        # Root does not believe what a user says of his containers: he might have written it himself.
        proof = os.path.join(user.folder, "proof")
        mine = Bundle(user, None, ["/bin/true"], without_gid=True)
        mine.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"id -u >{proof}"]}]}
        mine.write()
        done = subprocess.run(user.words(command(user, runtime, "create", "--bundle", mine.where, "mine")), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
        assert done.returncode == 0, done
        for words in (["delete", "--force", "mine"], ["kill", "mine", "KILL"], ["exec", "mine", "true"], ["list"]):
            done = subprocess.run(command(user, runtime, *words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                                  check=False)
            assert not os.path.exists(proof) and processes(), (words, done)
        assert "another user" in done.stderr, done
        assert user.run(command(user, runtime, "delete", "--force", "mine")).returncode == 0
        nothing_left(user)

        # A link somebody has laid where the user's folder is looked for leads to folders of his that are no containers.
        link, kept = os.path.join(user.folder, "link"), os.path.join(user.home, "kept", "file")
        os.symlink(user.home, link)
        os.mkdir(os.path.dirname(kept))
        with open(kept, "w", encoding="ascii") as out:
            out.write("the user's\n")
        user.give(os.path.dirname(kept))
        done = user.run([user.postern, "--root", link, "run", "--bundle", where, "kept"])
        assert done.returncode == 1 and link in done.stderr and os.path.exists(kept), done
        done = user.run([user.postern, "--root", link, "delete", "--force", "kept"])
        assert os.path.exists(kept), done

    with OrdinaryUser(subordinate=True) as user:
        wanted, got = facts(user, "runc", MANY, private_file(user)), facts(user, runtime, MANY, private_file(user))
        assert wanted[:4] == got[:4] and got[2] == SUBORDINATE + 4, f"many ids:\nrunc {wanted}\nhere {got}"
        got = facts(user, runtime, None, private_file(user))
        assert got[:4] == wanted[:4], f"by default:\nrunc {wanted}\nhere {got}"
        nothing_left(user)


def private_file(user):
    path = os.path.join(user.folder, "private")
    with open(path, "w", encoding="ascii") as out:
        out.write("the machine's root's\n")
    os.chmod(path, 0o600)
    return path
