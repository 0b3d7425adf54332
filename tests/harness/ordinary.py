# SPDX-License-Identifier: Apache-2.0
"""An ordinary user for tests of what works without root. He exists in this process's mount namespace only, has a home folder
with a private copy of Postern's programs in it, and subordinate ids if asked for."""
import os
import shutil
import subprocess
import tempfile

import patched
from sandbox import Sandbox, mount, private_mounts, runtime_command, umount

# Other ids than those of tests that run at the same time.
LOT = os.getpid() % 3000
NAME, UID, GID, GROUP = "postern-tester", 52000 + LOT, 55000 + LOT, 58000 + LOT
SUBORDINATE = 10000000 + LOT * 65536  # 65536 from here on
MS_BIND = 4096


class OrdinaryUser:
    def __init__(self, subordinate=False, others=()):
        """others: further lines of subuid(5) and subgid(5)."""
        self.subordinates = [f"{NAME}:{SUBORDINATE}:65536"] * subordinate + list(others)
        self.mounted = False

    def own_etc(self):
        """/etc is a copy, for us and whom we start. All of it: from a single file that is mounted there the mount is taken away when
        somebody else on the machine puts a new one in its place, as useradd(8) does."""
        ours = os.path.join(self.folder, "etc")
        subprocess.run(["cp", "-a", "/etc", ours], check=True)
        mount(ours, "/etc", "none", MS_BIND)
        self.mounted = True

    def __enter__(self):
        private_mounts()
        self.folder = tempfile.mkdtemp(prefix="postern-user-")
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def make(self):
        os.chmod(self.folder, 0o755)
        self.home = os.path.join(self.folder, "home")
        self.runtime_folder = os.path.join(self.folder, "run")
        for made in (self.home, self.runtime_folder):
            os.mkdir(made, 0o700)
            os.chown(made, UID, GID)
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        built = os.path.dirname(runtime_command("postern")[0])
        for program in ("postern", "postern-sentry", "postern-gofer", "postern-cell", "postern-init"):
            shutil.copy(os.path.join(built, program), programs)
        self.postern = os.path.join(programs, "postern")
        self.own_etc()
        with open("/etc/passwd", "a", encoding="utf-8") as passwd:
            passwd.write(f"{NAME}:x:{UID}:{GID}::{self.home}:/bin/sh\n")
        with open("/etc/group", "a", encoding="utf-8") as group:
            group.write(f"{NAME}:x:{GID}:\n")
        for path in ("/etc/subuid", "/etc/subgid"):
            with open(path, "w", encoding="utf-8") as subordinate:
                subordinate.write("".join(line + "\n" for line in self.subordinates))

    def __exit__(self, *_):
        if self.mounted:
            umount("/etc")
        shutil.rmtree(self.folder, ignore_errors=True)

    def words(self, argv, env=()):
        """The command line that runs argv as the user, with nothing of root left."""
        return ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", f"HOME={self.home}", f"USER={NAME}",
                f"XDG_RUNTIME_DIR={self.runtime_folder}", *env, "setpriv", f"--reuid={UID}", f"--regid={GID}", f"--groups={GID},{GROUP}",
                "--inh-caps=-all", "--", *argv]

    def run(self, argv, timeout=60, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(self.words(argv), capture_output=True, text=True, timeout=timeout, check=False, cwd=self.home, **options)

    @staticmethod
    def give(path, uid=UID, gid=GID):
        """A tree becomes the user's, or somebody else's."""
        for root, folders, files in os.walk(path):
            for name in [".", *folders, *files]:
                os.chown(os.path.join(root, name), uid, gid, follow_symlinks=False)


def with_own_id(config):
    """A config.json as an ordinary user has it without subordinate ids: root is himself, and nobody else is there."""
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": UID, "size": 1}]
    config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": GID, "size": 1}]
    for field in ("cgroupsPath", "resources"):
        config["linux"].pop(field, None)
    for entry in config["mounts"]:
        entry["options"] = [option for option in entry.get("options", []) if option != "gid=5"]


class UserSandbox(Sandbox):
    """A sandbox of an ordinary user's own, with his id alone."""

    def __init__(self, user, source, **defaults):
        super().__init__("postern", source, copy=True, **defaults)
        self.user = user

    def __enter__(self):
        super().__enter__()
        self.user.give(self.folder)
        return self

    def command(self, *words):
        return self.user.words([self.user.postern, "--root", self.state, *words])

    def prepare(self, argv, **options):
        ident, command = super().prepare(argv, **options)
        patched.edit(os.path.join(command[command.index("--bundle") + 1], "config.json"), with_own_id)
        return ident, command
