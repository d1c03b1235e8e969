#!/usr/bin/env bash
# Starts the built binary with demo data in a temporary folder, and looks at its page in a browser.
# Everything it starts it stops, by process id, however it ends.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/server.sh

# LIVEGRANT_BINARY names another build to look at, a release for instance.
find_binary debug
make_room browser

export LIVEGRANT_ENV=test
export LIVEGRANT__SERVER__HOST=127.0.0.1
export LIVEGRANT__DATABASE__URL="sqlite://$room/livegrant.db"
export LIVEGRANT__DEMO__EXPOSE_ACCOUNTS=true
export LIVEGRANT__TELEMETRY__LOG_FILTER=info
# One address signs in for all tests.
export LIVEGRANT__AUTH__THROTTLE_ADDRESS_ATTEMPTS=100000
# `test` is a layer of this folder, not of the room.
config=$(pwd)/config

"$binary" --config "$config" migrate >>"$room/server.log" 2>&1
"$binary" --config "$config" seed --demo >>"$room/server.log" 2>&1
LOG_LINES=100
serve server.log "" --config "$config"

# Tests of restarts start servers of their own.
cd tests/browser
LIVEGRANT_URL=$url LIVEGRANT_BINARY=$binary npm test --silent
