# SPDX-License-Identifier: Apache-2.0
"""process.oomScoreAdj reaches the program."""
import json
import os

from sandbox import Sandbox


def test(runtime):
    with Sandbox(runtime, "busybox") as box:
        process = box.start(["/bin/true"])
        box.finish(process)  # only its bundle is of use
        where = os.path.join(box.folder, "bundle-" + process.ident)
        path = os.path.join(where, "config.json")
        with open(path, encoding="utf-8") as text:
            config = json.load(text)
        config["process"]["oomScoreAdj"] = 321
        config["process"]["args"] = ["/bin/cat", "/proc/self/oom_score_adj"]
        with open(path, "w", encoding="utf-8") as text:
            json.dump(config, text)
        out = os.popen(" ".join(box.command("run", "--bundle", where, process.ident + "-b"))).read()
        assert out == "321\n", out
