# SPDX-License-Identifier: Apache-2.0
# What every test script in a container starts with (through BASH_ENV, so that its own lines keep their numbers).
unset BASH_ENV
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR

# The command must fail. (A plain "! command" never ends a script under set -e.)
refused() {
    if "$@"; then
        echo "should have failed: $*"
        return 1
    fi
}
