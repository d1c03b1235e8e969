#!/bin/bash
# Whether this machine's node is ready: 0, or 1. LIVEGRANT__SERVER__PORT is where it listens (8080).
set -eu
exec 3<>"/dev/tcp/127.0.0.1/${LIVEGRANT__SERVER__PORT:-8080}"
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
IFS= read -r -t 2 line <&3
[[ $line == "HTTP/1.1 200"* ]]
