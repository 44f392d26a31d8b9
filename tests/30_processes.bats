#!/usr/bin/env bats
# Supervisor and workers: how many there are, and what happens when they are
# killed under load.

load helper
load load

teardown() {
	show_failure
	kill_load
	stop
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
	python3 - "$BASE" "$AREA/enough" >"$AREA/reads.out" 2>&1 3>&- <<'PY' &
import http.client, os, sys
host = sys.argv[1].split("//")[1]
link = http.client.HTTPConnection(host, timeout=60)
bad, n = [], 0
while not os.path.exists(sys.argv[2]):
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
	touch "$AREA/enough"
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

# start_readers: in the background, reads that take long enough to be met in the
# middle.
start_readers() {
	python3 - "$TOOLS" "$SOCKET" 3>&- <<'PY' &
import os, sys, threading
sys.path.insert(0, sys.argv[1])
import fcgi
parent = os.getppid()
def read():
    client = fcgi.Client(sys.argv[2])
    try:
        while os.getppid() == parent:
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
	# Many records and short ones: most of the time of a read of them goes
	# into the store.
	jq -nc '[range(50000) | {key: "r\(.)", value: 0}] | from_entries' >"$AREA/many"
	send PUT /json/many "@$AREA/many" -H 'Prefer: return=minimal'
	assert_status 201
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
	# A snapshot that nobody clears would keep all that is overwritten after
	# it: 150 pages or more.
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
	wait_until deaths_more_than $((before + 5))
	# Between the second and the sixth are pauses of 0, 0.1, 0.2 and 0.4 s.
	(($(time_of_deaths 1 5) >= 600)) || fail "$(<"$LOG")"
	alive "$pid"
	get /json/assignments/Seminar
	assert_status 200
	prlimit --pid "$pid" --nofile="$limit:"
	wait_until workers_are 2 "${pids[0]}"
	wait_until ready_workers_are 2
}

@test "workers that die young leave nobody waiting for long where no other one serves" {
	start --workers 1
	local pid limit
	pid=$(responder_pid)
	limit=$(ulimit -Sn)
	prlimit --pid "$pid" --nofile=4:
	kill -KILL "$(workers)"
	wait_until logged_deaths_are 11
	prlimit --pid "$pid" --nofile="$limit:"
	wait_until responder_ready
	# Where another worker serves, the last two pauses have 5 s each.
	(($(time_of_deaths 8 9) < 4000 || $(time_of_deaths 9 10) < 4000)) || fail "$(<"$LOG")"
}

# logged_deaths_are N: or more.
logged_deaths_are() {
	(($(grep -c '"message":"died"' "$LOG") >= $1))
}

# time_of_deaths FIRST LAST: from one to the other, counted from 0, in ms by the
# log.
time_of_deaths() {
	jq -s --argjson first "$1" --argjson last "$2" '
		[.[] | select(.event == "worker" and .message == "died").time
			| capture("^(?<s>[^.]*)[.](?<ms>[0-9]{3})") | (.s + "Z" | fromdate) * 1000 + (.ms | tonumber)]
		| .[$last] - .[$first]' "$LOG"
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
