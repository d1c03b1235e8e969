#!/usr/bin/env bash
# Starts the built binary with demo data in a temporary folder, and looks at its page in a browser.
# Everything it starts it stops, by process id, however it ends.
set -euo pipefail
cd "$(dirname "$0")/.."

# LIVEGRANT_BINARY names another build to look at, a release for instance.
binary=${LIVEGRANT_BINARY:-}
if [ -z "$binary" ]; then
    cargo build --quiet --locked --bin livegrant
    target=${CARGO_TARGET_DIR:-target}
    case "$target" in /*) ;; *) target=$(pwd)/$target ;; esac
    binary=$target/debug/livegrant
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/livegrant-browser.XXXXXX")
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
        tail -n 100 "$dir/log" >&2
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
ready() {
    node -e 'fetch(process.argv[1]).then(a => process.exit(a.ok ? 0 : 1), () => process.exit(1))' "$1/readyz"
}

export LIVEGRANT_ENV=test
export LIVEGRANT__SERVER__HOST=127.0.0.1
export LIVEGRANT__DATABASE__URL="sqlite://$dir/livegrant.db"
export LIVEGRANT__DEMO__EXPOSE_ACCOUNTS=true
export LIVEGRANT__TELEMETRY__LOG_FILTER=info
# One address signs in for all tests.
export LIVEGRANT__AUTH__THROTTLE_ADDRESS_ATTEMPTS=100000

"$binary" migrate >>"$dir/log" 2>&1
"$binary" seed --demo >>"$dir/log" 2>&1

url=
for _ in 1 2 3 4 5; do
    port=$((RANDOM % 20000 + 20000))
    if taken "$port"; then continue; fi
    LIVEGRANT__SERVER__PORT=$port "$binary" serve >>"$dir/log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 300); do
        if ! kill -0 "$server" 2>/dev/null; then break; fi
        if ready "http://127.0.0.1:$port"; then
            url=http://127.0.0.1:$port
            break 2
        fi
        sleep 0.1
    done
    stop
done
if [ -z "$url" ]; then
    printf '%s\n' "the server did not become ready" >&2
    exit 1
fi

# Tests of restarts start servers of their own.
case "$binary" in /*) ;; *) binary=$(pwd)/$binary ;; esac
cd tests/browser
LIVEGRANT_URL=$url LIVEGRANT_BINARY=$binary npm test --silent
