#!/usr/bin/env bats
# Front and responder as docker-compose.yml starts them.

load helper

teardown() {
	show_containers
	[[ -z ${load_pid-} ]] || kill "$load_pid" 2>/dev/null || :
	take_down
}

# comm_of CONTAINER: the names of its processes, each once.
comm_of() {
	local pid
	for pid in $(docker top "$1" -eo pid | tail -n +2); do
		cat "/proc/$pid/comm"
	done | sort -u | paste -sd' '
}

@test "the paper's examples work" {
	up
	# Its own tests, on servers that are there already.
	cp "$TESTS/01_paper.bats" "$BATS_TEST_TMPDIR/"
	cat >"$BATS_TEST_TMPDIR/helper.bash" <<'END'
source "$TESTS/helper.bash"
start() { :; }
stop() { :; }
END
	run bats --formatter tap "$BATS_TEST_TMPDIR/01_paper.bats"
	((status == 0)) && [[ $output == *'ok 6 '* ]] || fail "$output"
}

@test "the page and its files are there" {
	up
	get /
	assert_status 200
	[[ $(header Content-Type) == text/html* ]]
	get /app.js
	assert_status 200
}

@test "the port is published on this machine only" {
	up
	[[ $(docker port "$(id front)") == "8080/tcp -> 127.0.0.1:$PORT" ]]
	[[ -z $(docker port "$(id responder)") ]]
}

@test "both become healthy, and the front is not where the responder is gone" {
	up
	local responder front
	responder=$(id responder) front=$(id front)
	wait_until state_is "$responder" .State.Health.Status healthy
	wait_until state_is "$front" .State.Health.Status healthy
	docker kill "$responder" >/dev/null
	wait_until state_is "$front" .State.Health.Status unhealthy
}

@test "every process is an unprivileged user's, without capabilities or a way to them" {
	up
	need_root "$(id front)"
	local container pid
	for container in $(id responder) $(id front); do
		for pid in $(docker top "$container" -eo pid | tail -n +2); do
			[[ $(awk '/^(Uid|Gid):/ { print $2, $3, $4, $5 }' "/proc/$pid/status" | sort -u) == '10001 10001 10001 10001' ]]
			[[ $(awk '/^Cap/ { print $2 }' "/proc/$pid/status" | sort -u) == 0000000000000000 ]]
			[[ $(awk '/^Groups:/ { print $2 $3 }' "/proc/$pid/status") =~ ^(10001)?$ ]]
			grep -q '^NoNewPrivs:.1$' "/proc/$pid/status"
		done
	done
}

@test "neither can write anywhere but to the volume and its /tmp" {
	up
	need_root "$(id front)"
	local service pid
	for service in responder front; do
		pid=$(state "$(id $service)" .State.Pid)
		run "$BATS_TEST_DIRNAME/writable.py" "$pid" 10001
		# Message queues are the kernel's own, no file system.
		[[ $status == 0 && $(sort <<<"$output") == $'/dev/mqueue\n/run/markbook\n/tmp' ]] || fail "$service:" "$output"
		# The root is read-only even to the owner of all files in it.
		run "$BATS_TEST_DIRNAME/writable.py" "$pid" 0
		[[ $status == 0 && -z $(grep -vE '^/(dev|tmp)(/|$)' <<<"$output") ]] || fail "$service, as root:" "$output"
	done
}

@test "the responder alone listens on no port and runs nothing else" {
	new_project
	run_one responder "$RESPONDER_IMAGE" serve --store=/run/markbook/store
	wait_until docker exec "$PROJECT-responder" /usr/bin/markbook health
	need_root "$PROJECT-responder"
	local pid
	pid=$(state "$PROJECT-responder" .State.Pid)
	# State 0A is LISTEN.
	[[ -z $(awk '$4 == "0A"' "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6") ]]
	[[ $(comm_of "$PROJECT-responder") == markbook ]]
}

@test "the front alone serves the page, says 503 for the rest, and runs nothing else" {
	new_project
	docker network create "$PROJECT-net" >/dev/null
	run_one front --network "$PROJECT-net" -p "127.0.0.1:$PORT:8080" "$FRONT_IMAGE"
	wait_until curl -fsS --noproxy '*' "$BASE/"
	get /json
	assert_problem 503 'Service is not available'
	need_root "$PROJECT-front"
	[[ $(comm_of "$PROJECT-front") == nginx ]]
}

