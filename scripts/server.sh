#!/usr/bin/env bash
# To be sourced: starts servers in a temporary folder on free ports of the loopback address, and stops every process that
# it started, by process id, however the script ends.
#
#   . scripts/server.sh
#   find_binary debug              sets $binary: LIVEGRANT_BINARY, or the build of this profile
#   make_room k6                   sets $room, a folder that goes away with the script
#   start LOG COMMAND...           sets $pid
#   serve LOG [PORT [OPTION...]]   starts `livegrant serve`, waits until it is ready; sets $pid, $port and $url
#   end_room                       a function of the script, called when its processes have ended
#   stop_process PID...            SIGTERM to all, SIGKILL to what is left after 30 s

room=
started=()

say() { printf '%s\n' "$*" >&2; }
absolute() { case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$(pwd)" "$1" ;; esac; }

find_binary() {
    binary=${LIVEGRANT_BINARY:-}
    if [ -z "$binary" ]; then
        local release=()
        if [ "$1" = release ]; then release=(--release); fi
        cargo build --quiet --locked "${release[@]}" --bin livegrant
        binary=${CARGO_TARGET_DIR:-target}/$1/livegrant
    fi
    binary=$(absolute "$binary")
}

make_room() {
    room=$(mktemp -d "${TMPDIR:-/tmp}/livegrant-$1.XXXXXX")
    trap finish_room EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

finish_room() {
    local status=$? log
    trap '' INT TERM HUP
    stop_process "${started[@]}"
    if declare -F end_room >/dev/null; then end_room; fi
    if [ "$status" != 0 ] && [ "$status" != 130 ] && [ "$status" != 143 ]; then
        for log in "$room"/*.log; do
            if [ -s "$log" ]; then
                say "--- the end of ${log##*/}"
                tail -n "${LOG_LINES:-40}" "$log" >&2
            fi
        done
    fi
    rm -rf "$room"
    exit "$status"
}

stop_process() {
    local each tries=0
    for each in "$@"; do kill -TERM "$each" 2>/dev/null || true; done
    for each in "$@"; do
        while [ "$tries" -lt 300 ] && kill -0 "$each" 2>/dev/null; do
            sleep 0.1
            tries=$((tries + 1))
        done
        kill -KILL "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
        local kept=() other
        for other in "${started[@]}"; do if [ "$other" != "$each" ]; then kept+=("$other"); fi; done
        started=("${kept[@]}")
    done
} 2>/dev/null # the shell's word about a process that was killed

# In the background without a terminal's interrupt: the script decides who stops when.
start() {
    local log=$1
    shift
    (
        trap '' INT
        cd "$room" && exec "$@"
    ) >>"$room/$log" 2>&1 </dev/null &
    pid=$!
    started+=("$pid")
}

# No system call gives a free port to another program: one is drawn, and drawn again when it is taken.
draw_port() {
    while :; do
        port=$((RANDOM % 12000 + 20000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    done
}

# Through bash itself: not every machine has curl.
answers() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
        IFS= read -r -t 5 line <&3 || exit 1
        [[ $line == "HTTP/1.1 200"* ]]
    ) 2>/dev/null
}

# Waits until a process answers a path with 200: 60 s, or until it has ended.
wait_for() {
    local process=$1 port=$2 path=$3 tries
    for ((tries = 0; tries < 600; tries++)); do
        if ! kill -0 "$process" 2>/dev/null; then return 1; fi
        if answers "$port" "$path"; then return 0; fi
        sleep 0.1
    done
    return 1
}

serve() {
    local log=$1 given=${2:-} tries
    shift
    if [ $# -gt 0 ]; then shift; fi
    for tries in 1 2 3 4 5; do
        if [ -n "$given" ]; then port=$given; else draw_port; fi
        LIVEGRANT__SERVER__PORT=$port start "$log" "$binary" "$@" serve
        if wait_for "$pid" "$port" /readyz; then
            url=http://127.0.0.1:$port
            return 0
        fi
        stop_process "$pid"
        # A port that was free a moment ago may be another's now; a server that ends for another reason does so again.
    done
    say "the server did not become ready"
    return 1
}
