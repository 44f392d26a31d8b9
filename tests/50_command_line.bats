#!/usr/bin/env bats
# The command line: options, environment, exit statuses, and what is said when
# they are wrong.

load helper
own_area

# assert_usage_error WORD...: status 2, and one line on stderr that has these
# words.
assert_usage_error() {
	local word
	[[ $result == 2 ]] || fail "status $result: $out $err"
	[[ $(wc -l <"$AREA/err") == 1 && -z $out ]] || fail "not one line on stderr: $out $err"
	for word in "$@"; do
		[[ $err == *"$word"* ]] || fail "'$word' is not in: $err"
	done
}

SUBCOMMANDS=(serve health dump load backup verify version)

@test "--help of each subcommand tells its options and exits 0" {
	local sub
	for sub in "${SUBCOMMANDS[@]}"; do
		run_markbook "$sub" --help
		[[ $result == 0 && -z $err && $out == *"$sub"* ]] || fail "$sub: $result $out $err"
	done
	run_markbook --help
	[[ $result == 0 && -z $err ]] || fail "$result $out $err"
	for sub in "${SUBCOMMANDS[@]}"; do
		[[ $out == *"$sub"* ]]
	done
}

@test "serve --help names every option with its environment variable" {
	run_markbook serve --help
	local name
	for name in socket socket-mode workers store store-size durability seed max-body drain-timeout peer-timeout log-level; do
		[[ $out == *"--$name"* ]] || fail "--$name: $out"
		name=${name^^}
		[[ $out == *"MARKBOOK_${name//-/_}"* ]] || fail "MARKBOOK_${name//-/_}: $out"
	done
	[[ $out == *--check-config* ]]
}

@test "version says one line" {
	run_markbook version
	[[ $result == 0 && $(wc -l <"$AREA/out") == 1 && $out =~ [0-9]+\.[0-9]+ ]] || fail "$out"
}

@test "no subcommand or one that is not known is a usage error" {
	run_markbook
	assert_usage_error
	run_markbook sevre
	assert_usage_error sevre
}

@test "options that are not known are usage errors of every subcommand" {
	local sub
	for sub in "${SUBCOMMANDS[@]}"; do
		run_markbook "$sub" --nonsense
		assert_usage_error --nonsense
	done
	run_markbook serve -x
	assert_usage_error
}

@test "arguments too many or too few are usage errors" {
	run_markbook serve extra
	assert_usage_error extra
	run_markbook load --store "$STORE"
	assert_usage_error
	run_markbook load --store "$STORE" a b
	assert_usage_error
	run_markbook backup --store "$STORE"
	assert_usage_error
	run_markbook dump --store "$STORE" extra
	assert_usage_error
	run_markbook serve --workers
	assert_usage_error workers
}

@test "a bad value is one line that names option, value and range, and nothing listens" {
	local row
	# Each row: an option, a bad value, what the line has to tell of the
	# range.
	while read -ra row; do
		run_markbook serve --socket "$SOCKET" --store "$STORE" "--${row[0]}=${row[1]}"
		assert_usage_error "${row[@]}"
		run_markbook serve --socket "$SOCKET" --store "$STORE" "--${row[0]}" "${row[1]}"
		assert_usage_error "${row[@]}"
		[[ ! -e $SOCKET && ! -e $STORE ]] || fail "it had begun already"
	done <<'END'
workers 0 1 256
workers 257 1 256
workers -1 1 256
workers two 1 256
workers 2x 1 256
workers 99999999999999999999 1 256
store-size 0 1M 1T
store-size 1023K 1M 1T
store-size 2T 1M 1T
store-size 5X 1M 1T
store-size -1M 1M 1T
store-size 99999999999999999999G 1M 1T
durability sometimes none commit
max-body 0 1K 64M
max-body 65M 1K 64M
max-body big 1K 64M
drain-timeout 0 1 300
drain-timeout 301 1 300
drain-timeout 1.5 1 300
peer-timeout 0 1 300
peer-timeout 301 1 300
log-level loud error warn info debug
socket-mode 0999
socket-mode rw
socket-mode 77777
END
}

@test "an empty value is a usage error" {
	local option
	for option in workers store-size durability max-body drain-timeout log-level socket store; do
		run_markbook serve --socket "$SOCKET" --store "$STORE" "--$option="
		assert_usage_error "$option"
	done
	[[ ! -e $SOCKET ]]
}

