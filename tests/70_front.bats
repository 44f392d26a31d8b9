#!/usr/bin/env bats
# The front where the responder fails it: a fake one stands behind it.

load helper
own_area

teardown() {
	show_failure
	[[ -z ${fake-} ]] || kill "$fake" 2>/dev/null || :
	stop
}

# start_fake HOW: what it read is in AREA/fake.log.
start_fake() {
	rm -f "$SOCKET" "$AREA/fake.log"
	TEST_AREA_OF_MARKBOOK=$AREA python3 "$TOOLS/fake_responder.py" "$SOCKET" "$1" "$AREA/fake.log" </dev/null >"$AREA/fake.out" 2>&1 3>&- &
	fake=$!
	wait_until test -S "$SOCKET"
}

# seen METHOD PATH: how often the responder read that.
seen() {
	grep -cxF "$1 $2" "$AREA/fake.log" || :
}

@test "where the responder dies after reading a write, it is sent once and the answer is 502" {
	local method
	start_fake close
	start_nginx
	for method in PUT POST PATCH DELETE; do
		send $method "/json/c/$method" '{"new": 1}'
		assert_problem 502
		[[ $(seen $method "/json/c/$method") == 1 ]] || fail "$(<"$AREA/fake.log")"
	done
}

@test "where the responder dies after reading a read, it is tried again" {
	start_fake close
	start_nginx
	get /json/c/r
	assert_problem 502
	(($(seen GET /json/c/r) >= 2)) || fail "$(<"$AREA/fake.log")"
	(($(seen GET /json/c/r) <= 4)) || fail "$(<"$AREA/fake.log")"
	http HEAD /json/c/h
	assert_status 502
	(($(seen HEAD /json/c/h) >= 2))
}

@test "on a kept-alive connection, too, a write is sent once and a read again" {
	start_fake second
	start_nginx
	get /json/first
	assert_status 200
	put /json/c/r '{"new": 1}'
	[[ $(seen PUT /json/c/r) == 1 ]] || fail "$(<"$AREA/fake.log")"
	[[ $status == 502 || $status == 200 ]]
	get /json/c/a
	get /json/c/b
	assert_status 200
}

front_workers() {
	cat "/proc/$(front_pid)/task/$(front_pid)/children"
}

