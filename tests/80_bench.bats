#!/usr/bin/env bats
# What the benchmark measures with.
bats_require_minimum_version 1.5.0
load helper

setup() {
	cc -std=c11 -D_GNU_SOURCE -O1 -o "$BATS_TEST_TMPDIR/pace" "$TREE"/bench/measure/*.c
}

teardown() {
	kill "$server"
}

@test "pace: who asks during a stall of 100 ms waits for its end, and is counted" {
	printf 'GET\t/\t\n' >"$BATS_TEST_TMPDIR/requests"
	python3 "$TOOLS/stalling.py" 0.3 0.1 >"$BATS_TEST_TMPDIR/port" 3>&- &
	server=$!
	wait_until test -s "$BATS_TEST_TMPDIR/port"

	# Of 1,000 requests 100 are due during the stall, far more than there
	# are connections.  A busy machine makes them wait longer, never
	# shorter.
	"$BATS_TEST_TMPDIR/pace" -c 4 -r 1000 -d 1 "$(<"$BATS_TEST_TMPDIR/port")" \
		"$BATS_TEST_TMPDIR/requests" >"$BATS_TEST_TMPDIR/told"
	cat "$BATS_TEST_TMPDIR/told"
	jq -e '.answered == 1000 and .errors == 0 and .p50_ms < .p99_ms and .p99_ms > 80 and .max_ms > 99' \
		"$BATS_TEST_TMPDIR/told"
}
