#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: PostgreSQL, Redis, nginx, HAProxy, Chromium, Node.js, a C compiler, Python, the runner of
# Autobahn's cases, the official clients for models, and the packages of the browser tests. What is there already costs nothing and needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
have_postgres() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
have_chromium() { have chromium || have chromium-browser || have google-chrome; }

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi

apt() {
    local try
    for try in 1 2 3; do
        if "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 \
            -o DPkg::Lock::Timeout=300 "$@" >&2; then
            return 0
        fi
        say "apt-get $1 failed (try $try of 3)"
        sleep 5
    done
    return 1
}

# Debian's package would start a server of its own, which nobody asked for: the tests start theirs.
install_postgres() {
    local conf=/etc/postgresql-common/createcluster.conf
    apt install --no-install-recommends postgresql-common
    "${as_root[@]}" cp "$conf" "$conf.livegrant"
    printf 'create_main_cluster = false\n' | "${as_root[@]}" tee "$conf" >/dev/null
    local status=0
    apt install --no-install-recommends postgresql || status=$?
    "${as_root[@]}" mv "$conf.livegrant" "$conf"
    return "$status"
}

# Nor are the balancers and Redis to start by themselves: a policy that says no, unless this machine has one already.
install_quietly() {
    local policy=/usr/sbin/policy-rc.d made= status=0
    if ! [ -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made=1
    fi
    apt install --no-install-recommends "$@" || status=$?
    if [ -n "$made" ]; then "${as_root[@]}" rm -f "$policy"; fi
    return "$status"
}

servers=()
have_server() { have "$1" || [ -x "/usr/sbin/$1" ]; }
have_server nginx || servers+=(nginx-light)
have_server haproxy || servers+=(haproxy)
have_server redis-server || servers+=(redis-server)
have redis-sentinel || servers+=(redis-sentinel)
# Turns the clock of one node (tests/cluster, tests/chaos).
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || servers+=(libfaketime)

missing=()
have cc || missing+=(build-essential)
have node || missing+=(nodejs)
have npm || missing+=(npm)
# Debian's python3 cannot make environments by itself.
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
have_chromium || missing+=(chromium)
if [ "${#missing[@]}" -gt 0 ] || [ "${#servers[@]}" -gt 0 ] || ! have_postgres; then
    if ! have apt-get; then
        say "missing: ${missing[*]} ${servers[*]} $(have_postgres || echo postgresql); install them by hand, this is not Debian"
        exit 1
    fi
    apt update
    if [ "${#missing[@]}" -gt 0 ]; then apt install --no-install-recommends "${missing[@]}"; fi
    have_postgres || install_postgres
    if [ "${#servers[@]}" -gt 0 ]; then install_quietly "${servers[@]}"; fi
fi

# The stamp is a copy of the lock file that was installed: equal means nothing to do.
browser=tests/browser
if [ -f "$browser/package-lock.json" ]; then
    stamp=$browser/node_modules/.installed-lock.json
    if ! cmp -s "$browser/package-lock.json" "$stamp"; then
        (cd "$browser" && npm ci --no-audit --no-fund --loglevel=error >&2)
        cp "$browser/package-lock.json" "$stamp"
    fi
fi

scripts/autobahn.sh --install
scripts/mcp-clients.sh --install
