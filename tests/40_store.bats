#!/usr/bin/env bats
# The store: what it survives, a first start that never ended, seeds.

load helper
load load
load stores
own_area

teardown() {
	show_failure
	kill_load
	stop
	[[ -z ${DISK-} ]] || rm -rf "$DISK"
}

# A directory that is no tmpfs.
disk_store() {
	DISK=$(mktemp -d "${TMPDIR:-/var/tmp}/markbook-test.XXXXXX")
	STORE=$DISK/store
}

# kill_all: no process of the responder gets another instruction.
kill_all() {
	local pids
	mapfile -t pids < <(workers)
	kill -KILL "$(responder_pid)" "${pids[@]}"
	wait_until no_processes_of_area_but_front
}

no_processes_of_area_but_front() {
	local pid
	for pid in $(processes_of_area); do
		[[ $pid == "$(front_pid)" ]] || grep -q nginx "/proc/$pid/comm" || return 1
	done
}

# --- survival

@test "a store on tmpfs survives the death of its workers" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	local pids tag
	put /json/assignments/Seminar '{"new": "100%"}'
	tag=$(etag)
	mapfile -t pids < <(workers)
	kill -KILL "${pids[@]}"
	wait_until workers_are 2 "${pids[@]}"
	wait_until responder_ready
	get /json/assignments/Seminar
	assert_body '{"res":"100%"}'
	assert_header ETag "$tag"
}

@test "a store on tmpfs survives a restart and a SIGKILL of everything" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	put /json/assignments/Seminar '{"new": "100%"}'
	local tag
	tag=$(etag)
	stop_responder
	start_responder --seed "$TREE/conf/seed.json"
	get /json/assignments/Seminar
	assert_body '{"res":"100%"}'
	assert_header ETag "$tag"
	kill_all
	start_responder
	get /json/assignments/Seminar
	assert_body '{"res":"100%"}'
	assert_header ETag "$tag"
	put /json/assignments/Seminar '{"new": "0%"}'
	assert_status 200
	[[ $(etag) != "$tag" ]]
}

@test "a durable store survives a SIGKILL of everything, with its ETags" {
	disk_store
	start_responder --durability commit --seed "$TREE/conf/seed.json"
	start_nginx
	local i tag record
	for i in 1 2 3; do
		put /json/assignments/Seminar "{\"new\": \"$i\"}"
		assert_status 200
		record=$(etag) tag=$(etag_of /json)
		kill_all
		start_responder --durability commit
		get /json/assignments/Seminar
		assert_body "{\"res\":\"$i\"}"
		assert_header ETag "$record"
		get /json
		assert_header ETag "$tag"
	done
}

@test "a durable store killed under load has every write that was acknowledged" {
	disk_store
	start_responder --durability=commit
	start_nginx
	post /json/load '{}'
	start_load write --clients 16 --tolerate 502,503,504,conn
	made_progress 200
	kill_all
	end_load
	start_responder --durability=commit
	check_load
	(($(wc -l <"$AREA/acknowledged") >= 200))
}

# trace_workers [options of strace...]: into AREA/trace, until end_trace.
trace_workers() {
	local pid options=()
	for pid in $(workers); do
		options+=(-p "$pid")
	done
	strace -f -qq -o "$AREA/trace" "$@" "${options[@]}" 3>&- &
	tracer=$!
	wait_until workers_traced
}

workers_traced() {
	local pid
	for pid in $(workers); do
		grep -q '^TracerPid:.[1-9]' "/proc/$pid/status" || return 1
	done
}

end_trace() {
	kill -INT "$tracer"
	wait "$tracer" || :
}

# syncs COUNT: how many system calls sync to the medium while that many records
# are written.
syncs() {
	local i
	trace_workers -e trace=fsync,fdatasync,msync,sync_file_range
	for ((i = 0; i < $1; i++)); do
		put /json/assignments/Seminar "{\"new\": $i}"
		assert_status 200
	done
	end_trace
	grep -cE '^[0-9]+ +(fsync|fdatasync|msync)\(.* = 0$' "$AREA/trace" || :
}

works_again() {
	get /readyz
	[[ $status == 200 ]] || return
	get /json/assignments/Seminar
	[[ $status == 200 ]] || return
	put /json/assignments/Seminar '{"new": "kept"}'
	[[ $status == 200 ]]
}

@test "a medium that fails is an error for writes, and once it works all goes on" {
	strace -o /dev/null true || skip "tracing is not allowed here"
	start_responder --workers 1 --seed "$TREE/conf/seed.json"
	start_nginx
	trace_workers -e trace=pwrite64,pwritev -e inject=pwrite64,pwritev:error=EIO
	put /json/assignments/Seminar '{"new": "lost"}'
	[[ $status == 50[03] ]] || fail "status $status"
	assert_problem "$status"
	get /healthz
	[[ $status == 200 ]]
	end_trace
	wait_until works_again
	get /json/assignments
	assert_jq '.res.Seminar == "kept" and (.res | length == 5)'
}

# The last good result is good for a second.
not_ready() {
	get /readyz
	[[ $status == 503 ]]
}

@test "a medium that fails is 503 by readyz" {
	strace -o /dev/null true || skip "tracing is not allowed here"
	start_responder --workers 1 --seed "$TREE/conf/seed.json"
	start_nginx
	trace_workers -e trace=pwrite64,pwritev -e inject=pwrite64,pwritev:error=EIO
	wait_until not_ready
	get /readyz
	assert_problem 503
	end_trace
}

