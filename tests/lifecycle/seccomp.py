# SPDX-License-Identifier: Apache-2.0
"""linux.seccomp on top of the routes: what a profile denies is denied, and what engines send by default runs a system."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
import bundle  # noqa: E402
import patched  # noqa: E402
from sandbox import Sandbox  # noqa: E402

PODMAN = "/usr/share/containers/seccomp.json"  # moby's profile, as golang-github-containers-common ships it


def rule(action, *names, **fields):
    return {"names": list(names), "action": "SCMP_ACT_" + action, **fields}


def profile(default, *rules, **fields):
    return {"defaultAction": "SCMP_ACT_" + default, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": list(rules), **fields}


def engine_profile():
    """What an engine makes of the profile for its default capabilities."""
    with open(PODMAN, encoding="utf-8") as text:
        whole = json.load(text)
    caps, arches, rules = {"CAP_" + c for c in bundle.DOCKER_CAPS}, {"amd64", "x86", "x32"}, []
    for entry in whole["syscalls"]:
        includes, excludes = entry.get("includes") or {}, entry.get("excludes") or {}
        if not set(includes.get("caps") or ()) <= caps or set(excludes.get("caps") or ()) & caps:
            continue
        if includes.get("arches") and not set(includes["arches"]) & arches or set(excludes.get("arches") or ()) & arches:
            continue
        rules.append({key: entry[key] for key in ("names", "action", "errnoRet", "args") if entry.get(key)})
    return {"defaultAction": whole["defaultAction"], "defaultErrnoRet": whole.get("defaultErrnoRet", 1),
            "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}


def run(runtime, seccomp, script, tree="busybox"):
    with Sandbox(runtime, tree) as box:
        done = patched.run(box, ["/bin/sh", "-c", script], lambda config: config["linux"].update(seccomp=seccomp))
        return done.returncode, done.stdout, done.stderr


def run_by_exec(runtime, seccomp, script, tree="debian"):
    """The same as a further process of a container that runs."""
    with Sandbox(runtime, tree) as box:
        ident, command = box.prepare(["/bin/sh", "-c", "echo up; exec sleep 60"])
        patched.edit(os.path.join(command[command.index("--bundle") + 1], "config.json"), lambda config: config["linux"].update(seccomp=seccomp))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        process.stdout.readline()
        done = subprocess.run(box.command("exec", ident, "/bin/sh", "-c", script), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        box.stop(ident, process)
        process.stdout.close()
        return done.returncode, done.stdout, done.stderr


def cases():
    mkdir = "mkdir /tmp/made; echo $?; ls /tmp; sh -c 'mkdir /tmp/made'; echo $?"
    inet = [{"index": 0, "op": "SCMP_CMP_EQ", "value": family} for family in (2, 10)]
    return {
        "errno": (profile("ALLOW", rule("ERRNO", "mkdir", "mkdirat", "no_such_call")), mkdir),
        "errno chosen": (profile("ALLOW", rule("ERRNO", "mkdir", "mkdirat", errnoRet=28)), mkdir),
        "killed": (profile("ALLOW", rule("KILL_PROCESS", "mkdir", "mkdirat")), mkdir),
        "arguments": (profile("ALLOW", rule("ERRNO", "socket", args=inet)), "nc -l -p 99; echo $?"),
        "routed and native": (profile("ALLOW", rule("ERRNO", "uname", "sync", "setpriority", errnoRet=5)), "uname; echo $?; nice -n 5 true; echo $?"),
        "architectures": (profile("ALLOW", rule("ERRNO", "mkdir"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_ARM"]),
                          mkdir),
        "a listener for nothing": (profile("ALLOW", rule("ERRNO", "mkdir"), listenerPath="/no/such", listenerMetadata="x"), mkdir),
        "moby's": (engine_profile(), "mkdir /tmp/a; ls /tmp; id -u; sleep 0"),
    }


def test(runtime):
    for name, (seccomp, script) in cases().items():
        wanted, got = run("runc", seccomp, script), run(runtime, seccomp, script)
        assert wanted == got, f"{name}:\nrunc {wanted}\nhere {got}"
    system = ("python3 -c 'import threading; t = threading.Thread(target=print, args=(1,)); t.start(); t.join()'; "
              "mount -t tmpfs x /mnt 2>/dev/null; echo $?; bash -c 'echo $((1+1)) | cat'")
    wanted, got = run("runc", engine_profile(), system, "debian"), run(runtime, engine_profile(), system, "debian")
    assert wanted == got, f"debian:\nrunc {wanted}\nhere {got}"
    # The configuration's filter is the host's business like any other: it is shown, and set-id programs run under it.
    shown = ("grep Seccomp /proc/self/status; python3 -c 'import ctypes; print(ctypes.CDLL(None).prctl(21))'; cp /usr/bin/id /tmp/set-id; "
             "chmod 4755 /tmp/set-id; setpriv --reuid 1000 --regid 1000 --clear-groups /tmp/set-id -u; "
             "setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs /tmp/set-id -u")
    for seccomp in (engine_profile(), profile("ALLOW", rule("ERRNO", "mkdir"))):
        wanted, got = run("runc", seccomp, shown, "debian"), run(runtime, seccomp, shown, "debian")
        assert got == run_by_exec(runtime, seccomp, shown), f"exec: {run_by_exec(runtime, seccomp, shown)}"
        assert wanted == got and wanted[1] == "Seccomp:\t2\nSeccomp_filters:\t1\n2\n0\n1000\n", f"shown:\nrunc {wanted}\nhere {got}"
    if runtime == "runc":
        return
    code, _, error = run(runtime, profile("ALLOW", rule("ERRNO", "mkdir"), rule("NOTIFY", "mkdir"), listenerPath="/no/such"), "true")
    assert code == 1 and "linux.seccomp.syscalls[1].action: SCMP_ACT_NOTIFY" in error, (code, error)
    flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]
    code, _, error = run(runtime, profile("ALLOW", rule("ERRNO", "mkdir"), flags=flags), "mkdir /tmp/made")
    assert code == 1 and "not permitted" in error, (code, error)
    code, _, error = run(runtime, profile("ALLOW", rule("ERRNO", "execve")), "true")
    assert code != 0 and "operation not permitted" in error.lower(), (code, error)
