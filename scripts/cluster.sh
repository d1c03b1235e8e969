#!/usr/bin/env bash
# Several nodes on this machine, without containers: PostgreSQL, Redis, the nodes and a balancer in front of them, all in
# a temporary folder, on free ports of the loopback address. Everything it starts it stops, however it ends.
#
#   scripts/cluster.sh                          3 nodes behind nginx, with demo accounts, until Ctrl-C
#   NODES=5 BALANCER=haproxy scripts/cluster.sh BALANCER=none: the nodes alone
#   REDIS=none scripts/cluster.sh               without Redis: changes travel by the tail poll alone
#   PORT=8080 scripts/cluster.sh                where the balancer listens
#   DATABASE=postgres://… scripts/cluster.sh    on this empty database in place of one of its own
#   ACCOUNTS=5000 TABS_PER_ACCOUNT=2 …          also `livegrant loadtest prepare`
#   DEMO=none, LIVEGRANT_BINARY=…, LIVEGRANT__…: settings of all nodes
#   scripts/cluster.sh --json FILE              writes addresses and process ids to FILE, and goes on until standard input
#                                               ends; each command is answered by a line on standard output
#
# Commands, a line each on standard input: restart (all nodes, one after another), restart N, stop N, kill N, start N.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/server.sh

json=
if [ "${1:-}" = --json ]; then json=$(absolute "${2:?name a file}"); fi
nodes=${NODES:-3}
balancer=${BALANCER:-nginx}
here=$(pwd)

case $balancer in
nginx | haproxy) command -v "$balancer" >/dev/null || PATH=$PATH:/usr/sbin command -v "$balancer" >/dev/null || {
    say "$balancer is not installed: run \`make test-tools\`, or choose BALANCER=none"
    exit 3
} ;;
none) ;;
*) say "BALANCER is nginx, haproxy or none, not $balancer"; exit 2 ;;
esac
PATH=$PATH:/usr/sbin

find_binary "${PROFILE:-debug}"
make_room cluster
chmod 755 "$room" # PostgreSQL may run as another user

database=${DATABASE:-}
if [ -z "$database" ]; then
    # It ends with its standard input, which this script holds.
    coproc POSTGRES { trap '' INT; exec scripts/postgres.sh 2>>"$room/postgres.log"; }
    postgres=$POSTGRES_PID
    # Its last standard output and input: without them it goes.
    end_room() { exec {POSTGRES[1]}>&- && wait "$postgres"; } 2>/dev/null
    read -r -t 60 database <&"${POSTGRES[0]}" || { wait "$postgres"; exit 3; }
fi

export LIVEGRANT__DATABASE__URL=$database
export LIVEGRANT__SERVER__HOST=127.0.0.1
export LIVEGRANT__SERVER__TRUSTED_PROXIES=${LIVEGRANT__SERVER__TRUSTED_PROXIES-127.0.0.1}
export LIVEGRANT__SERVER__LEAVE_SECONDS=${LIVEGRANT__SERVER__LEAVE_SECONDS:-3}
export LIVEGRANT__DEMO__EXPOSE_ACCOUNTS=${LIVEGRANT__DEMO__EXPOSE_ACCOUNTS:-true}
export LIVEGRANT__TELEMETRY__LOG_FILTER=${LIVEGRANT__TELEMETRY__LOG_FILTER:-info}
# Everybody comes from one address here.
export LIVEGRANT__REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS=${LIVEGRANT__REALTIME__HANDSHAKES_PER_MINUTE_PER_ADDRESS:-1000000}
if [ -n "${ACCOUNTS:-}" ]; then export LIVEGRANT__LOADTEST__ENABLED=true; fi

settings=$(cd "$room" && "$binary" check-config)
redis=
if [ "${REDIS:-auto}" != none ] && grep -qx '\[redis\]' <<<"$settings"; then
    if command -v redis-server >/dev/null; then
        draw_port
        start redis.log redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no
        redis=redis://127.0.0.1:$port
        export LIVEGRANT__REDIS__URL=$redis
        export LIVEGRANT__CLUSTER__SECRET=${LIVEGRANT__CLUSTER__SECRET:-$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}
        for _ in $(seq 100); do
            if redis-cli -p "$port" ping 2>/dev/null | grep -q PONG; then break; fi
            sleep 0.1
        done
    else
        say "redis-server is not installed: the nodes find changes by the tail poll"
    fi
fi

(cd "$room" && "$binary" migrate) >>"$room/setup.log" 2>&1
if [ "${DEMO:-all}" != none ]; then (cd "$room" && "$binary" seed --demo) >>"$room/setup.log" 2>&1; fi
if [ -n "${ACCOUNTS:-}" ]; then
    (cd "$room" && "$binary" loadtest prepare --accounts "$ACCOUNTS" --tabs-per-account "${TABS_PER_ACCOUNT:-2}" \
        --out accounts.jsonl) >>"$room/setup.log" 2>&1
fi