@test "bad environment variables are named" {
	run_markbook MARKBOOK_WORKERS=0 serve --socket "$SOCKET" --store "$STORE"
	assert_usage_error MARKBOOK_WORKERS 0 1 256
	run_markbook MARKBOOK_STORE_SIZE=tiny serve --socket "$SOCKET" --store "$STORE"
	assert_usage_error MARKBOOK_STORE_SIZE tiny
	run_markbook MARKBOOK_LOG_LEVEL=loud serve --socket "$SOCKET" --store "$STORE"
	assert_usage_error MARKBOOK_LOG_LEVEL loud
	[[ ! -e $SOCKET ]]
}

@test "an environment variable that is none of serve's is told of" {
	MARKBOOK_STOER=x MARKBOOK_WORKERS=3 run_markbook serve --check-config --socket "$SOCKET" --store "$STORE"
	[[ $result == 0 && $out == *workers=3* ]] || fail "$result $out $err"
	[[ $(wc -l <"$AREA/err") == 1 && $err == *MARKBOOK_STOER* ]] || fail "$err"
}

@test "--check-config prints the values in force, exits 0 and starts nothing" {
	run_markbook serve --check-config --socket "$SOCKET" --store "$STORE" --workers 7 --store-size 2M --drain-timeout 33
	[[ $result == 0 ]] || fail "$result $err"
	[[ $out == *"$SOCKET"* && $out == *"$STORE"* && $out == *7* && $out == *33* ]] || fail "$out"
	local name
	for name in socket socket-mode workers store store-size durability seed max-body drain-timeout peer-timeout log-level; do
		[[ $out == *"${name}"* || $out == *"${name//-/_}"* ]] || fail "$name: $out"
	done
	[[ ! -e $SOCKET && ! -e $STORE ]] || fail "it made something: $(ls "$AREA")"
}

@test "--check-config finds bad values, too" {
	run_markbook serve --check-config --workers 0
	assert_usage_error workers
}

# assert_files_refused WORDS ARGUMENT...: --check-config prints the values all
# the same, and one line with these words.
assert_files_refused() {
	local words=$1
	shift
	run_markbook serve --check-config --socket "$SOCKET" --store "$STORE" "$@"
	[[ $result == 1 && $out == *"workers="* ]] || fail "status $result: $out"
	[[ $(wc -l <"$AREA/err") == 1 && $err == *"$words"* ]] || fail "'$words' is not in: $err"
}

@test "--check-config looks at the files that are named, and changes nothing" {
	local text
	assert_files_refused "--seed $AREA/none.json: No such file" --seed "$AREA/none.json"
	for text in '' '{"a": 1}' '{"a": {"b": 01}}' '{"a/b": {}}'; do
		printf %s "$text" >"$AREA/seed.json"
		assert_files_refused "--seed $AREA/seed.json: " --seed "$AREA/seed.json"
	done
	assert_files_refused "--socket $AREA/none/s: cannot make" --socket "$AREA/none/s"
	assert_files_refused "--socket $AREA/seed.json: there is a file that is no socket" --socket "$AREA/seed.json"
	assert_files_refused "store $AREA/none/store: cannot make" --store "$AREA/none/store"
	assert_files_refused "store $AREA/seed.json: is not a directory" --store "$AREA/seed.json"
	# One file, since it names the one that it finds first.
	mkdir "$AREA/other"
	cp "$AREA/seed.json" "$AREA/other"
	assert_files_refused "seed.json is not a Markbook file" --store "$AREA/other"
	assert_files_refused "--store-size is" --store-size 1T
	[[ ! -e $SOCKET && ! -e $STORE ]] || fail "it made something: $(ls "$AREA")"
	run_markbook serve --check-config --socket "$SOCKET" --store "$STORE" --seed "$TREE/conf/seed.json"
	[[ $result == 0 && -z $err && ! -e $STORE ]] || fail "$result $err"
	run_markbook serve --check-config --socket 127.0.0.1:9000 --store "$STORE"
	[[ $result == 0 ]] || fail "$result $err"
}

# in_force OPTION: its value by --check-config.
in_force() {
	sed -n "s/^$1=//p" "$AREA/out"
}

@test "defaults are those of the help" {
	run_markbook serve --check-config
	# There may be no place for them on this machine.
	[[ $result == 0 || $err == *"--socket /run/markbook/"* ]] || fail "$result $err"
	[[ $(in_force socket) == /run/markbook/markbook.sock ]] || fail "$out"
	[[ $(in_force store) == /dev/shm/markbook ]] || fail "$out"
	[[ $(in_force workers) == "$(nproc)" ]] || fail "$out"
	[[ $(in_force drain-timeout) == 10 ]] || fail "$out"
	[[ $(in_force durability) == none ]] || fail "$out"
	[[ $(in_force log-level) == info ]] || fail "$out"
	[[ ! -e /run/markbook/markbook.sock && ! -e /dev/shm/markbook ]]
}

