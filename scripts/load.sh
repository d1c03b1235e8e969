#!/usr/bin/env bash
# Runs one k6 scenario of loadtest/k6/scenarios: against a server of its own, on SQLite in a temporary folder with
# prepared accounts, or against BASE with the file ACCOUNTS. The summary goes to RESULTS (loadtest/results).
# Everything it starts it stops, by process id, however it ends.
#
#   scripts/load.sh smoke                                             a server of its own
#   BASE=http://10.0.0.2 ACCOUNTS=accounts.jsonl scripts/load.sh fanout
#   LIVEGRANT_BINARY=target/debug/livegrant RESULTS=none TABS=20 scripts/load.sh smoke
#
# TABS, CHANGES, NOTICES, WAVES, EVERY, LIMIT_MS …: see the head of each scenario.
set -euo pipefail
cd "$(dirname "$0")/.."

scenario=${1:?name a scenario of loadtest/k6/scenarios}
script=loadtest/k6/scenarios/$scenario.js
if ! [ -f "$script" ]; then
    printf 'there is no %s; there are:\n' "$script" >&2
    ls loadtest/k6/scenarios >&2
    exit 2
fi
k6=$(scripts/k6.sh)

dir=$(mktemp -d "${TMPDIR:-/tmp}/livegrant-k6.XXXXXX")
server=
stop() {
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        for _ in $(seq 150); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
finish() {
    status=$?
    trap '' INT TERM HUP
    stop
    if [ "$status" != 0 ] && [ -f "$dir/log" ]; then
        printf '%s\n' "--- the server's log" >&2
        tail -n 30 "$dir/log" >&2
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$(pwd)" "$1" ;; esac; }
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# Through bash itself: not every machine has curl.
ready() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
    local line
    IFS= read -r -t 5 line <&3 || return 1
    exec 3>&-
    [[ $line == "HTTP/1.1 200"* ]]
}

start_server() {
    local binary=${LIVEGRANT_BINARY:-}
    if [ -z "$binary" ]; then
        cargo build --quiet --release --locked --bin livegrant
        binary=${CARGO_TARGET_DIR:-target}/release/livegrant
    fi
    binary=$(absolute "$binary")
    # Two tabs an account: k6's tabs are shared out over half as many accounts.
    local accounts=$(((${TABS:-500} + 1) / 2))
    export LIVEGRANT__DATABASE__URL="sqlite://$dir/livegrant.db"
    export LIVEGRANT__SERVER__HOST=127.0.0.1
    export LIVEGRANT__LOADTEST__ENABLED=true
    export LIVEGRANT__TELEMETRY__LOG_FILTER=warn
    # All tabs come from one address.
    export LIVEGRANT__REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS=1000000
    (cd "$dir" && "$binary" migrate && "$binary" loadtest prepare --accounts "$accounts" --tabs-per-account 2 \
        --out accounts.jsonl) >>"$dir/log" 2>&1
    ACCOUNTS=$dir/accounts.jsonl
    local port
    for _ in 1 2 3 4 5; do
        port=$((RANDOM % 12000 + 20000))
        if taken "$port"; then continue; fi
        (cd "$dir" && LIVEGRANT__SERVER__PORT=$port exec "$binary" serve) >>"$dir/log" 2>&1 </dev/null &
        server=$!
        for _ in $(seq 300); do
            if ! kill -0 "$server" 2>/dev/null; then break; fi
            if (ready "$port") 2>/dev/null; then
                BASE=http://127.0.0.1:$port
                return 0
            fi
            sleep 0.1
        done
        stop
    done
    printf '%s\n' "the server did not become ready" >&2
    return 1
}

if [ -z "${BASE:-}" ]; then
    start_server
else
    : "${ACCOUNTS:?the file of livegrant loadtest prepare for $BASE}"
fi
BASE=${BASE%/}
ACCOUNTS=$(absolute "$ACCOUNTS")
load=$(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || true)

variables=(-e "BASE=$BASE" -e "ACCOUNTS=$ACCOUNTS")
for name in TABS SECONDS_OPEN CHANGES NOTICES WAVES START EVERY EVERY_MS LIMIT_MS; do
    if [ -n "${!name:-}" ]; then variables+=(-e "$name=${!name}"); fi
done
status=0
"$k6" run --no-usage-report --quiet --summary-export "$dir/summary.json" "${variables[@]}" "$script" || status=$?

results=${RESULTS:-loadtest/results}
if [ "$results" != none ] && [ -f "$dir/summary.json" ]; then
    mkdir -p "$results"
    file=$results/$(date -u +%Y%m%dT%H%M%SZ)-k6-$scenario.json
    python3 - "$dir/summary.json" "$file" "$scenario" "$load" "$status" <<'PY'
import json, os, platform, subprocess, sys

summary, file, scenario, load, status = sys.argv[1:]
git = lambda *words: subprocess.run(("git",) + words, capture_output=True, text=True).stdout.strip()
keep = {name: os.environ[name] for name in ("TABS", "CHANGES", "NOTICES", "WAVES", "EVERY", "EVERY_MS", "LIMIT_MS") if name in os.environ}
memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
result = {
    "scenario": "k6-" + scenario,
    "thresholds_held": status == "0",
    "circumstances": {
        "machine": {"cores": os.cpu_count(), "memory_gib": memory, "kernel": platform.release()},
        "load_average_before": load,
        "commit": git("rev-parse", "--short=12", "HEAD")
        + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else ""),
        "settings": keep,
    },
    "metrics": json.load(open(summary))["metrics"],
}
with open(file, "w") as out:
    json.dump(result, out, indent=2, ensure_ascii=False)
    out.write("\n")
print("written to", file, file=sys.stderr)
PY
fi
exit "$status"
