#!/usr/bin/env bats
# What a long life brings: the store's directory removed, moved or read-only,
# file systems and descriptors at their end, clocks that jump, a log that goes
# away.  One line tells of each, reads go on where they can, and /readyz says
# whether writes do.

load helper
own_area

teardown() {
	show_failure
	[[ -z ${DISK-} ]] || {
		stop_responder
		umount "$DISK"
	}
	stop
}

both() {
	start_responder --seed "$TREE/conf/seed.json" "$@"
	start_nginx
	mapfile -t before < <(workers)
}

# lines PATTERN: how many of the log's warnings and errors match.
lines() {
	jq -r 'select(.level == "error" or .level == "warn").message' "$LOG" | grep -Ec "$1"
}

# lines_are LEAST MOST PATTERN
lines_are() {
	local n
	n=$(lines "$3") || :
	((n >= $1 && n <= $2)) || fail "$n lines of '$3':" "$(jq -c 'select(.level == "error" or .level == "warn")' "$LOG")"
}

same_workers() {
	[[ $(workers | paste -sd' ') == "${before[*]}" ]] || fail "a worker was lost"
}

readyz_is() {
	get /readyz
	[[ $status == "$1" ]]
}

readyz_tells_why() {
	get /readyz
	[[ $status == 503 && $body == *'"error":"Store cannot be written"'* ]]
}

# writes CODE: a dozen of them, all answered so.
writes() {
	local codes
	codes=$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' -X PUT -H 'Content-Type: application/json' \
		-d '{"new": "100%"}' "$BASE/json/assignments/Seminar?[1-12]" | sort | uniq -c)
	[[ $codes =~ ^\ *12\ $1$ ]] || fail "not all $1: $codes"
}

# writes_refused: in the contract's shape; reads and /healthz go on.
writes_refused() {
	writes 503
	put /json/assignments/Seminar '{"new": "lost"}'
	assert_problem 503 "Store cannot be written"
	[[ -n $(header Retry-After) ]] || fail "no Retry-After"
	get /json/assignments/Seminar
	assert_status 200
	assert_body '{"res":"Not Submitted"}'
	get /healthz
	assert_status 200
	wait_until readyz_tells_why
	same_workers
}

writes_work() {
	put /json/assignments/Seminar '{"new": "100%"}'
	[[ $status == 200 ]]
}

# --- the store's place

@test "a store that is removed refuses writes instead of losing them, and says so once" {
	both
	rm -r "$STORE"
	writes_refused
	wait_until supervisor_noticed
	lines_are 1 2 'data.mdb was removed or replaced'
	lines_are 1 1 'there is none'
	stop_responder
	[[ ! -e $STORE ]] || fail "something was made in its place: $(ls "$STORE")"
}

supervisor_noticed() {
	(($(lines 'there is none') > 0))
}

@test "what is still served of a lost store can be saved, and loaded after a start" {
	both
	put /json/assignments/x '{"new": "kept"}'
	rm -r "$STORE"
	get /json
	[[ $status == 200 ]] || fail "$status $body"
	printf %s "$body" >"$AREA/marks.json"
	stop_responder
	start_responder --seed "$TREE/conf/seed.json"
	wait_until readyz_is 200
	get /json/assignments/x
	[[ $status == 404 ]] || fail "$status $body"
	markbook load --store "$STORE" --replace "$AREA/marks.json"
	get /json
	[[ $body == "$(<"$AREA/marks.json")" ]] || fail "$body"
}

@test "a worker whose write is refused is not ready from then on" {
	both --workers 1
	readyz_is 200 || fail "$status"
	rm -r "$STORE"
	put /json/assignments/x '{"new": 1}'
	[[ $status == 503 ]] || fail "$status $body"
	readyz_is 503 || fail "$status $body"
}

@test "a store that is moved away and back again is written again" {
	both
	mv "$STORE" "$AREA/elsewhere"
	writes_refused
	mv "$AREA/elsewhere" "$STORE"
	wait_until writes_work
	wait_until readyz_is 200
	writes 200
	lines_are 1 2 'data.mdb was removed or replaced'
	lines_are 1 2 'the store works again'
	same_workers
}

@test "a backup put in the store's place is not taken before the next start" {
	both
	markbook backup --store "$STORE" "$AREA/copy"
	writes_work
	put /json/assignments/Seminar '{"new": "Not Submitted"}'
	mv "$AREA/copy" "$STORE/data.mdb"
	writes_refused
	# Nor by a worker that is born now.
	kill -KILL "${before[0]}"
	wait_until stay_out 2
	# The supervisor looks at each of these deaths.
	[[ $(told_by_supervisor) == 1 ]] || fail "$(told_by_supervisor) lines of the supervisor"
	get /json/assignments/Seminar
	assert_status 200
	stop_responder
	rm -f "$STORE/lock.mdb"
	start_responder
	wait_until writes_work
}

