#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands and options of postern as their tables in runtime/commands/*.c have them; and, as a program, whether the manual page,
the help of each command and the completions for bash, zsh and fish have the same.

usage: options.py [POSTERN]; the last line is "N passed, N failed"
"""
import glob
import os
import re
import subprocess
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = re.compile(r"struct option (\w+?)_(?:table|options)\[\] = \{(.*?)\n\};", re.S)
ENTRY = re.compile(r'\{"([\w-]+)", (\w+)_argument, NULL, (?:\'(\w)\'|(\w+))\}')
COMMAND = re.compile(r'^    \{"(\w+)", command_\w+, "', re.M)
LETTERS = re.compile(r'option_next\(argc, argv, "([^"]*)", (\w+?)_(?:table|options)\)')
UPDATE = re.compile(r'^    \{"([\w-]+)", FLAG_(\w+), ', re.M)
# Taken for the sake of callers who give them to any runtime, and of no use here: not in any help.
SILENT = {"": set(), "run": {"no-pivot", "no-new-keyring", "no-subreaper"}, "create": {"no-pivot", "no-new-keyring"},
          "exec": {"process-label", "apparmor"}, "update": {"kernel-memory", "kernel-memory-tcp", "l3-cache-schema", "mem-bw-schema"},
          "install": {"config_file"}, "uninstall": {"config_file"}}


def source(name):
    with open(os.path.join(REPO, name), encoding="utf-8") as file:
        return file.read()


def commands():
    return COMMAND.findall(source("runtime/main.c"))


def tables():
    """{command: {long name: letter or None}}; "" are the global ones."""
    found = {command: {"help": "h"} for command in commands()}
    for path in glob.glob(os.path.join(REPO, "runtime/*/*.c")):
        text = source(path)
        letters = {name: word for word, name in LETTERS.findall(text)}
        for name, body in TABLE.findall(text):
            entries = {long: letter if letter and letter in letters.get(name, "") else None
                       for long, _, letter, _ in ENTRY.findall(body)}
            assert len(entries) == body.count('{"'), f"{path}: the table of {name} has lines nobody here understands"
            if name == "global":
                found[""] = entries
            elif name != "help":  # of the commands that have nothing else
                found[name] = entries
    found["uninstall"] = found["install"]
    found["update"] = {"resources": "r", "help": "h", **{name: None for name, _ in UPDATE.findall(source("runtime/commands/update.c"))}}
    for command in ("checkpoint", "restore"):
        found[command] = {"help": "h"}
    return found


def said(command):
    """The options of a command that a user is told of."""
    return {name: letter for name, letter in tables()[command].items() if name not in SILENT.get(command, ())}


# -- where they must be ------------------------------------------------------------------------------------------------


def has_option(text, name):
    return re.search(rf"(?<![\w-])--{re.escape(name)}(?![\w-])", text) is not None


def check_help(postern):
    for command in tables():
        words = [command, "--help"] if command else ["--help"]
        text = subprocess.run([postern, *words], capture_output=True, text=True, check=True).stdout
        for name, letter in said(command).items():
            if name == "help" and not command == "" and name not in text:
                continue  # it is what shows this
            if not has_option(text, name):
                yield f"postern {command} --help says nothing of --{name}"
            if letter and name != "help" and not re.search(rf"-{letter}(?!\w)", text):
                yield f"postern {command} --help says nothing of -{letter}"
        if command == "" and (missing := [c for c in commands() if not re.search(rf"^  {c} ", text, re.M)]):
            yield f"postern --help says nothing of {missing}"


def check_man(_):
    text = source("docs/postern.1").replace("\\-", "-")
    plain = re.sub(r"\\f.", "", text)
    synopsis = plain[plain.index(".SH SYNOPSIS"):plain.index(".SH DESCRIPTION")]
    for command in commands():
        if command not in synopsis:
            yield f"docs/postern.1: the synopsis has no {command}"
    for command in tables():
        for name in said(command):
            if not has_option(plain, name):
                yield f"docs/postern.1 says nothing of --{name} ({command or 'global'})"


def check_bash(_):
    text = source("docs/completion/postern.bash")
    lines = dict(re.findall(r"\[(\w+)\]='([^']*)'", text))
    lines[""] = re.search(r"local global='([^']*)'", text).group(1)
    for command in tables():
        if command not in lines:
            yield f"docs/completion/postern.bash does not know {command}"
            continue
        have = {word[2:] for word in lines[command].split() if not word.endswith("=")}
        if missing := set(said(command)) - have:
            yield f"docs/completion/postern.bash: {command or 'global'} lacks {sorted(missing)}"
        if wrong := have - set(tables()[command]):
            yield f"docs/completion/postern.bash: {command or 'global'} has {sorted(wrong)}, which are not there"


def check_zsh(_):
    text = source("docs/completion/_postern")
    made = re.search(r"local -a made=\((.*?)\n        \)", text, re.S).group(1)
    parts = {"": text[:text.index("case $state in")]}
    for names, body in re.findall(r"^        ([\w| ]+)\)(.*?);;", text[text.index("case $line[1] in"):], re.M | re.S):
        for name in names.split("|"):
            parts[name.strip()] = body.replace("$made", made).replace("$help", "--help")
    for command in tables():
        if command and not re.search(rf"^            ['\"]{command}:", text, re.M):
            yield f"docs/completion/_postern: no command {command}"
        missing = [name for name in said(command) if not has_option(parts.get(command, ""), name)]
        if missing:
            yield f"docs/completion/_postern: {command or 'global'} lacks {missing}"


def check_fish(_):
    text = source("docs/completion/postern.fish")
    sets = {name: set(words.split()) for name, words in re.findall(r"^set -l (\w+) (.*)$", text, re.M)}
    have = {command: set() for command in tables()}
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        seen = re.search(r"__fish_seen_subcommand_from ([^'\"]*)", line)
        longs = set(re.findall(r" -l ([\w-]+)", line))
        if "__fish_use_subcommand" in line:
            have[""] |= longs
        elif seen:
            words = [w for word in seen.group(1).split() for w in (sets[word[1:]] if word.startswith("$") else [word])]
            loop = re.search(r"-l \$(\w+)", line)
            for word in words:
                have.setdefault(word, set()).update(longs)
                if loop:
                    have[word] |= set(re.search(rf"^for {loop.group(1)} in (.*)$", re.sub(r"\\\n\s*", " ", text), re.M).group(1).split())
        elif longs == {"help"}:
            for options in have.values():
                options.add("help")
    for command in tables():
        if command and not re.search(rf"__fish_use_subcommand -a {command} ", text):
            yield f"docs/completion/postern.fish: no command {command}"
        if missing := set(said(command)) - have[command]:
            yield f"docs/completion/postern.fish: {command or 'global'} lacks {sorted(missing)}"


def main():
    postern = sys.argv[1] if len(sys.argv) > 1 else os.path.join(REPO, "build/release/postern")
    passed = failed = 0
    for check in (check_help, check_man, check_bash, check_zsh, check_fish):
        complaints = list(check(postern))
        for complaint in complaints:
            print(complaint)
        if complaints:
            print(f"FAIL options: {check.__name__.removeprefix('check_')} against the option tables")
        passed, failed = passed + (not complaints), failed + bool(complaints)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
