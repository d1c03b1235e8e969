#!/bin/sh
# Fills in a balancer's configuration and prints it: the line with ${LIVEGRANT_NODE} once a node, the other words once.
#
#   LIVEGRANT_NODES="10.0.0.11:8080 10.0.0.12:8080" deploy/render.sh deploy/nginx/livegrant.conf
#
# LIVEGRANT_NODES   the nodes, separated by blanks
# LIVEGRANT_LISTEN  where the balancer listens: a port or address:port (80)
# LIVEGRANT_RUN     folder of its pid and temporary files (/run/livegrant)
# LIVEGRANT_USER    who its workers run as (www-data)
# Whatever is no such word stays: nginx has variables of its own.
set -eu
: "${LIVEGRANT_NODES:?name the nodes: host:port host:port}"
exec awk -v nodes="$LIVEGRANT_NODES" -v listen="${LIVEGRANT_LISTEN:-80}" -v run="${LIVEGRANT_RUN:-/run/livegrant}" \
    -v user="${LIVEGRANT_USER:-www-data}" '
    function put(word, value, line,    at) {
        while ((at = index(line, word)) > 0)
            line = substr(line, 1, at - 1) value substr(line, at + length(word))
        return line
    }
    BEGIN { count = split(nodes, node, " ") }
    {
        line = put("${LIVEGRANT_LISTEN}", listen, put("${LIVEGRANT_RUN}", run, put("${LIVEGRANT_USER}", user, $0)))
        if (index(line, "${LIVEGRANT_NODE}") == 0) { print line; next }
        for (n = 1; n <= count; n++) print put("${LIVEGRANT_NUMBER}", n, put("${LIVEGRANT_NODE}", node[n], line))
    }' "$@"
