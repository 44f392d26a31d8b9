#!/usr/bin/env bats
# Stores that are full, or whose file system is.

load helper
load stores
own_area

teardown() {
	show_failure
	[[ -z ${SMALL-} ]] || {
		stop_responder
		umount "$SMALL"
	}
	stop
}

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
        assert answer.status == 201, answer.head
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

# refused_when_new: as refused, where the directory may be made but nothing in
# it.
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
