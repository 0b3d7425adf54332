# SPDX-License-Identifier: Apache-2.0
"""The host's side of newcomers.c: commands that enter a container from a host with a secret in its environment, again and again, while
root and a user of the container lie in wait; and a container that has been created, with its first process waiting, looked at from a process
that was executed into it."""
import os
import subprocess
import time

SECONDS = 300  # at most
ROUNDS = {"look": 200, "signal": 60}
PROGRAM = ["/bin/sh", "-c", "exit 7", "newcomer"]
SECRET = {"HOST_SECRET": "not-the-guests"}


def quiet(**more):
    return {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "timeout": 60, "check": False, **more}


def insist(box, ident, command):
    """Before the container runs nothing enters it, and an attacker may signal any program."""
    for _ in range(100):
        if subprocess.run(box.command("exec", ident, *command), **quiet()).returncode == 0:
            return
        time.sleep(0.1)


def lying_in_wait(box, what, complaints):
    """While the attackers hunt one process after the other enters."""
    process = box.start(["/attack/newcomers", str(SECONDS), what], mounts=[f"/attack:bind:{box.programs}:bind,ro"])
    environment = dict(os.environ, **SECRET)
    insist(box, process.ident, ["/bin/true", "newcomer"])
    ends, entered = set(), ROUNDS[what]
    for _ in range(entered):
        done = subprocess.run(box.command("exec", process.ident, *PROGRAM), env=environment, **quiet())
        ends.add((done.returncode, done.stderr.decode()))
    insist(box, process.ident, ["/bin/touch", "/tmp/newcomers-over"])
    result = box.finish(process, SECONDS + 60)
    complaints += [f"{what}: {line}" for line in result.out.splitlines() if line.startswith("BAD ")]
    if result.timed_out or result.code != 0 or "held" not in result.out:
        complaints.append(f"{what}: {result}")
    seen = [int(line.split()[-1]) for line in result.out.splitlines() if "has seen" in line]
    if len(seen) != 2 or min(seen) < entered // 4:
        complaints.append(f"{what}: {entered} entered, {seen} were seen: nothing has been shown")
    # A program may be signalled once it is one; what enters may not.
    wrong = [(code, words) for code, words in ends if code not in ((7,) if what == "look" else (7, 128 + 15, 128 + 9))]
    if wrong:
        complaints.append(f"{what}: exec ended with {wrong}")


def created(box, complaints):
    """Its first process may be looked at for as long as one likes."""
    ident, command = box.prepare(["/bin/sh", "-c", "exit 6", "newcomer"], mounts=[f"/attack:bind:{box.programs}:bind,ro"])
    where = command[command.index("--bundle") + 1]
    environment = dict(os.environ, **SECRET)
    pid_file = os.path.join(box.folder, "pid")
    made = subprocess.run(box.command("create", "--bundle", where, "--pid-file", pid_file, ident), env=environment, **quiet(stderr=None))
    looked = subprocess.run(box.command("exec", ident, "/attack/newcomers", "0", "look", "1"), **quiet(stdout=subprocess.PIPE))
    out = looked.stdout.decode()
    if made.returncode != 0 or looked.returncode != 0 or "held" not in out:
        complaints.append(f"created: {made.returncode} {looked}")
    state = subprocess.run(box.command("state", ident), **quiet(stdout=subprocess.PIPE)).stdout
    if b'"created"' not in state:
        complaints.append(f"created: it is not any more: {state}")
    started = subprocess.run(box.command("start", ident), **quiet())
    if started.returncode != 0:
        complaints.append(f"created: {started}")
    subprocess.run(box.command("delete", "--force", ident), **quiet())


def check(box):
    complaints = []
    lying_in_wait(box, "look", complaints)
    lying_in_wait(box, "signal", complaints)
    created(box, complaints)
    return complaints
