#!/usr/bin/env bats
# What goes wrong around the service: successors, mistakes, limits, a log that
# nobody reads.

load helper
load load
bats_require_minimum_version 1.5.0
own_area

# many N [options of many.py]: N connections of their own that send requests,
# each answered; prints a summary.
many() {
	python3 "$TOOLS/many.py" "$SOCKET" "$@"
}

one_worker_of_its_own() {
	mapfile -t now < <(workers)
	((${#now[@]} == 1)) && [[ ${now[0]} != "$1" ]]
}

@test "a successor that starts while the old one drains keeps its socket" {
	start_responder --workers 1 --drain-timeout 300 --peer-timeout 300
	local old new staller
	old=$(responder_pid)
	stall large
	kill -TERM "$old"
	wait_until grep -q 'finish what they have' "$LOG"
	TEST_AREA_OF_MARKBOOK=$AREA "$MARKBOOK" serve --socket "$SOCKET" --store "$AREA/other" --workers 1 \
		2>>"$LOG" >/dev/null 3>&- </dev/null &
	new=$!
	wait_until "$MARKBOOK" health --socket "$SOCKET"
	alive "$old"
	kill "$staller"
	wait_until not_alive "$old"
	"$MARKBOOK" health --socket "$SOCKET"
	kill -TERM "$new"
	wait "$new"
	rm -f "$AREA/responder.pid"
}

# The responder's connections, as /proc shows them.
ss_connections() {
	grep -F "$SOCKET" /proc/net/unix | awk '$6 == "03"'
}

@test "a second service on the same store is refused and changes nothing" {
	start_responder --store-size 2M --seed "$TREE/conf/seed.json"
	start_nginx
	local before
	before=$(sha256sum "$STORE/data.mdb")
	run -1 "$MARKBOOK" serve --socket "$AREA/second.sock" --store "$STORE" --store-size 8M
	[[ $output == *"another service has it"* && ${#lines[@]} == 1 ]] || fail "$output"
	[[ $(sha256sum "$STORE/data.mdb") == "$before" && ! -e $AREA/second.sock ]]
	get /json
	assert_status 200
}

@test "a thousand busy connections are handed over without one lost request" {
	start_responder --workers 1 --drain-timeout 300 --seed "$TREE/conf/seed.json"
	local old
	old=$(workers)
	python3 "$TOOLS/many.py" "$SOCKET" 1000 --until "$AREA/enough" >"$AREA/many" &
	local load=$!
	wait_until many_open 1000
	kill -HUP "$(responder_pid)"
	wait_until one_worker_of_its_own "$old"
	touch "$AREA/enough"
	wait "$load" || fail "$(<"$AREA/many")"
	[[ $(jq .failures "$AREA/many") == 0 && $(jq .connections "$AREA/many") == 1000 ]] || fail "$(<"$AREA/many")"
	[[ $(grep -c 'is killed' "$LOG") == 0 ]]
}

many_open() {
	(($(ss_connections | wc -l) >= $1))
}

@test "SIGCHLD ignored by the caller does not keep a worker from being replaced" {
	(
		trap '' CHLD
		TEST_AREA_OF_MARKBOOK=$AREA exec "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" \
			--workers 1 2>>"$LOG" >/dev/null 3>&- </dev/null
	) &
	echo $! >"$AREA/responder.pid"
	wait_until "$MARKBOOK" health --socket "$SOCKET"
	local old
	old=$(workers)
	kill -KILL "$old"
	wait_until one_worker_of_its_own "$old"
}

@test "without descriptors for more connections it says so once and goes on" {
	start_responder --workers 1 --seed "$TREE/conf/seed.json"
	prlimit --pid "$(workers)" --nofile=30:
	python3 "$TOOLS/many.py" "$SOCKET" 60 --hold "$AREA/enough" &
	local holder=$!
	wait_until grep -q 'cannot accept' "$LOG"
	# Each that leaves lets another one in.
	touch "$AREA/enough"
	wait "$holder"
	(($(grep -c 'cannot accept' "$LOG") == 1)) ||
		fail "$(grep -c 'cannot accept' "$LOG") lines"
	wait_until "$MARKBOOK" health --socket "$SOCKET"
}

@test "a log that nobody reads does not stop the service" {
	mkfifo "$AREA/pipe"
	exec {reader}<>"$AREA/pipe"
	TEST_AREA_OF_MARKBOOK=$AREA "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --workers 1 \
		--seed "$TREE/conf/seed.json" 2>"$AREA/pipe" >/dev/null 3>&- </dev/null &
	echo $! >"$AREA/responder.pid"
	wait_until "$MARKBOOK" health --socket "$SOCKET"
	# Some 200 bytes a line: far more than a pipe holds.
	many 4 --each 300 >"$AREA/many" || fail "$(<"$AREA/many")"
	(($(jq .answers "$AREA/many") == 1200)) || fail "$(<"$AREA/many")"
	# Read again, it tells what is missing.
	cat <&"$reader" >"$AREA/read" &
	local cat=$!
	wait_until dropped_line_is_logged
	kill "$cat"
	kill -TERM "$(responder_pid)"
	wait_until not_alive "$(responder_pid)"
}

dropped_line_is_logged() {
	"$MARKBOOK" health --socket "$SOCKET"
	grep -q '"lines were dropped' "$AREA/read"
}

@test "idle connections keep no memory of large answers" {
	# The sanitizer keeps what was freed.
	[[ -z ${ASAN_OPTIONS-} ]] || skip "not with a sanitizer"
	start_responder --workers 1 --max-body 2M
	start_nginx
	python3 -c 'import json; print(json.dumps({str(n): "x" * 100 for n in range(8000)}))' >"$AREA/body"
	send PUT /json/large "@$AREA/body"
	assert_status 201
	local before after pid
	pid=$(workers)
	before=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	# A megabyte and more for each of them.
	many 40 --each 3 >"$AREA/many"
	after=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
	((after < before + 24 * 1024)) || fail "$before kB, then $after kB"
}

@test "a standard descriptor that was closed is not taken for another file" {
	start_responder --seed "$TREE/conf/seed.json"
	stop_responder
	local before
	before=$(sha256sum "$STORE/data.mdb")
	"$MARKBOOK" dump --store "$STORE" >&- || :
	[[ $(sha256sum "$STORE/data.mdb") == "$before" ]]
	"$MARKBOOK" dump --store "$STORE" | jq -e .assignments >/dev/null
}

@test "addresses that cannot be are refused before anything listens" {
	local address
	for address in 127.0.0.1:99999 127.0.0.1: 127.0.0.1:0 '127.0.0.1: 9000' :9000 127.0.0.1:9000x \
		"/$(printf 'x%.0s' {1..108})"; do
		run -2 "$MARKBOOK" serve --check-config --socket "$address"
		[[ $output == *--socket* && ${#lines[@]} == 1 ]] || fail "$address: $output"
	done
}
