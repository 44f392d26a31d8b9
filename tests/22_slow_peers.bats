#!/usr/bin/env bats
# FastCGI peers that stall or go wrong after a good request: they are let go
# after --peer-timeout.

load helper
shared_servers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	start --peer-timeout 1
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

# One that did may hold its worker for --peer-timeout once, and libfcgi may end
# the worker.
abuse_greeted() {
	client abuse "$1" --greet --connections 2
	unharmed
}

@test "a peer that stalls after a good request is let go" {
	local how
	for how in nothing half-a-header half-the-parameters half-the-body; do
		abuse_greeted $how
	done
}

@test "a stalled peer's connection is closed, and its write never happens" {
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
peer = fcgi.connect(sys.argv[2], timeout=60)
peer.sendall(fcgi.request("PUT", "/json/assignments/late", b'{"new": 1}')[:-8])
try:
    while peer.recv(4096):
        pass
except ConnectionError:
    pass
PY
	get /json/assignments/late
	assert_status 404
}

@test "what is bad after a good request does no lasting harm" {
	local how kinds=(garbage no-begin short-begin abort two-at-once get-values-again)
	# libfcgi asks for 2 GB for these, which a sanitizer reports as an error
	# of the program.
	[[ -n ${ASAN_OPTIONS-} ]] || kinds+=(long-name long-value)
	for how in "${kinds[@]}"; do
		abuse_greeted "$how"
	done
}
