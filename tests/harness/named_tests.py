#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every `GROUP NAME` in the tables of a page must be a test there is.  usage: named_tests.py PAGE..."""
import os
import re
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ATTACKS_OF_THE_RUNNER = {"leavings", "neighbours", "throwaway", "posture", "descriptors", "newcomers"}


def exists(group, name):
    def there(*parts):
        return os.path.exists(os.path.join(TESTS, group, *parts))

    if group == "attack":
        plain = name.partition("@")[0]
        return plain in ATTACKS_OF_THE_RUNNER or there(plain + ".c")
    if group == "differential":
        area, _, case = name.partition("/")
        path = os.path.join(TESTS, "guest", area + ".c")
        if not os.path.exists(path):
            return False
        with open(path, encoding="utf-8") as source:
            return case == "" or f"CASE({case})" in source.read()
    if group == "unit":
        return there(name + ".c")
    return there(name + ".py") or there(name + ".sh") or there(name)


def main():
    failed = 0
    for page in sys.argv[1:]:
        with open(page, encoding="utf-8") as text:
            rows = [line for line in text if line.startswith("| ")]
        groups = "|".join(name for name in os.listdir(TESTS) if os.path.isdir(os.path.join(TESTS, name)))
        for row in rows:
            named = re.findall(rf"`({groups}) ([\w/@-]+)`", row.rstrip().rsplit("| ", 1)[-1])
            for group, name in named:
                if not exists(group, name):
                    failed += 1
                    print(f"{page}: no test `{group} {name}`")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