# What a node is called, where it can be called something.
serve_node() {
    if grep -qx '\[cluster\]' <<<"$settings"; then export LIVEGRANT__CLUSTER__NAME=node$1; fi
    serve "node$1.log" "${2:-}"
}

pids=()
ports=()
for ((n = 0; n < nodes; n++)); do
    serve_node $((n + 1))
    pids+=("$pid")
    ports+=("$port")
done

front=${ports[0]}
balancer_process=
start_balancer() {
    local tries
    export LIVEGRANT_RUN=$room LIVEGRANT_USER LIVEGRANT_NODES="${ports[*]/#/127.0.0.1:}"
    LIVEGRANT_USER=$(id -un)
    for tries in 1 2 3 4 5; do
        if [ -n "${PORT:-}" ]; then port=$PORT; else draw_port; fi
        export LIVEGRANT_LISTEN=127.0.0.1:$port
        if [ "$balancer" = nginx ]; then
            deploy/render.sh deploy/nginx/livegrant.conf >"$room/livegrant.conf"
            deploy/render.sh deploy/nginx/nginx.conf >"$room/nginx.conf"
            start nginx.log nginx -p "$room" -c "$room/nginx.conf" -g 'daemon off;'
        else
            deploy/render.sh deploy/haproxy/haproxy.cfg >"$room/haproxy.cfg"
            start haproxy.log haproxy -db -f "$room/haproxy.cfg"
        fi
        if wait_for "$pid" "$port" /healthz; then
            front=$port
            balancer_process=$pid
            return 0
        fi
        stop_process "$pid"
        if [ -n "${PORT:-}" ]; then break; fi
    done
    say "$balancer did not answer"
    return 1
}
if [ "$balancer" != none ]; then start_balancer; fi

join() { local IFS=,; printf '%s' "$*"; }
describe() {
    local accounts=null process=null
    if [ -n "${ACCOUNTS:-}" ]; then accounts="\"$room/accounts.jsonl\""; fi
    if [ -n "$balancer_process" ]; then process=$balancer_process; fi
    printf '{"url":"http://127.0.0.1:%s","balancer":"%s","balancer_pid":%s,"nodes":[%s],"pids":[%s],"database":"%s","redis":"%s","accounts":%s,"room":"%s"}\n' \
        "$front" "$balancer" "$process" "$(join "${ports[@]/#/\"http://127.0.0.1:}" | sed 's/\(,\|$\)/"\1/g')" \
        "$(join "${pids[@]}" | sed 's/^,/null,/; s/,,/,null,/g; s/,,/,null,/g; s/,$/,null/; s/^$/null/')" "$database" "$redis" "$accounts" "$room"
}

if [ -n "$json" ]; then
    (umask 077 && describe >"$json.new") && mv "$json.new" "$json"
else
    printf '\n  Livegrant serves http://127.0.0.1:%s/ by %s nodes behind %s\n' "$front" "$nodes" "$balancer"
    for ((n = 0; n < nodes; n++)); do printf '  node %s: http://127.0.0.1:%s/ (process %s)\n' $((n + 1)) "${ports[n]}" "${pids[n]}"; done
    printf '  database %s%s\n  logs in %s\n' "${database//:*@/:***@}" "${redis:+, Redis $redis}" "$room"
    printf '  Sign in as admin, hr, manager, alice, bob or auditor; the password of all is livegrant-demo\n'
    printf '  Enter restart, restart N, stop N, kill N or start N; Ctrl-C ends all\n\n'
fi

start_node() {
    if [ -n "${pids[$1]}" ]; then say "node $(($1 + 1)) runs"; return; fi
    serve_node $(($1 + 1)) "${ports[$1]}"
    pids[$1]=$pid
}
stop_node() {
    if [ -z "${pids[$1]}" ]; then return; fi
    if [ "$2" = KILL ]; then kill -KILL "${pids[$1]}" 2>/dev/null || true; fi
    stop_process "${pids[$1]}"
    pids[$1]=
}
# A balancer that asks /readyz each second has to see the node before the next one goes.
restart_node() {
    stop_node "$1" TERM
    start_node "$1"
    sleep "${BETWEEN:-3}"
}

while read -r word number; do
    n=$((${number:-0} - 1))
    if [ -n "$number" ] && { [ "$n" -lt 0 ] || [ "$n" -ge "$nodes" ]; }; then say "there is no node $number"; continue; fi
    case "$word${number:+ N}" in
    restart) for ((n = 0; n < nodes; n++)); do restart_node "$n"; done ;;
    'restart N') restart_node "$n" ;;
    'stop N') stop_node "$n" TERM ;;
    'kill N') stop_node "$n" KILL ;;
    'start N') start_node "$n" ;;
    '') continue ;;
    *) say "not a command: $word $number"; continue ;;
    esac
    if [ -n "$json" ]; then (umask 077 && describe >"$json.new") && mv "$json.new" "$json"; fi
    printf 'done: %s %s\n' "$word" "$number"
done
if [ -z "$json" ]; then
    # No terminal: until a signal comes.
    while :; do sleep 3600 & wait $!; done
fi
