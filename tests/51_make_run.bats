#!/usr/bin/env bats
# What `make run` starts and says, and what it says before it installs anything.

load helper

setup() {
	new_area
	front=''
}

teardown() {
	show_failure
	[[ -z $front ]] || kill -TERM "$front" 2>/dev/null || :
	stop
}

# make_run [NAME=VALUE...]: conf/run.sh, as make starts it; what it says is in
# AREA/said and AREA/err.
make_run() {
	local try
	for try in {1..20}; do
		rm -f "$AREA/said"
		PORT=$((RANDOM % 12000 + 20000)) BASE=http://127.0.0.1:$PORT
		# A group of its own, with a SIGINT that is not ignored, as a
		# terminal's foreground is.
		TEST_AREA_OF_MARKBOOK=$AREA setsid env -u NGINX PORT=$PORT STATE_DIR="$AREA/run" "$@" \
			python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); os.execvp(sys.argv[1], sys.argv[1:])' \
			"$TREE/conf/run.sh" </dev/null >"$AREA/said" 2>"$AREA/err" 3>&- 4>&- &
		front=$!
		wait_until said_or_gone
		alive "$front" || ! grep -q 'is taken' "$AREA/err" || continue
		return 0
	done
	fail "no free port in $try tries"
}

said_or_gone() {
	[[ -s $AREA/said ]] || not_alive "$front"
}

# end_run SIGNAL: its exit status.
end_run() {
	local result=0 pid=$front
	front=''
	kill -"$1" "$pid"
	wait "$pid" || result=$?
	wait_until no_processes_of_area
	return $result
}

@test "it says the page's address and the first request, serves both, and leaves nothing at Ctrl-C" {
	make_run
	grep -qx " *$BASE/" "$AREA/said"
	[[ $(grep -x ' *curl .*' "$AREA/said") == *"curl $BASE/json" ]]
	[[ $(curl -sS "$BASE/") == *'<html'* ]]
	[[ $(bash -c "$(grep -x ' *curl .*' "$AREA/said")" 2>/dev/null) == '{"assignments":{"Assignment 1":"100%",'* ]]
	end_run INT
}

@test "the log of the start before is kept" {
	make_run
	curl -sS -o /dev/null -H 'X-Request-Id: first' "$BASE/json"
	end_run TERM
	make_run
	curl -sS -o /dev/null -H 'X-Request-Id: second' "$BASE/json"
	end_run TERM
	grep -q '"request_id":"first"' "$AREA/run/responder.log.1"
	[[ $(<"$AREA/run/responder.log") != *'"request_id":"first"'* ]]
	grep -q '"request_id":"second"' "$AREA/run/responder.log"
	# One that ends at once has nothing to keep it by, and must not push it
	# out.
	: >"$AREA/run/responder.log"
	make_run
	end_run TERM
	grep -q '"request_id":"first"' "$AREA/run/responder.log.1"
}

@test "marks outlive it" {
	make_run
	put /json/assignments/Seminar '{"new": "kept"}'
	assert_status 200
	end_run INT
	make_run
	get /json/assignments/Seminar
	assert_body '{"res":"kept"}'
	end_run TERM
}

@test "a second one in the same place is refused, and a port that is taken is named" {
	local result=0
	make_run
	PORT=$((PORT + 1)) STATE_DIR=$AREA/run "$TREE/conf/run.sh" </dev/null 2>"$AREA/second" || result=$?
	[[ $result == 1 && $(<"$AREA/second") == *"another one is running in $AREA/run"* ]]
	result=0
	PORT=$PORT STATE_DIR=$AREA/other "$TREE/conf/run.sh" </dev/null 2>"$AREA/second" || result=$?
	[[ $result == 1 && $(<"$AREA/second") == *"port $PORT is taken"* ]]
	end_run TERM
}

# stand_in NAME COMMAND...: a program of that name that does this.
stand_in() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod 755 "$BATS_TEST_TMPDIR/bin/$1"
}

# deps COMMAND...: runs conf/deps.sh run by that command, with the stand-ins;
# what it says is in AREA/deps.
deps() {
	result=0
	cp "$TREE/conf/deps.sh" "$BATS_TEST_TMPDIR"
	"$@" env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$BATS_TEST_TMPDIR/deps.sh" run </dev/null >"$AREA/deps" 2>&1 || result=$?
}

@test "what is to be installed, and why, is said before sudo may ask for a password" {
	local as=()
	stand_in dpkg-query 'exit 1'
	# shellcheck disable=SC2016 # for the stand-in
	stand_in sudo '[ "$1" = -n ] || echo "sudo $*"'
	if ((EUID == 0)); then
		as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
		chmod o+x "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_TEST_TMPDIR"/..
	fi
	deps "${as[@]}"
	[[ $result == 0 ]] || fail "$(<"$AREA/deps")"
	grep -q '^ *to build: gcc .*libfcgi-dev' "$AREA/deps"
	grep -qx ' *to serve: nginx' "$AREA/deps"
	grep -qx ' *to try: curl' "$AREA/deps"
	[[ $(tail -n 1 "$AREA/deps") == "sudo "*"/deps.sh run"* && $(grep -c ^sudo "$AREA/deps") == 1 ]] || fail "$(<"$AREA/deps")"
}

@test "packages that are there are not asked for, and nothing is said" {
	# shellcheck disable=SC2016 # for the stand-in
	stand_in dpkg-query 'shift 3; printf "installed %s\n" "$@"'
	stand_in apt-get 'echo "apt-get $*"; exit 1'
	deps
	[[ $result == 0 && ! -s $AREA/deps ]] || fail "$(<"$AREA/deps")"
}
