# shellcheck shell=bash
# Brings up a responder and a front of a suite's own, speaks HTTP to them, and sees that nothing
# of them is left.  Everything of one server lives in one directory, AREA:
#
#	responder.{pid,log,out}   m.sock   store/   front/ (the nginx prefix)   port
#
# A suite says `shared_servers`, or where its tests harm them `own_area`; what it does otherwise, it defines
# after that.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$(dirname "$TESTS")
TOOLS=$TESTS/tools
: "${MARKBOOK:=$TREE/build/markbook}" "${NGINX:=nginx}"
export TESTS TREE TOOLS MARKBOOK NGINX
export PYTHONDONTWRITEBYTECODE=1
# So that `raw` can stand at the end of a pipeline.
shopt -s lastpipe

# --- set-up of a suite ---------------------------------------------------------------------------

# shared_servers [JSON]: all its tests share them; each has a name, $c, for a collection of its own,
# which is made of the JSON where that is given.
# shellcheck disable=SC2317 # bats calls these
shared_servers() {
	COLLECTION=${1-}
	setup_file() {
		start
	}
	setup() {
		c=t$BATS_TEST_NUMBER
		[[ -z $COLLECTION ]] || put "/json/$c" "$COLLECTION"
	}
	teardown() {
		show_failure
	}
	teardown_file() {
		stop
	}
}

# own_area: each test has one, and starts in it what it needs.
# shellcheck disable=SC2317
own_area() {
	setup() {
		new_area
	}
	teardown() {
		show_failure
		stop
	}
}

# --- waiting -------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: poll until the command succeeds; fails at the deadline.
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < deadline)) || {
			echo "not within the deadline: $*" >&2
			return 1
		}
		read -rt 0.02 <> <(:) || :
	done
}