# one_front_worker PID...: it has one, none of these.
one_front_worker() {
	local now
	read -ra now <<<"$(front_workers)"
	((${#now[@]} == 1)) && [[ " $* " != *" ${now[0]} "* ]]
}

# Connections to the responder's socket, taken or not; the first line is of the
# socket itself.
unix_connections() {
	grep " $SOCKET\$" /proc/net/unix | tail -n +2 | wc -l
}

# unix_connections_are OPERATOR N
unix_connections_are() {
	test "$(unix_connections)" "$1" "$2"
}

# The front has bytes that it has not read.
front_has_bytes() {
	awk -v port="$(printf ':%04X' "$PORT")" '
		$2 ~ port && $4 == "01" && $5 !~ /:00000000$/ { found = 1 }
		END { exit !found }' /proc/net/tcp
}

# head_on FD: a HEAD's status line on an open connection.
head_on() {
	local line first=
	while IFS= read -rt "$DEADLINE_S" -u "$1" line && [[ $line != $'\r' ]]; do
		first=${first:-$line}
	done
	echo "$first"
}

@test "a read is answered where all connections that the front has kept are to a worker that died" {
	local i front=() clients=() ask=$'HEAD /json HTTP/1.1\r\nHost: front\r\n\r\n'
	start_responder --workers 1 --seed "$TREE/conf/seed.json"
	start_nginx
	sed -i 's/worker_processes auto/worker_processes 1/' "$PREFIX/conf/nginx.conf"
	read -ra front <<<"$(front_workers)"
	kill -HUP "$(front_pid)"
	wait_until one_front_worker "${front[@]}"
	read -ra front <<<"$(front_workers)"
	# Those that wait for a stopped worker at once are kept, all of them.
	kill -STOP "$(workers)"
	for i in {1..8}; do
		curl -sS "$BASE/json" -o /dev/null 3>&- &
		clients+=($!)
	done
	wait_until unix_connections_are -ge 8
	kill -CONT "$(workers)"
	wait "${clients[@]}"
	exec {client}<>"/dev/tcp/127.0.0.1/$PORT"
	printf '%s' "$ask" >&"$client"
	[[ $(head_on "$client") == *' 200 '* ]]
	unix_connections_are -ge 4
	# The front hears of the request first, and only then that the
	# connections broke.
	kill -STOP "${front[0]}"
	printf '%s' "$ask" >&"$client"
	wait_until front_has_bytes
	kill -KILL "$(workers)"
	wait_until unix_connections_are -eq 0
	kill -CONT "${front[0]}"
	i=$(head_on "$client")
	exec {client}>&-
	[[ $i == *' 200 '* ]] || fail "$i" "$(show_logs)"
}

@test "where the responder dies in its answer, a write is sent once" {
	start_fake half
	start_nginx
	put /json/c/r '{"new": 1}'
	[[ $status == 502 || $status == 000 ]]
	[[ $(seen PUT /json/c/r) == 1 ]] || fail "$(<"$AREA/fake.log")"
}

@test "an answer that is no FastCGI is 502, and a write is sent once" {
	start_fake garbage
	start_nginx
	put /json/c/r '{"new": 1}'
	assert_problem 502
	[[ $(seen PUT /json/c/r) == 1 ]] || fail "$(<"$AREA/fake.log")"
}

@test "without a responder the answer is 503 with Retry-After, to reads and writes" {
	start_nginx
	get /json
	assert_problem 503
	[[ $(header Retry-After) =~ ^[1-9][0-9]*$ ]] || fail "$(header Retry-After)"
	put /json/c/r '{"new": 1}'
	assert_problem 503
	[[ $(header Retry-After) =~ ^[1-9][0-9]*$ ]]
	get /readyz
	assert_problem 503
	get /healthz
	assert_problem 503
}

@test "a responder that comes back is used at once" {
	local i
	start_nginx
	for i in 1 2 3; do
		put /json/c/r '{"new": 1}'
		assert_status 503
	done
	start_responder --seed "$TREE/conf/seed.json"
	put /json/assignments/Seminar '{"new": 1}'
	assert_status 200
	stop_responder
	get /json
	assert_status 503
	start_responder
	put /json/assignments/Seminar '{"new": 2}'
	assert_status 200
}

FIELDS=(-H 'Proxy: http://evil' -H 'Cookie: a=b' -H 'Authorization: Basic eDp5' -H 'Prefer: return=minimal'
	-H 'If-Match: "a"' -H 'If-None-Match: "b"' -H 'Accept-Encoding: gzip' -H 'X-Forwarded-For: 1.2.3.4' -H 'X-Request-Id: known')

@test "of a read only those parameters are passed that the responder reads" {
	start_fake answer
	start_nginx
	get '/json/c/r?limit=1' "${FIELDS[@]}"
	assert_status 200
	assert_jq 'sort == ([["REQUEST_METHOD", "GET"], ["PATH_INFO", "/json/c/r"], ["QUERY_STRING", "limit=1"],
		["HTTP_IF_MATCH", "\"a\""], ["HTTP_IF_NONE_MATCH", "\"b\""], ["HTTP_X_REQUEST_ID", "known"]] | sort)'
}

@test "a write also passes its header fields, under names that are nothing else's" {
	start_fake answer
	start_nginx
	put '/json/c/r?limit=1' '{"new": 1}' "${FIELDS[@]}"
	assert_status 200
	assert_jq '[.[] | select(.[0] | startswith("HTTP_") | not)] | sort == ([["REQUEST_METHOD", "PUT"], ["PATH_INFO", "/json/c/r"],
		["QUERY_STRING", "limit=1"], ["CONTENT_LENGTH", "10"]] | sort)'
	assert_jq '. as $p | (["HTTP_CONTENT_TYPE", "application/json"], ["HTTP_PREFER", "return=minimal"], ["HTTP_IF_MATCH", "\"a\""],
		["HTTP_IF_NONE_MATCH", "\"b\""], ["HTTP_X_REQUEST_ID", "known"]) as $want | [$p[] | select(.[0] == $want[0])] == [$want]'
}

@test "a client cannot pass a parameter of its own" {
	start_fake answer
	start_nginx
	local method
	for method in GET PUT; do
		http $method /json -H 'Path-Info: /json/evil' -H 'Request-Method: DELETE' -H 'Content_Length: 5' -H 'X_Request_Id: evil' -H 'X-Request-Id: a b'
		assert_status 200
		assert_jq '[.[] | select(.[0] == "PATH_INFO")] == [["PATH_INFO", "/json"]]'
		assert_jq '[.[] | select(.[0] == "REQUEST_METHOD")] == [["REQUEST_METHOD", $m]]' --arg m "$method"
		assert_jq '[.[] | select(.[0] == "CONTENT_LENGTH" or .[1] == "evil" or .[1] == "a b")] == []'
	done
}

@test "the path reaches the responder decoded and as it was meant" {
	start_fake answer
	start_nginx
	get '/json/a%20b/%C3%A9%3Fx?y=%2F'
	get '/json/%252F'
	put '/json/a%20b/%C3%A9%3Fx?y=%2F' '{}'
	[[ $(seen GET '/json/a b/é?x') == 1 && $(seen PUT '/json/a b/é?x') == 1 && $(seen GET /json/%2F) == 1 ]] || fail "$(<"$AREA/fake.log")"
}

@test "large answers reach slow clients whole, and others are served meanwhile" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	local i
	for i in 1 2 3 4 5 6; do
		printf '{"v":"%s"}' "$(head -c 1000000 /dev/zero | tr '\0' x)" >"$AREA/large"
		send PUT "/json/large$i" "@$AREA/large" -H 'Prefer: return=minimal'
		assert_status 201
	done
	python3 - "$PORT" 3>&- <<'PY'
import socket, sys
slow = []
for _ in range(8):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"GET /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    s.recv(100)
    slow.append(s)
import http.client
for _ in range(20):
    quick = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    quick.request("GET", "/json/assignments/Seminar")
    assert quick.getresponse().status == 200
for s in slow:
    size = 100
    while data := s.recv(1 << 20):
        size += len(data)
    assert size > 6000000, size
PY
}