@test "with --durability=commit each write is synced before it is answered, without it none is" {
	strace -o /dev/null true || skip "tracing is not allowed here"
	disk_store
	start_responder --durability=commit --seed "$TREE/conf/seed.json"
	start_nginx
	(($(syncs 10) >= 10)) || fail "$(<"$AREA/trace")"
	stop_responder
	start_responder
	[[ $(syncs 10) == 0 ]] || fail "$(<"$AREA/trace")"
}

@test "the two kinds of durability open each other's stores" {
	start_responder --seed "$TREE/conf/seed.json"
	stop_responder
	start_responder --durability commit
	start_nginx
	get /json/assignments/Seminar
	assert_status 200
	stop_responder
	start_responder --durability none
	get /json/assignments/Seminar
	assert_status 200
}

@test "two stores have ETags that differ" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	local first
	first=$(etag_of /json)
	stop_responder
	STORE=$AREA/another
	start_responder --seed "$TREE/conf/seed.json"
	[[ $(etag_of /json) != "$first" ]]
}

@test "only its owner can get into the store" {
	start_responder
	[[ $(stat -c %a "$STORE") == 700 ]]
}

# --- a first start that never ended

@test "a first start that is killed before any of its calls leaves nothing that the next one minds" {
	strace -o /dev/null true || skip "tracing is not allowed here"
	local calls='/^(mkdir|openat|pwrite64|fdatasync|fsync|rename|unlink)' n=0 result=137
	while ((result == 137)); do
		rm -rf "$STORE"
		result=0
		# A sanitizer does not look for leaks while it is traced.
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -qq -o /dev/null -e trace="$calls" -e inject="$calls:signal=KILL:when=$((n += 1))" \
			"$MARKBOOK" load --store "$STORE" --durability commit "$TREE/conf/seed.json" || result=$?
		markbook load --store "$STORE" --durability commit --replace "$TREE/conf/seed.json"
		markbook dump --store "$STORE" | diff <(jq -S . "$TREE/conf/seed.json") <(jq -S . /dev/stdin)
	done
	((result == 0 && n > 10)) || fail "status $result before call $n"
}

@test "what a first start had made by halves when the power went is made anew" {
	local bytes
	for bytes in 0 100 5000; do
		mkdir "$STORE"
		head -c "$bytes" /dev/urandom >"$STORE/data.mdb.new"
		start_responder --seed "$TREE/conf/seed.json"
		[[ $(ls "$STORE") == $'data.mdb\nlock.mdb' ]] || fail "$(ls "$STORE")"
		stop_responder
		markbook dump --store "$STORE" | diff <(jq -S . "$TREE/conf/seed.json") <(jq -S . /dev/stdin)
		rm -r "$STORE"
	done
}

@test "a store is not made anew because of what lies beside it" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	put /json/assignments/Seminar '{"new": "80%"}'
	stop_responder
	echo 'half of a page' >"$STORE/data.mdb.new"
	start_responder --seed "$TREE/conf/seed.json"
	get /json/assignments/Seminar
	assert_body '{"res":"80%"}'
	stop_responder
	# Damaged it is refused, however it comes to be so.
	truncate -s 5000 "$STORE/data.mdb"
	rm "$STORE/lock.mdb"
	refused --seed "$TREE/conf/seed.json"
}

# --- seed

@test "a fresh store is filled from the seed" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	get /json
	assert_json "$(<"$TREE/conf/seed.json")"
}

@test "the seed is loaded once only, also when everything was deleted since" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	delete /json/assignments
	assert_body '{}'
	stop_responder
	start_responder --seed "$TREE/conf/seed.json"
	get /json
	assert_body '{}'
}

@test "the seed is not loaded into a store that holds something" {
	start_responder
	start_nginx
	post /json/mine '{"a": 1}'
	stop_responder
	start_responder --seed "$TREE/conf/seed.json"
	get /json
	assert_body '{"mine":{"a":1}}'
}

@test "without a seed the store is empty" {
	start_responder
	start_nginx
	get /json
	assert_status 200
	assert_body '{}'
	assert_strong_etag
}

@test "a bad seed is refused with one line, and the store can be seeded later" {
	local seed
	for seed in '' '{' '[]' '{"a": 1}' '{"a": {"b/c": 1}}' '{"res": {}}' '{"a": {"b": 1, "b": 2}}' '{"a": {}, "a": {}}'; do
		printf %s "$seed" >"$AREA/seed.json"
		local result=0
		timeout "$DEADLINE_S" env TEST_AREA_OF_MARKBOOK="$AREA" "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --seed "$AREA/seed.json" </dev/null >/dev/null 2>"$AREA/refused.err" 3>&- ||
			result=$?
		[[ $result == 1 ]] || fail "seed '$seed': status $result: $(<"$AREA/refused.err")"
		[[ $(wc -l <"$AREA/refused.err") == 1 ]] || fail "seed '$seed': $(<"$AREA/refused.err")"
		[[ $(<"$AREA/refused.err") == "markbook serve: --seed $AREA/seed.json: "* ]] || fail "$(<"$AREA/refused.err")"
	done
	local result=0
	timeout "$DEADLINE_S" "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --seed "$AREA/none.json" </dev/null >/dev/null 2>"$AREA/refused.err" 3>&- || result=$?
	((result == 1 || result == 2)) || fail "status $result"
	grep -qFx "markbook serve: --seed $AREA/none.json: No such file or directory" "$AREA/refused.err" || fail "$(<"$AREA/refused.err")"
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	get /json
	assert_json "$(<"$TREE/conf/seed.json")"
}
