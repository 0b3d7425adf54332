# SPDX-License-Identifier: Apache-2.0
"""Containers whose config.json is changed by a function before they run."""
import json
import os
import subprocess


def edit(file, change):
    """change(config) has the last word on a config.json."""
    with open(file, encoding="utf-8") as text:
        config = json.load(text)
    change(config)
    with open(file, "w", encoding="utf-8") as text:
        json.dump(config, text)


def run(box, argv, change, seconds=60, prefix=(), **options):
    """Runs a command in the sandbox, its configuration changed; the runtime by a prefix like nsenter's."""
    _, command = box.prepare(argv, **options)
    edit(os.path.join(command[command.index("--bundle") + 1], "config.json"), change)
    return subprocess.run([*prefix, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)
