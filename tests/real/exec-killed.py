# SPDX-License-Identifier: Apache-2.0
"""A process of exec waits for the other end of a FIFO, and is killed: the only one of its filter, with its call in hand. The container
lives on."""
import signal
import subprocess
import time

from sandbox import Sandbox

ROUNDS = 5
WAIT = "echo $$ > /pid; exec cat /fifo"
KILL = "while [ ! -s /pid ]; do sleep 0.05; done; sleep 0.2; kill -KILL $(cat /pid); rm /pid"


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        process = box.start(["sh", "-c", "mkfifo /fifo && sleep 1000"])

        def command(script):
            return box.command("exec", process.ident, "sh", "-c", script)

        end = time.monotonic() + 10
        while subprocess.run(command("test -p /fifo"), capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < end, "the container does not come up"
            time.sleep(0.1)
        for _ in range(ROUNDS):
            waiting = subprocess.Popen(command(WAIT), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            done = subprocess.run(command(KILL), capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr
            assert waiting.wait(10) == 128 + signal.SIGKILL, waiting.returncode
            assert process.poll() is None, process.communicate()
        box.stop(process.ident, process)
