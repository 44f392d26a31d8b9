#!/usr/bin/env bats
# /healthz, /readyz and /metrics.

load helper

setup() {
	start --workers 2
}

teardown() {
	show_failure
	stop
}

# metric NAME[{LABELS}]: its value in the last answer, 0 where it is not there.
metric() {
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { if (!found) print 0 }' "$BODY"
}

@test "healthz and readyz are 200 while all is well" {
	get /healthz
	[[ $status == 200 ]]
	assert_common_fields
	get /readyz
	[[ $status == 200 ]]
	assert_common_fields
	http HEAD /healthz
	[[ $status == 200 && -z $body ]]
}

@test "system paths take no writes" {
	local path
	for path in /healthz /readyz /metrics; do
		send PUT $path '{}'
		assert_problem 405
		http DELETE $path
		assert_problem 405
	done
}

@test "metrics are Prometheus text" {
	get /json
	put /json/assignments/Seminar '{"new": 1}'
	get /metrics
	[[ $status == 200 ]]
	[[ $(header Content-Type) == 'text/plain; version=0.0.4'* ]] || fail "$(header Content-Type)"
	[[ $body == *$'\n' ]]
	[[ -z $(grep -vE '^(# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*")*\})? (-?[0-9.eE+-]+|NaN|[+-]Inf))$' "$BODY") ]] ||
		fail "$body"
	# Each name has one TYPE line, which stands before its values; no series
	# is there twice.
	[[ -z $(awk '$1 == "#" && $2 == "TYPE" { if (t[$3]++) print "twice", $3; next } $1 != "#" { n = $1; sub(/\{.*/, "", n); b = n; sub(/_(bucket|sum|count)$/, "", b); if (!(n in t) && !(b in t)) print "no type", n; if (s[$1]++) print "twice", $1 }' "$BODY") ]] ||
		fail "$body"
	[[ $(sed -n 's/^# TYPE \(.*\) counter$/\1/p' "$BODY" | grep -vc '_total$') == 0 ]]
}

@test "request counters grow by the requests of all workers" {
	local before i
	get /metrics
	before=$(metric 'markbook_requests_total{method="GET",code="404"}')
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
clients = [fcgi.Client(sys.argv[2]) for _ in range(10)]
for client in clients:
    for _ in range(10):
        assert client("GET", "/json/nowhere").status == 404
PY
	get /metrics
	(($(metric 'markbook_requests_total{method="GET",code="404"}') == before + 100)) || fail "$before: $body"
}

@test "counters do not fall when a worker dies or is replaced" {
	local before pids
	for i in {1..20}; do
		get /json/nowhere
	done
	get /metrics
	before=$(metric 'markbook_requests_total{method="GET",code="404"}')
	mapfile -t pids < <(workers)
	kill -KILL "${pids[@]}"
	wait_until workers_are 2 "${pids[@]}"
	mapfile -t pids < <(workers)
	kill -HUP "$(responder_pid)"
	wait_until workers_are 2 "${pids[@]}"
	get /metrics
	(($(metric 'markbook_requests_total{method="GET",code="404"}') >= before)) || fail "$before: $body"
	(($(metric markbook_worker_deaths_total) == 2)) || fail "$body"
}

@test "gauges tell workers and connections" {
	python3 - "$TOOLS" "$SOCKET" "$AREA/held" 3>&- <<'PY' &
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
clients = [fcgi.Client(sys.argv[2], timeout=600) for _ in range(12)]
for client in clients:
    client("GET", "/json")
open(sys.argv[3], "w").close()
for client in clients:
    try:
        client.peer.recv(1)
    except OSError:
        pass
PY
	local holder=$!
	wait_until test -e "$AREA/held"
	get /metrics
	(($(metric markbook_workers_ready) == 2)) || fail "$body"
	(($(metric markbook_connections) >= 12)) || fail "$body"
	kill "$holder"
	wait_until fewer_connections 12
}

fewer_connections() {
	get /metrics
	(($(metric markbook_connections) < $1))
}

@test "the store's numbers follow what is written" {
	local records
	get /metrics
	records=$(sed -nE 's/^(markbook_[a-z_]*records) [0-9]+$/\1/p' "$BODY")
	[[ -n $records ]] || fail "no gauge of records: $body"
	(($(metric "$records") == 5)) || fail "$body"
	post /json/more '{"a": 1, "b": 2}'
	get /metrics
	(($(metric "$records") == 7)) || fail "$body"
	delete /json/assignments
	get /metrics
	(($(metric "$records") == 2)) || fail "$body"
}

@test "the histogram's count is the number of requests" {
	local i
	for i in {1..10}; do
		get /json
	done
	get /metrics
	(($(metric markbook_request_seconds_count) >= 10)) || fail "$body"
	[[ $(metric 'markbook_request_seconds_bucket{le="+Inf"}') == "$(metric markbook_request_seconds_count)" ]]
	[[ $(metric markbook_request_seconds_count) == "$(awk '/^markbook_requests_total/ { n += $2 } END { print n }' "$BODY")" ]]
}

@test "metrics are refused to other addresses than loopback's" {
	http GET /metrics -H 'X-Forwarded-For: 10.1.2.3'
	[[ $status == 200 ]]
	# As limits.conf says for a load balancer, which makes the client's
	# address any.
	printf 'set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;\n' >>"$PREFIX/conf/limits.conf"
	kill -HUP "$(front_pid)"
	wait_until refused_to 10.1.2.3
	assert_problem 403
	local address
	for address in 10.0.0.1 172.16.0.1 192.168.1.1 169.254.170.2 8.8.8.8 ::2 fd00::1 fe80::1; do
		# The front's workers of before the reload may have a request
		# more.
		wait_until refused_to "$address" || fail "$address: $status"
	done
	for address in 127.0.0.1 127.1.2.3 ::1; do
		http GET /metrics -H "X-Forwarded-For: $address"
		[[ $status == 200 ]] || fail "$address: $status"
	done
	http GET /readyz -H 'X-Forwarded-For: 10.1.2.3'
	[[ $status == 200 ]]
}

refused_to() {
	http GET /metrics -H "X-Forwarded-For: $1"
	[[ $status == 403 ]]
}
