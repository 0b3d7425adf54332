# SPDX-License-Identifier: Apache-2.0
"""What can run in the virtual machine, each with a limit in seconds for a busy host (an idle one needs a tenth)."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
SHARED = "/run/vm"  # this run's folder, as the machine sees it
GUEST = SHARED + "/guest"  # programs for containers, compiled by the host

# Where the kernel's age shows: how pids are translated, whom a message is from, how the sentry is woken, whose a thread's timer slack is.
# And where it does not: the root of this machine has CAP_SYS_RESOURCE to give ("granted").
AREAS = ["granted", "process", "secure", "signal", "thread", "unix"]
LIVES = ["whole-life", "paused", "many-processes", "exec", "netns"]

DEFAULT = {
    "cgroups": (300, [TESTS + "/lifecycle/cgroups.py"]),
    "limits": (500, [HERE + "/limits.py"]),
    "devices": (200, [HERE + "/devices.py"]),
    "cores": (200, [HERE + "/cores.py"]),
    "delegated": (300, [HERE + "/delegated.py"]),
    "systemd": (100, [TESTS + "/lifecycle/systemd.py", "here"]),
    "lives": (600, [TESTS + "/lifecycle/run", *LIVES]),
    "guest": (600, [TESTS + "/differential/run", "--guest", GUEST, *AREAS]),
}
# By name only: all of the lifecycle and the differential tests, and the tests themselves tested (runc does what they ask).
SUITES = DEFAULT | {
    "lifecycle": (2000, [TESTS + "/lifecycle/run"]),
    "differential": (3000, [TESTS + "/differential/run", "--guest", GUEST]),
} | {f"{name}-runc": (seconds, [*command, "runc"]) for name, (seconds, command) in DEFAULT.items()
     if name in ("cgroups", "cores", "limits", "devices", "delegated")}


def areas(names):
    """The guest programs that the suites need; None: all."""
    return None if "differential" in names else AREAS if "guest" in names else []
