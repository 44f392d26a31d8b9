#!/usr/bin/env bats
# Many workers and many clients see one store.

load helper

setup() {
	c=t$BATS_TEST_NUMBER
}

teardown() {
	show_failure
	stop
}

load_client() {
	python3 "$TOOLS/load.py" "$@"
}

@test "after a PUT is answered every later GET through the front sees it (2 workers)" {
	start --workers 2
	load_client fresh "$BASE" "$c" --clients 16 --requests 60
}

@test "after a PUT is answered every later GET on any direct connection sees it (2 workers)" {
	start --workers 2
	load_client fresh "$SOCKET" "$c" --clients 20 --requests 100
}

@test "after a PUT is answered every later GET on any direct connection sees it (20 workers)" {
	start --workers 20
	wait_until workers_are 20
	load_client fresh "$SOCKET" "$c" --clients 60 --requests 50
	load_client fresh "$BASE" "$c-front" --clients 30 --requests 30
}

@test "64 clients incrementing one record by conditional PUTs lose no update (2 workers)" {
	start --workers 2
	load_client count "$BASE" "$c" --clients 64 --requests 200
}

@test "64 clients incrementing one record by conditional PUTs lose no update (20 workers)" {
	start --workers 20
	load_client count "$BASE" "$c" --clients 64 --requests 200
}

@test "64 clients writing records of their own lose none" {
	start --workers 2
	post /json/load '{}'
	load_client write "$BASE" load "$AREA/acknowledged" --clients 64 --requests 2000 --reads
	load_client check "$BASE" load "$AREA/acknowledged"
}

@test "of many POSTs of one collection one succeeds" {
	start --workers 4
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys, threading
sys.path.insert(0, sys.argv[1])
import fcgi
for round in range(10):
    clients = [fcgi.Client(sys.argv[2]) for _ in range(16)]
    gate, statuses = threading.Barrier(16), []
    def post(i):
        gate.wait()
        statuses.append(clients[i]("POST", f"/json/race{round}", b'{"by": %d}' % i).status)
    threads = [threading.Thread(target=post, args=(i,)) for i in range(16)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert sorted(statuses) == [201] + [409] * 15, statuses
    for client in clients:
        client.close()
PY
}

@test "a PATCH of many records is seen whole or not at all" {
	start --workers 4
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import json, sys, threading
sys.path.insert(0, sys.argv[1])
import fcgi
names = [f"r{i}" for i in range(50)]
writer = fcgi.Client(sys.argv[2])
writer("PUT", "/json/whole", json.dumps(dict.fromkeys(names, 0)).encode())
done, bad = threading.Event(), []
def read():
    client = fcgi.Client(sys.argv[2])
    while not done.is_set():
        values = set(json.loads(client("GET", "/json/whole").body)["res"].values())
        if len(values) != 1:
            bad.append(values)
threads = [threading.Thread(target=read) for _ in range(4)]
for t in threads: t.start()
for n in range(1, 200):
    assert writer("PATCH", "/json/whole", json.dumps(dict.fromkeys(names, n)).encode()).status == 200
done.set()
for t in threads: t.join()
assert not bad, bad[:3]
PY
}

@test "a bad write among good ones fails alone" {
	start --workers 1
	python3 - "$TOOLS" "$SOCKET" <<'PY'
import sys, threading
sys.path.insert(0, sys.argv[1])
import fcgi
fcgi.Client(sys.argv[2])("PUT", "/json/mixed", b"{}")
gate, results = threading.Barrier(32), []
def work(i):
    client = fcgi.Client(sys.argv[2])
    for n in range(20):
        gate.wait()
        if i % 4 == 0:
            status, want = client("PUT", f"/json/mixed/r{i}", b'{"bad": 1}').status, 422
        elif i % 4 == 1:
            status, want = client("PUT", f"/json/none/r{i}", b'{"new": 1}').status, 404
        elif i % 4 == 2:
            status, want = client("PUT", f"/json/mixed/r{i}", b'{"new": 1}', extra=[("HTTP_IF_MATCH", '"x"')]).status, 412
        else:
            status, want = client("PUT", f"/json/mixed/r{i}", b'{"new": %d}' % n).status, 201 if n == 0 else 200
        if status != want:
            results.append((i, n, status, want))
threads = [threading.Thread(target=work, args=(i,)) for i in range(32)]
for t in threads: t.start()
for t in threads: t.join()
assert not results, results[:5]
PY
	get /json/mixed
	assert_jq '.res | length == 8 and all(.[]; . == 19)'
}
