#!/usr/bin/env bats
# dump, load and backup.

load helper
own_area

# empty_store: one that no process has open.
empty_store() {
	start_responder
	stop_responder
}

# make_store: the same with values of every kind.
make_store() {
	empty_store
	STRANGE='{"":1,"z":[1.10,1e400,-0,12345678901234567890],"s":"\u0000\ud800 é😀\/","n":null}'
	printf '{"b":{"é\\"":%s,"a b":"x"},"a":{},"c":{"0":0,"f":false}}' "$STRANGE" >"$AREA/in.json"
	markbook load --store "$STORE" "$AREA/in.json"
}

assert_failed() {
	[[ $result == 1 ]] || fail "status $result: $out $err"
	[[ $(wc -l <"$AREA/err") == 1 && -z $out ]] || fail "not one line: $out $err"
}

@test "what was loaded is dumped: sorted, indented, every value as it was" {
	make_store
	run_markbook dump --store "$STORE"
	[[ $result == 0 && -z $err ]] || fail "$err"
	[[ $out == $'{\n  "a": {},\n  "b": {\n    "a b": "x",\n'* ]] || fail "$out"
	[[ $(tr -d ' \n' <<<"$out") == "$(tr -d ' \n' <<<"{\"a\":{},\"b\":{\"ab\":\"x\",\"é\\\"\":$STRANGE},\"c\":{\"0\":0,\"f\":false}}")" ]] || fail "$out"
}

@test "verify tells that a store is sound, also while it is served" {
	make_store
	run_markbook verify --store "$STORE"
	[[ $result == 0 && -z $err && $out == "store $STORE: sound; collections: 3, records: 4, revision: 3" ]] || fail "$out$err"
	start_responder
	start_nginx
	put /json/b/x '{"new":"y"}'
	assert_status 201
	run_markbook verify --store "$STORE"
	[[ $result == 0 && $out == *"records: 5, revision: 4" ]] || fail "$out$err"
}

@test "a store that was loaded into is settled no longer" {
	make_store
	start_responder
	stop_responder
	[[ -e $STORE/settled ]]
	markbook load --store "$STORE" --replace "$AREA/in.json"
	[[ ! -e $STORE/settled ]]
}

@test "verify finds a value that is not the one last written" {
	make_store
	# Of the same length and JSON, too: only a checksum can tell.
	sed -i 's/12345678901234567890/12345678901234567809/' "$STORE/data.mdb"
	run_markbook verify --store "$STORE"
	assert_failed
	[[ $err == *"data.mdb is damaged at revision "*" (collection \"b\": its records are not those last written); restore a backup"* ]] || fail "$err"
	run_markbook verify --store "$AREA/none"
	assert_failed
}

@test "those that read a store say what to give them where there is none" {
	local command
	mkdir "$AREA/mine"
	echo precious >"$AREA/mine/notes.txt"
	for command in dump verify "backup $AREA/copy"; do
		# shellcheck disable=SC2086
		run_markbook $command --store "$AREA/mine"
		assert_failed
		[[ $err == *"notes.txt is not a Markbook file; give --store a directory that holds a store, or "* ]] || fail "$err"
		# shellcheck disable=SC2086
		run_markbook $command --store "$AREA/mine/notes.txt"
		assert_failed
		[[ $err == *"is not a directory; give --store a directory that holds a store, or "* ]] || fail "$err"
	done
}

@test "a dump loaded elsewhere dumps the same" {
	make_store
	markbook dump --store "$STORE" >"$AREA/first"
	STORE=$AREA/second
	empty_store
	markbook load --store "$STORE" "$AREA/first"
	markbook dump --store "$STORE" >"$AREA/again"
	cmp "$AREA/first" "$AREA/again"
}

@test "load reads from standard input, too" {
	empty_store
	echo '{"a": {"b": 1}}' | markbook load --store "$STORE" -
	[[ $(markbook dump --store "$STORE" | jq -c .) == '{"a":{"b":1}}' ]]
}

@test "load adds to what is there" {
	empty_store
	echo '{"a": {"x": 1}}' | markbook load --store "$STORE" -
	echo '{"new": {"b": 1}, "newer": {}}' >"$AREA/more.json"
	markbook load --store "$STORE" "$AREA/more.json"
	markbook dump --store "$STORE" | jq -e '. == {a: {x: 1}, new: {b: 1}, newer: {}}'
}

@test "load of a collection that is there is an error and changes nothing" {
	make_store
	markbook dump --store "$STORE" >"$AREA/before"
	echo '{"aa": {"x": 1}, "c": {"y": 1}}' >"$AREA/more.json"
	run_markbook load --store "$STORE" "$AREA/more.json"
	assert_failed
	[[ $err == *c* ]]
	markbook dump --store "$STORE" | cmp - "$AREA/before"
}

@test "load --replace replaces the collections that it names and no others" {
	empty_store
	echo '{"a": {}, "b": {"x": 1, "y": 2}, "c": {"0": 0}}' | markbook load --store "$STORE" -
	echo '{"b": {"only": 1}, "d": {}}' | markbook load --store "$STORE" --replace -
	markbook dump --store "$STORE" | jq -e '. == {a: {}, b: {only: 1}, c: {"0": 0}, d: {}}'
}

@test "bad files are refused by load with one line and change nothing" {
	make_store
	markbook dump --store "$STORE" >"$AREA/before"
	local text
	for text in '' '{' '[]' '1' '{"x": 1}' '{"x": []}' '{"x": {"a": 1, "a": 2}}' '{"x": {}, "x": {}}' '{"x": {"a/b": 1}}' '{"x/y": {}}' \
		'{"res": {}}' '{".": {}}' '{"": {}}' '{"x": {"a": 01}}' '{"x": {}} {}' $'{"x": {"a": "\xff"}}' \
		"{\"x\": {\"a\": $(printf '%.0s[' {1..33})$(printf '%.0s]' {1..33})}}"; do
		printf %s "$text" >"$AREA/bad.json"
		run_markbook load --store "$STORE" "$AREA/bad.json"
		[[ $result == 1 && $(wc -l <"$AREA/err") == 1 && -z $out ]] || fail "'$text': $result $out $err"
		run_markbook load --store "$STORE" --replace "$AREA/bad.json"
		[[ $result == 1 ]] || fail "--replace '$text': $result"
	done
	run_markbook load --store "$STORE" "$AREA/none.json"
	assert_failed
	run_markbook load --store "$STORE" "$AREA"
	assert_failed
	markbook dump --store "$STORE" | cmp - "$AREA/before"
}

@test "a load that does not fit is refused as a whole" {
	start_responder --store-size 1M
	start_nginx
	post /json/mine '{"a": 1}'
	jq -nc '[range(3000) | {key: "k\(.)", value: ("x" * 1000)}] | {big: from_entries}' >"$AREA/big.json"
	run_markbook load --store "$STORE" "$AREA/big.json"
	assert_failed
	get /json
	assert_body '{"mine":{"a":1}}'
}

@test "load and dump work on a store that is being served" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	echo '{"loaded": {"b": 1}}' | markbook load --store "$STORE" -
	get /json/loaded
	assert_body '{"res":{"b":1}}'
	assert_strong_etag
	put /json/loaded/b '{"new": 2}'
	assert_status 200
	markbook dump --store "$STORE" | jq -e '.loaded.b == 2 and (.assignments | length == 5)'
}

@test "a dump is what GET /json?pretty gives" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	get '/json?pretty'
	markbook dump --store "$STORE" | cmp - "$BODY"
}

