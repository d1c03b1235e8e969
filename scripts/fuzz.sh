#!/usr/bin/env bash
# Runs each fuzz target of the engine's transport for a bounded time (60 s, or the first argument).
#
# It needs a C++ compiler for libFuzzer and nothing else: the build asks rustc for libFuzzer's coverage with the flags
# that cargo-fuzz uses without a sanitizer, which the stable toolchain takes, too. The engine has no unsafe code, so a
# sanitizer would find nothing that an assertion does not.
# What is found lies in target/fuzz/TARGET-*; `target/fuzz/.../TARGET FILE` shows it again.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
target=${CARGO_TARGET_DIR:-target}
case "$target" in /*) ;; *) target=$(pwd)/$target ;; esac
room=$target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

command -v c++ >/dev/null || { printf 'fuzzing needs a C++ compiler\n' >&2; exit 3; }

flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
# With a target named, build scripts and macros are built without the flags.
RUSTFLAGS=$flags CARGO_TARGET_DIR=$room \
    cargo build --quiet --locked --release --manifest-path actors/fuzz/Cargo.toml --target "$host" --bins

for name in frames client_message; do
    mkdir -p "$room/corpus/$name"
    printf '%s: %s s\n' "$name" "$seconds"
    "$room/$host/release/$name" "$room/corpus/$name" "actors/fuzz/seeds/$name" -max_total_time="$seconds" \
        -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$room/$name-" \
        >"$room/$name.log" 2>&1 || { tail -n 60 "$room/$name.log" >&2; exit 1; }
    grep -E 'stat::(number_of_executed_units|average_exec_per_sec|new_units_added)' "$room/$name.log"
done
