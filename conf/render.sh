#!/usr/bin/env bash
# Makes an nginx prefix of its own, with all that nginx reads and writes:
#
#	conf/render.sh PREFIX LISTEN SOCKET
#	nginx -p PREFIX -c conf/nginx.conf
#
# LISTEN is an address as nginx's listen takes it, for example 127.0.0.1:8080;
# SOCKET is the responder's, a path or HOST:PORT.  The configuration is the one
# of the containers except for four small files.  Logs go to PREFIX/logs.
set -euo pipefail

if (($# != 3)); then
	echo "usage: $0 PREFIX LISTEN SOCKET" >&2
	exit 2
fi
prefix=$1 listen=$2 socket=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# An nginx string in double quotes.
quote() {
	local s=${1//\\/\\\\}
	printf '"%s"' "${s//\"/\\\"}"
}

case $socket in
/*) server=unix:$socket ;;
*) server=$socket ;;
esac

mkdir -p "$prefix"/conf "$prefix"/logs "$prefix"/tmp
cp "$here"/*.conf "$prefix"/conf/
ln -sfn "$(dirname "$here")/web" "$prefix"/web

{
	echo "error_log logs/error.log notice;"
	# nginx started by root would make its workers another user, who may not
	# reach the socket.
	((EUID != 0)) || echo "user root;"
} >"$prefix"/conf/main.conf
echo "listen $(quote "$listen") backlog=4096;" >"$prefix"/conf/listen.conf
echo "server $(quote "$server") max_fails=0;" >"$prefix"/conf/upstream.conf
echo "access_log logs/access.log json buffer=64k flush=1s;" >"$prefix"/conf/log.conf