# A zombie is not alive: whoever started it just has not looked yet.
alive() {
	[[ -r /proc/$1/status ]] && ! grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

not_alive() {
	! alive "$1"
}

# --- servers -------------------------------------------------------------------------------------

new_area() {
	AREA=$(mktemp -d /dev/shm/markbook-test.XXXXXX)
	chmod 755 "$AREA"
	use_area "$AREA"
}

use_area() {
	AREA=$1 SOCKET=$1/m.sock STORE=$1/store LOG=$1/responder.log PREFIX=$1/front
	export AREA SOCKET STORE LOG PREFIX
}

# Runs the program with nothing from the caller's environment that could configure it, except what
# is given as NAME=value before the subcommand.
markbook() {
	local env=(TEST_AREA_OF_MARKBOOK="$AREA")
	while [[ ${1-} == MARKBOOK_*=* ]]; do
		env+=("$1")
		shift
	done
	env "${env[@]}" "$MARKBOOK" "$@"
}

# run_markbook [NAME=VALUE...] ARGUMENT...: sets result, out and err.
run_markbook() {
	result=0
	markbook "$@" </dev/null >"$AREA/out" 2>"$AREA/err" || result=$?
	out=$(<"$AREA/out") err=$(<"$AREA/err")
}

# spawn_responder [options of serve...]: starts it and does not wait.  The defaults come as
# environment variables, so that an option given here wins.
spawn_responder() {
	TEST_AREA_OF_MARKBOOK=$AREA MARKBOOK_SOCKET=$SOCKET MARKBOOK_STORE=$STORE MARKBOOK_WORKERS=2 \
		"$MARKBOOK" serve "$@" </dev/null >>"$AREA/responder.out" 2>>"$LOG" 3>&- 4>&- &
	echo $! >"$AREA/responder.pid"
}

responder_pid() {
	cat "$AREA/responder.pid"
}

responder_ready() {
	"$MARKBOOK" health --socket "$SOCKET" --timeout 1
}

responder_ready_or_gone() {
	responder_ready || not_alive "$(responder_pid)"
}

start_responder() {
	spawn_responder "$@"
	wait_until 10 responder_ready_or_gone || :
	if ! responder_ready; then
		echo "the responder does not become ready" >&2
		show_logs >&2
		return 1
	fi
}

# The pids of the workers: the supervisor's children, and nothing else is one for long.
workers() {
	local pid children
	children=$(cat "/proc/$(responder_pid)/task/$(responder_pid)/children" 2>/dev/null) || return 0
	for pid in $children; do
		! alive "$pid" || echo "$pid"
	done
}

# workers_are N: that many workers, none of them among the pids given after it.
workers_are() {
	local want=$1 pid
	shift
	mapfile -t now < <(workers)
	((${#now[@]} == want)) || return 1
	for pid in "$@"; do
		[[ " ${now[*]} " != *" $pid "* ]] || return 1
	done
}

# stop_responder [SIGNAL [SECONDS]]: ends it and waits until it is gone.
stop_responder() {
	local pid
	[[ -e $AREA/responder.pid ]] || return 0
	pid=$(responder_pid)
	rm "$AREA/responder.pid"
	kill -"${1:-TERM}" "$pid" 2>/dev/null || return 0
	wait_until "${2:-15}" not_alive "$pid"
}

front_pid() {
	cat "$AREA/front.pid"
}

# A port that another suite takes at the same moment is no failure: another one is tried.
start_nginx() {
	local port try
	for try in {1..20}; do
		port=$((RANDOM % 12000 + 20000))
		! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue
		rm -rf "$PREFIX"
		"$TREE/conf/render.sh" "$PREFIX" "127.0.0.1:$port" "${FRONT_SOCKET:-$SOCKET}" \
			>"$AREA/render.out" 2>&1 || {
			cat "$AREA/render.out" >&2
			return 1
		}
		# nginx takes a variable NGINX for a list of sockets that it inherits.
		env -u NGINX TEST_AREA_OF_MARKBOOK="$AREA" "$NGINX" -p "$PREFIX" -c conf/nginx.conf -g 'daemon off;' \
			</dev/null >"$AREA/front.out" 2>&1 3>&- 4>&- &
		echo $! >"$AREA/front.pid"
		wait_until 10 front_up_or_gone "$port" || return 1
		! not_alive "$(front_pid)" || {
			grep -q 'Address already in use' "$AREA/front.out" "$PREFIX"/logs/* 2>/dev/null && continue
			cat "$AREA/front.out" >&2
			return 1
		}
		BASE=http://127.0.0.1:$port PORT=$port
		export BASE PORT
		return 0
	done
	echo "no free port in $try tries" >&2
	return 1
}

front_up_or_gone() {
	not_alive "$(front_pid)" || (: <>"/dev/tcp/127.0.0.1/$1")
}

stop_nginx() {
	local pid
	[[ -e $AREA/front.pid ]] || return 0
	pid=$(front_pid)
	rm "$AREA/front.pid"
	kill -TERM "$pid" 2>/dev/null || return 0
	wait_until 10 not_alive "$pid"
}

# start [options of serve...]: both, with the paper's data.
start() {
	new_area
	start_responder --seed "$TREE/conf/seed.json" "$@"
	start_nginx
}

# What carries this area's mark in its environment, and is no test itself.
processes_of_area() {
	grep -lzxFs "TEST_AREA_OF_MARKBOOK=$AREA" /proc/[0-9]*/environ | cut -d/ -f3 | while read -r pid; do
		! alive "$pid" || echo "$pid"
	done
}

no_processes_of_area() {
	[[ -z $(processes_of_area) ]]
}

# stop: ends all of this area; fails where anything of it does not end.
stop() {
	local failed=0 pid
	[[ -n ${AREA-} && -d $AREA ]] || return 0
	stop_nginx || failed=1
	stop_responder || failed=1
	wait_until 5 no_processes_of_area || {
		failed=1
		for pid in $(processes_of_area); do
			echo "left behind: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
			kill -KILL "$pid" || :
		done
	}
	rm -rf "$AREA"
	return $failed
}

show_logs() {
	local file
	for file in "$LOG" "$AREA"/responder.out "$AREA"/front.out "$PREFIX"/logs/*; do
		[[ -s $file ]] || continue
		echo "--- ${file#"$AREA"/}, its end"
		tail -n 5 "$file" | cut -c 1-240
	done
}

# For teardown: what helps where the test failed.
show_failure() {
	[[ ${BATS_TEST_COMPLETED-} == 1 || -n ${BATS_TEST_SKIPPED-} ]] && return 0
	[[ -z ${AREA-} || ! -d ${AREA-} ]] || show_logs
}

# --- HTTP ----------------------------------------------------------------------------------------

# http METHOD PATH [options of curl...]: sets status and body (to the byte); the header fields are
# read by `header`.  The path is sent as it is given.
http() {
	local method=$1 path=$2 how
	shift 2
	BODY=$BATS_TEST_TMPDIR/body
	request="$method $path $*"
	: >"$BODY"
	: >"$BATS_TEST_TMPDIR/head"
	how=(-X "$method" -o "$BODY")
	[[ $method != HEAD ]] || how=(--head -o /dev/null)
	status=$(curl -sS --path-as-is --globoff --max-time 30 --noproxy '*' -H 'Expect:' \
		-D "$BATS_TEST_TMPDIR/head" -w '%{http_code}' "${how[@]}" "$@" "$BASE$path") || :
	IFS= read -rd '' body <"$BODY" || :
	mapfile -t fields <"$BATS_TEST_TMPDIR/head"
	fields=("${fields[@]%$'\r'}")
}

get() {
	http GET "$@"
}

delete() {
	http DELETE "$@"
}

# send METHOD PATH JSON [options of curl...]
send() {
	local method=$1 path=$2 json=$3
	shift 3
	http "$method" "$path" -H 'Content-Type: application/json' --data-binary "$json" "$@"
}

post() {
	send POST "$@"
}

put() {
	send PUT "$@"
}

patch() {
	send PATCH "$@"
}

# header NAME: the values of that field in the last answer, one a line.
header() {
	local field value
	for field in "${fields[@]}"; do
		[[ ${field,,} == "${1,,}:"* ]] || continue
		value=${field#*:}
		echo "${value# }"
	done
}

etag() {
	header ETag
}

# etag_of PATH: and leaves status and body as they are.
etag_of() {
	curl -sS --globoff --noproxy '*' -o /dev/null -D - "$BASE$1" | tr -d '\r' | sed -n 's/^ETag: //Ip'
}

# raw [options of raw.py...] <BYTES: sends them on a connection of its own, sets status, answer.
raw() {
	answer=$(python3 "$TOOLS/raw.py" 127.0.0.1 "$PORT" "$@" | tr -d '\0')
	status=$(sed -n '1s,^HTTP/1\.[01] \([0-9]*\).*,\1,p' <<<"$answer")
}

# --- assertions ----------------------------------------------------------------------------------

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

answer_so_far() {
	printf 'request: %.300s\n' "${request-}"
	printf '%s\n' "${fields[@]}"
	printf '%.2000s\n' "$body"
}

# assert_status CODE: and what every answer under /json has, whatever it says.
assert_status() {
	[[ $status == "$1" ]] || fail "status $status, not $1" "$(answer_so_far)"
	[[ ${request-} != *' /json'* ]] || assert_common_fields
}

assert_common_fields() {
	[[ $(header Cache-Control) == no-cache ]] || fail "Cache-Control is not no-cache, once" "$(answer_so_far)"
	[[ $(header X-Request-Id) =~ ^[^[:space:]]+$ ]] || fail "X-Request-Id is not there once" "$(answer_so_far)"
}

# assert_json EXPECTED: the same value, order of members aside.
assert_json() {
	[[ $(jq -cS . <<<"$body") == "$(jq -cS . <<<"$1")" ]] ||
		fail "expected: $1" "$(answer_so_far)"
}

# assert_body TEXT: the same bytes.
assert_body() {
	[[ $body == "$1" ]] || fail "expected: $1" "$(answer_so_far)"
}

# assert_jq FILTER [options of jq...]: the filter is true of the body.
assert_jq() {
	local filter=$1
	shift
	jq -e "$@" "$filter" <<<"$body" >/dev/null || fail "not so: $filter" "$(answer_so_far)"
}

# assert_header NAME VALUE: that field, once, with that value.
assert_header() {
	[[ $(header "$1") == "$2" ]] || fail "$1 is '$(header "$1")', not '$2'" "$(answer_so_far)"
}

assert_no_header() {
	[[ -z $(header "$1") ]] || fail "$1 is there" "$(answer_so_far)"
}

assert_strong_etag() {
	[[ $(etag) =~ ^\"[0-9a-f]{8}-[0-9]+\"$ ]] || fail "no strong ETag: '$(etag)'" "$(answer_so_far)"
}

# assert_list NAME VALUE...: a comma separated field holds these, in any order.
assert_list() {
	local name=$1
	shift
	[[ $(header "$name" | tr ',' '\n' | tr -d ' ' | sort | paste -sd' ') == "$(printf '%s\n' "$@" | sort | paste -sd' ')" ]] ||
		fail "$name is '$(header "$name")', not $*" "$(answer_so_far)"
}

# assert_problem CODE [ERROR]: an answer of the shape of RFC 9457 that gives nothing away.
assert_problem() {
	assert_status "$1"
	assert_common_fields
	[[ $(header Content-Type) =~ ^application/problem\+json($|;) ]] ||
		fail "Content-Type is '$(header Content-Type)'" "$(answer_so_far)"
	assert_jq '(.type, .title, .detail, .error | type == "string" and . != "") and .status == $s' --argjson s "$1"
	(($# < 2)) || assert_jq '.error == $e' --arg e "$2"
	! grep -Eiq 'lmdb|mdb_|json-c|json_|/dev/shm|/tmp/|\.c:[0-9]|errno|<html' <<<"$body" ||
		fail "the answer gives away how it is made" "$(answer_so_far)"
}

# The whole store as the front gives it, without a word about the last answer.
whole_store() {
	curl -sS --noproxy '*' "$BASE/json"
}
