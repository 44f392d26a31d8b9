#!/usr/bin/env bats
# Directories and files that are no store, or a damaged one: refused, and left
# as they are.

load helper
load stores
own_area

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

# some_store: a stopped store with some data.
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

# ends_well COMMAND...: with status 0, or with 1 and one line; never by a
# signal.
ends_well() {
	local result=0
	TEST_AREA_OF_MARKBOOK=$AREA timeout "$DEADLINE_S" "$@" </dev/null >"$AREA/damaged.out" 2>"$AREA/damaged.err" 3>&- || result=$?
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
	# The number of the format follows the magic word, in 8 bytes, the
	# lowest first.
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
