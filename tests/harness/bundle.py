#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the config.json of a test bundle.

As a program:  bundle.py [options] BUNDLE ROOTFS -- COMMAND...
As a module:   bundle.config(root, argv, **options) returns the configuration as a dict.
"""
import argparse
import json
import os

DOCKER_CAPS = ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
               "SYS_CHROOT KILL AUDIT_WRITE").split()

ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=xterm"]

MOUNTS = [
    ("/proc", "proc", "proc", []),
    ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
]

MASKED = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

# One rule for each node a container always has; everything else is refused, as engines do.
DEVICES = [{"allow": False, "access": "rwm"}] + [
    {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
    for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2))
] + [{"allow": True, "type": "c", "major": 136, "access": "rwm"}]


def mount(spec):
    """DEST:TYPE:SOURCE[:OPTION,...] as a mount of config.json."""
    parts = spec.split(":", 3)
    entry = {"destination": parts[0], "type": parts[1], "source": parts[2]}
    if len(parts) > 3 and parts[3]:
        entry["options"] = parts[3].split(",")
    return entry


def config(root, argv, *, terminal=False, uid=0, gid=0, groups=(), umask=None, caps=None, readonly=False, mounts=(),
           env=(), cwd="/", nnp=False, hostname="cell", rlimits=(), cgroup=None, annotations=None, window=None):
    caps = ["CAP_" + c for c in (DOCKER_CAPS if caps is None else caps)]
    user = {"uid": uid, "gid": gid}
    if groups:
        user["additionalGids"] = list(groups)
    if umask is not None:
        user["umask"] = umask
    process = {
        "terminal": terminal,
        "user": user,
        "args": list(argv),
        "env": ENV + list(env),
        "cwd": cwd,
        "capabilities": {"bounding": caps, "effective": caps if uid == 0 else [], "permitted": caps if uid == 0 else []},
        "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024}] + list(rlimits),
        "noNewPrivileges": nnp,
    }
    if window:
        process["consoleSize"] = {"height": window[0], "width": window[1]}
    linux = {
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
        "resources": {"devices": DEVICES},
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
    }
    if cgroup:
        linux["cgroupsPath"] = cgroup
    result = {
        "ociVersion": "1.0.2",
        "process": process,
        "root": {"path": root, "readonly": readonly},
        "hostname": hostname,
        "mounts": [dict(destination=d, type=t, source=s, **({"options": o} if o else {})) for d, t, s, o in MOUNTS]
        + [mount(m) if isinstance(m, str) else m for m in mounts],
        "linux": linux,
    }
    if annotations:
        result["annotations"] = dict(annotations)
    return result


def options(parser):
    """The options a command line may set, shared with sandbox.py."""
    parser.add_argument("--terminal", action="store_true", help="give the program a terminal")
    parser.add_argument("--uid", type=int, default=0)
    parser.add_argument("--gid", type=int, default=0)
    parser.add_argument("--group", dest="groups", type=int, action="append", default=[], help="a supplementary group")
    parser.add_argument("--cap", dest="caps", action="append", help="a capability instead of Docker's default ones")
    parser.add_argument("--no-caps", action="store_true")
    parser.add_argument("--readonly", action="store_true", help="read-only root")
    parser.add_argument("--mount", dest="mounts", action="append", default=[], help="DEST:TYPE:SOURCE[:OPTIONS]")
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--cwd", default="/")
    parser.add_argument("--nnp", action="store_true", help="no_new_privs")
    parser.add_argument("--annotation", dest="annotations", action="append", default=[], help="KEY=VALUE")


def from_options(args):
    """The options as arguments of config()."""
    return dict(terminal=args.terminal, uid=args.uid, gid=args.gid, groups=args.groups,
                caps=[] if args.no_caps else args.caps, readonly=args.readonly, mounts=args.mounts, env=args.env,
                cwd=args.cwd, nnp=args.nnp, annotations=dict(a.split("=", 1) for a in args.annotations))


def write(bundle, *args, **kwargs):
    os.makedirs(bundle, exist_ok=True)
    with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as out:
        json.dump(config(*args, **kwargs), out, indent=2)
        out.write("\n")


def main():
    parser = argparse.ArgumentParser(description="write the config.json of a bundle")
    options(parser)
    parser.add_argument("bundle")
    parser.add_argument("rootfs")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    write(args.bundle, args.rootfs, args.command, **from_options(args))


if __name__ == "__main__":
    main()
