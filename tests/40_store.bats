#!/usr/bin/env bats
# The store: what it survives, what happens when it is full, and which directories it refuses.

load helper
own_area

teardown() {
	show_failure
	[[ -z ${SMALL-} ]] || {
		stop_responder
		umount "$SMALL"
	}
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

# refused: serve exits 1 with one line on stderr, and the directory is as it was.
refused() {
	local result=0 before
	before=$(fingerprint "$STORE")
	timeout 10 env TEST_AREA_OF_MARKBOOK="$AREA" "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" "$@" </dev/null >"$AREA/refused.out" 2>"$AREA/refused.err" 3>&- ||
		result=$?
	[[ $result == 1 ]] || fail "status $result: $(<"$AREA/refused.err")"
	[[ $(wc -l <"$AREA/refused.err") == 1 ]] || fail "not one line: $(<"$AREA/refused.err")"
	[[ ! -s $AREA/refused.out && ! -e $SOCKET ]]
	[[ $(fingerprint "$STORE") == "$before" ]] || fail "changed:" "$before" "$(fingerprint "$STORE")"
}

fingerprint() {
	[[ ! -e $1 ]] || (cd "$1" && find . -type f -exec sha256sum {} + && find . -printf '%p %m %s\n') | sort
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
	python3 "$TOOLS/load.py" write "$BASE" load "$AREA/acknowledged" --clients 16 --tolerate 502,503,504,conn \
		--until "$AREA/stop-load" >"$AREA/load.out" 3>&- &
	local client=$!
	wait_until many_records 200
	kill_all
	touch "$AREA/stop-load"
	wait "$client"
	start_responder --durability=commit
	python3 "$TOOLS/load.py" check "$BASE" load "$AREA/acknowledged"
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

# syncs COUNT: how many system calls sync to the medium while that many records are written.
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

many_records() {
	local n
	n=$(curl -sS --noproxy '*' "$BASE/json/load" | jq '.res | length')
	((n >= $1))
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

# --- full

# fill: writes until the store is full.
fill() {
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
client = fcgi.Client(sys.argv[2])
client("POST", "/json/full", b"{}")
for size in (20000, 2000, 200, 20, 1):
    for i in range(5000):
        answer = client("PUT", f"/json/full/r{size}-{i}", b'{"new": "%s"}' % (b"x" * size), extra=[("HTTP_PREFER", "return=minimal")])
        if answer.status == 507:
            break
        assert answer.status == 204, answer.head
    else:
        sys.exit("it never is full")
PY
}

@test "a full store answers writes with 507, and still reads, deletes and dumps" {
	start_responder --store-size 1M --seed "$TREE/conf/seed.json"
	start_nginx
	local pids record before
	mapfile -t pids < <(workers)
	fill
	put /json/full/more "{\"new\": \"$(printf '%.0sx' {1..5000})\"}"
	assert_problem 507
	assert_jq '.error == "Store is full"'
	post /json/another "{\"a\": \"$(printf '%.0sx' {1..5000})\"}"
	assert_problem 507
	before=$(etag_of /json/full)
	patch /json/full "{\"more\": \"$(printf '%.0sx' {1..5000})\"}"
	assert_problem 507
	[[ $(etag_of /json/full) == "$before" ]]
	get /json/assignments/Seminar
	assert_status 200
	get /healthz
	[[ $status == 200 ]]
	get /readyz
	[[ $status == 200 ]]
	markbook dump --store "$STORE" | jq -e '.full | length > 10'
	# One after the other, so that no deletion profits from another's room.
	for record in $(curl -sS "$BASE/json/full" | jq -r '.res | keys[0:5][]'); do
		delete "/json/full/$record" -H 'Prefer: return=minimal'
		assert_status 204
	done
	delete /json/full
	assert_status 200
	put /json/assignments/Seminar '{"new": "room again"}'
	assert_status 200
	post /json/another "{\"a\": \"$(printf '%.0sx' {1..5000})\"}"
	assert_status 201
	[[ $(workers | paste -sd' ') == "${pids[*]}" ]] || fail "a worker was lost"
}

@test "a full store can be filled and emptied again and again" {
	start_responder --store-size 1M
	start_nginx
	local i
	for i in 1 2 3; do
		fill
		delete /json/full
		assert_status 200
		assert_body '{}'
	done
}

@test "in a full store every removal succeeds, whatever was written before" {
	start_responder --store-size 1M --log-level warn
	python3 "$TOOLS/full_store.py" "$SOCKET" 1 3000
}

@test "a full store restarts, and can be deleted from afterwards" {
	start_responder --store-size 1M
	start_nginx
	fill
	stop_responder
	start_responder --store-size 1M
	delete /json/full
	assert_status 200
}

@test "a store that is larger than its file system is refused" {
	mkdir -m 700 "$STORE"
	refused --store-size 1T
	grep -qi 'size\|room\|space' "$AREA/refused.err"
}

# small_tmpfs SIZE: the store is to be in a file system of its own.
small_tmpfs() {
	mkdir "$AREA/small"
	mount -t tmpfs -o "size=$1" none "$AREA/small" 2>/dev/null || skip "mounting is not allowed here"
	SMALL=$AREA/small
	STORE=$SMALL/store
}

@test "a store that just does not fit its file system is refused, and one that fits is not" {
	small_tmpfs 4M
	refused_when_new --store-size 8M
	start_responder --store-size 2M
}

@test "--check-config counts what a store has already as room for it, and sees what is none" {
	small_tmpfs 5M
	jq -n '{a: ([range(40) | {key: tostring, value: ("x" * 50000)}] | from_entries)}' >"$AREA/large.json"
	markbook load --store "$STORE" --store-size 4M "$AREA/large.json"
	(($(stat -f -c '%a * %S' "$SMALL") < 4 << 20)) || fail "too much room left for this test"
	run_markbook serve --check-config --socket "$SOCKET" --store "$STORE" --store-size 4M
	[[ $result == 0 ]] || fail "$err"
	start_responder --store-size 4M
	stop_responder
	echo 'no store' >"$STORE/data.mdb"
	run_markbook serve --check-config --socket "$SOCKET" --store "$STORE" --store-size 4M
	[[ $result == 1 && $err == *"data.mdb is not a Markbook file"* ]] || fail "$result: $err"
}

# refused_when_new: as refused, where the directory may be made but nothing in it.
refused_when_new() {
	mkdir -m 700 "$STORE"
	refused "$@"
	rmdir "$STORE"
}

@test "a file system that others fill is a 507 for writes, and reads go on" {
	small_tmpfs 8M
	start_responder --store-size 4M --seed "$TREE/conf/seed.json"
	start_nginx
	local pids
	mapfile -t pids < <(workers)
	head -c 8M /dev/zero >"$SMALL/other" 2>/dev/null || :
	put /json/large "{\"v\": \"$(head -c 100000 /dev/zero | tr '\0' x)\"}"
	assert_problem 507
	get /json/assignments/Seminar
	assert_status 200
	assert_body '{"res":"Not Submitted"}'
	rm "$SMALL/other"
	put /json/assignments/Seminar '{"new": "100%"}'
	assert_status 200
	[[ $(workers | paste -sd' ') == "${pids[*]}" ]] || fail "a worker was lost"
}

# --- directories that are refused

@test "a directory with files of another program is refused and left as it is" {
	mkdir "$STORE"
	echo precious >"$STORE/notes.txt"
	refused
	grep -q "$STORE" "$AREA/refused.err"
}

@test "another program's LMDB database is refused and left as it is" {
	mkdir "$STORE"
	printf 'VERSION=3\nformat=print\ntype=btree\nmapsize=1048576\nHEADER=END\n key\n value\nDATA=END\n' >"$AREA/other.dump"
	mdb_load -f "$AREA/other.dump" "$STORE"
	rm -f "$STORE/lock.mdb"
	refused
}

@test "a data file that is not a database is refused and left as it is" {
	mkdir "$STORE"
	head -c 65536 /dev/urandom >"$STORE/data.mdb"
	refused
	grep -q 'data.mdb is not a Markbook file' "$AREA/refused.err"
	echo hello >"$STORE/data.mdb"
	refused
}

# full_store: a stopped store with some data.
some_store() {
	start_responder
	python3 "$TOOLS/fcgi_client.py" "$SOCKET" request PUT /json/some \
		"$(jq -nc '[range(400) | {key: "k\(.)", value: "some value, number \(.), that takes some room"}] | from_entries')" | grep -q '^Status: 201'
	stop_responder
	rm -f "$STORE/lock.mdb"
}

@test "a data file that lost its contents is refused as damaged and left as it is" {
	some_store
	local bytes
	for bytes in 65536 0; do
		head -c "$bytes" /dev/zero >"$STORE/data.mdb"
		refused --seed "$TREE/conf/seed.json"
		grep -q 'data.mdb is damaged .*; restore a backup, or move ' "$AREA/refused.err" || fail "$(<"$AREA/refused.err")"
	done
}

@test "a truncated data file is refused and left as it is" {
	some_store
	local size
	size=$(stat -c %s "$STORE/data.mdb")
	cp "$STORE/data.mdb" "$AREA/whole"
	for size in $((size / 2)) 12288 8192 5000 4096 100; do
		head -c "$size" "$AREA/whole" >"$STORE/data.mdb"
		refused
	done
}

# ends_well COMMAND...: with status 0, or with 1 and one line; never by a signal.
ends_well() {
	local result=0
	TEST_AREA_OF_MARKBOOK=$AREA timeout 20 "$@" </dev/null >"$AREA/damaged.out" 2>"$AREA/damaged.err" 3>&- || result=$?
	((result == 0)) || [[ $result == 1 && $(wc -l <"$AREA/damaged.err") == 1 ]] ||
		fail "$2 ends with $result: $(<"$AREA/damaged.err")"
}

@test "a data file with damaged pages is refused, or what was damaged was not in use" {
	some_store
	local at size bad=()
	markbook dump --store "$STORE" >"$AREA/whole.json"
	rm -f "$STORE/lock.mdb"
	size=$(stat -c %s "$STORE/data.mdb")
	cp "$STORE/data.mdb" "$AREA/whole"
	for ((at = 0; at < size / 4096; at++)); do
		cp "$AREA/whole" "$STORE/data.mdb"
		head -c 4096 /dev/urandom | dd of="$STORE/data.mdb" bs=4096 seek=$at conv=notrunc status=none
		sha256sum "$STORE/data.mdb" >"$AREA/sum"
		ends_well "$MARKBOOK" dump --store "$STORE" || bad+=("page $at: dump")
		[[ -s $AREA/damaged.err ]] || cmp -s "$AREA/damaged.out" "$AREA/whole.json" || bad+=("page $at: dump gives other data")
		ends_well "$MARKBOOK" backup --store "$STORE" "$AREA/copy$at" || bad+=("page $at: backup")
		spawn_responder
		wait_until responder_ready_or_gone
		if alive "$(responder_pid)"; then
			stop_responder || bad+=("page $at: serve does not stop")
			ends_well "$MARKBOOK" dump --store "$STORE" || bad+=("page $at: dump after serve")
			cmp -s "$AREA/damaged.out" "$AREA/whole.json" || bad+=("page $at: serves other data")
		else
			wait "$(responder_pid)" && bad+=("page $at: serve ends with 0")
			sha256sum --status -c "$AREA/sum" || bad+=("page $at: the file was changed")
		fi
		rm -f "$STORE/lock.mdb" "$AREA/responder.pid"
	done
	((${#bad[@]} == 0)) || fail "of $at pages:" "${bad[@]}"
}

@test "a store of another format is refused and left as it is" {
	some_store
	mdb_dump "$STORE" >"$AREA/plain"
	rm -f "$STORE/lock.mdb"
	# The number of the format follows the magic word, in 8 bytes, the lowest first.
	sed 's/^ 6d61726b626f6f6b02/ 6d61726b626f6f6b03/' "$AREA/plain" >"$AREA/newer"
	run cmp -s "$AREA/plain" "$AREA/newer"
	[[ $status == 1 ]]
	rm "$STORE/data.mdb"
	mdb_load -f "$AREA/newer" "$STORE"
	rm -f "$STORE/lock.mdb"
	refused
	grep -qiE 'newer|later|version' "$AREA/refused.err" || fail "$(<"$AREA/refused.err")"
}

@test "a store's path that is a file, or in no directory, is refused" {
	echo precious >"$STORE"
	refused
	[[ $(<"$STORE") == precious ]]
	STORE=$AREA/none/store
	refused
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
		timeout 10 env TEST_AREA_OF_MARKBOOK="$AREA" "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --seed "$AREA/seed.json" </dev/null >/dev/null 2>"$AREA/refused.err" 3>&- ||
			result=$?
		[[ $result == 1 ]] || fail "seed '$seed': status $result: $(<"$AREA/refused.err")"
		[[ $(wc -l <"$AREA/refused.err") == 1 ]] || fail "seed '$seed': $(<"$AREA/refused.err")"
		[[ $(<"$AREA/refused.err") == "markbook serve: --seed $AREA/seed.json: "* ]] || fail "$(<"$AREA/refused.err")"
	done
	local result=0
	timeout 10 "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" --seed "$AREA/none.json" </dev/null >/dev/null 2>"$AREA/refused.err" 3>&- || result=$?
	((result == 1 || result == 2)) || fail "status $result"
	grep -qFx "markbook serve: --seed $AREA/none.json: No such file or directory" "$AREA/refused.err" || fail "$(<"$AREA/refused.err")"
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	get /json
	assert_json "$(<"$TREE/conf/seed.json")"
}