@test "dump and backup of no store are errors and make none" {
	run_markbook dump --store "$AREA/none"
	assert_failed
	run_markbook backup --store "$AREA/none" "$AREA/copy"
	assert_failed
	[[ ! -e $AREA/none && ! -e $AREA/copy ]]
}

@test "load makes the store where there is none, and refuses what it could not make it in" {
	echo '{"a": {"b": 1}}' >"$AREA/in.json"
	run_markbook load --store "$AREA/none" --store-size 2M "$AREA/in.json"
	[[ $result == 0 ]] || fail "$err"
	[[ $(markbook dump --store "$AREA/none" | jq -c .) == '{"a":{"b":1}}' ]]
	mkdir "$AREA/foreign"
	touch "$AREA/foreign/notes.txt"
	run_markbook load --store "$AREA/foreign" "$AREA/in.json"
	assert_failed
	[[ $err == *notes.txt* && $(ls -A "$AREA/foreign") == notes.txt ]]
	run_markbook load --store "$AREA/huge" --store-size 1T "$AREA/in.json"
	assert_failed
	[[ ! -e $AREA/huge ]]
}

@test "a backup put into an empty directory is the store again, with ETags of its own" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	put /json/assignments/Seminar '{"new": "100%"}'
	local tag
	tag=$(etag_of /json)
	markbook backup --store "$STORE" "$AREA/copy"
	put /json/assignments/Seminar '{"new": "later"}'
	stop_responder
	mkdir "$AREA/restored"
	cp "$AREA/copy" "$AREA/restored/data.mdb"
	STORE=$AREA/restored
	start_responder
	get /json/assignments/Seminar
	assert_body '{"res":"100%"}'
	# What is written to it from now on has revisions that the first store
	# has as well.
	[[ $(etag_of /json) != "$tag" ]]
	put /json/assignments/Seminar '{"new": "writable"}'
	assert_status 200
}

