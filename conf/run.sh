#!/usr/bin/env bash
# What `make run` starts: responder and front in the foreground, until Ctrl-C or
# SIGTERM.
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

# --- before anything is started -----------------------------------------------

if ! [[ $PORT =~ ^[1-9][0-9]{0,4}$ ]] || ((PORT > 65535)); then
	die "PORT is '$PORT': give a number from 1 to 65535"
fi
[[ -x $MARKBOOK ]] || die "$MARKBOOK is not there: run 'make' first"
command -v nginx >/dev/null || die "nginx is not installed: run 'make deps' first"

mkdir -p "$STATE_DIR" 2>/dev/null || :
[[ -d $STATE_DIR && -w $STATE_DIR && -x $STATE_DIR ]] ||
	die "cannot write to $STATE_DIR: set STATE_DIR to a directory of your own"
STATE_DIR=$(cd "$STATE_DIR" && pwd -P)
socket=$STATE_DIR/markbook.sock
# sun_path has 108 bytes, the last one NUL (unix(7)).
(($(printf %s "$socket" | wc -c) <= 107)) ||
	die "$STATE_DIR is too long for a socket's path: set STATE_DIR to one of at most 93 bytes"

# Both processes inherit the descriptor, so that the lock lasts as long as any
# of the three.
exec 9>>"$STATE_DIR/lock" || die "cannot write to $STATE_DIR/lock: set STATE_DIR to a directory of your own"
flock -n 9 || die "another one is running in $STATE_DIR: stop it, or set both STATE_DIR and PORT"

# Not being able to connect leaves the cases that only bind() shows: see
# front_failed.
! (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null ||
	die "port $PORT is taken: stop what listens there, or set PORT to another one"

# --- the two processes --------------------------------------------------------

responder='' front=''
front_log=$STATE_DIR/front/logs responder_log=$STATE_DIR/responder.log

# Becomes that command.  Its own session keeps the terminal's Ctrl-C from it, as
# the two have to end one after the other; it gets SIGNAL should this script be
# killed.
become() {
	local signal=$1
	shift
	exec setsid setpriv --pdeathsig "$signal" "$@" </dev/null
}

# What a leader that was killed has left of its group goes with it.
end() {
	local signal=$1 pid=$2
	[[ -n $pid ]] || return 0
	kill -"$signal" "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	kill -KILL -- "-$pid" 2>/dev/null || :
}

# At SIGQUIT nginx finishes the requests that it has; they still need the
# responder.
finish() {
	trap '' INT TERM HUP
	end QUIT "$front"
	end TERM "$responder"
	front='' responder=''
}

# give_up MESSAGE [LOG]: something went wrong; the log's end may tell what.
give_up() {
	finish
	[[ ! -s ${2-} ]] || tail -n 5 "$2" >&2
	die "$1"
}

# What the check of the port could not see: only bind() does.
give_up_front() {
	case $(grep -hs 'bind() to' "$front_log"/{start,error}.log) in
	*'Permission denied'*) give_up "port $PORT needs privileges: set PORT to one from 1024 up" ;;
	*'in use'*) give_up "port $PORT is taken: stop what listens there, or set PORT to another one" ;;
	*) give_up "nginx ended; its log is $front_log/error.log" "$front_log/start.log" ;;
	esac
}

see_that_both_run() {
	kill -0 "$responder" 2>/dev/null || give_up "the responder ended; its log is $responder_log" "$responder_log"
	kill -0 "$front" 2>/dev/null || give_up_front
}

stop() {
	say "stopping"
	finish
	exit 0
}
trap stop INT TERM HUP
trap finish EXIT

# What an earlier start had to say is kept, once.
[[ ! -s $responder_log ]] || mv -f "$responder_log" "$responder_log.1"
become TERM env -u LISTEN_FDS -u LISTEN_PID "$MARKBOOK" serve --socket "$socket" \
	--store "$STATE_DIR/store" --durability "${MARKBOOK_DURABILITY:-commit}" \
	--seed "${MARKBOOK_SEED:-$here/seed.json}" >"$responder_log" 2>&1 &
responder=$!

"$here/render.sh" "$STATE_DIR/front" "127.0.0.1:$PORT" "$socket"
: >"$front_log/error.log"
become QUIT nginx -p "$STATE_DIR/front" -c conf/nginx.conf -g 'daemon off;' \
	>"$front_log/start.log" 2>&1 &
front=$!

deadline=$((SECONDS + 30))
until "$MARKBOOK" health --http "$url/readyz" --timeout 1 2>/dev/null; do
	see_that_both_run
	((SECONDS < deadline)) || give_up "no answer from $url within 30 s" "$responder_log"
	read -rt 0.1 <> <(:) || :
done

cat <<END
Markbook serves until Ctrl-C.  The page:

    $url/

The paper's first example:

    curl $url/json

Marks and logs are kept in $STATE_DIR.
END

while :; do
	wait -n "$responder" "$front" 2>/dev/null || :
	see_that_both_run
done
