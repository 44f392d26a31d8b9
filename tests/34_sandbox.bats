#!/usr/bin/env bats
# Workers are confined, the log says how, and the service starts where the
# kernel cannot do it.  What a confined worker cannot do is tried from inside
# one by unit/os/test_sandbox*.c.

load helper
bats_require_minimum_version 1.5.0
own_area

# field PID NAME: what the kernel says of a process.
field() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

said() {
	jq -r 'select(.event == "sandbox") | .message' "$LOG"
}

# What the log has to say of Landlock here; a sanitized build leaves it out.
landlock_here() {
	local version
	if ldd "$MARKBOOK" | grep -q libasan; then
		echo 'no landlock (sanitized build)'
		return
	fi
	version=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')
	if ((version > 0)); then
		echo "landlock (abi $version)"
	else
		echo 'no landlock ('
	fi
}

# worker_filters N: each worker has so many filters of its own, and no way to
# more privileges.
worker_filters() {
	local pid outer
	outer=$(field "$(responder_pid)" Seccomp_filters)
	for pid in $(workers); do
		(($(field "$pid" Seccomp_filters) - outer == $1)) || {
			fail "$pid: $(<"/proc/$pid/status")"
			return
		}
	done
}

has_seccomp() {
	[[ -n $(field $$ Seccomp_filters) ]] || skip "this kernel has no seccomp, or does not count filters"
}

# start_without CALLS [options of serve...]: on a kernel that seems to lack
# them.  The script is not in the area, since /dev/shm of a container runs no
# programs.
start_without() {
	local calls=$1
	shift
	cat >"$BATS_TEST_TMPDIR/markbook" <<-EOF
		#!/bin/sh
		exec python3 '$TOOLS/without.py' $calls '$MARKBOOK' "\$@"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/markbook"
	MARKBOOK=$BATS_TEST_TMPDIR/markbook spawn_responder --workers 1 --seed "$TREE/conf/seed.json" "$@"
	wait_until responder_ready
}

serves() {
	start_nginx
	put /json/assignments/Seminar '{"new": "kept"}'
	assert_status 200
	get /json/assignments/Seminar
	assert_body '{"res":"kept"}'
}

@test "workers are confined, and the log says once by what" {
	has_seccomp
	start_responder
	wait_until worker_filters 1
	local pid
	for pid in $(responder_pid) $(workers); do
		[[ $(field "$pid" NoNewPrivs) == 1 ]]
	done
	for pid in $(workers); do
		[[ $(field "$pid" Seccomp) == 2 ]]
	done
	[[ $(said) == "no-new-privs, seccomp, $(landlock_here)"* && $(said | wc -l) == 1 ]] || fail "$(said)"
}

@test "so are those that follow, by restart or after a death" {
	has_seccomp
	start_responder
	local before
	mapfile -t before < <(workers)
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${before[@]}"
	worker_filters 1
	mapfile -t before < <(workers)
	kill -KILL "${before[0]}"
	wait_until workers_are 2 "${before[0]}"
	wait_until worker_filters 1
	[[ $(said | wc -l) == 1 ]]
}

@test "a signal that only a forbidden call brings is logged, and the worker replaced" {
	start_responder
	local pid
	mapfile -t pid < <(workers)
	kill -SYS "${pid[0]}"
	wait_until workers_are 2 "${pid[0]}"
	jq -se 'any(.event == "worker" and .signal == 31 and .worker == ($pid | tonumber))' --arg pid "${pid[0]}" "$LOG"
}

@test "--no-sandbox confines nothing, and the log says so" {
	local pid inherited
	inherited=$(field $$ NoNewPrivs)
	start_responder --no-sandbox --log-level warn
	for pid in $(responder_pid) $(workers); do
		[[ $(field "$pid" NoNewPrivs) == "$inherited" && $(field "$pid" Seccomp) == "$(field $$ Seccomp)" ]]
	done
	[[ $(said) == off ]]
}

@test "MARKBOOK_SANDBOX switches it off, and a flag wins" {
	[[ $(markbook MARKBOOK_SANDBOX=off serve --check-config) == *"sandbox=off"* ]]
	[[ $(markbook MARKBOOK_SANDBOX=off serve --check-config --sandbox=on) == *"sandbox=on"* ]]
	[[ $(markbook MARKBOOK_SANDBOX=on serve --check-config --no-sandbox) == *"sandbox=off"* ]]
	run -2 markbook MARKBOOK_SANDBOX=0 serve --check-config
	[[ $output == *'MARKBOOK_SANDBOX: "0" is not one of off, on' ]]
}

@test "without Landlock it serves, and says what is missing" {
	has_seccomp
	start_without landlock
	wait_until worker_filters 1
	[[ $(said) == 'no-new-privs, seccomp, no landlock ('* ]] || fail "$(said)"
	serves
}

@test "without seccomp it serves, and warns" {
	has_seccomp
	start_without seccomp --log-level warn
	worker_filters 0
	[[ $(said) == "no-new-privs, no seccomp (Function not implemented), $(landlock_here)"* ]] || fail "$(said)"
	serves
}

@test "without either it serves, and warns" {
	start_without seccomp,landlock --log-level warn
	[[ $(said) == 'no-new-privs, no seccomp (Function not implemented), no landlock ('* ]] || fail "$(said)"
	serves
}

works_again() {
	put /json/assignments/Seminar '{"new": "kept"}'
	[[ $status == 200 ]]
}

@test "without Landlock a store that failed is opened again by another worker" {
	strace -o /dev/null true || skip "tracing is not allowed here"
	! ldd "$MARKBOOK" | grep -q libasan || skip "a sanitized build opens files"
	start_without landlock
	start_nginx
	local pid
	mapfile -t pid < <(workers)
	strace -f -o "$AREA/trace" -p "${pid[0]}" -e trace=pwrite64,pwritev -e inject=pwrite64,pwritev:error=EIO:when=1+ \
		2>"$AREA/trace.err" 3>&- 4>&- &
	wait_until grep -q attached "$AREA/trace.err"
	put /json/assignments/Seminar '{"new": "lost"}'
	assert_problem "$status"
	[[ $status == 50[03] ]]
	wait_until workers_are 1 "${pid[0]}"
	wait_until works_again
	get /json/assignments
	assert_jq '.res.Seminar == "kept" and (.res | length == 5)'
}
