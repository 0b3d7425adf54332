# SPDX-License-Identifier: Apache-2.0
"""`postern do` for tests: with Throwaway() as box: result = box.do(["--rw"], ["make"]); Throwaway(user) does it as an
ordinary user (ordinary.py).

box.folder is an ordinary folder of the host (it is below nothing a sandbox replaces), and where commands run; box.state
is where the states of its containers are.
"""
import os
import shutil
import subprocess
import tempfile
import time

from sandbox import Result, runtime_command

PLACE = "/var/cache/postern-tests"


class Throwaway:
    def __init__(self, user=None):
        self.user = user

    def __enter__(self):
        os.makedirs(PLACE, exist_ok=True)
        self.top = tempfile.mkdtemp(prefix="do-", dir=PLACE)
        os.chmod(self.top, 0o755)
        self.folder, self.state = (os.path.join(self.top, name) for name in ("work", "state"))
        os.mkdir(self.folder)
        os.mkdir(self.state, 0o700)
        if self.user:
            self.user.give(self.folder)
            self.user.give(self.state)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top, ignore_errors=True)

    def command(self, options, words):
        command = ["--root", self.state, "do", *options, "--", *words]
        return self.user.words([self.user.postern, *command]) if self.user else runtime_command("postern") + command

    def start(self, options, words, cwd=None, env=None, **streams):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.Popen(self.command(options, words), cwd=cwd or self.folder, env=env, **streams)

    def do(self, options, words, given=None, timeout=60, **settings):
        """Runs a command to its end."""
        begun = time.monotonic()
        stdin = subprocess.DEVNULL if given is None else subprocess.PIPE
        with self.start(options, words, stdin=stdin, **settings) as process:
            try:
                out, err = process.communicate(given, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Result(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.monotonic() - begun)

    def shell(self, script, *options, **settings):
        return self.do(list(options), ["sh", "-c", script], **settings)