# stay_out N: so many new workers did not take the other file.
stay_out() {
	(($(lines 'another file than at the start') - $(told_by_supervisor) >= $1))
}

told_by_supervisor() {
	jq -r --argjson pid "$(responder_pid)" 'select(.pid == $pid and (.level == "error")).message' "$LOG" |
		grep -c 'another file than at the start'
}

@test "where no worker can open the store all is 503 soon, and served again once it is back" {
	both
	mv "$STORE" "$AREA/elsewhere"
	kill -KILL "${before[@]}"
	local codes
	wait_until refuses
	# As many clients as the front has connections for, and more: none waits
	# for a share.
	codes=$(curl -sS --noproxy '*' -Z --parallel-max 64 -o /dev/null -w '%{http_code}\n' "$BASE/json?[1-200]" | sort | uniq -c)
	[[ $codes =~ ^\ *200\ 503$ ]] || fail "not all 503: $codes"
	all_refused
	mv "$AREA/elsewhere" "$STORE"
	wait_until writes_work
	wait_until readyz_is 200
	writes 200
	stop_responder
	grep -q '"message":"all workers left"' "$LOG"
}

@test "a worker that has neither a store nor descriptors waits for them without work" {
	both --workers 1
	mv "$STORE" "$AREA/elsewhere"
	prlimit --pid "$(responder_pid)" --nofile=30:
	kill -KILL "${before[@]}"
	wait_until refuses
	python3 "$TOOLS/many.py" "$SOCKET" 60 --hold "$AREA/enough" &
	local holder=$! ticks
	wait_until grep -q 'cannot accept for now' "$LOG"
	ticks=$(ticks_of_workers)
	# One that spins takes a processor all that time.
	read -rt 1 <> <(:) || :
	ticks=$(($(ticks_of_workers) - ticks))
	touch "$AREA/enough"
	wait "$holder"
	((ticks < 20)) || fail "$ticks ticks of $(getconf CLK_TCK) a second"
	wait_until refuses
}

# The time that the processor had for them, those that ended included.
ticks_of_workers() {
	local pids pid
	mapfile -t pids < <(workers)
	{
		awk '{ print $16 + $17 }' "/proc/$(responder_pid)/stat"
		for pid in "${pids[@]}"; do
			awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null || :
		done
	} | awk '{ sum += $1 } END { print sum }'
}

refuses() {
	[[ $(curl -sS --noproxy '*' --max-time "$DEADLINE_S" -o /dev/null -w '%{http_code}' "$BASE/json") == 503 ]]
}

# In the contract's shape; what needs no store is answered as ever.
all_refused() {
	get /json/assignments/Seminar
	assert_problem 503 "Store cannot be opened"
	[[ -n $(header Retry-After) ]] || fail "no Retry-After"
	put /json/assignments/Seminar '{"new": "lost"}'
	assert_problem 503 "Store cannot be opened"
	get /readyz
	assert_problem 503 "Store cannot be opened"
	get /healthz
	assert_status 200
	put /json '{}'
	assert_problem 405
}

# --- the store's file system

@test "a store that becomes read-only refuses writes, and works again afterwards" {
	both --workers 1
	# As the kernel does where a file system was switched to read-only under
	# open files.
	strace -qq -o /dev/null -e trace=pwrite64,pwritev,writev -e inject=pwrite64,pwritev,writev:error=EROFS \
		-p "${before[0]}" 3>&- &
	local tracer=$!
	wait_until traced
	writes_refused
	lines_are 1 1 'Read-only file system'
	kill "$tracer"
	wait "$tracer" || :
	wait_until writes_work
	wait_until readyz_is 200
	lines_are 1 1 'the store works again'
	same_workers
}

traced() {
	grep -q '^TracerPid:.[1-9]' "/proc/${before[0]}/status"
}

