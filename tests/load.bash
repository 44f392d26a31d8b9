# shellcheck shell=bash
# Clients that write and read in the background and know what they were told
# (tools/load.py), and peers that stall.  For suites that load it after the
# helper.

# start_load MODE [options of load.py...]: in the background, until end_load.
start_load() {
	local mode=$1
	shift
	STOP=$AREA/stop-load ACKNOWLEDGED=$AREA/acknowledged
	rm -f "$STOP"
	python3 "$TOOLS/load.py" "$mode" "$BASE" load "$ACKNOWLEDGED" --until "$STOP" "$@" \
		>"$AREA/load.out" 2>"$AREA/load.err" 3>&- &
	load_pid=$!
}

# end_load: its exit status; its summary is in AREA/load.out.
end_load() {
	local result=0
	touch "$STOP"
	wait "$load_pid" || result=$?
	load_pid=
	((result == 0)) || cat "$AREA/load.out" "$AREA/load.err" >&2
	return $result
}

# For teardown: a load that no end_load ended.
kill_load() {
	[[ -z ${load_pid-} ]] || kill "$load_pid" 2>/dev/null || :
}

check_load() {
	python3 "$TOOLS/load.py" check "$BASE" load "$ACKNOWLEDGED"
}

load_result() {
	jq "$1" "$AREA/load.out"
}

records_written() {
	curl -sS --noproxy '*' "$BASE/json/load" | grep -o '"w' | wc -l
}

more_records_than() {
	(($(records_written) > $1))
}

# made_progress N: waits until that many records more are written.
made_progress() {
	wait_until more_records_than $(($(records_written) + $1))
}

# exited_with PID STATUS
exited_with() {
	local result=0
	wait "$1" || result=$?
	[[ $result == "$2" ]] || fail "exit status $result, not $2"
}

# stall WORD...: in the background, 4 peers that stop within a request, until
# they are let go; greeted ones made a whole one before, large ones stop in a
# body of which more is there than is looked at.
stall() {
	rm -f "$SOCKET.stalls"
	python3 - "$TOOLS" "$SOCKET" "$@" 3>&- <<'PY' &
import sys
sys.path.insert(0, sys.argv[1])
import fcgi
peers = [fcgi.connect(sys.argv[2], timeout=600) for _ in range(4)]
for peer in peers if "greeted" in sys.argv else []:
    peer.sendall(fcgi.request("GET", "/json"))
    fcgi.read_answer(peer)
for peer in peers:
    if "large" in sys.argv:
        peer.sendall(fcgi.request("PUT", "/json/assignments/x", b'{"new": "' + bytes(300000))[:100000])
    else:
        peer.sendall(fcgi.request("PUT", "/json/assignments/x", b'{"new": 1}')[:60])
open(sys.argv[2] + ".stalls", "w").close()
for peer in peers:
    try:
        peer.recv(1)
    except OSError:
        pass
PY
	staller=$!
	wait_until test -e "$SOCKET.stalls"
}
