#!/usr/bin/env bash
# The official clients of the Model Context Protocol, Python, TypeScript and the inspector's command line, against a real
# server with demo data.
# `--install` gets them once: the packages of tests/mcp/requirements.txt and package-lock.json; after that no network is
# needed. What this script starts it stops, by process id, however it ends.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=tests/mcp
python=$clients/.venv
install() {
    if ! cmp -s "$clients/requirements.txt" "$python/.installed"; then
        rm -rf "$python"
        python3 -m venv "$python"
        "$python/bin/pip" install --quiet --disable-pip-version-check -r "$clients/requirements.txt" >&2
        cp "$clients/requirements.txt" "$python/.installed"
    fi
    if ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.installed-lock.json"; then
        (cd "$clients" && npm ci --no-audit --no-fund --loglevel=error >&2)
        cp "$clients/package-lock.json" "$clients/node_modules/.installed-lock.json"
    fi
}
install
if [ "${1:-}" = --install ]; then exit 0; fi

. scripts/server.sh
find_binary debug
make_room mcp

export LIVEGRANT_ENV=test
export LIVEGRANT__SERVER__HOST=127.0.0.1
export LIVEGRANT__DATABASE__URL="sqlite://$room/livegrant.db"
export LIVEGRANT__TELEMETRY__LOG_FILTER=warn
config=$(pwd)/config

"$binary" --config "$config" migrate >>"$room/server.log" 2>&1
"$binary" --config "$config" seed --demo >>"$room/server.log" 2>&1
all=$("$binary" --config "$config" api-client add everything --account admin --days 1)
narrow=$("$binary" --config "$config" api-client add reports --account admin --scope mcp:read --days 1)
serve server.log "" --config "$config"

# Two minutes each: they take seconds, and must not hang a pipeline.
timeout 120 "$python/bin/python" "$clients/client.py" "$url" "$all" "$narrow"
timeout 120 node "$clients/client.mjs" "$url" "$all"

# The inspector keeps a catalogue of servers at home: here that is the room, which goes away.
inspect() {
    local token=$1
    shift
    HOME=$room timeout 60 "$clients/node_modules/.bin/mcp-inspector" --cli "$url/mcp" --transport http \
        ${token:+--header "Authorization: Bearer $token"} "$@" </dev/null
}
check() {
    if ! grep -qF -- "$2" <<<"$3"; then
        say "failed: the inspector $1: $3"
        exit 1
    fi
    echo "ok: the inspector $1"
}
# --strict ends otherwise than with 0 where a schema cannot be used everywhere.
listed=$(inspect "$all" --method tools/list --strict 2>>"$room/inspector.log")
check "lists the tools and finds no fault with their schemas" '"createOrganization"' "$listed"
name='研发部 “𠮷” 🎉'
check "calls a tool, and a name comes back unchanged" "$name" \
    "$(inspect "$all" --method tools/call --tool-name createOrganization --tool-arg code=inspected "name=$name" || true)"
check "is shown no tool beyond a token's scopes" tool_not_found \
    "$(inspect "$narrow" --method tools/call --tool-name createOrganization --tool-arg code=n name=n 2>&1 || true)"
check "is sent to sign in without a token" auth_required "$(inspect "" --method tools/list 2>&1 || true)"
