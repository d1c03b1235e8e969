#!/usr/bin/env bash
# The load tools themselves, small and short: every scenario of the driver with 200 tabs, k6's smoke, and a short day at the
# office. They fail when a frame that was due did not come; how long it took is no matter here.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --locked --workspace --bin livegrant --bin livegrant-load
target=${CARGO_TARGET_DIR:-target}
case "$target" in /*) ;; *) target=$(pwd)/$target ;; esac

"$target/debug/livegrant-load" all --quick --tabs 200 --seconds 3 --binary "$target/debug/livegrant"
LIVEGRANT_BINARY=$target/debug/livegrant RESULTS=none TABS=20 scripts/load.sh smoke
LIVEGRANT_BINARY=$target/debug/livegrant RESULTS=none TABS=10 REQUESTS=1 LIMIT_MS=30000 scripts/load.sh office-day
