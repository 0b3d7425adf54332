# SPDX-License-Identifier: Apache-2.0
"""An installation staged somewhere (DESTDIR) has all it needs in place and runs from there."""
import os
import subprocess
import tempfile

import sandbox
from sandbox import Sandbox

PARTS = ["bin/postern", "libexec/postern/postern-sentry", "libexec/postern/postern-gofer", "libexec/postern/postern-cell", "libexec/postern/postern-init",
         "share/man/man1/postern.1", "share/bash-completion/completions/postern",
         "share/zsh/site-functions/_postern", "share/fish/vendor_completions.d/postern.fish"]


def without_cmocka(top):
    """On a machine that has only what the README tells to install, there is a build, without unit tests."""
    have, build = os.path.join(top, "pkgconfig"), os.path.join(top, "build")
    os.mkdir(have)
    for folder in subprocess.run(["pkg-config", "--variable", "pc_path", "pkg-config"], capture_output=True, text=True, check=True).stdout.strip().split(":"):
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name != "cmocka.pc":
                os.symlink(os.path.join(folder, name), os.path.join(have, name))
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(["cmake", "-G", "Ninja", "-S", source, "-B", build], capture_output=True, text=True, check=False,
                          env={**os.environ, "PKG_CONFIG_LIBDIR": have})
    targets = subprocess.run(["ninja", "-C", build, "-t", "targets", "all"], capture_output=True, text=True, check=False).stdout
    assert done.returncode == 0 and "unit tests are left out" in done.stdout, (done.stdout[-1000:], done.stderr[-1000:])
    assert "\npostern: " in targets and "\npostern-sentry: " in targets and "test_routes" not in targets, targets[-1000:]


def test(runtime):
    if runtime != "postern":
        raise Skip("nothing to install")  # noqa: F821
    before = os.environ.get("POSTERN")
    build = os.path.dirname(os.path.realpath(sandbox.runtime_command("postern")[0]))
    with tempfile.TemporaryDirectory(prefix="postern-stage-") as stage:
        os.chmod(stage, 0o755)
        without_cmocka(stage)
        subprocess.run(["cmake", "--install", build, "--prefix", "/opt/postern"], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, DESTDIR=stage))
        top = os.path.join(stage, "opt/postern")
        missing = [part for part in PARTS if not os.path.exists(os.path.join(top, part))]
        assert not missing, missing
        os.environ["POSTERN"] = os.path.join(top, "bin/postern")
        try:
            with Sandbox("postern", "busybox") as box:
                result = box.run(["/bin/echo", "from there"])
        finally:
            if before is None:
                del os.environ["POSTERN"]
            else:
                os.environ["POSTERN"] = before
        assert (result.code, result.out) == (0, "from there\n"), result
