#!/usr/bin/env bats
# Clients that mean harm, by HTTP: others are answered meanwhile, and nothing
# runs that was not asked for.

load helper

setup() {
	start
	mapfile -t before < <(workers)
}

teardown() {
	show_failure
	stop
}

# hostile MODE [options]: what the tool found is empty, and all went on.
hostile() {
	local result=0
	summary=$(python3 "$TOOLS/hostile.py" "$1" "$PORT" --log "$LOG" "${@:2}") || result=$?
	((result != 77)) || skip "no more than $(jq .limit <<<"$summary") descriptors are allowed here"
	((result == 0)) || fail "$(jq . <<<"$summary")"
	echo "# $1: $(jq -c . <<<"$summary")" >&3
	[[ $(workers | paste -sd' ') == "${before[*]}" ]] || fail "a worker died"
	! grep -E '\[(alert|emerg|crit)\]|exited on signal' "$PREFIX/logs/error.log" || fail "nginx had trouble"
	put /json/assignments/Seminar '{"new": "100%"}'
	assert_status 200
	# What they sent has left the logs one object a line.
	jq -es 'all(type == "object")' "$LOG" >/dev/null
	stop_nginx
	jq -es 'all(type == "object")' "$PREFIX/logs/access.log" >/dev/null
}

# reconfigure FILE SED...: the front's own copy, from the next request on.
reconfigure() {
	local old
	old=$(front_workers)
	sed -i "${@:2}" "$PREFIX/conf/$1"
	kill -HUP "$(front_pid)"
	wait_until front_workers_differ "$old"
}

# patient_front: it lets nobody go while the test lasts, so that it does not get
# rid of those who would hold up others.
patient_front() {
	reconfigure nginx.conf 's/\(client_header\|client_body\|send\|keepalive\)_timeout .*/\1_timeout 600s;/'
}

front_workers() {
	local pid
	for pid in $(<"/proc/$(front_pid)/task/$(front_pid)/children"); do
		grep -q 'shutting down' "/proc/$pid/cmdline" || echo "$pid"
	done
}

front_workers_differ() {
	local pid now
	now=$(front_workers)
	[[ -n $now ]] || return 1
	for pid in $1; do
		[[ " $(paste -sd' ' <<<"$now") " != *" $pid "* ]] || return 1
	done
}

@test "of hundreds of misleading requests none is taken for another, and no hidden one runs" {
	hostile shapes
	(($(jq .shapes <<<"$summary") > 400 && $(jq .taken <<<"$summary") > 100))
}

@test "many requests in one write, or in pieces cut anywhere, are answered in order, each once" {
	hostile pipeline --number 10
}

@test "connections reset, closed or half-closed at every stage leave nothing half done" {
	hostile resets --number 10
}

@test "clients that send and read as slowly as they can hold up nobody" {
	patient_front
	hostile slow --number 60
}

@test "ten thousand connections, silent, slow, idle and busy ones, hold up nobody" {
	patient_front
	hostile crowd --number 10000
	# Of those that are idle some may be let go.
	(($(jq .held <<<"$summary") >= 9000))
}

@test "idle connections beyond what the front can hold make room for others" {
	reconfigure nginx.conf 's/worker_connections .*/worker_connections 256;/'
	hostile crowd --number 1200 --kinds silent,idle --pace 0.001
	(($(jq .held <<<"$summary") < 600))
}

@test "a client that is too slow with a header, a body or an answer is let go, whatever it goes on sending" {
	reconfigure nginx.conf 's/client_header_timeout .*/client_header_timeout 1s;/; s/client_body_timeout .*/client_body_timeout 1s;/; s/send_timeout .*/send_timeout 1s;/'
	hostile patience
}

@test "with limits switched on, one address has so many requests under way at most" {
	reconfigure limits.conf 's/default "";/default $binary_remote_addr;/; s/limit_conn under_way .*/limit_conn under_way 5;/'
	reconfigure nginx.conf 's/client_body_timeout .*/client_body_timeout 600s;/'
	local i fd held=()
	for i in 1 2 3 4 5; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$PORT"
		printf 'PUT /json/assignments/x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{' >&"$fd"
		held+=("$fd")
	done
	wait_until limited
	get /json
	assert_problem 429
	for fd in "${held[@]}"; do
		exec {fd}>&-
	done
	wait_until not_limited
}

limited() {
	get /json
	[[ $status == 429 ]]
}

not_limited() {
	get /json
	[[ $status == 200 ]]
}
