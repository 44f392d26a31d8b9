#!/usr/bin/env bats
# The shape of a task on Fargate: one network namespace for both, a volume that
# has no path on the host, no setting for shared memory, and the sizes of the
# smallest task.

load helper

teardown() {
	show_containers
	[[ -z ${load_pid-} ]] || kill "$load_pid" 2>/dev/null || :
	take_down
}

# task_container NAME IMAGE [options of docker run... --] ARGUMENT...
task_container() {
	local name=$1 image=$2 options=()
	shift 2
	while (($#)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	run_one "$name" --user 10001:10001 --read-only --cap-drop ALL --tmpfs /tmp:size=16m --cpu-shares 128 \
		--memory 256m --memory-swap 256m --stop-timeout 30 --volume "$PROJECT-run:/run/markbook" \
		"${options[@]}" "$image" "$@"
}

# A container that does nothing else holds the namespace on Fargate; here it is
# the responder.
task() {
	local command environment files=(docker-compose.yml docker-compose.ecs.yml)
	new_project
	docker network create "$PROJECT-net" >/dev/null
	docker volume create "$PROJECT-run" >/dev/null
	mapfile -t command < <(configured command "${files[@]}")
	mapfile -t environment < <(configured environment "${files[@]}")
	task_container responder "$RESPONDER_IMAGE" --network "$PROJECT-net" -p "127.0.0.1:$PORT:8080" \
		"${environment[@]/#/--env=}" -- "${command[@]}"
	wait_until docker exec "$PROJECT-responder" /usr/bin/markbook health
	task_container front "$FRONT_IMAGE" --network "container:$PROJECT-responder" --
	wait_until serves
}

@test "the same images work in a task's shape" {
	task
	docker exec "$PROJECT-front" /usr/bin/markbook health --http http://127.0.0.1:8080/readyz
	get /json/assignments/Seminar
	assert_json '{"res": "Not Submitted"}'
	put /json/assignments/Seminar '{"new": "90%"}'
	assert_status 200
	state_is "$PROJECT-responder" .HostConfig.ShmSize 67108864
}

@test "the task's containers can write only where its definition says" {
	task
	need_root "$PROJECT-front"
	local name
	for name in responder front; do
		run "$BATS_TEST_DIRNAME/writable.py" "$(state "$PROJECT-$name" .State.Pid)" 10001
		# /dev/shm is there without being asked for; neither program
		# uses it.
		[[ $status == 0 && $(sort <<<"$output") == $'/dev/mqueue\n/dev/shm\n/run/markbook\n/tmp' ]] || fail "$name:" "$output"
	done
}

@test "whichever container comes first, the volume is theirs" {
	new_project
	docker network create "$PROJECT-net" >/dev/null
	task_container front "$FRONT_IMAGE" --network "$PROJECT-net" -p "127.0.0.1:$PORT:8080" --
	task_container responder "$RESPONDER_IMAGE" --network "container:$PROJECT-front" -- serve --store=/run/markbook/store
	wait_until serves
}

@test "a volume that root owns stops the responder with a line that says so" {
	new_project
	# nocopy keeps the owner that the image declares from it.
	run_one responder --user 10001:10001 --read-only --cap-drop ALL --mount \
		"type=volume,source=$PROJECT-run,target=/run/markbook,volume-nocopy" "$RESPONDER_IMAGE" serve --store=/run/markbook/store
	wait_until state_is "$PROJECT-responder" .State.Status exited
	state_is "$PROJECT-responder" .State.ExitCode 1
	run docker logs "$PROJECT-responder"
	[[ $output == *'/run/markbook'*'ermission denied'* ]] || fail "$output"
}

@test "the task stops in order under load: nothing that was accepted fails, both exit with 0" {
	task
	load_start --tolerate conn
	wait_until load_has_written 200
	docker stop "$PROJECT-front" >/dev/null
	docker stop "$PROJECT-responder" >/dev/null
	load_end
	# The engine kills what takes longer than its grace period.
	state_is "$PROJECT-front" .State.ExitCode 0
	state_is "$PROJECT-responder" .State.ExitCode 0
	state_is "$PROJECT-responder" .State.OOMKilled false
	docker logs "$PROJECT-front" 2>/dev/null >"$BATS_TEST_TMPDIR/log"
	[[ $(jq -c 'select(.uri | startswith("/json/load/")) | select(.status < 300)' "$BATS_TEST_TMPDIR/log" | wc -l) == "$(load_count .ok)" ]]
	[[ -z $(jq -c 'select(.uri | startswith("/json")) | select(.status >= 300)' "$BATS_TEST_TMPDIR/log") ]]
	docker start "$PROJECT-responder" >/dev/null
	docker start "$PROJECT-front" >/dev/null
	wait_until serves
	load_check
}
