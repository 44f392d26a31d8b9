#!/usr/bin/env bats
# FastCGI peers that send what they should not: others are served meanwhile.
# Those that are let go after --peer-timeout are in 22_slow_peers.

load helper
shared_servers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	start --peer-timeout 300
}

# Its tests see which workers live, so they run one after the other.
setup() {
	c=t$BATS_TEST_NUMBER
	get /json/bad/peer
	assert_status 404
}

client() {
	python3 "$TOOLS/fcgi_client.py" "$SOCKET" "$@"
}

# unharmed: what a bad peer sent was no write, and the service is as before.
unharmed() {
	get /json/bad
	assert_status 404
	get /json/assignments/Seminar
	assert_body '{"res":"Not Submitted"}'
	wait_until workers_are 2
}

# A peer that never showed a whole request must delay nobody and end no worker,
# however many there are: were one to hold a worker for --peer-timeout, no good
# request would be answered in time.
abuse() {
	local before
	before=$(workers)
	client abuse "$1" --connections 16
	unharmed
	[[ $(workers) == "$before" ]] || fail "$1: a worker died"
}

@test "good requests are answered on one kept-alive connection" {
	[[ $(client pair) == $'200\n200' ]]
}

@test "a request may do without most parameters" {
	client request GET /json/assignments/Seminar HTTP_X_REQUEST_ID >"$BATS_TEST_TMPDIR/answer"
	grep -qF '{"res":"Not Submitted"}' "$BATS_TEST_TMPDIR/answer"
}

@test "a peer that sends nothing delays nobody" {
	client abuse nothing --connections 40
	unharmed
}

@test "a peer that stalls in the first header is let go" {
	abuse one-byte
	abuse half-a-header
}

@test "a peer that stalls in its parameters is let go" {
	abuse begin-only
	abuse half-the-parameters
	abuse no-end-of-parameters
}

@test "a peer that stalls in its body is let go" {
	abuse half-the-body
	abuse no-end-of-body
}

@test "a peer that says with its request that no other follows is answered and let go" {
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import socket
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
for _ in range(50):
    peer = fcgi.connect(sys.argv[2])
    peer.sendall(fcgi.request("GET", "/json"))
    peer.shutdown(socket.SHUT_WR)
    assert fcgi.read_answer(peer).status == 200
    assert peer.recv(1) == b""
PY
	unharmed
}

@test "a peer that sends garbage is let go" {
	abuse garbage
	abuse zeros
	abuse ones
	abuse http
}

@test "a peer that breaks the protocol is let go" {
	local how
	for how in wrong-version unknown-type unknown-role authorizer no-begin abort abort-in-body two-at-once short-begin; do
		abuse $how
	done
}

@test "parameter lengths beyond all reason do no lasting harm" {
	local how
	for how in long-parameter long-name long-value endless-parameters; do
		abuse $how
	done
}

@test "questions for the server's variables do no lasting harm" {
	abuse get-values
	abuse get-values-again
}

@test "a CONTENT_LENGTH that does not agree with the body is 400 and changes nothing" {
	local length
	for length in 5 9 11 100; do
		client request PUT /json/assignments/Seminar '{"new": 1}' CONTENT_LENGTH=$length >"$BATS_TEST_TMPDIR/answer"
		grep -q '^Status: 400' "$BATS_TEST_TMPDIR/answer" || fail "$length: $(<"$BATS_TEST_TMPDIR/answer")"
	done
	unharmed
}

@test "a CONTENT_LENGTH that is no number is 400 and changes nothing" {
	local length
	for length in abc -1 99999999999999999999 '10 ' 0x0a; do
		client request PUT /json/assignments/Seminar '{"new": 1}' "CONTENT_LENGTH=$length" >"$BATS_TEST_TMPDIR/answer"
		grep -qE '^Status: 4(00|13)' "$BATS_TEST_TMPDIR/answer" || fail "$length: $(<"$BATS_TEST_TMPDIR/answer")"
	done
	unharmed
}

@test "a body beyond the limit is 413 also without the front, and the connection stays usable" {
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
client = fcgi.Client(sys.argv[2])
answer = client("PUT", "/json/assignments/Seminar", b'{"new": "' + b"x" * (2 << 20) + b'"}')
assert answer.status == 413, answer.head
answer = client("GET", "/json/assignments/Seminar")
assert answer.status == 200, answer.head
PY
	unharmed
}

@test "the path's own checks do not lean on the front" {
	local path
	for path in /json/bad/.. /json/bad/. /json/. $'/json/a\xff' $'/json/a\nb' $'/json/a\x7f' "/json/$(printf '%.0sx' {1..256})"; do
		client request PUT "$path" '{"new": 1}' >"$BATS_TEST_TMPDIR/answer"
		grep -qaE '^Status: 400' "$BATS_TEST_TMPDIR/answer" || fail "$path: $(<"$BATS_TEST_TMPDIR/answer")"
	done
	for path in '' / json /json/ /json/bad/peer/more //json/bad; do
		client request PUT "$path" '{"new": 1}' >"$BATS_TEST_TMPDIR/answer"
		grep -qaE '^Status: 40[045]' "$BATS_TEST_TMPDIR/answer" || fail "$path: $(<"$BATS_TEST_TMPDIR/answer")"
	done
	unharmed
}

@test "without a method, a path or both the answer is an error, not silence" {
	client request GET /json PATH_INFO >"$BATS_TEST_TMPDIR/answer"
	grep -qE '^Status: 4' "$BATS_TEST_TMPDIR/answer"
	client request GET /json REQUEST_METHOD >"$BATS_TEST_TMPDIR/answer"
	grep -qE '^Status: [45]' "$BATS_TEST_TMPDIR/answer"
	client request GET /json REQUEST_METHOD PATH_INFO >"$BATS_TEST_TMPDIR/answer"
	grep -qE '^Status: [45]' "$BATS_TEST_TMPDIR/answer"
}

@test "a line end in a parameter makes no header field of its own" {
	client request GET /json HTTP_X_REQUEST_ID=$'a\r\nX-Evil: 1' HTTP_PREFER=$'return=minimal\r\nX-Evil: 1' >"$BATS_TEST_TMPDIR/answer"
	[[ $(grep -ci '^X-Evil' "$BATS_TEST_TMPDIR/answer") == 0 ]]
	[[ $(grep -a 'X-Evil' "$LOG" | jq -R 'fromjson | type' | sort -u) =~ ^(\"object\")?$ ]]
}
