#!/usr/bin/env bats
# Supervisor and workers: what happens when they are killed, stopped and restarted under load.

load helper

teardown() {
	show_failure
	[[ -z ${load_pid-} ]] || kill "$load_pid" 2>/dev/null || :
	stop
}

# start_load MODE [options of load.py...]: in the background, until end_load.
start_load() {
	local mode=$1
	shift
	STOP=$AREA/stop-load ACKNOWLEDGED=$AREA/acknowledged
	rm -f "$STOP"
	python3 "$TOOLS/load.py" "$mode" "$BASE" load "$ACKNOWLEDGED" --until "$STOP" "$@" \
		>"$AREA/load.out" 2>"$AREA/load.err" 3>&- &
	load_pid=$!
}

# end_load: its exit status; its summary is in AREA/load.out.
end_load() {
	local result=0
	touch "$STOP"
	wait "$load_pid" || result=$?
	load_pid=
	((result == 0)) || cat "$AREA/load.out" "$AREA/load.err" >&2
	return $result
}

check_load() {
	python3 "$TOOLS/load.py" check "$BASE" load "$ACKNOWLEDGED"
}

load_result() {
	jq "$1" "$AREA/load.out"
}

requests_more_than() {
	local n
	n=$(curl -sS --noproxy '*' "$BASE/json/load" | jq '.res | length')
	((n > $1))
}

# made_progress: at least that many records were written since.
made_progress() {
	local n
	n=$(curl -sS --noproxy '*' "$BASE/json/load" | jq '.res | length') || return
	wait_until requests_more_than $((n + $1))
}

exited_with() {
	local result=0
	wait "$1" || result=$?
	[[ $result == "$2" ]] || fail "exit status $result, not $2"
}

@test "as many workers run as were asked for, and no more" {
	new_area
	start_responder --workers 3
	wait_until workers_are 3
	stop_responder
	start_responder --workers 1
	wait_until workers_are 1
}

@test "without a number there is a worker for each processor" {
	new_area
	TEST_AREA_OF_MARKBOOK=$AREA "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" </dev/null >/dev/null 2>>"$LOG" 3>&- &
	echo $! >"$AREA/responder.pid"
	wait_until responder_ready
	wait_until workers_are "$(nproc)"
}

@test "a worker that is killed is replaced, and the next request works" {
	start
	local old i
	mapfile -t old < <(workers)
	for i in 1 2 3; do
		kill -KILL "${old[0]}"
		get /json/assignments/Seminar
		assert_status 200
		wait_until workers_are 2 "${old[0]}"
		mapfile -t old < <(workers)
	done
	put /json/assignments/Seminar '{"new": 1}'
	assert_status 200
}

@test "all workers killed at once are replaced" {
	start
	local old
	mapfile -t old < <(workers)
	kill -KILL "${old[@]}"
	wait_until workers_are 2 "${old[@]}"
	wait_until responder_ready
	get /json/assignments/Seminar
	assert_status 200
}

@test "workers killed under load lose no write that was acknowledged" {
	start
	post /json/load '{}'
	start_load write --clients 16 --reads --tolerate 502,503,504
	local i pids
	for i in {1..15}; do
		made_progress 20
		mapfile -t pids < <(workers)
		kill -KILL "${pids[i % ${#pids[@]}]}"
		wait_until workers_are 2 "${pids[i % ${#pids[@]}]}"
	done
	end_load
	(($(load_result .acknowledged) > 300))
	check_load
}

@test "reads never fail while workers are killed" {
	start
	post /json/load '{"w": 1}'
	python3 - "$BASE" >"$AREA/reads.out" 2>&1 3>&- <<'PY' &
import http.client, sys, time
host = sys.argv[1].split("//")[1]
link = http.client.HTTPConnection(host, timeout=10)
bad, n, end = [], 0, time.monotonic() + 3
while time.monotonic() < end:
    link.request("GET", "/json/assignments")
    answer = link.getresponse()
    body = answer.read()
    n += 1
    if answer.status != 200:
        bad.append((answer.status, body))
print(n, bad[:3])
sys.exit(1 if bad else 0)
PY
	local reader=$! pids i
	for i in {1..12}; do
		alive "$reader" || break
		mapfile -t pids < <(workers)
		kill -KILL "${pids[i % ${#pids[@]}]}"
		wait_until workers_are 2 "${pids[i % ${#pids[@]}]}"
	done
	wait "$reader" || fail "$(<"$AREA/reads.out")"
}

# pages_used: of the store's file, as LMDB's own tool counts them.
pages_used() {
	mdb_stat -e "$STORE" | sed -n 's/.*Number of pages used: //p'
}

# holds_snapshot PID: by the table of readers.
holds_snapshot() {
	mdb_stat -r "$STORE" | awk -v pid="$1" '$1 == pid && $3 != "-" { found = 1 } END { exit !found }'
}

# kill_reader: kills a worker that is just reading from the store.
kill_reader() {
	local pid
	for pid in $(workers); do
		kill -STOP "$pid"
		if holds_snapshot "$pid"; then
			kill -KILL "$pid"
			killed=$pid
			return 0
		fi
		kill -CONT "$pid"
	done
	return 1
}