@test "environment variables count, and the flag wins over them" {
	run_markbook MARKBOOK_WORKERS=5 MARKBOOK_DRAIN_TIMEOUT=44 serve --check-config
	[[ $(in_force workers) == 5 && $(in_force drain-timeout) == 44 ]] || fail "$out $err"
	run_markbook MARKBOOK_WORKERS=5 MARKBOOK_DRAIN_TIMEOUT=44 serve --check-config --workers 6
	[[ $(in_force workers) == 6 && $(in_force drain-timeout) == 44 ]] || fail "$out $err"
}

@test "sizes take K, M and G and limits themselves are inside" {
	run_markbook serve --check-config --socket "$SOCKET" --store-size 1M --max-body 1K
	[[ $result == 0 ]] || fail "$err"
	run_markbook serve --check-config --socket "$SOCKET" --store-size 1048576 --max-body 64M --workers 256 --peer-timeout 300
	[[ $result == 0 ]] || fail "$err"
	run_markbook serve --check-config --socket "$SOCKET" --store-size 1024K
	[[ $result == 0 ]] || fail "$err"
}

@test "--max-body is heeded" {
	start_responder --max-body 1K --seed "$TREE/conf/seed.json"
	start_nginx
	put /json/assignments/Seminar "{\"new\": \"$(printf '%.0sx' {1..1100})\"}"
	assert_problem 413
	put /json/assignments/Seminar "{\"new\": \"$(printf '%.0sx' {1..900})\"}"
	assert_status 200
}

@test "--log-level warn logs no requests" {
	start_responder --log-level warn
	start_nginx
	get /json -H 'X-Request-Id: not-to-be-seen'
	assert_status 200
	stop_responder
	[[ $(grep -c not-to-be-seen "$LOG") == 0 ]]
}

@test "serve writes nothing to standard output, and its log is JSON from the first line to the last" {
	start_responder --seed "$TREE/conf/seed.json" --log-level debug
	start_nginx
	get /json
	local pids
	mapfile -t pids < <(workers)
	kill -KILL "${pids[0]}"
	wait_until workers_are 2 "${pids[0]}"
	mapfile -t pids < <(workers)
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${pids[@]}"
	stop_responder
	[[ ! -s $AREA/responder.out ]]
	jq -es 'length > 3 and all(type == "object" and has("time") and has("level"))' "$LOG" || fail "$(<"$LOG")"
	[[ $(jq -cR 'fromjson | type' "$LOG" | sort -u) == '"object"' ]]
}

# --- health

@test "health of a running service is 0, by its socket and by HTTP" {
	start_responder
	start_nginx
	run_markbook health --socket "$SOCKET"
	[[ $result == 0 ]] || fail "$err"
	run_markbook MARKBOOK_SOCKET="$SOCKET" health
	[[ $result == 0 ]] || fail "$err"
	run_markbook health --http "$BASE/readyz"
	[[ $result == 0 ]] || fail "$err"
	run_markbook health --http "$BASE/healthz" --timeout 60
	[[ $result == 0 ]] || fail "$err"
}

@test "health of a service that is not there is 1 with one line" {
	run_markbook health --socket "$SOCKET"
	[[ $result == 1 && $(wc -l <"$AREA/err") == 1 ]] || fail "$result $err"
	run_markbook health --http http://127.0.0.1:1/readyz
	[[ $result == 1 && $(wc -l <"$AREA/err") == 1 ]] || fail "$result $err"
	start_responder
	start_nginx
	run_markbook health --http "$BASE/nothing"
	[[ $result == 1 ]]
	stop_responder
	run_markbook health --http "$BASE/readyz"
	[[ $result == 1 ]]
}

@test "health of a service that hangs is 1 within the timeout" {
	local pids
	start_responder
	mapfile -t pids < <(workers)
	kill -STOP "${pids[@]}"
	run_markbook health --socket "$SOCKET" --timeout 1
	# They are still stopped: it did not wait for them.
	kill -CONT "${pids[@]}"
	[[ $result == 1 ]] || fail "$result $err"
	run_markbook health --socket "$SOCKET"
	[[ $result == 0 ]]
}

@test "bad options of health are usage errors" {
	run_markbook health --timeout 0
	assert_usage_error timeout 0
	run_markbook health --timeout soon
	assert_usage_error timeout soon
	run_markbook health --http not-a-url
	assert_usage_error not-a-url
	run_markbook health --http https://127.0.0.1/readyz
	assert_usage_error https
}
