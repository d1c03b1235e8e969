#!/usr/bin/env bash
# Runs Autobahn's cases against an echo on the engine's own socket, decoder and outbox (actors/examples/echo.rs).
#
#   scripts/autobahn.sh               all cases by a runner for today's Python, seconds; the report is target/autobahn/report
#   scripts/autobahn.sh --write       the same, and publishes the table in docs/autobahn.md
#   scripts/autobahn.sh --original    by Autobahn's own runner, minutes; needs Python 2.7
#   scripts/autobahn.sh --install     only installs the runner
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

target=${CARGO_TARGET_DIR:-target}
case "$target" in /*) ;; *) target=$(pwd)/$target ;; esac
here=scripts/autobahn
room=$target/autobahn
mkdir -p "$room"

# The stamp is a copy of the requirements that were installed: equal means nothing to do.
install_runner() {
    cmp -s "$here/requirements.txt" "$room/runner/installed" && return
    rm -rf "$room/runner"
    python3 -m venv "$room/runner"
    "$room/runner/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
        --no-deps --retries 5 -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$room/runner/installed"
}

install_original() {
    cmp -s "$here/requirements-original.txt" "$room/original/installed" && return
    local python2=
    for candidate in "$(command -v python2.7 || true)" "$HOME"/.pyenv/versions/2.7*/bin/python2.7; do
        if [ -n "$candidate" ] && "$candidate" -c '' 2>/dev/null; then python2=$candidate; fi
    done
    if [ -z "$python2" ]; then
        say "Autobahn's own runner needs Python 2.7, which is not here"
        exit 3
    fi
    rm -rf "$room/original" "$room/virtualenv"
    # The last virtualenv that still makes environments for Python 2.7.
    python3 -m venv "$room/virtualenv"
    "$room/virtualenv/bin/pip" install --quiet --disable-pip-version-check 'virtualenv==20.21.1' >&2
    "$room/virtualenv/bin/virtualenv" --quiet --python "$python2" "$room/original"
    "$room/original/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements-original.txt" >&2
    cp "$here/requirements-original.txt" "$room/original/installed"
}

mode=${1:-}
if [ "$mode" = --original ]; then install_original; else install_runner; fi
if [ "$mode" = --install ]; then exit; fi

cargo build --quiet --locked -p livegrant-actors --features bare --example echo

# The echo ends when its standard input does, which this script holds: however the script ends.
start() {
    coproc ECHO { exec "$target/debug/examples/echo" 0 "$@"; }
    echo_pid=$ECHO_PID
    read -r -t 60 url <&"${ECHO[0]}"
}
stop() {
    exec {ECHO[1]}>&-
    wait "$echo_pid"
}

start

if [ "$mode" = --original ]; then
    printf '{"outdir":"%s","servers":[{"agent":"livegrant","url":"%s"}],"cases":["*"],"exclude-cases":[],"exclude-agent-cases":{}}' \
        "$room/report-original" "$url" >"$room/original.json"
    rm -rf "$room/report-original"
    "$room/original/bin/wstest" -m fuzzingclient -s "$room/original.json" >"$room/original.log" 2>&1
    python3 "$here/judge.py" "$room/report-original/index.json"
    exit
fi

rm -rf "$room/report"
# The judge below decides: the runner's own verdict lets informational ones pass, too.
"$room/runner/bin/kosoku" "${url#ws://}" --parallelism 4 --outdir "$room/report" >"$room/runner.log" 2>&1 || true
if [ ! -f "$room/report/index.json" ]; then
    cat "$room/runner.log" >&2
    exit 1
fi
python3 "$here/judge.py" "$room/report/index.json" "$@"

# A case that must fail: 64 KiB, at a server that takes 1,000 bytes.
stop
start 1000
if "$room/runner/bin/kosoku" "${url#ws://}" --include 1.1.8 --outdir "$room/report-control" >/dev/null 2>&1; then
    say "a server that breaks off passed: this run finds nothing"
    exit 1
fi
