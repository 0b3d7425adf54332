# SPDX-License-Identifier: Apache-2.0
"""Sequences about the command line itself: the order of its words, what it says of wrong ones."""
import json

SLEEP = ("/bin/sleep", "1000")
USAGE = "runc prints its whole usage"


def sequence_options_behind_id(d):
    """Of all commands but exec and ps, whose words are another program's, options may stand behind the id."""
    d.running("one", *SLEEP)
    for words in (["--pids-limit", "50"], ["--memory", "64m", "--pids-limit", "30"], ["--memory=70m"], ["--cpu-share=300"]):
        d.step("update", "one", *words)
    d.step("update", "--pids-limit", "30", "one", "--memory=70m")
    d.step("events", "one", "--stats", view=lambda text: sorted(json.loads(text)["data"]["pids"].items())[1:])
    for words in (["kill", "one", "0", "-a"], ["list", "-q", "--format", "json"], ["pause", "one"], ["resume", "one"], ["state", "--", "one"]):
        d.step(*words, view=lambda text: len(text.split()))
    for words in (["start"], ["state"], ["pause"], ["kill"], ["delete"], ["events"], ["update"], ["run"], ["create"]):
        d.step(*words, "one", "--help", differs=USAGE)
    for words in (["update", "one", "--nonsense", "3"], ["delete", "one", "-f", "x"], ["events", "one", "two", "--stats"], ["run", "a", "b", "--keep"],
                  ["state", "one", "--nonsense"], ["create", "a", "--bundle", "/tmp", "b"], ["spec", "x", "--rootless"]):
        d.step(*words, out=False, differs=USAGE)
    d.step("exec", "one", "--cwd", "/tmp", "/bin/pwd", differs="the words in front are runc's own")
    d.step("delete", "one", "-f")
    where = d.bundle("two", "/bin/echo", "ran")
    for words in (["run", "two", "--bundle", where], ["run", "--bundle", where, "two", "--keep"], ["delete", "two"],
                  ["create", "two", "-b", where], ["delete", "two", "--force"], ["create", "--bundle", where, "two", "--no-pivot"],
                  ["delete", "--force", "two"]):
        d.step(*words)
    d.left()


def sequence_ps_options(d):
    """Whatever else ps is told, the container's processes are shown, and no others."""
    d.script("one", "sleep 1000 & ready; wait")

    def view(text):
        lines = text.splitlines()
        return [lines[0].split(), len(lines)]

    for options in (["-e", "-x"], ["-x"], ["-ef"], ["aux"], ["ax"], ["-o", "pid"], ["-o", "pid,args"], ["-H", "-e"], ["axjf"], ["-ly"], ["--forest"],
                    ["-A", "-f"]):
        d.step("ps", "one", *options, view=view)
    d.step("kill", "one", "KILL")
    d.exit_of("one")
    d.step("ps", "one", "-o", "pid", view=view)
    d.step("delete", "one")
    d.left()