@test "a disk that the kernel makes read-only refuses writes, and reads go on" {
	mkdir "$AREA/disk"
	head -c 24M /dev/zero >"$AREA/image"
	{ mkfs.ext4 -q -F "$AREA/image" && mount -o loop,errors=remount-ro "$AREA/image" "$AREA/disk"; } >/dev/null 2>&1 ||
		skip "mounting is not allowed here"
	DISK=$AREA/disk
	STORE=$DISK/store
	local device
	device=$(findmnt -no SOURCE "$DISK")
	[[ -w /sys/fs/ext4/${device##*/}/trigger_fs_error ]] || skip "this kernel cannot be asked to"
	both --store-size 4M --durability commit
	echo test >"/sys/fs/ext4/${device##*/}/trigger_fs_error"
	writes_refused
	lines_are 1 2 'Read-only file system|Permission denied'
}

@test "a file that may not grow is a 507 for writes, told once, and reads and removals go on" {
	both --workers 1 --store-size 4M
	local i
	prlimit --pid "${before[0]}" --fsize="$(stat -c %s "$STORE/data.mdb"):"
	for i in 1 2 3; do
		put "/json/large$i" "{\"v\": \"$(printf '%.0sx' {1..20000})\"}"
		assert_problem 507
	done
	get /json/assignments/Seminar
	assert_body '{"res":"Not Submitted"}'
	wait_until readyz_is 200
	lines_are 1 1 'is full'
	prlimit --pid "${before[0]}" --fsize=unlimited:
	wait_until writes_work
	same_workers
}

# --- the clock

@test "a clock that jumps by years, either way, shows in the log's times and nowhere else" {
	local library
	library=$(find /usr/lib -name libfaketime.so.1 -print -quit)
	[[ -n $library ]] || skip "libfaketime is not installed"
	[[ -z ${ASAN_OPTIONS-} ]] || skip "not with a sanitizer, which wants to be loaded first"
	echo '+0' >"$AREA/clock"
	# In the sandbox a worker could not read the clock's file.
	LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$AREA/clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
		spawn_responder --no-sandbox --seed "$TREE/conf/seed.json" --peer-timeout 2
	wait_until responder_ready
	start_nginx
	mapfile -t before < <(workers)
	local jump year tag
	writes_work
	tag=$(etag_of /json/assignments/Seminar)
	for jump in +10y -20y +0; do
		echo "$jump" >"$AREA/clock"
		get /json/assignments/Seminar -H "If-None-Match: $tag"
		assert_status 304
		writes_work
		tag=$(etag_of /json/assignments/Seminar)
		year=$(($(date +%Y) + ${jump%y}))
		wait_until logged_in "$year"
		wait_until readyz_is 200
		same_workers
	done
	echo '-5y' >"$AREA/clock"
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${before[@]}"
	writes_work
	lines_are 0 0 'store|worker|died|connection'
	stop_responder
}

# A leap day at most off.
logged_in() {
	grep -Eq "\"time\":\"($1|$(($1 - 1)))-" "$LOG"
}

# --- the log

@test "a log on a full device does not stop the service" {
	TEST_AREA_OF_MARKBOOK=$AREA "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --workers 2 \
		--seed "$TREE/conf/seed.json" 2>/dev/full >/dev/null 3>&- </dev/null &
	echo $! >"$AREA/responder.pid"
	wait_until responder_ready
	start_nginx
	lives_on
}

@test "a log whose reader went away does not stop the service" {
	mkfifo "$AREA/pipe"
	exec {reader}<>"$AREA/pipe"
	TEST_AREA_OF_MARKBOOK=$AREA "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --workers 2 \
		--seed "$TREE/conf/seed.json" 2>"$AREA/pipe" >/dev/null {reader}>&- 3>&- </dev/null &
	echo $! >"$AREA/responder.pid"
	wait_until responder_ready
	exec {reader}>&-
	start_nginx
	lives_on
}

# lives_on: answers, replaces its workers, ends.
lives_on() {
	mapfile -t before < <(workers)
	writes 200
	same_workers
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${before[@]}"
	writes_work
	stop_responder
}

# --- the supervisor

@test "SIGHUP during a rolling restart is done after it" {
	start_responder --workers 1 --drain-timeout 300 --peer-timeout 5
	mapfile -t before < <(workers)
	# One that stalls within a large body keeps the worker, and so the
	# restart, for --peer-timeout.
	python3 - "$TOOLS" "$SOCKET" "$AREA/stalls" 3>&- <<-'PY' &
		import sys
		sys.path.insert(0, sys.argv[1])
		import fcgi
		client = fcgi.Client(sys.argv[2], timeout=600)
		client("GET", "/json")
		client.peer.sendall(fcgi.request("PUT", "/json/a", bytes(200000))[:100000])
		open(sys.argv[3], "w").close()
		client.peer.recv(1)
	PY
	local peer=$!
	wait_until test -e "$AREA/stalls"
	kill -HUP "$(responder_pid)"
	wait_until restarts_are 1 'replacing'
	restarts_are 0 'done'
	kill -HUP "$(responder_pid)"
	wait_until restarts_are 2 'done'
	restarts_are 2 'replacing'
	workers_are 1 "${before[@]}"
	wait "$peer"
}

# restarts_are N WORD
restarts_are() {
	(($(jq -r 'select(.event == "restart").message' "$LOG" | grep -c "$2") == $1))
}