# start_readers: in the background, reads that take long enough to be met in the middle.
start_readers() {
	python3 - "$TOOLS" "$SOCKET" 3>&- <<'PY' &
import sys, threading, time
sys.path.insert(0, sys.argv[1])
import fcgi
end = time.monotonic() + 20
def read():
    client = fcgi.Client(sys.argv[2])
    try:
        while time.monotonic() < end:
            client("GET", "/json/many")
    except OSError:
        pass
threads = [threading.Thread(target=read) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
PY
	load_pid=$!
}

@test "the store does not grow with the number of readers that were killed" {
	start
	# Many records and short ones: most of the time of a read of them goes into the store.
	jq -nc '[range(50000) | {key: "r\(.)", value: 0}] | from_entries' >"$AREA/many"
	send PUT /json/many "@$AREA/many" -H 'Prefer: return=minimal'
	assert_status 204
	put /json/load '{"one": 0}'
	rewrite() {
		python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
client = fcgi.Client(sys.argv[2])
for i in range(150):
    answer = client("PUT", "/json/load/one", b'{"new": "%s"}' % (b"x" * 3000), extra=[("HTTP_PREFER", "return=minimal")])
    assert answer.status == 204, answer.head
PY
	}
	rewrite
	local i before killed
	before=$(pages_used)
	# A snapshot that nobody clears would keep all that is overwritten after it: 150 pages or more.
	for i in {1..4}; do
		start_readers
		wait_until kill_reader
		kill "$load_pid" 2>/dev/null || :
		wait "$load_pid" || :
		load_pid=
		wait_until workers_are 2 "$killed"
		rewrite
	done
	(($(pages_used) <= before + 100)) || fail "$before pages became $(pages_used)"
}

@test "a killed supervisor takes its workers with it" {
	start
	local pids pid
	mapfile -t pids < <(workers)
	kill -KILL "$(responder_pid)"
	for pid in "${pids[@]}"; do
		wait_until not_alive "$pid"
	done
	start_responder
	get /json/assignments/Seminar
	assert_status 200
	assert_body '{"res":"Not Submitted"}'
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
	start --workers 2 --drain-timeout 10
	post /json/load '{}'
	start_load write --clients 64 --reads --tolerate 503 --pause 0.1
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

# stall WORD...: in the background, 4 peers that stop within a request; greeted ones made a whole one before,
# large ones stop in a body of which more is there than is looked at.
stall() {
	python3 - "$TOOLS" "$SOCKET" "$@" 3>&- <<'PY' &
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
peers = [fcgi.connect(sys.argv[2], timeout=20) for _ in range(4)]
for peer in peers if "greeted" in sys.argv else []:
    peer.sendall(fcgi.request("GET", "/json"))
    fcgi.read_answer(peer)
for peer in peers:
    if "large" in sys.argv:
        peer.sendall(fcgi.request("PUT", "/json/assignments/x", b'{"new": "' + bytes(300000))[:100000])
    else:
        peer.sendall(fcgi.request("PUT", "/json/assignments/x", b'{"new": 1}')[:60])
open(sys.argv[2] + ".stalls", "w").close()
for peer in peers:
    try:
        peer.recv(1)
    except OSError:
        pass
PY
	staller=$!
	wait_until test -e "$SOCKET.stalls"
}

@test "peers that stall in a request do not delay its leaving" {
	local first pid
	for first in "" greeted; do
		start --drain-timeout 20 --peer-timeout 60
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
	start --drain-timeout 1 --peer-timeout 60
	stall large
	local pid
	pid=$(responder_pid)
	kill -TERM "$pid"
	wait_until not_alive "$pid"
	exited_with "$pid" 1
	wait_until not_alive "$staller"
}

@test "a worker that had to be killed in an earlier restart does not show in the exit status" {
	start --drain-timeout 1 --peer-timeout 60
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
	start --drain-timeout 20
	python3 - "$TOOLS" "$SOCKET" 3>&- <<'PY' &
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
clients = [fcgi.Client(sys.argv[2], timeout=20) for _ in range(10)]
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
	start --workers 2
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

@test "workers that die at once are not started again without a pause" {
	start
	local pids before pid limit
	pid=$(responder_pid)
	mapfile -t pids < <(workers)
	# What a worker inherits does not let it open anything.
	limit=$(ulimit -Sn)
	prlimit --pid "$pid" --nofile=4:
	kill -KILL "${pids[0]}"
	before=$(deaths)
	wait_until deaths_more_than $((before + 1))
	local start=${EPOCHREALTIME/./}
	wait_until deaths_more_than $((before + 40)) && fail "$(deaths) deaths in $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
	alive "$pid"
	get /json/assignments/Seminar
	assert_status 200
	prlimit --pid "$pid" --nofile="$limit:"
	wait_until workers_are 2 "${pids[0]}"
	wait_until ready_workers_are 2
}

@test "workers that are killed while they are young leave nobody waiting for long" {
	start
	local old now round
	for round in 1 2 3 4; do
		mapfile -t old < <(workers)
		kill -KILL "${old[@]}"
		wait_until workers_are 2 "${old[@]}"
	done
	wait_until responder_ready
}

metric() {
	curl -sS --noproxy '*' "$BASE/metrics" | sed -n "s/^$1 //p"
}

deaths() {
	metric markbook_worker_deaths_total
}

deaths_more_than() {
	(($(deaths) > $1))
}

ready_workers_are() {
	(($(metric markbook_workers_ready) == $1))
}

@test "workers share connections evenly" {
	start --workers 2
	python3 - "$TOOLS" "$SOCKET" "$(workers | paste -sd' ')" <<'PY'
import os, sys
sys.path.insert(0, sys.argv[1])
import fcgi
clients = [fcgi.Client(sys.argv[2]) for _ in range(40)]
for client in clients:
    assert client("GET", "/json").status == 200
counts = []
for pid in sys.argv[3].split():
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    counts.append(sum(link.startswith("socket:") for link in links))
print(counts)
assert min(counts) >= 10, counts
PY
}
