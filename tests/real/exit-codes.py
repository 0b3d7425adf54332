# SPDX-License-Identifier: Apache-2.0
"""What `run` returns, what it passes on, and that output and input arrive whole."""
import os
import signal
import time

from sandbox import Sandbox


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        def run(script, **options):
            return box.run(["/bin/sh", "-c", script], 30, **options)

        for code in (0, 1, 7, 125, 255):
            got = run(f"exit {code}")
            assert got.code == code, (code, got)
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGABRT):
            # Init is killed by a child of its own choosing only if it does not ignore it: let exec make it the program.
            got = run(f"sh -c 'kill -{int(number)} $$'; exit $?")
            assert got.code == 128 + number, (number, got)
        got = run("echo out; echo err >&2; exit 3")
        assert (got.code, got.out) == (3, "out\n") and "err\n" in got.err, got
        got = run("wc -c", given=b"x" * 1000000)
        assert got.out.strip() == "1000000", got
        got = run("dd if=/dev/zero bs=1000 count=1000 2>/dev/null | tr '\\0' y")
        assert got.out == "y" * 1000000, (got.code, len(got.out), got.err)
        got = box.run(["/no/such/program"], 30)
        assert got.code not in (0, None) and "no such file" in got.err.lower(), got
        got = run("(sleep 300 &) ; exit 4")
        assert got.code == 4 and got.seconds < 20, got

        begun = time.monotonic()
        process = box.start(["/bin/sh", "-c", "trap 'echo got it; exit 9' TERM; echo up; while :; do sleep 0.05; done"])
        assert os.read(process.stdout.fileno(), 3) == b"up\n"
        process.send_signal(signal.SIGTERM)
        got = box.finish(process, 20)
        assert (got.code, got.out) == (9, "got it\n"), got
        process = box.start(["/bin/sh", "-c", "trap 'echo hup; exit 8' HUP; echo up; while :; do sleep 0.05; done"])
        assert os.read(process.stdout.fileno(), 3) == b"up\n"
        process.send_signal(signal.SIGHUP)
        got = box.finish(process, 20)
        assert (got.code, got.out) == (8, "hup\n"), got
        assert time.monotonic() - begun < 20

        # All of them, in the order they were sent: what each did is said before the next comes.
        forwarded = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT", "TSTP", "TTIN", "TTOU", "IO", "PWR", "VTALRM", "TERM"]
        script = "".join(f"trap 'echo {name}' {name};" for name in forwarded)
        process = box.start(["/bin/sh", "-c", script + "echo up; while :; do sleep 0.05; done"])
        assert os.read(process.stdout.fileno(), 3) == b"up\n"
        for name in forwarded:
            process.send_signal(getattr(signal, "SIG" + name))
            said = os.read(process.stdout.fileno(), 100)
            assert said == name.encode() + b"\n", (name, said)
        process.send_signal(signal.SIGRTMIN + 3)  # not caught: init is not killed by what it does not expect
        time.sleep(0.1)
        assert process.poll() is None
        box.stop(process.ident, process)
