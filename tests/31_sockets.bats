#!/usr/bin/env bats
# What the responder listens on: its own unix socket or TCP port, or one that is
# handed over.

load helper
own_area

ask() {
	python3 "$TOOLS/fcgi_client.py" "$1" request GET /json | grep -q '^Status: 200'
}

# hand_over HOW ADDRESS [options of serve...]: through a socket that listen.py
# made.
hand_over() {
	local how=$1 address=$2
	shift 2
	TEST_AREA_OF_MARKBOOK=$AREA MARKBOOK_SOCKET=$SOCKET MARKBOOK_STORE=$STORE MARKBOOK_WORKERS=2 \
		python3 "$TOOLS/listen.py" "$how" "$address" "$MARKBOOK" serve "$@" \
		</dev/null >"$AREA/responder.out" 2>>"$LOG" 3>&- &
	echo $! >"$AREA/responder.pid"
}

@test "the socket has the mode that was asked for" {
	start_responder
	[[ $(stat -c %a "$SOCKET") == 660 ]]
	stop_responder
	start_responder --socket-mode 0600
	[[ $(stat -c %a "$SOCKET") == 600 ]]
}

@test "a stale socket file is replaced" {
	start_responder
	local pids
	mapfile -t pids < <(workers)
	kill -KILL "$(responder_pid)" "${pids[@]}"
	wait_until no_processes_of_area
	[[ -S $SOCKET ]]
	start_responder
	ask "$SOCKET"
}

@test "a socket that another service listens on is refused and left as it is" {
	start_responder
	local first result=0
	first=$(responder_pid)
	markbook serve --socket "$SOCKET" --store "$AREA/other" >"$AREA/second" 2>&1 </dev/null || result=$?
	[[ $result == 1 ]] || fail "status $result: $(<"$AREA/second")"
	grep -q "$SOCKET" "$AREA/second" || fail "$(<"$AREA/second")"
	alive "$first"
	ask "$SOCKET"
}

@test "a file at the socket's path that is no socket is refused and left as it is" {
	echo precious >"$SOCKET"
	local result=0
	markbook serve --socket "$SOCKET" --store "$STORE" >"$AREA/second" 2>&1 </dev/null || result=$?
	[[ $result == 1 ]] || fail "status $result: $(<"$AREA/second")"
	[[ $(<"$SOCKET") == precious ]]
}

@test "a socket path that is too long or in no directory is refused" {
	local result=0
	markbook serve --socket "$AREA/$(printf '%.0sx' {1..120})" --store "$STORE" >"$AREA/second" 2>&1 </dev/null || result=$?
	((result == 1 || result == 2)) || fail "status $result"
	[[ $(wc -l <"$AREA/second") == 1 ]] || fail "$(<"$AREA/second")"
	result=0
	markbook serve --socket "$AREA/none/m.sock" --store "$STORE" >"$AREA/second" 2>&1 </dev/null || result=$?
	((result == 1)) || fail "status $result: $(<"$AREA/second")"
	[[ $(wc -l <"$AREA/second") == 1 ]] || fail "$(<"$AREA/second")"
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

@test "it listens on TCP on request" {
	SOCKET=127.0.0.1:$(free_port)
	start_responder --socket "$SOCKET"
	ask "$SOCKET"
	FRONT_SOCKET=$SOCKET start_nginx
	get /json
	assert_status 200
}

@test "it listens on IPv6 on request" {
	[[ -e /proc/net/if_inet6 ]] && grep -q 00000000000000000000000000000001 /proc/net/if_inet6 || skip "no IPv6 here"
	SOCKET="[::1]:$(free_port)"
	start_responder --socket "$SOCKET"
	ask "$SOCKET"
}

@test "a TCP port that is taken is refused with one line that names it" {
	local port result=0
	port=$(free_port)
	SOCKET=127.0.0.1:$port
	start_responder --socket "$SOCKET"
	markbook serve --socket "127.0.0.1:$port" --store "$AREA/other" >"$AREA/second" 2>&1 </dev/null || result=$?
	[[ $result == 1 ]] || fail "status $result: $(<"$AREA/second")"
	grep -q "$port" "$AREA/second"
	ask "$SOCKET"
}

@test "a socket handed over as systemd does it is used" {
	hand_over systemd "$AREA/handed.sock"
	wait_until ask "$AREA/handed.sock"
	[[ ! -e $SOCKET ]]
	wait_until workers_are 2
	local pid
	pid=$(responder_pid)
	stop_responder
	[[ -S $AREA/handed.sock ]] || fail "the socket's file is systemd's, and is gone"
}

@test "a TCP socket handed over is used" {
	hand_over systemd 127.0.0.1:0
	wait_until test -s "$AREA/responder.out"
	wait_until ask "127.0.0.1:$(head -1 "$AREA/responder.out")"
}

@test "a socket handed over on descriptor 0 is used" {
	hand_over fd0 "$AREA/handed.sock"
	wait_until ask "$AREA/handed.sock"
	[[ ! -e $SOCKET ]]
}

@test "a socket handed over survives the death and the restart of workers" {
	hand_over fd0 "$AREA/handed.sock"
	wait_until ask "$AREA/handed.sock"
	local old
	mapfile -t old < <(workers)
	kill -KILL "${old[@]}"
	wait_until workers_are 2 "${old[@]}"
	wait_until ask "$AREA/handed.sock"
	mapfile -t old < <(workers)
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${old[@]}"
	ask "$AREA/handed.sock"
}

@test "LISTEN_FDS meant for another process is ignored" {
	LISTEN_FDS=1 LISTEN_PID=1 start_responder
	ask "$SOCKET"
}

@test "a descriptor 0 that is no socket is ignored" {
	start_responder
	[[ -S $SOCKET ]]
	ask "$SOCKET"
}
