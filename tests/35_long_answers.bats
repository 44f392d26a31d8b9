#!/usr/bin/env bats
# Answers too long to be made and sent in one go.

load helper

TOOL=$TREE/tests/tools/long_answers.py

setup() {
	new_area
	python3 -c 'import json; print(json.dumps({
		"empty": {}, "long": {str(n): "x" * (n % 199) for n in range(1, 30001)}, "zero": {"0": 0}}))' >"$AREA/long.json"
}

teardown() {
	show_failure
	stop
}

@test "a long answer is the whole store, and indented where that is asked for" {
	start_responder --seed "$AREA/long.json"
	start_nginx
	get /json
	assert_status 200
	assert_strong_etag
	jq -S . "$AREA/long.json" >"$AREA/wanted"
	jq -S . "$BODY" | cmp - "$AREA/wanted"
	curl -sS --noproxy "*" "$BASE/json?pretty" >"$AREA/pretty"
	"$MARKBOOK" dump --store "$STORE" | cmp - "$AREA/pretty"
	curl -sS --noproxy "*" "$BASE/json/long?pretty" | jq -c .res | cmp - <(jq -cS .long "$AREA/long.json")
	curl -sS --noproxy "*" --http1.0 "$BASE/json" | jq -S . | cmp - "$AREA/wanted"
}

@test "while long answers are read slowly others are answered, by the same worker" {
	start_responder --workers 1 --peer-timeout 300 --seed "$AREA/long.json"
	python3 "$TOOL" others "$SOCKET"
}

@test "more long answers at once than a worker makes at once all come whole" {
	start_responder --workers 1 --peer-timeout 300 --seed "$AREA/long.json"
	python3 "$TOOL" crowd "$SOCKET" 60
}

@test "a long answer is of one state, whatever is written while it is sent" {
	start_responder --peer-timeout 300 --seed "$AREA/long.json"
	python3 "$TOOL" snapshot "$SOCKET"
}

@test "a peer that does not take its answer is given up" {
	start_responder --workers 1 --peer-timeout 1 --seed "$AREA/long.json"
	python3 "$TOOL" stall "$SOCKET"
	responder_ready
}

@test "a worker told to leave finishes a long answer that was begun" {
	local signal out
	for signal in HUP TERM; do
		start_responder --workers 1 --drain-timeout 300 --peer-timeout 300 --seed "$AREA/long.json"
		coproc python3 "$TOOL" begun "$SOCKET" 2>"$AREA/begun.err"
		local tool=$COPROC_PID
		read -r out <&"${COPROC[0]}"
		[[ $out == begun ]]
		local old
		old=$(workers)
		kill -"$signal" "$(responder_pid)"
		# By then it was told.
		wait_until grep -qE '"event":"(handover|drain)"' "$LOG"
		echo >&"${COPROC[1]}"
		wait "$tool" || fail "SIG$signal: $(<"$AREA/begun.err")"
		wait_until not_alive "$old"
		stop_responder
		: >"$LOG"
	done
}

@test "a peer that does not take its answer keeps no worker from being replaced" {
	start_responder --workers 1 --drain-timeout 2 --peer-timeout 300 --seed "$AREA/long.json"
	coproc python3 "$TOOL" begun "$SOCKET" 2>/dev/null
	local out old
	read -r out <&"${COPROC[0]}"
	old=$(workers)
	kill -HUP "$(responder_pid)"
	wait_until not_alive "$old"
	! grep -q 'is killed' "$LOG" || fail "$(grep killed "$LOG")"
	kill "$COPROC_PID"
	stop_responder
	[[ -e $STORE/settled ]]
}

@test "peers that leave in the middle of a long answer leave nothing behind" {
	start_responder --workers 1 --seed "$AREA/long.json"
	local pid before
	pid=$(workers)
	python3 "$TOOL" leave "$SOCKET" 5
	before=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
	python3 "$TOOL" leave "$SOCKET" 40
	wait_until responder_ready
	wait_until descriptors_are "$pid" "$before"
	[[ $(workers) == "$pid" ]]
	# No snapshot is held any more.
	start_nginx
	get /metrics
	[[ $body == *$'\nmarkbook_store_readers '[0-3]$'\n'* ]] || fail "$(grep readers <<<"$body")"
}

descriptors_are() {
	[[ $(find "/proc/$1/fd" -mindepth 1 | wc -l) == "$2" ]]
}

@test "the memory of a worker does not grow with the answer" {
	[[ -z ${ASAN_OPTIONS-} ]] || skip "not with a sanitizer"
	start_responder --workers 1 --peer-timeout 300 --seed "$AREA/long.json"
	local pid before after
	pid=$(workers)
	before=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
	python3 "$TOOL" crowd "$SOCKET" 8
	after=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
	# The answer has some 3,000 kB, and eight of them were under way.
	((after < before + 2500)) || fail "$before kB, then $after kB"
}
