#!/usr/bin/env bash
# What `make run` starts: responder and front in the foreground, until Ctrl-C or SIGTERM.
#
#	PORT        where the front listens on 127.0.0.1; 8080
#	STATE_DIR   everything that is written goes there: store, socket, logs, nginx's files;
#	            ./run in the checkout
#	MARKBOOK_*  the responder's options, except for socket and store
#
# The store is durable (MARKBOOK_DURABILITY=commit), so that marks outlive it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
: "${PORT:=8080}" "${STATE_DIR:=$top/run}" "${MARKBOOK:=$top/build/markbook}"
PATH=$PATH:/usr/sbin:/sbin
url=http://127.0.0.1:$PORT

say() {
	echo "markbook: $*" >&2
}
die() {
	say "$*"
	exit 1
}

# --- before anything is started ------------------------------------------------------------------

[[ $PORT =~ ^[1-9][0-9]{0,4}$ ]] && ((PORT <= 65535)) ||
	die "PORT is '$PORT': give a number from 1 to 65535"
[[ -x $MARKBOOK ]] || die "$MARKBOOK is not there: run 'make' first"
command -v nginx >/dev/null || die "nginx is not installed: run 'make deps' first"

mkdir -p "$STATE_DIR" 2>/dev/null && [[ -d $STATE_DIR && -w $STATE_DIR && -x $STATE_DIR ]] ||
	die "cannot write to $STATE_DIR: set STATE_DIR to a directory of your own"
STATE_DIR=$(cd "$STATE_DIR" && pwd -P)
socket=$STATE_DIR/markbook.sock
# sun_path has 108 bytes, the last one NUL (unix(7)).
(($(printf %s "$socket" | wc -c) <= 107)) ||
	die "$STATE_DIR is too long for a socket's path: set STATE_DIR to one of at most 93 bytes"

# Both processes inherit the descriptor, so that the lock lasts as long as any of the three.
exec 9>>"$STATE_DIR/lock" || die "cannot write to $STATE_DIR/lock: set STATE_DIR to a directory of your own"
flock -n 9 || die "another one is running in $STATE_DIR: stop it, or set both STATE_DIR and PORT"

# Not being able to connect leaves the cases that only bind() shows: see front_failed.
! (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null ||
	die "port $PORT is taken: stop what listens there, or set PORT to another one"

# --- the two processes ---------------------------------------------------------------------------

responder= front= stopping=

# Neither gets the terminal's Ctrl-C, as they have to end one after the other; and neither stays
# should this script be killed.
start() {
	local signal=$1
	shift
	setsid setpriv --pdeathsig "$signal" "$@" </dev/null
}

running() {
	[[ -n $1 ]] && kill -0 "$1" 2>/dev/null
}

# SIGQUIT lets nginx finish the requests that it has; they still need the responder.
finish() {
	local process
	trap '' INT TERM HUP
	for process in front:QUIT responder:TERM; do
		local -n pid=${process%:*}
		[[ -z $pid ]] || kill -"${process#*:}" "$pid" 2>/dev/null || :
		[[ -z $pid ]] || wait "$pid" || :
		pid=
	done
}

# finish_saying FILE MESSAGE...: after something went wrong.
finish_saying() {
	local file=$1
	shift
	finish
	[[ ! -s $file ]] || tail -n 5 "$file" >&2
	die "$@"
}

trap 'stopping=1' INT TERM HUP
trap finish EXIT

start TERM env -u LISTEN_FDS -u LISTEN_PID "$MARKBOOK" serve --socket "$socket" \
	--store "$STATE_DIR/store" --durability "${MARKBOOK_DURABILITY:-commit}" \
	--seed "${MARKBOOK_SEED:-$here/seed.json}" >"$STATE_DIR/responder.log" 2>&1 &
responder=$!

"$here/render.sh" "$STATE_DIR/front" "127.0.0.1:$PORT" "$socket"
: >"$STATE_DIR/front/logs/error.log"
start QUIT nginx -p "$STATE_DIR/front" -c conf/nginx.conf -g 'daemon off;' \
	>"$STATE_DIR/front/logs/start.log" 2>&1 &
front=$!

responder_failed() {
	finish_saying "$STATE_DIR/responder.log" "the responder ended; its log is $STATE_DIR/responder.log"
}
front_failed() {
	if grep -Eqs 'bind\(\) to .*(Permission denied)' "$STATE_DIR"/front/logs/{start,error}.log; then
		finish_saying /dev/null "port $PORT needs privileges: set PORT to one from 1024 up"
	fi
	if grep -Eqs 'bind\(\) to .*(Address already in use)' "$STATE_DIR"/front/logs/{start,error}.log; then
		finish_saying /dev/null "port $PORT is taken: stop what listens there, or set PORT to another one"
	fi
	finish_saying "$STATE_DIR/front/logs/start.log" \
		"nginx ended; its log is $STATE_DIR/front/logs/error.log"
}

deadline=$((SECONDS + 30))
until [[ -n $stopping ]] || "$MARKBOOK" health --http "$url/readyz" --timeout 1 2>/dev/null; do
	running "$responder" || responder_failed
	running "$front" || front_failed
	((SECONDS < deadline)) || finish_saying "$STATE_DIR/responder.log" "no answer from $url within 30 s"
	read -rt 0.1 <> <(:) || :
done

if [[ -z $stopping ]]; then
	cat <<-END
		Markbook is at $url/ until Ctrl-C.  Try:

		    curl $url/json

		Marks and logs are kept in $STATE_DIR.
	END
fi

# A signal that comes before "wait" is seen at the next turn, within a second.
while [[ -z $stopping ]]; do
	running "$responder" || responder_failed
	running "$front" || front_failed
	sleep 1 &
	wait -n "$responder" "$front" $! || :
done
say "stopping"
