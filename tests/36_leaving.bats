#!/usr/bin/env bats
# Workers that leave: SIGTERM and SIGINT, idle and stalled peers meanwhile, and
# SIGHUP, which replaces them under load.

load helper
load load

teardown() {
	show_failure
	kill_load
	stop
}

@test "SIGTERM and SIGINT end it with status 0 and leave nothing" {
	local signal pid pids
	new_area
	for signal in TERM INT; do
		start_responder
		pid=$(responder_pid)
		mapfile -t pids < <(workers)
		kill -$signal "$pid"
		wait_until not_alive "$pid"
		exited_with "$pid" 0
		for pid in "${pids[@]}"; do
			not_alive "$pid"
		done
	done
	[[ ! -e $SOCKET ]] || fail "the socket file is still there"
}

@test "SIGTERM under load of 64 clients: what was accepted is answered" {
	start --workers 2 --drain-timeout 300
	post /json/load '{}'
	start_load write --clients 64 --reads --tolerate 503 --pause 0.1 --see 503
	made_progress 300
	local pid
	pid=$(responder_pid)
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 0
	end_load
	(($(load_result '.tolerated["503"]') > 0))
	start_responder
	check_load
}

@test "peers that stall in a request do not delay its leaving" {
	local first pid
	for first in "" greeted; do
		start --drain-timeout 300 --peer-timeout 300
		stall $first
		pid=$(responder_pid)
		kill -TERM "$pid"
		wait_until not_alive "$pid"
		exited_with "$pid" 0
		wait_until not_alive "$staller"
		stop
	done
}

@test "peers that stall in a large body are cut off after --drain-timeout, which the exit status tells" {
	start --drain-timeout 1 --peer-timeout 300
	stall large
	local pid
	pid=$(responder_pid)
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 1
	wait_until not_alive "$staller"
}

@test "a worker that had to be killed in an earlier restart does not show in the exit status" {
	# Long enough for workers with nothing to do, on any machine.
	start --drain-timeout 5 --peer-timeout 300
	local pid old
	pid=$(responder_pid)
	mapfile -t old < <(workers)
	stall large
	kill -HUP "$pid"
	wait_until workers_are 2 "${old[@]}"
	grep -q 'did not leave within the drain timeout and is killed' "$LOG"
	wait_until not_alive "$staller"
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 0
	[[ -s $STORE/settled ]]
}

@test "idle connections do not delay its leaving" {
	start --drain-timeout 300
	python3 - "$TOOLS" "$SOCKET" 3>&- <<'PY' &
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
clients = [fcgi.Client(sys.argv[2], timeout=600) for _ in range(10)]
for client in clients:
    client("GET", "/json")
open(sys.argv[2] + ".idle", "w").close()
for client in clients:
    client.peer.recv(1)
PY
	local peer=$! pid
	wait_until test -e "$SOCKET.idle"
	pid=$(responder_pid)
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 0
	wait "$peer"
}

@test "SIGHUP replaces every worker under load without one failed request" {
	start --workers 2 --drain-timeout 300
	post /json/load '{}'
	start_load write --clients 32 --reads
	local old i supervisor
	supervisor=$(responder_pid)
	for i in {1..5}; do
		made_progress 50
		mapfile -t old < <(workers)
		kill -HUP "$supervisor"
		wait_until workers_are 2 "${old[@]}"
	done
	made_progress 50
	end_load
	(($(load_result .acknowledged) > 300))
	check_load
	alive "$supervisor"
}

@test "two SIGHUPs at once, and a SIGTERM in the middle of one, do no harm" {
	new_area
	start_responder
	local old pid
	pid=$(responder_pid)
	mapfile -t old < <(workers)
	kill -HUP "$pid"
	kill -HUP "$pid"
	wait_until workers_are 2 "${old[@]}"
	responder_ready
	kill -HUP "$pid"
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 0
	no_processes_of_area
}

restarts_over() {
	grep -c '"event":"restart",.*"message":"done"' "$LOG" || :
}

gave_up_or_over() {
	grep -q 'did not get ready' "$LOG" || (($(restarts_over) > $1))
}

# Restarts the workers until a new one is stopped before it is ready.  Sets
# stopped.
stop_a_new_worker() {
	local supervisor=$1 over serving children pid deadline=$((SECONDS + 300))
	while ! grep -q 'did not get ready' "$LOG"; do
		over=$(restarts_over) serving=" $(workers | paste -sd' ') " stopped=''
		kill -HUP "$supervisor"
		while [[ -z $stopped ]]; do
			((SECONDS < deadline)) || fail "no new worker was caught in 300 s"
			read -r children <"/proc/$supervisor/task/$supervisor/children" || :
			for pid in $children; do
				[[ $serving == *" $pid "* ]] || stopped=$pid
			done
		done
		kill -STOP "$stopped" 2>/dev/null || continue
		wait_until gave_up_or_over "$over"
		kill -CONT "$stopped" 2>/dev/null || :
	done
}

@test "a new worker that does not get ready in a restart does not stay beside the old ones" {
	new_area
	start_responder
	local pid stopped
	pid=$(responder_pid)
	stop_a_new_worker "$pid"
	wait_until not_alive "$stopped"
	workers_are 2 "$stopped"
	responder_ready
}

# Told, and too busy to hear it: SIGUSR2 (12) is pending.  Sets told.
one_is_told_to_leave() {
	for told in "$@"; do
		! grep -q '^ShdPnd:.*[89a-f]..$' "/proc/$told/status" || return 0
	done
	return 1
}

@test "a worker that crashes after it was told to leave is logged as died, and counted" {
	start --drain-timeout 300 --peer-timeout 300
	local old told
	mapfile -t old < <(workers)
	stall large
	kill -HUP "$(responder_pid)"
	wait_until one_is_told_to_leave "${old[@]}"
	kill -ABRT "$told"
	wait_until grep -q "\"message\":\"died\",\"worker\":$told,\"signal\":6" "$LOG"
	kill "$staller"
	get /metrics
	[[ $body == *$'\nmarkbook_worker_deaths_total 1\n'* ]]
}
