# SPDX-License-Identifier: Apache-2.0
"""Where and as whom attacks run. ATTACK alone is the container's root, in one that root has started. Behind its name:

@user      uid 1000 of such a container: no capability, an ordinary user's rights over files and processes
@mapped    root of one with a user namespace, whose ids are others on the host, as `dockerd --userns-remap` has them
@rootless  a container of an ordinary user's of the host, where guest, sentry and gofer are all of his one id
"""
import contextlib
import os

import bundle
import patched
import sandbox
from ordinary import OrdinaryUser, UserSandbox

ROOT, USER, MAPPED, ROOTLESS = "", "@user", "@mapped", "@rootless"
USER_ID = 1000
FIRST_ID, IDS = 700000, 65536
USER_SHARE = "0.2"  # of the time an attack takes as root of a container of root's: what is searched is the same code
GRANTED = {"ranks": "SYS_NICE IPC_LOCK SYS_RESOURCE".split(), "mounts": ["SYS_ADMIN"]}  # besides Docker's usual capabilities

BECOMES_USERS = "lays out, as root, what the users are to attack, whom it then becomes itself"
# What has no meaning as an ordinary user of the container, and why.
NOT_AS_USER = {
    **dict.fromkeys(("busy", "crowd", "filters", "flip", "given", "ipc", "mounts", "owners", "peer", "ranks", "reach", "share", "shares",
                     "stale", "threads"), BECOMES_USERS),
    "descriptors": "what sentry and gofer hold does not turn on who the guest is",
    "neighbours": BECOMES_USERS,
    "newcomers": "has root and a user lie in wait, side by side",
    "throwaway": "`do` has no such containers: its command is the caller, or root",
}
# Those in which a program gains ids, or ids are told to others: what must not be mixed up are a guest's and the host's.
AS_MAPPED = ("filters", "given", "ipc", "mounts", "owners", "peer", "share", "stale", "threads")
NEEDS_IDS = "needs more ids in the container than one"
NOT_ROOTLESS = {
    **dict.fromkeys(("busy", "crowd", "filters", "flip", "given", "ipc", "leavings", "neighbours", "owners", "peer", "ranks", "reach",
                     "share", "shares", "stale", "threads"), NEEDS_IDS),
    **dict.fromkeys(("astray", "storm"), "is long, and nothing in it turns on ids"),
}


def split(name):
    """An attack, and where it runs."""
    plain, at, place = name.partition("@")
    return plain, at + place


def everywhere(names):
    """Each attack in each place where it has a meaning."""
    return [*names, *(name + USER for name in names if name not in NOT_AS_USER), *(name + MAPPED for name in names if name in AS_MAPPED),
            *(name + ROOTLESS for name in names if name not in NOT_ROOTLESS)]


class OfUser(sandbox.Sandbox):
    """Where the program is an ordinary user, who has a folder of his own in the root."""

    def __enter__(self):
        super().__enter__()
        os.chown(os.path.join(self.root, "root"), USER_ID, USER_ID)
        return self

    def prepare(self, argv, env=(), **options):
        return super().prepare(argv, env=[*env, f"ATTACK_SHARE={USER_SHARE}"], uid=USER_ID, gid=USER_ID, **options)


def with_mappings(config):
    config["linux"]["namespaces"].append({"type": "user"})
    for kind in ("uidMappings", "gidMappings"):
        config["linux"][kind] = [{"containerID": 0, "hostID": FIRST_ID, "size": IDS}]


class Mapped(sandbox.Sandbox):
    """Where the container's ids are others on the host."""

    def __init__(self, runtime, source):
        super().__init__(runtime, source, copy=True)

    def __enter__(self):
        super().__enter__()
        OrdinaryUser.give(self.root, FIRST_ID, FIRST_ID)
        return self

    def prepare(self, argv, env=(), **options):
        ident, command = super().prepare(argv, env=[*env, f"ATTACK_SHARE={USER_SHARE}"], **options)
        patched.edit(os.path.join(command[command.index("--bundle") + 1], "config.json"), with_mappings)
        return ident, command


class Rootless(UserSandbox):
    """Where the container is an ordinary user's of the host."""

    def prepare(self, argv, env=(), **options):
        return super().prepare(argv, env=[*env, f"ATTACK_SHARE={USER_SHARE}"], **options)


@contextlib.contextmanager
def box_for(runtime, place):
    if place == ROOTLESS:
        with OrdinaryUser() as user, Rootless(user, "busybox") as box:
            yield box
        return
    with {ROOT: sandbox.Sandbox, USER: OfUser, MAPPED: Mapped}[place](runtime, "busybox") as box:
        yield box


def capabilities(plain):
    return [*bundle.DOCKER_CAPS, *GRANTED.get(plain, [])]