@test "a backup never overwrites, and leaves nothing half done" {
	make_store
	echo precious >"$AREA/copy"
	run_markbook backup --store "$STORE" "$AREA/copy"
	assert_failed
	[[ $(<"$AREA/copy") == precious ]]
	run_markbook backup --store "$STORE" "$AREA/none/copy"
	assert_failed
	mkdir "$AREA/target"
	run_markbook backup --store "$STORE" "$AREA/target"
	assert_failed
	[[ -z $(ls -A "$AREA/target") ]]
	cd "$AREA/target" || fail "no target"
	run_markbook backup --store "$STORE" -
	assert_failed
	[[ -z $(ls -A) && $err == *"./-"* ]] || fail "$err $(ls -la)"
	[[ $(find "$AREA" -maxdepth 1 -name '*copy*' | wc -l) == 1 ]] || fail "$(ls -la "$AREA")"
}

@test "backups made while clients write are consistent" {
	start_responder --workers 2
	start_nginx
	post /json/load '{}'
	python3 - "$TOOLS" "$SOCKET" "$AREA/stop" >"$AREA/writer.out" 2>&1 3>&- <<'PY' &
import json, os, sys
sys.path.insert(0, sys.argv[1])
import fcgi
client = fcgi.Client(sys.argv[2])
n, parent = 0, os.getppid()
while not os.path.exists(sys.argv[3]) and os.getppid() == parent:
    n += 1
    answer = client("PATCH", "/json/load", json.dumps({f"r{i}": n for i in range(100)}).encode(), extra=[("HTTP_PREFER", "return=minimal")])
    assert answer.status == 204, answer.head
print(n)
PY
	local writer=$! i
	wait_until written
	for i in 1 2 3 4 5; do
		markbook backup --store "$STORE" "$AREA/copy$i"
		mkdir "$AREA/restored$i"
		cp "$AREA/copy$i" "$AREA/restored$i/data.mdb"
		markbook dump --store "$AREA/restored$i" | jq -e '.load | length == 100 and ([.[]] | unique | length == 1)' ||
			fail "copy $i is torn"
	done
	touch "$AREA/stop"
	wait "$writer" || fail "$(<"$AREA/writer.out")"
}

written() {
	curl -sS --noproxy '*' "$BASE/json/load/r0" | jq -e '.res > 3'
}

@test "a dump to an output that is full is an error" {
	[[ -e /dev/full ]] || skip "no /dev/full"
	make_store
	local result=0
	markbook dump --store "$STORE" >/dev/full 2>"$AREA/err" || result=$?
	[[ $result == 1 ]]
}