@test "responder killed: 503 with Retry-After, and afterwards every mark is there" {
	up
	post /json/marks '{"a": 1}'
	assert_status 201
	local before
	before=$(whole_store)
	# The engine does not start again what it was told to kill.
	docker kill "$(id responder)" >/dev/null
	get /json
	assert_problem 503 'Service is not available'
	assert_header Retry-After 1
	put /json/marks/a '{"new": 2}'
	assert_problem 503
	assert_header Retry-After 1
	get /
	assert_status 200
	docker start "$(id responder)" >/dev/null
	wait_until serves
	[[ $(whole_store) == "$before" ]]
}

@test "responder's process killed under load: it comes back with every acknowledged mark" {
	up
	local responder pid
	responder=$(id responder)
	need_root "$responder"
	load_start --tolerate 502,503,conn --pause 0.1
	wait_until load_has_written 200
	pid=$(state "$responder" .State.Pid)
	kill -KILL "$pid"
	wait_until state_is "$responder" .RestartCount 1
	wait_until serves
	wait_until load_has_written $(($(curl -sS --noproxy '*' "$BASE/json/load" | jq '.res | length') + 100))
	load_end
	(($(load_count '[.tolerated[]] | add // 0') > 0))
	load_check
}

@test "front's process killed under load: it comes back, and nothing is lost" {
	up
	local front
	front=$(id front)
	need_root "$front"
	load_start --tolerate conn --pause 0.1
	wait_until load_has_written 200
	kill -KILL "$(state "$front" .State.Pid)"
	wait_until state_is "$front" .RestartCount 1
	wait_until serves
	load_end
	(($(load_count '.tolerated.conn') > 0))
	load_check
}

@test "stopped under load of 64 clients: what was accepted is answered, and both exit with 0" {
	up
	local front responder start answered
	front=$(id front) responder=$(id responder)
	load_start --tolerate conn
	wait_until load_has_written 300
	start=${EPOCHREALTIME/./}
	compose stop >/dev/null 2>&1
	echo "# stopped in $(((${EPOCHREALTIME/./} - start) / 1000)) ms" >&3
	load_end
	# The engine kills what takes longer than its grace period.
	state_is "$front" .State.ExitCode 0
	state_is "$responder" .State.ExitCode 0
	[[ $(state "$front" .State.FinishedAt) < $(state "$responder" .State.FinishedAt) ]]
	# The front's log has each request that it took; so many answers reached
	# the clients whole.
	docker logs "$front" 2>/dev/null >"$BATS_TEST_TMPDIR/log"
	[[ -z $(jq -c 'select(.uri | startswith("/json")) | select(.status >= 300)' "$BATS_TEST_TMPDIR/log") ]]
	answered=$(jq -c 'select(.uri | startswith("/json/load/"))' "$BATS_TEST_TMPDIR/log" | wc -l)
	[[ $answered == "$(load_count .ok)" ]] || fail "$answered were taken, $(load_count .ok) answered"
	compose start >/dev/null 2>&1
	wait_until serves
	load_check
}

@test "started again, they serve each time" {
	up
	local front responder start started all=() own=()
	front=$(id front) responder=$(id responder)
	for _ in {1..5}; do
		docker stop "$front" "$responder" >/dev/null
		start=${EPOCHREALTIME/./}
		docker start "$responder" "$front" >/dev/null
		started=${EPOCHREALTIME/./}
		wait_until serves
		all+=($(((${EPOCHREALTIME/./} - start) / 1000)))
		own+=($(((${EPOCHREALTIME/./} - started) / 1000)))
	done
	echo "# ms from docker start to the first 200: ${all[*]}; after the engine said they run: ${own[*]}" >&3
}

@test "marks outlive a stop and a start, and the containers, until the volume goes" {
	up
	post /json/marks '{"a": 1}'
	assert_status 201
	compose down >/dev/null 2>&1
	compose up -d --no-build >/dev/null 2>&1
	wait_until serves
	get /json/marks
	assert_json '{"res": {"a": 1}}'
}

@test "logs are limited" {
	up
	local service
	for service in responder front; do
		state_is "$(id $service)" .HostConfig.LogConfig.Type json-file
		state_is "$(id $service)" 'index .HostConfig.LogConfig.Config "max-size"' 10m
	done
}
