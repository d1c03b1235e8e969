#!/usr/bin/env bash
# Runs one k6 scenario of loadtest/k6/scenarios: against a server of its own, on SQLite in a temporary folder with
# prepared accounts, against a cluster of its own, or against BASE with the file ACCOUNTS. The summary goes to RESULTS
# (loadtest/results).
# Everything it starts it stops, by process id, however it ends.
#
#   scripts/load.sh smoke                                             a server of its own
#   BASE=http://10.0.0.2 ACCOUNTS=accounts.jsonl scripts/load.sh fanout
#   DATABASE_URL=postgres://… scripts/load.sh office-day              the same on an empty PostgreSQL database
#   CLUSTER=3 scripts/load.sh permission-push                         3 nodes behind a balancer (scripts/cluster.sh)
#   CLUSTER=3 SPREAD=nodes scripts/load.sh fanout                     the same, tabs and changes at the nodes themselves
#   CLUSTER=3 RESTART_AT=60 scripts/load.sh soak                      after 60 s the nodes restart, one after another
#   BASES=http://a,http://b ACCOUNTS=… scripts/load.sh fanout         tabs and changes in turn at several addresses
#   LIVEGRANT_BINARY=target/debug/livegrant RESULTS=none TABS=20 scripts/load.sh smoke
#
# TABS, CHANGES, NOTICES, WAVES, EVERY, MINUTES, LIMIT_MS …: see the head of each scenario.
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

. scripts/server.sh
make_room k6

tabs=${TABS:-500}
# Two tabs an account: k6's tabs are shared out over half as many accounts.
accounts=$(((tabs + 1) / 2))
prepare=()
# A day at the office has one tab a person, and people who lead others.
if [ "$scenario" = office-day ]; then
    tabs=${TABS:-50}
    accounts=$tabs
    prepare=(--office)
fi

start_server() {
    find_binary release
    # Of its own, or an empty one that is given.
    export LIVEGRANT__DATABASE__URL=${DATABASE_URL:-sqlite://$room/livegrant.db}
    export LIVEGRANT__SERVER__HOST=127.0.0.1
    export LIVEGRANT__LOADTEST__ENABLED=true
    export LIVEGRANT__TELEMETRY__LOG_FILTER=warn
    # All tabs come from one address.
    export LIVEGRANT__REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS=1000000
    (cd "$room" && "$binary" migrate && "$binary" loadtest prepare --accounts "$accounts" --tabs-per-account 2 \
        "${prepare[@]}" --out accounts.jsonl) >>"$room/server.log" 2>&1
    ACCOUNTS=$room/accounts.jsonl
    serve server.log
    BASE=$url
    NODES_URLS=$url
}

# The whole cluster ends when its standard input does, which this script holds.
start_cluster() {
    local file=$room/cluster.json
    coproc NODES_RUN {
        NODES=$CLUSTER ACCOUNTS=$accounts TABS_PER_ACCOUNT=2 DEMO=none PROFILE=${PROFILE:-release} \
            LIVEGRANT__TELEMETRY__LOG_FILTER=warn exec scripts/cluster.sh --json "$file" 2>>"$room/cluster.log"
    }
    cluster=$NODES_RUN_PID
    end_room() { exec {NODES_RUN[1]}>&- && wait "$cluster"; } 2>/dev/null
    until [ -f "$file" ]; do
        kill -0 "$cluster" 2>/dev/null || return 1
        sleep 0.2
    done
    local fields='import json, sys; f = json.load(open(sys.argv[1])); print(f["url"], ",".join(f["nodes"]), f["accounts"])'
    read -r BASE NODES_URLS ACCOUNTS < <(python3 -c "$fields" "$file")
    if [ -n "${RESTART_AT:-}" ]; then
        exec {commands}>&"${NODES_RUN[1]}"
        # The sleep does not hold the cluster's input open when this script ends before it.
        (sleep "$RESTART_AT" {commands}>&- && echo restart >&"$commands") &
        started+=("$!")
        exec {commands}>&-
    fi
}

NODES_URLS=${NODES_URLS:-}
if [ -n "${BASE:-}${BASES:-}" ]; then
    : "${ACCOUNTS:?the file of livegrant loadtest prepare for $BASE$BASES}"
    BASE=${BASE:-${BASES%%,*}}
    NODES_URLS=${NODES_URLS:-${BASES:-$BASE}}
elif [ -n "${CLUSTER:-}" ]; then
    start_cluster
    if [ "${SPREAD:-}" = nodes ]; then BASES=$NODES_URLS; fi
else
    start_server
fi
BASE=${BASE%/}
ACCOUNTS=$(absolute "$ACCOUNTS")
load=$(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || true)

variables=(-e "BASE=$BASE" -e "ACCOUNTS=$ACCOUNTS" -e "NODES=$NODES_URLS")
if [ -n "${BASES:-}" ]; then variables+=(-e "BASES=$BASES"); fi
for name in TABS SECONDS_OPEN CHANGES NOTICES WAVES START EVERY EVERY_MS LIMIT_MS MINUTES CHURN_S CHANGE_S \
    GROWTH REQUESTS; do
    if [ -n "${!name:-}" ]; then variables+=(-e "$name=${!name}"); fi
done
status=0
"$k6" run --no-usage-report --quiet --summary-export "$room/summary.json" "${variables[@]}" "$script" || status=$?

results=${RESULTS:-loadtest/results}
if [ "$results" != none ] && [ -f "$room/summary.json" ]; then
    mkdir -p "$results"
    file=$results/$(date -u +%Y%m%dT%H%M%SZ)-k6-$scenario.json
    python3 - "$room/summary.json" "$file" "$scenario" "$load" "$status" <<'PY'
import json, os, platform, subprocess, sys

summary, file, scenario, load, status = sys.argv[1:]
git = lambda *words: subprocess.run(("git",) + words, capture_output=True, text=True).stdout.strip()
names = ("TABS CHANGES NOTICES WAVES EVERY EVERY_MS LIMIT_MS MINUTES CHURN_S CHANGE_S GROWTH REQUESTS CLUSTER SPREAD BALANCER REDIS "
         "PROFILE BASES "
         "RESTART_AT").split()
keep = {name: os.environ[name] for name in names if os.environ.get(name)}
keep |= {name: value for name, value in os.environ.items()
         if name.startswith("LIVEGRANT__") and not any(word in name for word in ("SECRET", "URL"))}
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
