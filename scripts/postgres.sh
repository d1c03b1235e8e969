#!/bin/sh
# A private PostgreSQL for tests: made in a temporary folder, on a free port of the loopback address, without durability.
#
#   scripts/postgres.sh COMMAND...   runs COMMAND with LIVEGRANT_TEST_POSTGRES set, then stops the server
#   scripts/postgres.sh              prints the server's URL, and stops it when standard input ends
#
# In the second form the caller keeps standard input open: when the caller dies, however it dies, the server goes too.
# A PostgreSQL server refuses to run as root, so root starts it as the user postgres.
set -eu

say() { printf '%s\n' "$*" >&2; }

bin=
for initdb in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"; do
    [ -x "$initdb" ] || continue
    major=$("$initdb" --version | sed 's/.* \([0-9][0-9]*\).*/\1/')
    [ -n "$bin" ] && [ "$major" -le "$newest" ] && continue
    newest=$major
    bin=$(dirname "$initdb")
done
if [ -z "$bin" ]; then
    say "PostgreSQL is not installed: run \`make test-tools\`"
    exit 3
fi

as_owner=
if [ "$(id -u)" = 0 ]; then
    as_owner="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/livegrant-postgres.XXXXXX")
server=

stop() {
    trap '' INT TERM HUP
    if [ -n "$server" ]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap stop EXIT
trap '' PIPE # a caller that died before the answer: the failed write ends the script, through `stop`
trap 'exit 130' INT
trap 'exit 143' TERM HUP

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s' "$password" >"$dir/password"
: >"$dir/log"
[ -z "$as_owner" ] || chown -R postgres: "$dir"

# Durability is off unless LIVEGRANT_TEST_POSTGRES_DURABLE says `on` (measurements do): the data lives as long as the tests. Passwords go in clear over loopback: hashing them would
# cost the tests' unoptimised client tens of milliseconds a connection.
(
    cd "$dir"
    $as_owner "$bin/initdb" -D "$dir/data" -U livegrant --pwfile="$dir/password" --auth-host=password \
        --auth-local=reject --encoding=UTF8 --locale=C --no-sync >>"$dir/log" 2>&1
) || { cat "$dir/log" >&2; exit 1; }

durable=${LIVEGRANT_TEST_POSTGRES_DURABLE:-}
[ -n "$durable" ] || durable=off

start() {
    cd "$dir"
    # shellcheck disable=SC2086 # the words of as_owner
    exec $as_owner "$bin/postgres" -D "$dir/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c fsync=$durable -c synchronous_commit=$durable -c full_page_writes=$durable \
        -c wal_level=minimal -c max_wal_senders=0 -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off -c timezone=UTC \
        >>"$dir/log" 2>&1 </dev/null
}

# No system call gives a free port to another program: one is drawn, and drawn again when it is taken.
tries=0
while :; do
    port=$(($(od -An -N2 -tu2 /dev/urandom) % 20000 + 20000))
    start &
    server=$!
    until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && kill -0 "$server" 2>/dev/null; do
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        sleep 0.05
    done
    kill -0 "$server" 2>/dev/null && break
    server=
    tries=$((tries + 1))
    if [ "$tries" -ge 5 ]; then
        cat "$dir/log" >&2
        exit 1
    fi
done

url="postgres://livegrant:$password@127.0.0.1:$port/postgres"

if [ $# -gt 0 ]; then
    status=0
    LIVEGRANT_TEST_POSTGRES=$url "$@" || status=$?
    exit "$status"
fi
printf '%s\n' "$url"
exec >/dev/null
cat >/dev/null
