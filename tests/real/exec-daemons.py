# SPDX-License-Identifier: Apache-2.0
"""A thousand processes of exec stay in the container, as those that start a daemon do. Each of them and all later ones work, and when they
have ended nothing is left of them. Each brings a filter with a listener of its own, and the sentry has all of these."""
import concurrent.futures
import contextlib
import os
import subprocess
import time

from sandbox import Sandbox, part_of

EXECS, AT_ONCE = 1000, 4
DAEMON = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t asked;
static void ask(int signal) { (void)signal; asked = 1; }
int main(void)
{
    char name[64];
    sigset_t usr1, none;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    signal(SIGUSR1, ask);
    snprintf(name, sizeof(name), "/ready/%d", getpid());
    close(open(name, O_CREAT | O_WRONLY, 0644));
    for (;;) {
        sigsuspend(&none);
        snprintf(name, sizeof(name), "/served/%d", getpid());
        if (asked && close(open(name, O_CREAT | O_WRONLY, 0644)) == 0)
            asked = 0;
    }
}
"""


def build(folder):
    program = os.path.join(folder, "daemon")
    subprocess.run(["gcc", "-O1", "-static", "-Wno-unused-result", "-x", "c", "-", "-o", program], input=DAEMON, text=True, check=True)


def wait_for(what, count, seconds):
    end = time.monotonic() + seconds
    while count() != EXECS and time.monotonic() < end:
        time.sleep(0.1)
    assert count() == EXECS, (what, count())


def listeners(process):
    """How many the sentry has; None under another runtime."""
    sentry = part_of(process, "postern-sentry")
    if sentry is None:
        return None
    links = []
    for fd in os.listdir(f"/proc/{sentry}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(f"/proc/{sentry}/fd/{fd}"))
    return links.count("anon_inode:seccomp notify")


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        build(box.root)
        for name in ("ready", "served"):
            os.mkdir(os.path.join(box.root, name), 0o777)
        process = box.start(["sleep", "1000"])

        def execute(*words):
            return subprocess.run(box.command("exec", *words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE if words[0] != "--detach" else subprocess.DEVNULL, timeout=30, check=False)

        def start_one(_):
            return execute("--detach", process.ident, "/daemon").returncode

        end = time.monotonic() + 10
        while execute(process.ident, "/bin/true").returncode != 0:
            assert time.monotonic() < end, "the container does not come up"
            time.sleep(0.1)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            codes = list(pool.map(start_one, range(EXECS)))
        assert not any(codes), f"{len([code for code in codes if code])} of {EXECS} were refused"
        wait_for("are ready", lambda: len(os.listdir(os.path.join(box.root, "ready"))), 20)

        script = "for p in /ready/*; do kill -USR1 ${p#/ready/} || exit 1; done"
        assert execute(process.ident, "sh", "-c", script).returncode == 0
        wait_for("have been served", lambda: len(os.listdir(os.path.join(box.root, "served"))), 20)

        begun = time.monotonic()
        assert execute(process.ident, "/bin/true").returncode == 0
        assert time.monotonic() - begun < 5, "one more takes long"

        assert execute(process.ident, "sh", "-c", "for p in /ready/*; do kill -KILL ${p#/ready/}; done").returncode == 0
        end = time.monotonic() + 10
        while (listeners(process) or 0) > 1 and time.monotonic() < end:
            time.sleep(0.1)
        assert listeners(process) in (1, None), listeners(process)
        assert execute(process.ident, "/bin/true").returncode == 0
        box.stop(process.ident, process)
