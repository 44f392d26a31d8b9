# shellcheck shell=bash
# Starts and stops a responder and a front of a test's own.  Everything of the
# two lives in one directory, AREA:
#
#	responder.{pid,log,out}   m.sock   store/   front/ (the nginx prefix)   port

# In memory, unless it is a container's /dev/shm of 64 MB, where there is no
# room for the stores of several suites.
place_of_areas() {
	local kb
	kb=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
	if ((${kb:-0} >= 512 * 1024)) && [[ -w /dev/shm ]]; then
		echo /dev/shm
	else
		echo "${TMPDIR:-/tmp}"
	fi
}

new_area() {
	AREA=$(mktemp -d "$(place_of_areas)/markbook-test.XXXXXX")
	chmod 755 "$AREA"
	use_area "$AREA"
}

use_area() {
	AREA=$1 SOCKET=$1/m.sock STORE=$1/store LOG=$1/responder.log PREFIX=$1/front
	export AREA SOCKET STORE LOG PREFIX
}

# Runs the program with nothing from the caller's environment that could
# configure it, except what is given as NAME=value before the subcommand.
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

# spawn_responder [options of serve...]: starts it and does not wait.  The
# defaults come as environment variables, so that an option given here wins.
spawn_responder() {
	TEST_AREA_OF_MARKBOOK=$AREA MARKBOOK_SOCKET=$SOCKET MARKBOOK_STORE=$STORE MARKBOOK_WORKERS=2 \
		"$MARKBOOK" serve "$@" </dev/null >>"$AREA/responder.out" 2>>"$LOG" 3>&- 4>&- &
	echo $! >"$AREA/responder.pid"
}

responder_pid() {
	cat "$AREA/responder.pid"
}

responder_ready() {
	"$MARKBOOK" health --socket "$SOCKET" --timeout 10
}

responder_ready_or_gone() {
	responder_ready || not_alive "$(responder_pid)"
}

start_responder() {
	spawn_responder "$@"
	wait_until responder_ready_or_gone || :
	if ! responder_ready; then
		echo "the responder does not become ready" >&2
		show_logs >&2
		return 1
	fi
}

# The pids of the workers: the supervisor's children, and nothing else is one
# for long.
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

# stop_responder [SIGNAL]: ends it and waits until it is gone.
stop_responder() {
	local pid
	[[ -e $AREA/responder.pid ]] || return 0
	pid=$(responder_pid)
	rm "$AREA/responder.pid"
	kill -"${1:-TERM}" "$pid" 2>/dev/null || return 0
	wait_until not_alive "$pid"
}

front_pid() {
	cat "$AREA/front.pid"
}

# A port that another suite takes at the same moment is no failure: another one
# is tried.
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
		# nginx takes a variable NGINX for a list of sockets that it
		# inherits.
		env -u NGINX TEST_AREA_OF_MARKBOOK="$AREA" "$NGINX" -p "$PREFIX" -c conf/nginx.conf -g 'daemon off;' \
			</dev/null >"$AREA/front.out" 2>&1 3>&- 4>&- &
		echo $! >"$AREA/front.pid"
		wait_until front_up_or_gone "$port" || return 1
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
	wait_until not_alive "$pid"
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
	wait_until no_processes_of_area || {
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
