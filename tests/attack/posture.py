# SPDX-License-Identifier: Apache-2.0
"""What each process of a running sandbox can do, seen from the host: ids, capabilities, namespaces, roots, descriptors, and
the seccomp filters the kernel really holds for it, against the route table and the programs' own lists."""
import ctypes
import errno
import json
import os
import re
import struct
import subprocess
import time

import bundle

ALLOW, NOTIFY, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
AUDIT_ARCH_X86_64 = 0xC000003E
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, PTRACE_SECCOMP_GET_FILTER = 0x4206, 0x4207, 17, 0x420C
LAST_NUMBER = 600
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")

# Bits of capability(7), by the program that may hold them.
CAPABILITIES = {
    "guest": (),
    "sentry": ("DAC_OVERRIDE", "DAC_READ_SEARCH", "KILL", "SETGID", "SETUID", "SYS_PTRACE", "SYS_NICE",
               "SYS_RESOURCE"),
    "gofer": ("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "SETGID", "SETUID", "LEASE", "MKNOD", "SETFCAP",
              "SYS_CHROOT"),
}
NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
           "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_NICE": 23, "SYS_RESOURCE": 24, "MKNOD": 27, "LEASE": 28, "SETFCAP": 31}
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def processes_of(runtime_pid):
    """{role: [pid]} of the sandbox that `postern run` is the parent of."""
    parents, names = {}, {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            status = status_of(pid)
        except OSError:
            continue
        parents[pid], names[pid] = int(status["PPid"]), status["Name"]
    found = {"sentry": [], "gofer": [], "guest": []}
    for pid, name in sorted(names.items()):
        above = pid
        while above in parents and above != runtime_pid:
            above = parents[above]
        if above == runtime_pid and pid != runtime_pid:
            found[{"postern-sentry": "sentry", "postern-gofer": "gofer"}.get(name, "guest")].append(pid)
    return found


def loaded_filters(pid):
    """All filters the kernel runs for a process, newest first; None where this kernel does not tell."""
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0 or libc.ptrace(PTRACE_INTERRUPT, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    try:
        os.waitpid(pid, 0x40000000)  # __WALL
        filters = []
        while True:
            count = libc.ptrace(PTRACE_SECCOMP_GET_FILTER, pid, len(filters), None)
            if count < 0:
                return filters if ctypes.get_errno() == errno.ENOENT else None
            buffer = ctypes.create_string_buffer(8 * count)
            libc.ptrace(PTRACE_SECCOMP_GET_FILTER, pid, len(filters), buffer)
            filters.append(list(struct.iter_unpack("<HBBI", buffer.raw)))
    finally:
        libc.ptrace(PTRACE_DETACH, pid, None, None)


def run_bpf(program, number, arguments=(0,) * 7, arch=AUDIT_ARCH_X86_64):
    """Behind the six arguments is the address the call comes from."""
    caller = arguments[6] if len(arguments) > 6 else 0
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, caller, *(a & (1 << 64) - 1 for a in arguments[:6]))
    at, accumulator = 0, 0
    while True:
        code, jump_true, jump_false, value = program[at]
        at += 1
        if code == 0x20:  # ld
            accumulator = struct.unpack_from("<I", data, value)[0]
        elif code == 0x54:  # and
            accumulator &= value
        elif code == 0x05:  # ja
            at += value
        elif code == 0x15:  # jeq
            at += jump_true if accumulator == value else jump_false
        elif code == 0x35:  # jge
            at += jump_true if accumulator >= value else jump_false
        elif code == 0x06:  # ret
            return value
        else:
            raise ValueError(f"unknown instruction {code:#x}")


def verdict_of(kind):
    if kind == "host":
        return ALLOW
    return NOTIFY if kind in ("sentry", "gofer", "continue") else ERRNO | getattr(errno, kind)


def check_guest_filter(program, table, complain):
    for number in range(LAST_NUMBER):
        route = table.get(number, {"route": "absent", "errno": "ENOSYS"})
        kind = route["route"] if route["route"] != "absent" else route["errno"]
        if "cases" not in route:
            for arguments in ((0,) * 6, (-1,) * 6):
                if run_bpf(program, number, arguments) != verdict_of(kind):
                    complain(f"guest filter: call {number} is not {kind}")
            continue
        for case in route["cases"]:
            arguments = [0] * 7
            for term in case:
                if term["op"] == "eq":
                    arguments[term["argument"]] = int(term["value"], 16)
            if run_bpf(program, number, arguments) != ALLOW:
                complain(f"guest filter: call {number} with {arguments} is not host")
    for number in range(LAST_NUMBER):
        if run_bpf(program, number, arch=0x40000003) != KILL_PROCESS:
            complain(f"guest filter: a foreign call {number} does not kill")
        for bit in (0x40000000, 0x80000000):
            if run_bpf(program, bit + number) != ERRNO | errno.ENOSYS:
                complain(f"guest filter: call {number} with {bit:#x} is not unknown")


def check_own_filter(role, program, allowed, granted, table, complain):
    """A program's list: lines of --allowed."""
    numbers = {route["name"]: number for number, route in table.items()}
    plain, conditional, absent = set(), {}, {}
    for line in allowed.splitlines():
        if " if granted: " in line and not granted:
            continue
        match = re.match(r"(\w+)(?: if granted)?(?: if argument (\d) & (\S+) is (\S+)| fails with (E\w+))?: ", line)
        number = numbers[match[1]]
        if match[5] is not None:
            absent[number] = ERRNO | getattr(errno, match[5])
        elif match[2] is None:
            plain.add(number)
        else:
            conditional.setdefault(number, []).append((int(match[2]), int(match[3], 16), int(match[4], 16)))
    for number in range(LAST_NUMBER):
        probes = [(0,) * 6, (0x7777,) * 6, (-1,) * 6]
        for argument, _, value in conditional.get(number, []):
            probes.append(tuple(value if i == argument else 0 for i in range(6)))
        for probe in probes:
            meets = any(probe[a] & mask == value for a, mask, value in conditional.get(number, []))
            wanted = ALLOW if number in plain or meets else absent.get(number, KILL_PROCESS)
            if run_bpf(program, number, probe) != wanted:
                complain(f"{role} filter: call {number} with {probe} is not {'allowed' if wanted == ALLOW else 'deadly'}")


def ranks_of(pid):
    """How high a process may schedule itself."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        return [line.split()[-2:] for line in limits if line.startswith(("Max nice", "Max realtime priority"))]


def check_process(role, pid, rootless, granted, complain):
    status = status_of(pid)
    more = ("SYS_NICE",) if granted and role == "gofer" else ()
    wanted = sum(1 << NUMBERS[name] for name in CAPABILITIES[role] + more)
    for field in ("CapEff", "CapPrm"):
        if int(status[field], 16) != wanted:
            complain(f"{role}: {field} is {status[field]}, not {wanted:016x}")
    for field in ("CapBnd", "CapAmb", "CapInh"):
        if int(status[field], 16) & ~wanted:
            complain(f"{role}: {field} is {status[field]}")
    if ranks_of(pid) != ranks_of("self"):
        complain(f"{role}: may have ranks {ranks_of(pid)}")
    if status["NoNewPrivs"] != "1" or status["Seccomp"] != "2":
        complain(f"{role}: no_new_privs {status['NoNewPrivs']}, seccomp {status['Seccomp']}")
    ids = set(status["Uid"].split() + status["Gid"].split())
    if (len(ids) != 1 or status["Groups"].strip()) and not rootless or "0" in ids:
        complain(f"{role}: ids {ids}, groups {status['Groups']}")
    for namespace in NAMESPACES:
        same = os.readlink(f"/proc/{pid}/ns/{namespace}") == os.readlink(f"/proc/self/ns/{namespace}")
        if same and (role, namespace) not in ([] if rootless else [("gofer", "user")]) + [("gofer", "cgroup")]:
            complain(f"{role}: shares the host's {namespace} namespace")
    if role in ("guest", "sentry") and os.listdir(f"/proc/{pid}/root/"):
        complain(f"{role}: its root is not empty: {os.listdir(f'/proc/{pid}/root/')}")
    return ids.pop()


def check_descriptors(pid, complain):
    for number in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{number}")
        if int(number) > 2 or target.startswith("socket:"):
            complain(f"guest: descriptor {number} is {target}")


def check_filters(postern, pids, granted, complain):
    folder = os.path.dirname(os.path.realpath(postern))
    table = {route["number"]: route for route in json.loads(subprocess.check_output([postern, "routes", "--json"]))}
    for role, (pid, *_) in pids.items():
        filters = loaded_filters(pid)
        if filters is None:
            print("    (this kernel does not show loaded filters: not compared)")
            return
        if len(filters) != 1:
            complain(f"{role}: {len(filters)} filters")
        elif role == "guest":
            check_guest_filter(filters[0], table, complain)
        else:
            program = os.path.join(folder, f"postern-{role}")
            if not os.path.exists(program):
                program = f"/usr/local/libexec/postern/postern-{role}"
            allowed = subprocess.check_output([program, "--allowed"], text=True)
            check_own_filter(role, filters[0], allowed, granted and role == "gofer", table, complain)


def check(box, postern, rootless):
    """One container as usual, and one that has been granted CAP_SYS_NICE, which makes a difference only where there is one to give."""
    usual = check_one(box, postern, rootless, False, bundle.DOCKER_CAPS)
    granted = check_one(box, postern, rootless, not rootless, [*bundle.DOCKER_CAPS, "SYS_NICE"])
    return usual + ["with CAP_SYS_NICE: " + complaint for complaint in granted]


def check_one(box, postern, rootless, granted, caps):
    """Starts a container and looks at it; returns what is wrong. Without root all are of the user's one id, and have his groups."""
    complaints = []
    process = box.start(["/bin/sh", "-c", "echo ready; sleep 60; true"], caps=caps)
    try:
        os.read(process.stdout.fileno(), 16)
        time.sleep(0.2)
        pids = processes_of(process.pid)
        counts = {role: len(found) for role, found in pids.items()}
        if counts != {"sentry": 1, "gofer": 1, "guest": 2}:
            return [f"processes: {counts}"]
        owners = {role: check_process(role, pid, rootless, granted, complaints.append) for role, found in pids.items() for pid in found}
        if len(set(owners.values())) != 3 and not rootless:
            complaints.append(f"ids are shared: {owners}")
        if len({os.readlink(f"/proc/{found[0]}/ns/ipc") for found in pids.values()}) != 1:
            complaints.append("sentry, gofer and guest are not in one ipc namespace")
        check_descriptors(pids["guest"][0], complaints.append)
        check_filters(postern, pids, granted, complaints.append)
    finally:
        box.stop(process.ident, process)
    return complaints
