# SPDX-License-Identifier: Apache-2.0
"""linux.rootfsPropagation and the propagation of binds, compared with runc: what the host mounts later, below the root and
below the source of a bind, is there in the container or is not. Nothing the container has goes back to the host."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../harness"))
from sandbox import Sandbox, umount  # noqa: E402
from steps import until  # noqa: E402

SCRIPT = "echo up >/tmp/up; while ! [ -e /tmp/go ]; do sleep 0.02; done; ls /mnt/later; ls /volume/later; ls /dev/pts/ptmx; " \
         "wc -l </proc/mounts >/dev/null"


def mount_shared(path):
    subprocess.run(["mount", "-t", "tmpfs", "test", path], check=True)
    subprocess.run(["mount", "--make-shared", path], check=True)


def play(runtime, propagation, options, hook):
    """What the container sees of two late mounts."""
    with Sandbox(runtime, "busybox") as box:
        subprocess.run(["mount", "--make-shared", box.root], check=True)
        source = os.path.join(box.folder, "source")
        os.mkdir(source)
        mount_shared(source)
        box.mounted.append(source)
        places = [os.path.join(box.root, "mnt/later"), os.path.join(source, "later")]
        ident, command = box.prepare(["/bin/sh", "-c", SCRIPT])
        path = os.path.join(command[command.index("--bundle") + 1], "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["mounts"].append({"destination": "/volume", "type": "bind", "source": source, "options": options})
        if propagation is not None:
            config["linux"]["rootfsPropagation"] = propagation
        if hook:
            config["hooks"] = {"createContainer": [{"path": "/bin/true", "args": ["true"]}]}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        box.running.append((ident, process))
        until(lambda: process.poll() is not None or os.path.exists(os.path.join(box.root, "tmp/up")), "the program")
        for place in places:
            os.makedirs(place, exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "later", place], check=True)
            with open(os.path.join(place, "seen-" + os.path.basename(os.path.dirname(place))), "w", encoding="utf-8"):
                pass
        with open(os.path.join(box.root, "tmp/go"), "w", encoding="utf-8"):
            pass
        out, error = process.communicate(timeout=60)
        still = [os.path.ismount(place) for place in places]
        for place in places:
            umount(place)
        return process.returncode, out, error, still


CASES = [(None, ["rbind"]), (None, ["rbind", "rprivate"]), (None, ["bind", "rslave"]), ("private", ["rbind"]),
         ("rprivate", ["rbind"]), ("rprivate", ["rbind", "rslave"]), ("slave", ["rbind"]), ("rslave", ["rbind", "rslave"]),
         ("shared", ["rbind"]), ("rshared", ["rbind", "rslave"]), ("unbindable", ["rbind", "rprivate"])]


def test(runtime):
    for propagation, options in CASES:
        wanted, got = play("runc", propagation, options, False), play(runtime, propagation, options, False)
        assert got[0] == 0 and got[3] == [True, True], got
        assert wanted == got, f"{propagation} {options}:\nrunc {wanted}\nhere {got}"
    # Hooks are shown the root for a while: it must come out of that as it was.
    for propagation, options in (CASES[0], CASES[3]):
        wanted, got = play("runc", propagation, options, True), play(runtime, propagation, options, True)
        assert wanted == got, f"{propagation} {options} with a hook:\nrunc {wanted}\nhere {got}"
    if runtime != "runc":  # which cannot do this one
        assert play(runtime, "runbindable", ["rbind"], False)[:2] == (0, "/dev/pts/ptmx\n")
